import AMQP
import Foundation
import JobModel
import Queues
import TestSupport
import Testing

@Suite("A running tree", .serialized)
struct ReloadTests {
    private static let noVideo = "WORKERS=download.video=0,process.video=0,upload.video=0,cleanup.video=0"

    /// Writes the tree's configuration file and has it read.
    private func configure(_ tree: TestTree, _ lines: String...) throws {
        let text = lines.joined(separator: "\n") + "\n"
        try Data(text.utf8).write(to: URL(filePath: tree.directory + "/media.conf"), options: .atomic)
        tree.signal(SIGHUP)
    }

    /// Whether the tree has so many workers, each started with the line in its environment.
    private func hasWorkers(_ tree: TestTree, _ count: Int, with variable: String) -> Bool {
        let workers = tree.workers()
        return workers.count == count
            && workers.allSatisfy { worker in
                let environment = try? String(contentsOfFile: "/proc/\(worker.processID)/environ", encoding: .utf8)
                return environment?.split(separator: "\0").contains(Substring(variable)) == true
            }
    }

    @Test("takes over a new configuration at SIGHUP, and nothing of a wrong one")
    func reload() async throws {
        try await TestTree.with(starting: false) { tree in
            try configure(tree, Self.noVideo, "MAX_STARTS=4")
            try await tree.running(["CONFIG_FILE": tree.directory + "/media.conf"]) {
                #expect(hasWorkers(tree, 4, with: "MAX_STARTS=4"))
                try configure(tree, Self.noVideo + ",upload.image=2", "MAX_STARTS=7", "TEMP_ALERT_PERCENT=95")
                try await eventually("five new workers") { hasWorkers(tree, 5, with: "MAX_STARTS=7") }
                try await tree.waitUntilHealthy()
                #expect(tree.log.contains("settings=TEMP_ALERT_PERCENT"))
                let shown = try await tree.get("/info")?.body.objectValue?["configuration"]?.objectValue
                #expect(shown?["MAX_STARTS"]?.stringValue == "7")
                #expect(shown?["TEMP_ALERT_PERCENT"]?.stringValue == "90.0")

                let before = tree.workers().map(\.processID).sorted()
                try configure(tree, "WORKERS=upload.image=99", "MAX_STARTS=5", "TYPO=1")
                try await eventually("both errors are in the log") {
                    let wrong = tree.log.split(separator: "\n").filter { $0.contains("the new configuration is wrong") }
                    return wrong.contains { $0.contains("TYPO") } && wrong.contains { $0.contains("setting=WORKERS") }
                }
                #expect(tree.workers().map(\.processID).sorted() == before)
                #expect(try await tree.restarts() == 0)
            }
        }
    }

    @Test("grows, shrinks and replaces its workers under load: no job is lost, and no attempt is spent")
    func cycles() async throws {
        // At once: every busy worker that is told to end gives its job back.
        let settings = ["DRAIN_SECONDS": "0"]
        try await TestTree.with(settings, starting: false) { tree in
            try await Samples.photo(tree.sources + "/photo.jpg", size: "3000x2000")
            try configure(tree, Self.noVideo)
            try await tree.running(["CONFIG_FILE": tree.directory + "/media.conf"]) {
                var jobs: Set<String> = []
                func load() async throws {
                    for _ in 1...8 {
                        let id = "job-\(jobs.count + 1)"
                        jobs.insert(id)
                        try await tree.submit(.image, id: id, source: "photo.jpg")
                    }
                }
                for cycle in 1...3 {
                    try await load()
                    try configure(tree, Self.noVideo + ",process.image=4", "MAX_STARTS=\(10 + cycle)")
                    try await eventually("it has grown") { hasWorkers(tree, 7, with: "MAX_STARTS=\(10 + cycle)") }
                    try await load()
                    try configure(tree, Self.noVideo, "MAX_STARTS=\(20 + cycle)")
                    try await eventually("it has shrunk") { hasWorkers(tree, 4, with: "MAX_STARTS=\(20 + cycle)") }
                }
                let ends = try await tree.updates(.image, untilTheEndOf: jobs).filter { $0["status"] != "processing" }
                #expect(ends.count == jobs.count)
                #expect(ends.allSatisfy { $0["status"] == "completed" })
                #expect(try await tree.drain(tree.names.dead(.image)).isEmpty)
                #expect(try await tree.restarts() == 0)
                try await eventually("the workspace is empty") { tree.leftovers().isEmpty }
            }
            let starts = tree.log.split(separator: "\n").filter { $0.contains(" job.starts=") }
            #expect(starts.count >= 4 * 48)
            #expect(starts.allSatisfy { $0.contains(" job.starts=1") && $0.contains(" job.attempt=1 ") })
            print("starts of 48 jobs in 4 stages: \(starts.count)")
        }
    }

