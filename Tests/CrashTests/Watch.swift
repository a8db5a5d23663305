import AMQP
import CrashPoints
import Files
import Foundation
import JobModel
import Logging
import Queues
import Synchronization
import TempFiles
import TestSupport
import Testing

/// The checks of all crash tests: how jobs end, which files they leave, and whether a bystander was touched.
struct Watch: Sendable {
    let tree: TestTree
    let ends: EndLog
    let bystander: Bystander
    private let reference: [MediaKind: [String: Data]]
    private let whole = Whole()

    /// Runs `body` beside a ready tree with a bystander; at its end the tree is drained, and nothing may be left.
    ///
    /// - Parameters:
    ///   - broker: as in ``TestTree/with(_:broker:starting:_:)``.
    ///   - runs: the number of runs of a job, and so of its ends.
    ///   - allowsRepeats: whether an end may be told again in the one case that `docs/decisions/0002-end-of-a-job.md`
    ///     leaves open, byte for byte the same: another message of the job found it not announced and announced it.
    static func with(
        _ settings: [String: String] = [:],
        broker: String? = nil,
        references: [MediaKind] = [.image],
        runs: (_ job: String) -> Int = { _ in 1 },
        allowsRepeats: Bool = false,
        _ body: (Watch) async throws -> Void
    ) async throws {
        try await TestTree.with(settings, broker: broker, starting: false) { tree in
            try await Samples.photo(tree.directory + "/sources/photo.jpg", size: "320x240")
            try Data("this is no picture\n".utf8).write(to: URL(filePath: tree.directory + "/sources/text.jpg"))
            if references.contains(.video) {
                try await Samples.video(tree.directory + "/sources/clip.mp4", size: "320x180", seconds: 1)
            }
            let bystander = try await Bystander(tree)
            let ends = try EndLog(tree)
            try await tree.running {
                var reference: [MediaKind: [String: Data]] = [:]
                for kind in references {
                    let id = "reference-\(kind)"
                    try await tree.submit(kind, id: id, source: Self.source(kind))
                    try await eventually("the reference job ended") { ends.of(id).count == 1 }
                    #expect(ends.of(id) == ["completed"])
                    let outputs = try Self.outputs(tree, id: id)
                    #expect(outputs.count == (kind == .image ? 4 : 3))
                    for name in outputs.keys {
                        // It can be decoded to its end.
                        let path = Self.path(of: name, in: tree, id: id)
                        try await ChildProcess.run("ffmpeg", ["-v", "error", "-xerror", "-i", path, "-f", "null", "-"])
                    }
                    reference[kind] = outputs
                }
                let watch = Watch(tree: tree, ends: ends, bystander: bystander, reference: reference)
                try await body(watch)
                try await tree.waitUntilHealthy()
                try await Self.waitUntilQuiet(tree)
                try watch.expectNoOtherOutputs()
            }
            // All workers have drained: whatever they were to do is done.
            await ends.stop()
            #expect(ends.refused.allSatisfy(Self.mayBeRefused), "a job's own message was refused")
            for (job, all) in ends.all {
                let mayRepeat = allowsRepeats && all.count > runs(job) && Self.wasTakenOver(job, in: tree)
                let repeats = mayRepeat ? ends.repeats(of: job) : 0
                if repeats > 0 { print("the end of \(job) was told \(repeats + 1) times, byte for byte the same") }
                #expect(all.count - repeats == runs(job), "\(job) ended \(all)")
            }
            #expect(try bystander.isUntouched())
            #expect(bystander.strangers(in: tree) == [])
            #expect(Self.drafts(tree) == [])
            #expect(try await Self.waiting(tree) == 0)
        }
    }

    /// Whether a test sends messages with this id that are to be refused.
    private static func mayBeRefused(_ id: String) -> Bool { id.hasPrefix("refused-") }

    /// Whether the log says that a message announced an end that another one had made.
    private static func wasTakenOver(_ job: String, in tree: TestTree) -> Bool {
        tree.log.split(separator: "\n").contains { line in
            line.contains("this one announces the end") && line.contains("job.id=\(job) ")
        }
    }

