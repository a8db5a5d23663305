import AMQP
import CrashPoints
import Foundation
import JobModel
import Queues
import Settings
import TestSupport
import Testing

/// Trees with workspaces of their own, as on hosts of their own, that share a broker and an object store.
@Suite("Several hosts", .serialized)
struct SeveralHostsTests {
    /// Runs `body` beside two trees with the names `a` and `b`, none of which is started.
    private func withHosts(
        _ settings: [String: String] = [:],
        _ body: (TestTree, TestTree) async throws -> Void
    ) async throws {
        var shared = settings
        shared["QUEUE_PREFIX"] = "it.\(UUID().uuidString.prefix(8).lowercased())."
        shared["NODE_ID"] = "a"
        try await TestTree.with(shared, starting: false) { first in
            try await Samples.photo(first.sources + "/photo.jpg", size: "320x240")
            shared["NODE_ID"] = "b"
            shared["STORAGE_URL"] = first.environment["STORAGE_URL"]
            shared["FILE_SOURCE_ROOTS"] = first.environment["FILE_SOURCE_ROOTS"]
            try await TestTree.with(shared, starting: false) { try await body(first, $0) }
        }
    }

    private func expectOneEnd(_ updates: [[ByteText: JSONValue]], _ ids: [String], _ status: JSONValue = "completed") {
        for id in ids {
            let mine = updates.filter { $0["job_id"]?.stringValue == id }
            #expect(mine.count { $0["status"] != "processing" } == 1, "\(id)")
            #expect(mine.last?["status"] == status, "\(id)")
        }
    }

    /// Jobs that a tree has begun a stage of.
    private func jobs(_ tree: TestTree, _ stage: Stage) -> Set<String> {
        let lines = tree.log.split(separator: "\n").filter { $0.contains(": \(stage.rawValue) starts") }
        return Set(lines.compactMap { $0.firstMatch(of: /job\.id=(\S+)/).map { String($0.output.1) } })
    }

    private func depth(_ tree: TestTree, _ queue: String) async throws -> Int {
        try await tree.client.messageCount(queue: queue) ?? 0
    }

    @Test("share the downloads, and each finishes what it has begun", arguments: QueueType.allCases)
    func sharing(type: QueueType) async throws {
        try await withHosts(["QUEUE_TYPE": type.rawValue]) { first, second in
            try await first.running {
                try await second.running {
                    let ids = (1...40).map { "job-\($0)" }
                    for id in ids { try await first.submit(.image, id: id, source: "photo.jpg") }
                    expectOneEnd(try await first.updates(.image, untilTheEndOf: Set(ids)), ids)
                    let (own, others) = (jobs(first, .download), jobs(second, .download))
                    #expect(!own.isEmpty && !others.isEmpty, "one host did it all")
                    #expect(own.union(others) == Set(ids) && own.isDisjoint(with: others))
                    for stage in Stage.allCases {
                        #expect(jobs(first, stage) == own && jobs(second, stage) == others, "\(stage)")
                    }
                    for tree in [first, second] {
                        try await eventually("the workspace is empty") { tree.leftovers().isEmpty }
                        for queue in Stage.allCases.flatMap({ tree.names.sources(.image, $0) }) {
                            #expect(try await depth(tree, queue) == 0, "\(queue)")
                        }
                        #expect(tree.log.contains("failed") == false)
                    }
                    let metrics = try await first.text("/metrics")
                    #expect(metrics.contains(#"media_processor_queue_messages{kind="image",queue="download"} 0"#))
                    #expect(metrics.contains(#"media_processor_queue_messages{kind="image",queue="download_own"} 0"#))
                }
            }
        }
    }

