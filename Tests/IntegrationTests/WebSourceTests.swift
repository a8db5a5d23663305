import AMQP
import Foundation
import JobModel
import Queues
import Synchronization
import TestSupport
import Testing

@Suite("Sources by HTTP", .serialized, .timeLimit(.minutes(10)))
struct WebSourceTests {
    private static let settings = ["ALLOW_HTTP": "1", "SOURCE_ALLOWED_NETWORKS": "127.0.0.0/8"]
    private static let secret = "hunter2hunter2"

    private func job(_ id: String, _ source: String, kind: String = "IMAGE") -> JSONValue {
        ["id": .string(id), "mediaId": .string("m-" + id), "mediaType": .string(kind), "source": .string(source)]
    }

    @Test("are downloaded and processed, and their signatures are nowhere but in the messages")
    func signed() async throws {
        try await TestTree.with(Self.settings) { tree in
            try await Samples.photo(tree.sources + "/photo.jpg", size: "320x240")
            try Data("<html>log in</html>".utf8).write(to: URL(filePath: tree.sources + "/page.jpg"))
            try await NginxOrigin.with(files: tree.sources) { origin in
                func url(_ path: String) -> String {
                    origin.url(path) + "?X-Amz-Signature=\(Self.secret)&Policy=\(Self.secret)#\(Self.secret)"
                }
                let run = try await tree.command("submit", url("/photo.jpg"), "--wait", "--json")
                #expect(run.exit == .status(0), "\(run)")
                #expect(!run.output.contains(Self.secret) && !run.errors.contains(Self.secret))
                for (id, path) in [("missing", "/none.jpg"), ("page", "/page.jpg")] {
                    #expect(try await tree.post("/jobs", job(id, url(path))).status == 202)
                }
                let user = origin.url("/photo.jpg").replacing("http://", with: "http://me:\(Self.secret)@")
                let refused = try await tree.post("/jobs", job("user", user))
                #expect(refused.status == 422 && !"\(refused)".contains(Self.secret))
                try await tree.publish(job("user", user), to: tree.names.entry(.image))
                let updates = try await tree.updates(.image, untilTheEndOf: ["missing", "page", "user"])
                let codes = updates.filter { $0["status"] == "failed" }.compactMap { $0["error_code"]?.stringValue }
                #expect(codes.sorted() == ["not_media", "object_not_found", "source_not_allowed"])
                var shown = updates.map { String(decoding: JSONValue.object($0).serialized(), as: UTF8.self) }
                for path in ["/jobs", "/jobs/image/missing", "/jobs/image/page", "/dead", "/info", "/health"] {
                    shown.append(try await tree.text(path))
                }
                for arguments in [["jobs"], ["jobs", "image/missing"], ["redrive"], ["jobs", "--json"]] {
                    let run = try await tree.command(arguments)
                    shown += [run.output, run.errors]
                }
                shown.append(tree.log)
                for text in shown { #expect(!text.contains(Self.secret), "\(text)") }
                let letters = try await tree.drain(tree.names.dead(.image))
                #expect(letters.count == 3)
                for letter in letters {
                    #expect(!"\(letter.headers)".contains(Self.secret))
                    // A redrive needs the whole URL.
                    #expect(String(decoding: letter.body, as: UTF8.self).contains(Self.secret))
                }
                #expect(tree.leftovers().isEmpty)
            }
        }
    }

    @Test("that stand still do not hold a worker: a cancellation ends its wait, and so does a drain")
    func standstill() async throws {
        let asked = Mutex(0)
        let content = [UInt8](repeating: 7, count: 100_000)
        let server = try LoopbackServer { connection in
            _ = try connection.request()
            asked.withLock { $0 += 1 }
            try connection.write("HTTP/1.1 200 OK\r\nETag: \"1\"\r\nContent-Length: 1000000\r\n\r\n")
            try connection.write(content)
            try connection.waitForEnd()
        }
        defer { server.stop() }
        let patient = ["SOURCE_IDLE_SECONDS": "3600", "SOURCE_MIN_BYTES_PER_SECOND": "0"]
        try await TestTree.with(Self.settings.merging(patient) { $1 }, starting: false) { tree in
            let url = "http://127.0.0.1:\(server.port)/photo.jpg"
            try await tree.running {
                for id in ["cancelled", "drained"] {
                    let before = asked.withLock { $0 }
                    try await tree.publish(job(id, url), to: tree.names.entry(.image))
                    // Once for its first byte, once for all.
                    try await eventually("the source is asked for") { asked.withLock { $0 } == before + 2 }
                    if id == "drained" { continue }
                    #expect(try await tree.command("cancel", "image/cancelled").exit == .status(0))
                    let end = try await tree.updates(.image, untilTheEndOf: [id]).last
                    #expect(end?["status"] == "cancelled")
                }
            }
            // The end of the tree was a drain. Work that had not stopped within two seconds and a half would have been
            // left, together with its worker.
            #expect(tree.log.contains("the job is handed back to its queue"))
            #expect(!tree.log.contains("does not stop"))
            #expect(try await tree.client.messageCount(queue: tree.names.entry(.image)) == 1)
        }
        #expect(server.connections == 4)
    }
}