    /// Waits until late duplicates are dropped: those that wait in a queue, and those that a worker holds, which it
    /// would put back into their queue if it were told to stop.
    private static func waitUntilQuiet(_ tree: TestTree) async throws {
        var looks = 0
        try await eventually("late duplicates are dropped", within: .seconds(120)) {
            let isEmpty = try await Self.waiting(tree, withDelayed: true) == 0
            let isIdle = try await tree.isIdle()
            looks = isEmpty && isIdle ? looks + 1 : 0
            // A worker reports the message that it has taken a moment later.
            try await Task.sleep(for: .milliseconds(300))
            return looks == 3
        }
    }

    /// Messages in the queues of all stages.
    private static func waiting(_ tree: TestTree, withDelayed: Bool = false) async throws -> Int {
        var queues: [String] = []
        for kind in MediaKind.allCases {
            for stage in Stage.allCases {
                queues.append(tree.names.work(kind, stage))
                if withDelayed {
                    queues += QueueNames.retryDelaysMilliseconds.map {
                        tree.names.retry(kind, stage, delayMilliseconds: $0)
                    }
                }
            }
        }
        var count = 0
        for queue in queues { count += try await tree.client.messageCount(queue: queue) ?? 0 }
        return count
    }

    static func source(_ kind: MediaKind) -> String { kind == .image ? "photo.jpg" : "clip.mp4" }

    /// Orders a death. Returns the path of the order, which is gone when it was followed.
    func give(_ order: CrashOrder) throws -> String {
        let file = tree.directory + "/crash"
        try Data(order.text.utf8).write(to: URL(filePath: file), options: .atomic)
        return file
    }

    /// Submits a job.
    func submit(_ kind: MediaKind, id: String, source: String? = nil) async throws {
        try await tree.submit(kind, id: id, source: source ?? Self.source(kind))
    }

    /// Makes objects under the keys of a job that is to be, of other bytes than it will make.
    func makeObjects(_ kind: MediaKind, id: String) throws {
        for name in try #require(reference[kind]).keys {
            try Data("earlier".utf8).write(to: URL(filePath: Self.path(of: name, in: tree, id: id)))
        }
    }

    /// Expects all outputs of a job, each byte for byte the same as the reference job's. That there are no others is
    /// checked once for all jobs, at the end: the store is large by then.
    func expectWhole(_ kind: MediaKind, id: String) throws {
        for (name, bytes) in try #require(reference[kind]) {
            let made = FileManager.default.contents(atPath: Self.path(of: name, in: tree, id: id))
            #expect(made == bytes, "\(name) of \(id)")
        }
        try expectIndex(kind, id: id)
        whole.jobs.withLock { $0[id] = kind }
    }

    /// Expects the result index of a job, with all of its outputs and no other.
    private func expectIndex(_ kind: MediaKind, id: String) throws {
        let path = tree.store + "/media-\(id)/result.json"
        let bytes = try #require(FileManager.default.contents(atPath: path), "the result index of \(id)")
        let listing = try ResultIndex.Listing(parsing: bytes)
        #expect(listing.job == JobKey(kind: kind, id: ByteText(id)))
        let keys = try #require(reference[kind]).keys.map { ByteText($0.replacing("/", with: "/media-\(id)_")) }
        #expect(listing.keys == Set(keys), "the result index of \(id)")
    }

    /// Jobs whose outputs were whole.
    private final class Whole: Sendable {
        let jobs = Mutex<[String: MediaKind]>([:])
    }

    /// The names of a job's objects are those of the reference job's, for every job whose outputs were looked at.
    private func expectNoOtherOutputs() throws {
        var names: [String: [String]] = [:]
        for path in try FileManager.default.subpathsOfDirectory(atPath: tree.store) {
            guard let found = path.firstMatch(of: /^(.*\/)media-([^_]+)_(.*)$/) else { continue }
            names[String(found.output.2), default: []].append(String(found.output.1 + found.output.3))
        }
        for (id, kind) in whole.jobs.withLock({ $0 }) {
            #expect(names[id]?.sorted() == reference[kind]?.keys.sorted(), "outputs of \(id)")
        }
    }

    private static func path(of name: String, in tree: TestTree, id: String) -> String {
        tree.store + "/" + name.replacing("/", with: "/media-\(id)_")
    }

    /// The contents of a job's objects, by their keys without the id.
    static func outputs(_ tree: TestTree, id: String) throws -> [String: Data] {
        var found: [String: Data] = [:]
        for path in try FileManager.default.subpathsOfDirectory(atPath: tree.store) {
            guard path.contains("/media-\(id)_") else { continue }
            let name = path.replacing("media-\(id)_", with: "")
            found[name] = try Data(contentsOf: URL(filePath: tree.store + "/" + path))
        }
        return found
    }

    /// Names in the store that no reader should see.
    private static func drafts(_ tree: TestTree) -> [String] {
        let paths = (try? FileManager.default.subpathsOfDirectory(atPath: tree.store)) ?? []
        return paths.filter { $0.contains(".replacing") }
    }
}