    /// Nothing is left to do: no message waits for a stage of either host or is in the hands of one.
    private func expectRest(_ trees: TestTree...) async throws {
        try await eventually("nothing is left to do", within: .seconds(120)) {
            for tree in trees {
                for stage in Stage.allCases {
                    var queues = tree.names.sources(.image, stage)
                    queues += QueueNames.retrySteps.flatMap(QueueNames.retryDelays).map {
                        tree.names.retry(.image, stage, delayMilliseconds: $0)
                    }
                    for queue in queues where try await depth(tree, queue) > 0 { return false }
                }
                guard try await tree.isIdle() else { return false }
            }
            return true
        }
    }

    @Test("do no job twice, however often it is submitted and whoever dies on a claim", arguments: QueueType.allCases)
    func duplicates(type: QueueType) async throws {
        let settings = ["QUEUE_TYPE": type.rawValue, "MAX_STARTS": "100", "WORKERS": "download.image=2"]
        try await withHosts(settings) { first, second in
            try await first.running {
                try await second.running {
                    let points = [CrashPoint.claimConfirmed, .claimDecided, .moveConfirmed]
                    var orders = ""
                    for (number, point) in points.enumerated() {
                        orders = CrashOrder(process: "stage-download", point: point, crossing: 2, number: number).text
                        for tree in [first, second] {
                            try Data(orders.utf8).write(to: URL(filePath: "\(tree.directory)/crash"), options: .atomic)
                        }
                        let ids = (1...20).map { "job-\(number)-\($0)" }
                        let ends = Task { try await first.updates(.image, untilTheEndOf: Set(ids)) }
                        for _ in 1...3 {
                            for id in ids.shuffled() { try await first.submit(.image, id: id, source: "photo.jpg") }
                        }
                        for tree in [first, second] {
                            for worker in tree.workers() where worker.name == "stage-download" {
                                kill(worker.processID, SIGKILL)
                                // At any moment of the next claims.
                                try await Task.sleep(for: .milliseconds(Int.random(in: 100...900)))
                            }
                        }
                        expectOneEnd(try await ends.value, ids)
                    }
                    try await expectRest(first, second)
                    let late = try await first.drain(first.names.updates(.image)).map { update in
                        try JSONValue(parsing: update.body).objectValue?["status"]
                    }
                    #expect(late.allSatisfy { $0 == "processing" }, "a second end")
                    #expect(jobs(first, .download).isDisjoint(with: jobs(second, .download)))
                    #expect(jobs(first, .cleanup).isDisjoint(with: jobs(second, .cleanup)))
                    #expect(!jobs(first, .cleanup).isEmpty && !jobs(second, .cleanup).isEmpty)
                    #expect(try await depth(first, first.names.dead(.image)) == 0)
                }
            }
            #expect(first.leftovers().isEmpty && second.leftovers().isEmpty)
        }
    }

    @Test("claim nothing while they work, on a job of the shared queue or of their own", arguments: QueueType.allCases)
    func busy(type: QueueType) async throws {
        for isOwn in [false, true] {
            try await withHosts(["QUEUE_TYPE": type.rawValue, "WORKERS": "download.image=1"]) { first, second in
                try await first.running {
                    let point = CrashPoint.stageWorked
                    let process = "stage-download"
                    let order = CrashOrder(process: process, point: point, crossing: 1, number: 1, effect: .hold)
                    try Data(order.text.utf8).write(to: URL(filePath: first.directory + "/crash"))
                    if isOwn {
                        var ticket = Ticket(id: "held", mediaID: "media-held", kind: .image)
                        ticket.source = "file://\(first.sources)/photo.jpg"
                        try await first.client.publish(
                            AMQPMessage(body: ticket.json.serialized()),
                            to: first.names.work(.image, .download)
                        )
                    } else {
                        try await first.submit(.image, id: "held", source: "photo.jpg")
                    }
                    try await eventually("the work is held") { access(first.directory + "/crash.held", F_OK) == 0 }
                    let ids = (1...5).map { "job-\($0)" }
                    for id in ids { try await first.submit(.image, id: id, source: "photo.jpg") }
                    #expect(try await depth(first, first.names.entry(.image)) == ids.count)
                    try await second.running {
                        expectOneEnd(try await second.updates(.image, untilTheEndOf: Set(ids)), ids)
                        #expect(jobs(second, .download) == Set(ids))
                        #expect(try await depth(first, first.names.work(.image, .download)) == 0)
                        try FileManager.default.removeItem(atPath: first.directory + "/crash")
                        expectOneEnd(try await first.updates(.image, untilTheEndOf: ["held"]), ["held"])
                    }
                    #expect(jobs(first, .download) == ["held"])
                }
            }
        }
    }