    @Test("leaves no process when its supervisor is killed, its private broker among them, and loses no job")
    func killed() async throws {
        try await TestTree.with(["RABBITMQ_URL": ""], starting: false) { tree in
            try await Samples.photo(tree.sources + "/photo.jpg")
            for round in 1...2 {
                let supervisor = try tree.start()
                try await tree.waitUntilHealthy()
                try await submitToPrivateBroker(tree, id: "job-\(round)")
                let processes = tree.descendants()
                // Eight workers; the guard, epmd and the node at least.
                #expect(processes.count >= 11)
                supervisor.send(SIGKILL)
                #expect(await supervisor.wait() == .signal(SIGKILL))
                try await eventually("no process is left") { processes.allSatisfy { kill($0, 0) != 0 } }
            }
            try await tree.running {
                for round in 1...2 {
                    try await eventually("job \(round) is done") {
                        let job = try await tree.get("/jobs/image/job-\(round)")?.body.objectValue
                        return job?["outcome"]?.stringValue == "completed"
                    }
                }
                try await eventually("the workspace is empty") { tree.leftovers().isEmpty }
            }
        }
    }

    @Test("goes on when it is started at once after its supervisor was killed, broker and all, and ends each job once")
    func killedAtOnce() async throws {
        let settings = ["RABBITMQ_URL": "", "PORT": "\(try FreePort.find())"]
        try await TestTree.with(settings, starting: false) { tree in
            try await Samples.photo(tree.sources + "/photo.jpg")
            var supervisor = try tree.start()
            try await tree.waitUntilHealthy()
            let rounds = 4
            for round in 1...rounds {
                try await submitToPrivateBroker(tree, id: "job-\(round)")
                func said(_ text: String) -> Int { tree.log.split(separator: "\n").count { $0.contains(text) } }
                let before = (waits: said("waiting for process"), starts: said("is up"))
                supervisor.send(SIGKILL)
                var next = try tree.start()
                #expect(await supervisor.wait() == .signal(SIGKILL))
                if round == rounds {
                    // One that waits itself is killed as well.
                    try await eventually("it waits") {
                        said("waiting for process") > before.waits || said("is up") > before.starts
                    }
                    next.send(SIGKILL)
                    let last = try tree.start()
                    #expect(await next.wait() == .signal(SIGKILL))
                    next = last
                }
                supervisor = next
                try await tree.waitUntilHealthy()
            }
            for round in 1...rounds {
                try await eventually("job \(round) is done") {
                    let job = try await tree.get("/jobs/image/job-\(round)")?.body.objectValue
                    return job?["outcome"]?.stringValue == "completed"
                }
            }
            let jobs = Set((1...rounds).map { "job-\($0)" })
            #expect(try await endsOnPrivateBroker(tree, until: jobs) == jobs)
            #expect(tree.log.contains("the private broker of a predecessor has not ended yet: waiting for process"))
            #expect(!tree.log.contains("could not start"))
            supervisor.send(SIGTERM)
            #expect(await supervisor.wait() == .status(0))
            #expect(tree.leftovers().isEmpty)
        }
    }

    /// The jobs whose end was announced.
    ///
    /// The ledger has an end before clients hear of it, so the queue is looked at until all have come, and once more
    /// for a second update of one of them.
    private func endsOnPrivateBroker(_ tree: TestTree, until jobs: Set<String>) async throws -> Set<String> {
        var ends: [String] = []
        try await eventually("the ends of all jobs were announced") {
            ends += try await takeEnds(tree)
            return jobs.isSubset(of: ends)
        }
        ends += try await takeEnds(tree)
        #expect(ends.count == Set(ends).count, "an end was announced twice: \(ends.sorted())")
        return Set(ends)
    }

    /// Takes the updates that are on the queue now.
    ///
    /// - Returns: the jobs that ended by them.
    private func takeEnds(_ tree: TestTree) async throws -> [String] {
        let run = try JSONValue(parsing: Data(contentsOf: URL(filePath: tree.directory + "/state/supervisor.json")))
        let url = try #require(run.objectValue?["brokerURL"]?.stringValue)
        var ends: [String] = []
        try await withTestClient(to: AMQPEndpoint(parsing: url)) { client in
            let queue = tree.names.updates(.image)
            let count = try await client.messageCount(queue: queue) ?? 0
            let consumer = try client.consume(AMQPQueue(queue), prefetch: 100)
            let deliveries = consumer.makeAsyncIterator()
            for _ in 0..<count {
                guard let delivery = await deliveries.next() else { break }
                try await delivery.acknowledge()
                let update = try JSONValue(parsing: delivery.body).objectValue ?? [:]
                guard update["status"]?.stringValue != "processing" else { continue }
                ends.append(update["job_id"]?.stringValue ?? "")
            }
            await consumer.stop()
        }
        return ends
    }

    private func submitToPrivateBroker(_ tree: TestTree, id: String) async throws {
        let run = try JSONValue(parsing: Data(contentsOf: URL(filePath: tree.directory + "/state/supervisor.json")))
        let url = try #require(run.objectValue?["brokerURL"]?.stringValue)
        try await withTestClient(to: AMQPEndpoint(parsing: url)) { client in
            let ticket: JSONValue = [
                "id": .string(id), "mediaId": .string(id), "userId": "u", "mediaType": "IMAGE",
                "source": .string("file://\(tree.sources)/photo.jpg"),
            ]
            try await client.publish(
                AMQPMessage(body: ticket.serialized()),
                to: tree.names.work(.image, .download)
            )
        }
    }
}
