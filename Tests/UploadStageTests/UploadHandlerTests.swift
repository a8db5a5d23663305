import Foundation
import JobModel
import JobStore
import RuntimeSupport
import StageRuntime
import Synchronization
import TempFiles
import TestSupport
import Testing

@testable import UploadStage

@Suite("The upload handler")
struct UploadHandlerTests {
    private static let contents: [[UInt8]] = [[1, 2, 3], [UInt8](repeating: 9, count: 200_000)]

    /// A job whose outputs lie in its directory, as processing leaves it.
    private func processedTicket(_ bench: HandlerBench, _ id: ByteText = "job") async throws -> Ticket {
        let ticket = bench.ticket(id)
        return try await bench.entering(ticket) { job in
            var ticket = ticket
            for (index, bytes) in Self.contents.enumerated() {
                let path = try await bench.makeFile("outputs/\(index)", bytes, .output, of: job)
                var output = JobOutput(kind: .scaled, key: ByteText("videos/media/\(index).mp4"))
                output.localPath = ByteText(path)
                output.sizeBytes = Int64(bytes.count)
                ticket.outputs.append(output)
            }
            ticket.tempFiles = try await bench.tracker.jobTempFiles(ticket.key)
            return ticket
        }
    }

    @Test("publishes every output, says where it is, and releases its file")
    func upload() async throws {
        let bench = try HandlerBench(.upload, .video)
        let ticket = try await processedTicket(bench)
        let done = try await bench.run(UploadHandler(bench.services), ticket)
        try #require(done.outputs.count == Self.contents.count)
        for (index, bytes) in Self.contents.enumerated() {
            #expect(bench.object("videos/media/\(index).mp4") == bytes)
            #expect(done.outputs[index].location?.hasSuffix("videos/media/\(index).mp4") == true)
            #expect(done.outputs[index].localPath == nil)
            #expect(try !bench.exists(#require(ticket.outputs[index].localPath).string))
        }
        #expect(try await bench.tracker.jobTempFiles(ticket.key).isEmpty)
    }

    @Test("needs no file that an earlier run has published")
    func again() async throws {
        let bench = try HandlerBench(.upload, .video)
        let ticket = try await processedTicket(bench)
        let handler = try UploadHandler(bench.services)
        let first = try await bench.run(handler, ticket)
        let second = try await bench.run(handler, ticket)
        #expect(first.outputs == second.outputs)
    }

    @Test(
        "publishes nothing when a file is gone or changed, and sends the job back to download",
        arguments: [true, false]
    )
    func missingFile(isGone: Bool) async throws {
        let bench = try HandlerBench(.upload, .video)
        var ticket = try await processedTicket(bench)
        let last = try #require(ticket.outputs.last?.localPath)
        if isGone {
            try await bench.entering(ticket) { job in
                _ = await bench.tracker.releaseFiles([last.string], job: job.key)
            }
        } else {
            ticket.tempFiles = ticket.tempFiles?.map { entry in
                var entry = entry
                if entry.path == last { entry.sizeBytes += 1 }
                return entry
            }
        }
        let handler = try UploadHandler(bench.services)
        let failure = await #expect(throws: StageFailure.self) { try await bench.run(handler, ticket) }
        #expect(failure?.verdict == .sourceGone)
        #expect(failure?.code == (isGone ? "file_missing" : "file_changed"))
        #expect(bench.object("videos/media/0.mp4") == nil)
    }

    @Test("touches no file that is not the job's")
    func foreignPath() async throws {
        let bench = try HandlerBench(.upload, .video)
        var ticket = try await processedTicket(bench)
        ticket.outputs[0].localPath = "/etc/hostname"
        let handler = try UploadHandler(bench.services)
        let failure = await #expect(throws: StageFailure.self) { try await bench.run(handler, ticket) }
        #expect(failure?.verdict == .sourceGone)
        #expect(failure?.code == "foreign_path")
        #expect(bench.object("videos/media/0.mp4") == nil)
    }

    // MARK: - The result index

    private static let indexKey = "media/result.json"

