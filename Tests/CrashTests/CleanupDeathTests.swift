import AMQP
import CrashPoints
import Foundation
import JobModel
import Logging
import Queues
import TempFiles
import TestSupport
import Testing

/// A clean-up that its workers do not survive.
@Suite("A clean-up whose worker dies every time", .serialized)
struct CleanupDeathTests {
    /// At `MAX_STARTS`' default.
    private static let deaths = 3

    @Test("ends its job once and with the truth, and what is left stays in the ledger until it is removed")
    func givenUp() async throws {
        try await TestTree.with(starting: false) { tree in
            try await Samples.photo(tree.directory + "/sources/photo.jpg", size: "320x240")
            try await tree.running(["WORKERS": "cleanup.image=0"]) {
                try await tree.submit(.image, id: "dies", source: "photo.jpg")
                try await eventually("the job waits for clean-up") {
                    try await tree.client.messageCount(queue: tree.names.work(.image, .cleanup)) == 1
                }
            }
            let tracker = try TempFileTracker.open(
                temporaryDirectory: tree.directory + "/temp",
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            )
            let job = JobKey(kind: .image, id: "dies")
            try await Self.addFiles(8, to: job, tracker)
            let before = try await tracker.statistics()[.image]?.totalFiles ?? 0
            #expect(before >= 8)

            var order = try Self.order(1, tree)
            // The first dies before all are ready.
            try await tree.running([:]) {
                for number in 1...Self.deaths {
                    try await eventually("worker \(number) died in the middle") { access(order, F_OK) != 0 }
                    if number < Self.deaths { order = try Self.order(number + 1, tree) }
                }
            } whenHealthy: {
                let updates = try await tree.updates(.image, untilTheEndOf: ["dies"])
                let ends = updates.filter { $0["status"] != "processing" }
                #expect(ends.map { $0["status"] } == ["completed"])
                let warnings = ends.first?["warnings"]?.arrayValue?.compactMap { $0.objectValue }
                #expect(warnings?.map { $0["code"]?.stringValue } == ["temp_files_left"])
                #expect(warnings?.first?["message"]?.stringValue?.contains("up to \(before) temp files") == true)
                // Long before the next sweep, which comes after six hours.
                try await eventually("the supervisor has removed what was left") {
                    // It is in the ledger for as long as it is there.
                    let left = tree.leftovers().filter { !$0.hasSuffix(".lease") && $0 != "dies" }
                    let known = try await tracker.statistics()[.image]?.totalFiles ?? 0
                    return left.isEmpty && known == 0 && tree.leftovers().isEmpty
                }
                try await eventually("and has said so") {
                    tree.log.contains("files that a clean-up was given up with are gone")
                }
                #expect(try await tracker.stuckFiles().isEmpty)
                try await tree.waitUntilHealthy()
                #expect(try await tree.restarts() == Int64(Self.deaths))
                #expect(try await tree.client.messageCount(queue: tree.names.updates(.image)) == 0)
            }
        }
    }

    private static func order(_ number: Int, _ tree: TestTree) throws -> String {
        let file = tree.directory + "/crash"
        let order = CrashOrder(process: "stage-cleanup", point: .entryRemoved, crossing: 1, number: number)
        try Data(order.text.utf8).write(to: URL(filePath: file), options: .atomic)
        return file
    }

    private static func addFiles(_ count: Int, to job: JobKey, _ tracker: TempFileTracker) async throws {
        guard case .acquired(let lease) = try await tracker.acquireLease(job, timeout: .zero) else {
            throw TestTree.Failure(description: "somebody has the lease of \(job)")
        }
        defer { lease.release() }
        let files = try await tracker.trackFiles(
            (0..<count).map { NewFile(name: "more/\($0)", type: .intermediate, description: "made") },
            job: job,
            stage: .process
        )
        for file in files { try Data(count: 4096).write(to: URL(filePath: file.absolutePath)) }
        try await tracker.commitFiles(files)
    }
}