    @Test("claim no more than their later stages can do soon")
    func backlog() async throws {
        try await withHosts(["WORKERS": "download.image=2,process.image=0"]) { first, second in
            try await first.running {
                let ids = (1...30).map { "job-\($0)" }
                for id in ids { try await first.submit(.image, id: id, source: "photo.jpg") }
                let own = first.names.work(.image, .process)
                try await eventually("the first host has enough") { try await depth(first, own) >= 8 }
                try await second.running(["WORKERS": "download.image=1"]) {
                    try await eventually("the other host did the rest") {
                        let waiting = try await depth(first, own)
                        return jobs(second, .cleanup).count == ids.count - waiting
                    }
                    // Each of its two workers may have had one in its hands when the eighth came to wait.
                    let waiting = try await depth(first, own)
                    #expect((8...9).contains(waiting))
                    try await first.order("POST", "/pools/process.image/scale", ["workers": 1])
                    expectOneEnd(try await first.updates(.image, untilTheEndOf: Set(ids)), ids)
                }
            }
        }
    }

    @Test("cancel a job whichever of them is asked, and cost those beside it nothing", arguments: QueueType.allCases)
    func wishes(type: QueueType) async throws {
        let settings = ["QUEUE_TYPE": type.rawValue, "QUEUE_DELIVERY_LIMIT": "4", "WORKERS": "download.image=1"]
        try await withHosts(settings) { first, second in
            try await first.running {
                let point = CrashPoint.stageWorked
                let order = CrashOrder(process: "stage-download", point: point, crossing: 1, number: 1, effect: .hold)
                try Data(order.text.utf8).write(to: URL(filePath: first.directory + "/crash"))
                try await first.submit(.image, id: "held", source: "photo.jpg")
                try await eventually("the work is held") { access(first.directory + "/crash.held", F_OK) == 0 }
                // So that the asked host cannot carry out the cancellation.
                try await second.running(["WORKERS": "download.image=0"]) {
                    let ids = (1...20).map { "job-\($0)" }
                    for id in ids { try await first.submit(.image, id: id, source: "photo.jpg") }
                    let (unwanted, wanted) = (Array(ids.suffix(12)), Array(ids.prefix(8)))
                    for id in ["held"] + unwanted + (1...12).map({ "nobody-\($0)" }) {
                        let answer = try await second.order("DELETE", "/jobs/image/\(id)")
                        #expect(answer.status == 202 && answer.body.objectValue?["known"] == .bool(false), "\(id)")
                    }
                    try await eventually("the first host knows it") {
                        try await first.get("/jobs/image/held")?.body.objectValue?["cancelRequested"] == .bool(true)
                    }
                    try FileManager.default.removeItem(atPath: first.directory + "/crash")
                    let updates = try await first.updates(.image, untilTheEndOf: Set(ids + ["held"]))
                    expectOneEnd(updates, unwanted + ["held"], "cancelled")
                    expectOneEnd(updates, wanted)
                    try await expectRest(first, second)
                    #expect(try await first.order("DELETE", "/jobs/image/job-1").status == 409)
                }
            }
        }
    }