    private func index(_ bench: HandlerBench) throws -> JSONFields {
        try JSONFields(parsing: try #require(bench.object(Self.indexKey)))
    }

    @Test("lists all outputs in a result index, which is made of no file")
    func resultIndex() async throws {
        let bench = try HandlerBench(.upload, .video)
        var ticket = try await processedTicket(bench)
        ticket.userID = "user"
        ticket.metadata = ["duration": .double(2.5)]
        ticket.outputs[0].quality = "360p"
        ticket.outputs[0].width = 640
        ticket.outputs[1].kind = .thumbnail
        ticket.outputs[1].timestampSeconds = 1.5
        let done = try await bench.run(UploadHandler(bench.services), ticket)
        #expect(done.resultKey == ByteText(Self.indexKey))
        let index = try index(bench)
        #expect(index["jobId"]?.stringValue == "job" && index["mediaId"]?.stringValue == "media")
        #expect(index["userId"]?.stringValue == "user" && index["kind"]?.stringValue == "video")
        #expect(index["metadata"]?.objectValue?["duration"]?.doubleValue == 2.5)
        #expect(index["warnings"]?.elements() == [])
        let outputs = try #require(index["outputs"]?.elements()).map { $0.objectValue ?? JSONFields() }
        try #require(outputs.map { $0["key"]?.stringValue } == ["videos/media/0.mp4", "videos/media/1.mp4"])
        #expect(outputs.map { $0["location"]?.stringValue } == done.outputs.map(\.location))
        #expect(outputs.map { $0["fileSize"]?.clampedInteger } == Self.contents.map { Int64($0.count) })
        #expect(outputs[0]["quality"]?.stringValue == "360p" && outputs[0]["width"]?.clampedInteger == 640)
        #expect(outputs[1]["type"]?.stringValue == "thumbnail" && outputs[1]["timestamp"]?.doubleValue == 1.5)
        #expect(outputs.allSatisfy { $0["localPath"] == nil })
        #expect(try await bench.tracker.jobTempFiles(ticket.key).isEmpty)
        let listing = try ResultIndex.Listing(parsing: try #require(bench.object(Self.indexKey)))
        #expect(listing.job == ticket.key && listing.keys == Set(done.outputs.map(\.key)))
    }

    @Test("writes the same result index again, to the byte")
    func sameIndex() async throws {
        let bench = try HandlerBench(.upload, .video)
        let ticket = try await processedTicket(bench)
        let handler = try UploadHandler(bench.services)
        var made: [[UInt8]?] = []
        for _ in 1...2 {
            _ = try await bench.run(handler, ticket)
            made.append(bench.object(Self.indexKey))
        }
        let other = try HandlerBench(.upload, .video, ["STORAGE_URL": "file://\(bench.directory)/store"])
        _ = try await other.run(UploadHandler(other.services), try await processedTicket(other))
        made.append(bench.object(Self.indexKey))
        #expect(made[0] != nil && Set(made).count == 1)
    }

    @Test("writes no result index before all outputs are there")
    func noIndex() async throws {
        let bench = try HandlerBench(.upload, .video)
        var ticket = try await processedTicket(bench)
        // No object can take the place of a directory.
        ticket.outputs[1].key = "videos/media"
        let handler = try UploadHandler(bench.services)
        await #expect(throws: StageFailure.self) { try await bench.run(handler, ticket) }
        #expect(bench.object("videos/media/0.mp4") != nil && bench.object(Self.indexKey) == nil)
    }

    // MARK: - Another job with the same keys

    @Test("puts nothing while another job with the same keys goes on, and completes after that one's end")
    func otherJob() async throws {
        let bench = try HandlerBench(.upload, .video)
        let handler = try UploadHandler(bench.services)
        let (first, second) = (try await processedTicket(bench, "first"), try await processedTicket(bench, "second"))
        _ = try await bench.run(handler, first)
        let index = bench.object(Self.indexKey)
        let failure = await #expect(throws: StageFailure.self) { try await bench.run(handler, second) }
        #expect(failure?.verdict == .otherJob && failure?.code == "output_in_use")
        #expect(failure?.message.contains("first") == true)
        #expect(bench.object(Self.indexKey) == index)
        #expect(try await bench.tracker.objects(second.key).isEmpty)
        #expect(try bench.exists(#require(second.outputs[0].localPath).string))
        _ = try await bench.tracker.jobs.end(first.key, outcome: .failed, token: "t", record: [])
        #expect(try await bench.run(handler, second).resultKey == ByteText(Self.indexKey))
        #expect(bench.object(Self.indexKey) != index)
    }

    @Test("gives up when it has waited for another job for longer than a job may be silent")
    func otherJobForEver() async throws {
        let bench = try HandlerBench(.upload, .video, ["JOB_MAX_AGE_HOURS": "1"])
        let handler = try UploadHandler(bench.services)
        let (first, second) = (try await processedTicket(bench, "first"), try await processedTicket(bench, "second"))
        _ = try await bench.run(handler, first)
        for (seconds, verdict) in [(0, .otherJob), (3599, .otherJob), (1, .permanent)] as [(Int, StageFailure.Verdict)]
        {
            try await bench.tracker.jobs.addService(.seconds(seconds))
            let failure = await #expect(throws: StageFailure.self) { try await bench.run(handler, second) }
            #expect(failure?.verdict == verdict && failure?.code == "output_in_use")
            if verdict == .permanent { #expect(failure?.message.contains("JOB_MAX_AGE_HOURS") == true) }
        }
    }

    /// Two hosts with one store: what each knows is in its own ledger.
    private func hosts() throws -> (HandlerBench, HandlerBench) {
        let here = try HandlerBench(.upload, .video)
        return (here, try HandlerBench(.upload, .video, ["STORAGE_URL": "file://\(here.directory)/store"]))
    }

    @Test(
        "writes no result index over outputs that are gone or another host's, and says which",
        arguments: [true, false]
    )
    func replaced(isGone: Bool) async throws {
        let (here, there) = try hosts()
        let handler = try UploadHandler(here.services)
        let ticket = try await processedTicket(here, "here")
        _ = try await here.run(handler, ticket)
        // As if the worker had died before it.
        let path = here.directory + "/store/" + Self.indexKey
        try FileManager.default.removeItem(atPath: path)
        if isGone {
            try FileManager.default.removeItem(atPath: here.directory + "/store/videos/media/1.mp4")
        } else {
            _ = try await there.run(UploadHandler(there.services), try await processedTicket(there, "there"))
        }
        let index = here.object(Self.indexKey)
        let failure = await #expect(throws: StageFailure.self) { try await here.run(handler, ticket) }
        #expect(failure?.verdict == .permanent && failure?.code == "output_replaced")
        #expect(failure?.message.contains(isGone ? "videos/media/1.mp4` in" : "videos/media/0.mp4` in") == true)
        #expect(failure?.message.contains(isGone ? "is gone" : "is another job's") == true)
        #expect(failure?.message.contains("destination") == true)
        #expect(here.object(Self.indexKey) == index && (index == nil) == isGone)
    }

    @Test("completes again when its own result index is there, whatever another host has begun to replace")
    func ownIndex() async throws {
        let (here, there) = try hosts()
        let handler = try UploadHandler(here.services)
        let ticket = try await processedTicket(here, "here")
        let first = try await here.run(handler, ticket)
        let index = here.object(Self.indexKey)
        var other = try await processedTicket(there, "there")
        // It dies before its index.
        other.outputs[1].key = "videos/media"
        await #expect(throws: StageFailure.self) {
            try await there.run(UploadHandler(there.services), other)
        }
        #expect(try await here.run(handler, ticket).outputs == first.outputs)
        #expect(here.object(Self.indexKey) == index)
    }

    @Test("completes again when it was done, and leaves the result of a later job on another host as it is")
    func laterResult() async throws {
        let (here, there) = try hosts()
        let handler = try UploadHandler(here.services)
        let ticket = try await processedTicket(here, "here")
        let first = try await here.run(handler, ticket)
        _ = try await here.tracker.jobs.recordCompletion(
            ticket.key,
            JobProgress(percent: 90, step: UpdateStep.completed(.upload), newsInterval: .zero)
        )
        _ = try await there.run(UploadHandler(there.services), try await processedTicket(there, "there"))
        let index = here.object(Self.indexKey)
        for _ in 1...2 { #expect(try await here.run(handler, ticket).outputs == first.outputs) }
        #expect(here.object(Self.indexKey) == index)
        #expect(try ResultIndex.Listing(parsing: try #require(index)).job.id == "there")
    }

    @Test("refuses a result index under an output's key, and publishes nothing")
    func collision() async throws {
        let bench = try HandlerBench(.upload, .video, ["RESULT_KEY": "videos/{mediaId}/1.mp4"])
        let ticket = try await processedTicket(bench)
        let handler = try UploadHandler(bench.services)
        let failure = await #expect(throws: StageFailure.self) { try await bench.run(handler, ticket) }
        #expect(failure?.verdict == .permanent && failure?.code == "key_collision")
        #expect(failure?.message.contains("RESULT_KEY") == true && failure?.message.contains("1.mp4") == true)
        #expect(bench.object("videos/media/0.mp4") == nil)
    }

    @Test("writes none where RESULT_KEY is off")
    func switchedOff() async throws {
        let bench = try HandlerBench(.upload, .video, ["RESULT_KEY": "off"])
        let ticket = try await processedTicket(bench)
        let done = try await bench.run(UploadHandler(bench.services), ticket)
        #expect(done.resultKey == nil && bench.object(Self.indexKey) == nil)
        #expect(try await bench.tracker.jobTempFiles(ticket.key).isEmpty)
    }

    private static let web = ["ALLOW_HTTP": "1", "SOURCE_ALLOWED_NETWORKS": "127.0.0.0/8", "SOURCE_IDLE_SECONDS": "5"]

    /// The URL of the second output, which goes to a server of the test.
    private static func urls(_ server: LoopbackServer, _ query: String = "?sig=hunter2") -> [UploadURL] {
        [UploadURL(name: "videos/media/1.mp4", url: "http://127.0.0.1:\(server.port)/second\(query)")]
    }

    @Test("puts an output to its signed URL and the others into the store, and does neither again")
    func signed() async throws {
        let requests = Mutex<[[UInt8]]>([])
        let server = try LoopbackServer { connection in
            let request = try connection.request()
            requests.withLock { $0.append(request.body) }
            try connection.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        }
        defer { server.stop() }
        let bench = try HandlerBench(.upload, .video, Self.web)
        var ticket = try await processedTicket(bench)
        ticket.uploadURLs = Self.urls(server)
        let handler = try UploadHandler(bench.services)
        let done = try await bench.run(handler, ticket)
        #expect(bench.object("videos/media/0.mp4") == Self.contents[0] && bench.object("videos/media/1.mp4") == nil)
        #expect(requests.withLock(\.self) == [Self.contents[1]])
        try #require(done.outputs.count == 2)
        #expect(done.outputs[1].location == "http://127.0.0.1:\(server.port)/second")
        #expect(done.outputs[1].sizeBytes == Int64(Self.contents[1].count))
        // Nobody can remove it, so the ledger has no object of it.
        #expect(try await bench.tracker.objects(ticket.key).map(\.key).contains("videos/media/1.mp4") == false)
        #expect(try await bench.tracker.jobTempFiles(ticket.key).isEmpty)
        #expect(try await bench.run(handler, ticket).outputs == done.outputs)
        #expect(server.connections == 1)
    }

    @Test("puts nothing at all when a signed URL is over or leads inside", arguments: [true, false])
    func unusableURL(isOver: Bool) async throws {
        let server = try LoopbackServer { connection in _ = try connection.request() }
        defer { server.stop() }
        let bench = try HandlerBench(.upload, .video, isOver ? Self.web : ["ALLOW_HTTP": "1"])
        var ticket = try await processedTicket(bench)
        ticket.uploadURLs = Self.urls(
            server,
            isOver ? "?X-Amz-Date=20200101T000000Z&X-Amz-Expires=9&X-Amz-Signature=hunter2" : "?sig=hunter2"
        )
        let failure = await #expect(throws: StageFailure.self) {
            try await bench.run(UploadHandler(bench.services), ticket)
        }
        #expect(failure?.verdict == .permanent && failure?.message.contains("hunter2") == false)
        #expect(failure?.code == (isOver ? "upload_url_expired" : "upload_url_not_allowed"))
        #expect(bench.object("videos/media/0.mp4") == nil && server.connections == 0)
        #expect(try await bench.tracker.objects(ticket.key).isEmpty)
    }

    @Test("waits without losing an attempt while the host of a signed URL is away")
    func hostAway() async throws {
        let server = try LoopbackServer { connection in
            _ = try connection.request()
            try connection.write(
                "HTTP/1.1 503 Slow Down\r\nRetry-After: 9\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            )
        }
        defer { server.stop() }
        let bench = try HandlerBench(.upload, .video, Self.web)
        var ticket = try await processedTicket(bench)
        ticket.uploadURLs = Self.urls(server)
        let failure = await #expect(throws: StageFailure.self) {
            try await bench.run(UploadHandler(bench.services), ticket)
        }
        #expect(failure?.verdict == .away && failure?.code == "upload_unavailable")
        #expect(failure?.retryAfter == .seconds(9) && failure?.host == "127.0.0.1:\(server.port)")
    }

    @Test("puts all outputs and the result index beneath the job's destination, and none into the store")
    func destination() async throws {
        let place = "/tmp/handler-destination-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: place) }
        let bench = try HandlerBench(.upload, .video, ["DESTINATION_PREFIXES": "file://\(place)"])
        var ticket = try await processedTicket(bench)
        ticket.destination = "file://\(place)/eve"
        let done = try await bench.run(UploadHandler(bench.services), ticket)
        for index in 0...1 {
            let path = "\(place)/eve/videos/media/\(index).mp4"
            #expect(FileManager.default.contents(atPath: path).map { Array($0) } == Self.contents[index])
            #expect(done.outputs[index].location == "file://" + path)
            #expect(bench.object("videos/media/\(index).mp4") == nil)
        }
        let index = try #require(done.resultKey).string
        #expect(FileManager.default.fileExists(atPath: "\(place)/eve/\(index)") && bench.object(index) == nil)
        let stores = Set(try await bench.tracker.objects(ticket.key).map(\.store))
        #expect(stores == [ByteText("file://\(place)/eve")])
    }
}
