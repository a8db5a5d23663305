import Foundation
import JobModel
import Queues
import TestSupport
import Testing

/// Stores and buckets that the doctor tries.
@Suite("The doctor at stores", .serialized, .timeLimit(.minutes(10)))
struct DoctorStoreTests {
    private struct Finding: Equatable {
        var verdict: String
        var message: String
        var advice: String
    }

    private func findings(_ check: String, _ tree: TestTree, _ changes: [String: String]) async throws -> [Finding] {
        let document = try await tree.command("doctor", "--json", changes: changes).document
        return (document["findings"]?.arrayValue ?? []).compactMap(\.objectValue)
            .filter { $0["check"]?.stringValue == check }
            .map { finding in
                func text(_ name: ByteText) -> String { finding[name]?.stringValue ?? "" }
                return Finding(verdict: text("verdict"), message: text("message"), advice: text("advice"))
            }
    }

    @Test("says of each bucket of sources whether it can be read, and what to do, and changes none")
    func buckets() async throws {
        let server = try await TestObjectStore.shared()
        let proxy = try AnsweringProxy(to: server.port) { line, _ in
            line.contains("/forbidden") ? .instead(AnsweringProxy.failure(403, "AccessDenied")) : nil
        }
        defer { proxy.stop() }
        let query = "?endpoint=http://127.0.0.1:\(proxy.port)&region=us-east-1"
        let away = "?endpoint=http://127.0.0.1:\(try FreePort.find())&region=us-east-1"
        let missing = "missing-\(UUID().uuidString.lowercased())"
        try await TestTree.with(TestObjectStore.environment, starting: false) { tree in
            let names = ["media" + query, missing + query, "forbidden" + query, "media" + away].map { "s3://" + $0 }
            let setting = ["S3_SOURCE_BUCKETS": names.joined(separator: " ")]
            let found = try await findings("source.bucket", tree, setting)
            try #require(found.count == 4, "\(found)")
            #expect(found.map(\.verdict) == ["ok", "failure", "warning", "failure"])
            #expect(found[0].message == "s3://media at http://127.0.0.1:\(proxy.port) can be listed")
            #expect(found[1].message.contains(missing) && found[1].message.contains("name in S3_SOURCE_BUCKETS"))
            #expect(!found[1].message.contains("STORAGE_URL"), "\(found[1])")
            #expect(found[2].advice.contains("s3:ListBucket"))
            #expect(found[3].advice.contains("correct endpoint= in S3_SOURCE_BUCKETS"), "\(found[3])")
            #expect(proxy.requests.allSatisfy { $0.hasPrefix("GET ") } && (3...6).contains(proxy.requests.count))
            let wrong = ["AWS_ACCESS_KEY_ID": "nobody", "AWS_SECRET_ACCESS_KEY": "hidden-secret"]
            let unknown = try await findings("source.bucket", tree, setting.merging(wrong) { $1 })
            #expect(unknown.first?.verdict == "failure", "\(unknown)")
            #expect(unknown.first?.message.contains("InvalidAccessKeyId") == true, "\(unknown)")
            #expect(!"\(unknown)".contains("hidden-secret"))
        }
    }

    @Test("says of a store that cannot be reached where to look")
    func unreachable() async throws {
        let url = "s3://media/p?endpoint=http://127.0.0.1:\(try FreePort.find())&region=us-east-1"
        try await TestTree.with(TestObjectStore.environment, starting: false) { tree in
            let found = try await findings("store", tree, ["STORAGE_URL": url])
            #expect(found.map(\.verdict) == ["failure"])
            let advice = try #require(found.first).advice
            #expect(advice.hasPrefix("start the store, or correct endpoint= in STORAGE_URL"), "\(advice)")
            let spill = try await findings("spill", tree, ["SPILL_URL": url])
            #expect(spill.first?.advice.contains("endpoint= in SPILL_URL") == true, "\(spill)")
        }
    }

    @Test("A bucket of sources is a whole one: a part of one is refused when the tree starts, with what to do")
    func parts() async throws {
        try await TestTree.with(starting: false) { tree in
            for (value, words) in [
                ("a b/uploads", "`b/uploads` is a part of a bucket"), ("b/", "is a part of a bucket"),
                ("s3://b/uploads?endpoint=http://h", "is a part of a bucket"), ("b?region=r", "write s3:// before it"),
            ] {
                let run = try await tree.command("run", changes: ["S3_SOURCE_BUCKETS": value])
                #expect(run.exit == .status(78) && run.errors.contains(words), "\(value): \(run)")
                #expect(run.errors.contains("S3_SOURCE_BUCKETS"), "\(run)")
            }
            let found = try await tree.command("settings", changes: ["S3_SOURCE_BUCKETS": "a,s3://b/?region=r"])
            #expect(found.exit == .status(0), "\(found)")
        }
    }

    @Test("An authorities file that is gone is told by the doctor and by /health, until it is back")
    func authorities() async throws {
        try await TestTree.with(starting: false) { tree in
            let file = tree.directory + "/ca.pem"
            let text = Data("-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n".utf8)
            try text.write(to: URL(filePath: file))
            let setting = ["TLS_CA_FILE": file]
            #expect(try await findings("source.authorities", tree, setting).map(\.verdict) == ["ok"])
            try await tree.running(setting) {
                func problems() async throws -> [String] {
                    let health = try await tree.get("/health")?.body.objectValue
                    return (health?["problems"]?.arrayValue ?? []).compactMap(\.stringValue)
                }
                #expect(try await problems() == [])
                try FileManager.default.removeItem(atPath: file)
                let told = try #require(try await problems().first)
                #expect(told.contains("\(file) cannot be opened") && told.contains("TLS_CA_FILE"), "\(told)")
                try text.write(to: URL(filePath: file))
                #expect(try await problems() == [])
            }
            try FileManager.default.removeItem(atPath: file)
            let found = try await findings("source.authorities", tree, setting)
            #expect(found.map(\.verdict) == ["failure"] && found.first?.advice.contains("TLS_CA_FILE") == true)
        }
    }
}