    @Test("keep their own jobs: one whose host stops waits for it, with its files, and is not done by the other")
    func stopped() async throws {
        try await withHosts { first, second in
            try await first.running(["WORKERS": "process.image=0"]) {
                for id in ["one", "two"] { try await first.submit(.image, id: id, source: "photo.jpg") }
                try await eventually("both wait with their files") {
                    try await depth(first, first.names.work(.image, .process)) == 2
                }
                let message = try await first.peek(first.names.work(.image, .process))
                #expect(message?["node"] == "a" && message?["source"] != nil)
            }
            #expect(!first.leftovers().isEmpty)
            try await second.running {
                try await first.submit(.image, id: "three", source: "photo.jpg")
                expectOneEnd(try await second.updates(.image, untilTheEndOf: ["three"]), ["three"])
                #expect(jobs(second, .process) == ["three"])
                #expect(try await depth(first, first.names.work(.image, .process)) == 2)
                try await first.running {
                    expectOneEnd(try await first.updates(.image, untilTheEndOf: ["one", "two"]), ["one", "two"])
                }
                #expect(first.leftovers().isEmpty && second.leftovers().isEmpty)
            }
        }
    }

    @Test("retry where the job is")
    func retries() async throws {
        try await withHosts { first, second in
            try await first.running {
                let point = CrashPoint.stageWorked
                let order = CrashOrder(process: "stage-process", point: point, crossing: 1, number: 1, effect: .hold)
                try Data(order.text.utf8).write(to: URL(filePath: first.directory + "/crash"))
                try await first.submit(.image, id: "held", source: "photo.jpg")
                try await eventually("the work is held") { access(first.directory + "/crash.held", F_OK) == 0 }
                try await second.running {
                    // Another host's file goes while it works; its job goes back to that host's own downloads.
                    let queue = first.names.work(.image, .upload)
                    try await first.order("POST", "/pools/upload.image/scale", ["workers": 0])
                    try FileManager.default.removeItem(atPath: first.directory + "/crash")
                    try await eventually("the job waits for its upload") { try await depth(first, queue) == 1 }
                    for name in first.leftovers() where name.hasSuffix(".jpg") {
                        try FileManager.default.removeItem(atPath: first.workspace + "/jobs/image/" + name)
                    }
                    try await first.order("POST", "/pools/upload.image/scale", ["workers": 1])
                    expectOneEnd(try await first.updates(.image, untilTheEndOf: ["held"]), ["held"])
                    #expect(first.log.contains("the job goes back to download"))
                    #expect(jobs(second, .download).isEmpty)
                }
            }
        }
    }

    @Test("never touch the files that another host's manifest names, though there are such at that path")
    func foreignManifest() async throws {
        try await withHosts { first, second in
            let file = second.directory + "/precious"
            try Data("of another host".utf8).write(to: URL(filePath: file))
            try await second.publish(
                [
                    "id": "moved", "mediaId": "media-moved", "mediaType": "IMAGE", "node": "a", "hop": 3,
                    "source": .string("file://\(first.sources)/photo.jpg"), "localMediaPath": .string(file),
                    "tempFiles": [
                        ["path": .string(file), "stage": "DOWNLOADING", "size": 15, "type": "input", "createdAt": "x"]
                    ],
                ],
                to: second.names.entry(.image)
            )
            try await second.running {
                expectOneEnd(try await second.updates(.image, untilTheEndOf: ["moved"]), ["moved"])
                #expect(second.leftovers().isEmpty)
            }
            #expect(FileManager.default.contents(atPath: file) == Data("of another host".utf8))
            #expect(!second.log.contains("a manifest names a file outside"))
        }
    }