/// A job between two stages, whose file nobody but its own next stage may touch.
struct Bystander: Sendable {
    private let path: String
    private let identity: [Int64]
    private let tracker: TempFileTracker
    private static let job = JobKey(kind: .image, id: "bystander")
    private static let text = "needed by another job"

    init(_ tree: TestTree) async throws {
        tracker = try TempFileTracker.open(
            temporaryDirectory: tree.directory + "/temp",
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        )
        guard case .acquired(let lease) = try await tracker.acquireLease(Self.job, timeout: .zero) else {
            throw TestTree.Failure(description: "no lease for the bystander")
        }
        let new = NewFile(name: "source", type: .input, description: "bystander")
        let file = try await tracker.trackFile(new, job: Self.job, stage: .download)
        try Data(Self.text.utf8).write(to: URL(filePath: file.absolutePath))
        try await tracker.commitFiles([file])
        lease.release()
        path = file.absolutePath
        identity = try Self.identity(path)
    }

    func isUntouched() throws -> Bool {
        try Self.identity(path) == identity && String(contentsOfFile: path, encoding: .utf8) == Self.text
    }

    /// The entries of the workspace, except the bystander's.
    func strangers(in tree: TestTree) -> [String] {
        tree.leftovers().filter { $0 != Self.job.id.string && !$0.hasPrefix(Self.job.id.string + "/") }
    }

    /// The files in the ledger, except the bystander's.
    func strangersOnTheBooks() async throws -> Int {
        try await tracker.statistics().values.reduce(0) { $0 + $1.totalFiles } - 1
    }

    private static func identity(_ path: String) throws -> [Int64] {
        guard let status = FileStatus(entry: path) else {
            throw TestTree.Failure(description: "the bystander's file is gone")
        }
        return [Int64(clamping: status.inode), status.modifiedSeconds, status.modifiedNanoseconds]
    }
}

/// Every terminal update, as it comes.
final class EndLog: Sendable {
    private let consumers: [AMQPConsumer]
    private let reading: Task<Void, Never>

    init(_ tree: TestTree) throws {
        consumers = try MediaKind.allCases.map { kind in
            try tree.client.consume(AMQPQueue(tree.names.updates(kind)), prefetch: 100)
        }
        let (consumers, heard) = (consumers, Box())
        box = heard
        reading = Task {
            await withTaskGroup(of: Void.self) { group in
                for consumer in consumers {
                    group.addTask {
                        let deliveries = consumer.makeAsyncIterator()
                        while let delivery = await deliveries.next() {
                            heard.note(delivery.body)
                            try? await delivery.acknowledge()
                        }
                    }
                }
            }
        }
    }

    private final class Box: Sendable {
        let ends = Mutex<[String: [(status: String, body: [UInt8])]]>([:])
        let refused = Mutex<[String]>([])

        func note(_ body: [UInt8]) {
            guard let update = try? JSONValue(parsing: body).objectValue, let job = update["job_id"]?.stringValue,
                let status = update["status"]?.stringValue, status != "processing"
            else { return }
            // Nothing that a job comes to.
            if update["refused"] == true { return refused.withLock { $0.append(job) } }
            ends.withLock { $0[job, default: []].append((status, body)) }
        }
    }

    private let box: Box

    /// The statuses of a job's terminal updates so far.
    func of(_ job: String) -> [String] { box.ends.withLock { $0[job]?.map(\.status) ?? [] } }
    /// Jobs of messages that were not taken, one for each update.
    var refused: [String] { box.refused.withLock { $0 } }
    var all: [String: [String]] { box.ends.withLock { $0.mapValues { $0.map(\.status) } } }

    /// Terminal updates of a job that were the same as an earlier one, byte for byte.
    func repeats(of job: String) -> Int {
        box.ends.withLock { ends in
            let bodies = ends[job]?.map(\.body) ?? []
            return bodies.count - Set(bodies).count
        }
    }

    func stop() async {
        for consumer in consumers { await consumer.stop() }
        await reading.value
    }
}