    @Test("end a job that dies before any host could take it, from the shared queue of clean-up")
    func givenUp() async throws {
        try await withHosts(["QUEUE_TYPE": "quorum", "QUEUE_DELIVERY_LIMIT": "4"]) { first, _ in
            let layout = QueueLayout(names: first.names, type: .quorum, deliveryLimit: 4)
            try await first.running(["WORKERS": "download.image=0"]) {
                try await first.submit(.image, id: "job", source: "photo.jpg")
                for _ in 0...4 {
                    try await withTestClient { client in
                        _ = try #require(await client.consume(layout.entry(.image)).first { _ in true })
                    }
                }
                let updates = try await first.updates(.image, untilTheEndOf: ["job"])
                expectOneEnd(updates, ["job"], "failed")
                #expect(updates.last?["error_message"]?.stringValue?.contains("x-delivery-limit") == true)
            }
            #expect(first.leftovers().isEmpty)
        }
    }

    @Test("do the jobs that a host which does not exist has claimed, and make no queues for it")
    func forgedClaims() async throws {
        try await withHosts { first, _ in
            try await first.running {
                let ids = (0..<6).map { "job-\($0)" }
                try await withTestClient { client in
                    for (index, id) in ids.enumerated() {
                        var record = AMQPMessage(body: Array(id.utf8), messageID: AMQPText("token-\(id)"))
                        record.type = "claim"
                        record.headers["redrives"] = .int(index < 4 ? 0 : 1)
                        record.headers["hop"] = .int(Int64(index % 2) * 1000)
                        record.headers["node"] = .string("ghost")
                        try await client.publish(record, to: first.names.claims(.image))
                    }
                }
                for id in ids { try await first.submit(.image, id: id, source: "photo.jpg") }
                expectOneEnd(try await first.updates(.image, untilTheEndOf: Set(ids)), ids)
                try await withTestClient { client in
                    for stage in Stage.allCases {
                        let queue = first.names.of(node: "ghost").work(.image, stage)
                        let count = try await client.messageCount(queue: queue)
                        #expect(count == nil, "\(queue)")
                    }
                }
                try await expectRest(first)
            }
            #expect(first.leftovers().isEmpty)
        }
    }

    @Test("refuse a message once, also one with the id of another's job, which hears of it if it is over")
    func refusals() async throws {
        try await withHosts { first, second in
            let (entry, updates) = (first.names.entry(.image), first.names.updates(.image))
            func refused() async throws -> [JSONValue?] {
                try await first.drain(updates).compactMap { try JSONValue(parsing: $0.body).objectValue }
                    .filter { $0["refused"] == true }.map { $0["job_id"] }
            }
            try await first.running {
                try await first.submit(.image, id: "known", source: "photo.jpg")
                expectOneEnd(try await first.updates(.image, untilTheEndOf: ["known"]), ["known"])
            }
            let others: [JSONValue] = [
                ["id": "known", "mediaId": "another", "mediaType": "IMAGE", "s3Key": "none"],
                ["id": "known", "mediaType": "IMAGE"],
            ]
            try await second.running {
                let unknown = (1...10).map { "unknown-\($0)" }
                for id in unknown { try await second.publish(["id": .string(id), "mediaType": "IMAGE"], to: entry) }
                // They wait for the host whose job it is. To claim the first, the log has to be read.
                for (number, message) in others.enumerated() {
                    try await second.publish(message, to: entry)
                    try await eventually("it is moved") {
                        try await depth(first, first.names.work(.image, .download)) == number + 1
                    }
                }
                try await eventually("all are refused or moved") {
                    let moved = try await depth(first, first.names.work(.image, .download))
                    return try await depth(first, first.names.dead(.image)) == unknown.count && moved == others.count
                }
                try await first.running {
                    try await eventually("all are refused") {
                        try await depth(first, first.names.dead(.image)) == unknown.count + others.count
                    }
                    try await expectRest(first, second)
                }
                let told = try await refused().compactMap { $0?.stringValue }
                #expect(told.sorted() == (unknown + ["known", "known"]).sorted())
            }
            let letters = try await first.drain(first.names.dead(.image))
            #expect(letters.contains { $0.body == others[1].serialized() })
            #expect(Set(letters.map { $0.headers["x-reason-code"] }) == ["missing_field", "used_id"])
        }
    }
}
