import AMQP
import CrashPoints
import Foundation
import JobModel
import Queues
import TestSupport
import Testing

@Suite("Crash points", .serialized)
struct CrashPointTests {
    /// One death.
    struct Case: Sendable, CustomStringConvertible {
        var stage: Stage
        var point: CrashPoint
        var crossing = 1
        var kind = MediaKind.image
        var source: String?
        var end = "completed"

        var process: String { "stage-\(stage.rawValue)" }
        var description: String { "\(kind) \(process) \(point.rawValue) \(crossing)" }
    }

    /// Every point in every stage that crosses it, and some at later crossings.
    static var cases: [Case] {
        var cases: [Case] = []
        for point in CrashPoint.allCases {
            for (stage, crossings) in point.crossings {
                for crossing in 1...crossings { cases.append(Case(stage: stage, point: point, crossing: crossing)) }
            }
        }
        // A file that grows for longer, and many frames of it.
        for crossing in 1...3 {
            cases.append(Case(stage: .process, point: .outputBegun, crossing: crossing, kind: .video))
        }
        for point in [CrashPoint.fileRowsCommitted, .fileSynced, .fileRowsPresent, .stageWorked] {
            cases.append(Case(stage: .process, point: point, kind: .video))
        }
        // A job that fails, from the failure to the dead letter.
        for (stage, point) in [
            (Stage.process, CrashPoint.handOverConfirmed), (.process, .handOverRecorded), (.process, .leaseReleased),
            (.cleanup, .entryRemoved), (.cleanup, .endRecorded), (.cleanup, .endCommitted), (.cleanup, .endNoted),
        ] {
            cases.append(Case(stage: stage, point: point, source: "text.jpg", end: "failed"))
        }
        return cases
    }

    @Test("end no job twice, leave no byte and touch no other job, each once")
    func everyPoint() async throws {
        let rounds = Rounds.count
        var generator = Seed.generator()
        try await Watch.with(["STAGE_MAX_ATTEMPTS": "upload=1"], references: [.image, .video]) { watch in
            let began = ContinuousClock.now
            var number = 0
            for _ in 0..<rounds {
                // Seldom the same stage twice in a row, as the successor needs a moment to start.
                for item in Self.cases.shuffled(using: &generator) {
                    number += 1
                    try await run(item, number: number, watch)
                }
                number += 1
                try await unreadable(number: number, watch)
                for isUsed in [false, true] {
                    for point in [CrashPoint.deadLetterConfirmed, .refusalConfirmed] {
                        number += 1
                        try await refused(isUsed, point, number: number, watch)
                    }
                }
                for point in [CrashPoint.uploadsAborted, .objectRemoved, .objectForgotten] {
                    // Outputs that were not come to, and the index, are forgotten by the upload itself.
                    for crossing in 1...(point == .uploadsAborted ? 1 : 2) {
                        number += 1
                        try await removing(point, crossing, number: number, watch)
                    }
                }
                for point in [CrashPoint.replacementNoted, .replacementLinked] {
                    number += 1
                    try await replacing(point, number: number, watch)
                }
            }
            print("crash points: \(number) deaths in \(ContinuousClock.now - began)")
        }
    }

    /// A message that is no job becomes a dead letter, again when the worker dies before it can settle the message.
    private func unreadable(number: Int, _ watch: Watch) async throws {
        let (tree, body) = (watch.tree, "no job \(number)")
        let before = Self.refusals(tree)
        let point = CrashPoint.deadLetterConfirmed
        let file = try watch.give(
            CrashOrder(process: "stage-download", point: point, crossing: 1, number: number)
        )
        let message = AMQPMessage(body: Array(body.utf8))
        try await tree.client.publish(message, to: tree.names.work(.image, .download))
        try await eventually("\(point) was crossed") { access(file, F_OK) != 0 }
        var letters = 0
        try await eventually("the dead letter came twice") {
            letters += try await tree.drain(tree.names.dead(.image)).count { $0.body == Array(body.utf8) }
            return letters == 2
        }
        try await eventually("the message is settled") { Self.refusals(tree) == before + 1 }
    }

    /// The lines of the log for refused messages, one each, written after the last point. A worker that dies at a point
    /// writes none.
    private static func refusals(_ tree: TestTree) -> Int {
        tree.log.split(separator: "\n").count { $0.contains("a message is refused") }
    }

    /// A refused message whose id can be read becomes a dead letter and is told, both again when the worker dies before
    /// it has settled the message. That is no end of the job that has the id.
    private func refused(_ isUsed: Bool, _ point: CrashPoint, number: Int, _ watch: Watch) async throws {
        let (tree, id) = (watch.tree, "refused-\(number)")
        if isUsed {
            try await watch.submit(.image, id: id)
            try await eventually("the job ended") { watch.ends.of(id) == ["completed"] }
            // Logged once the ledger has recorded that clients know.
            try await eventually("its end is noted") {
                tree.log.split(separator: "\n").contains {
                    $0.contains("the job ended") && $0.contains("job.id=\(id) ")
                }
            }
        }
        let before = Self.refusals(tree)
        let source = isUsed ? #","mediaId":"another","s3Key":"none""# : ""
        let body = Array(#"{"id":"\#(id)","mediaType":"IMAGE"\#(source)}"#.utf8)
        let file = try watch.give(CrashOrder(process: "stage-download", point: point, crossing: 1, number: number))
        try await tree.client.publish(AMQPMessage(body: body), to: tree.names.entry(.image))
        try await eventually("\(point) was crossed") { access(file, F_OK) != 0 }
        var letters = 0
        try await eventually("the dead letter came twice") {
            letters += try await tree.drain(tree.names.dead(.image)).count { $0.body == body }
            return letters == 2
        }
        let told = point == .refusalConfirmed ? 2 : 1
        try await eventually("it was told") { watch.ends.refused.count { $0 == id } == told }
        try await eventually("the message is settled") { Self.refusals(tree) == before + 1 }
        #expect(watch.ends.of(id) == (isUsed ? ["completed"] : []))
    }

    /// The job's objects exist already, from an earlier job for the same medium, and the worker dies while it replaces
    /// one.
    private func replacing(_ point: CrashPoint, number: Int, _ watch: Watch) async throws {
        let item = Case(stage: .upload, point: point)
        try watch.makeObjects(.image, id: "job-\(number)")
        try await run(item, number: number, watch)
        #expect(!FileManager.default.fileExists(atPath: watch.tree.store + "/.replacing"))
        let names = try FileManager.default.subpathsOfDirectory(atPath: watch.tree.store)
        #expect(names.filter { $0.contains(".replacing") } == [])
    }

    /// A job that fails in its upload, with some outputs in the store, and the worker dies that removes them.
    private func removing(_ point: CrashPoint, _ crossing: Int, number: Int, _ watch: Watch) async throws {
        let images = watch.tree.store + "/images/media-job-\(number)_"
        // No object can take the place of a directory.
        let obstacle = images + "1080p.jpg"
        try FileManager.default.createDirectory(atPath: obstacle + "/in-the-way", withIntermediateDirectories: true)
        var item = Case(stage: .cleanup, point: point, crossing: crossing)
        item.end = "failed"
        try await run(item, number: number, watch)
        try FileManager.default.removeItem(atPath: obstacle)
        let names = try FileManager.default.contentsOfDirectory(atPath: watch.tree.store + "/images")
        #expect(names.filter { $0.hasPrefix("media-job-\(number)_") } == [], "\(item)")
        #expect(!FileManager.default.fileExists(atPath: watch.tree.store + "/media-job-\(number)"), "\(item)")
    }

    private func run(_ item: Case, number: Int, _ watch: Watch) async throws {
        let id = "job-\(number)"
        let order = CrashOrder(process: item.process, point: item.point, crossing: item.crossing, number: number)
        let file = try watch.give(order)
        try await watch.submit(item.kind, id: id, source: item.source)
        try await eventually("\(item) was crossed") { access(file, F_OK) != 0 }
        try await eventually("\(item): the job ended") { !watch.ends.of(id).isEmpty }
        #expect(watch.ends.of(id) == [item.end], "\(item)")
        if item.end == "completed" { try watch.expectWhole(item.kind, id: id) }
        try await eventually("\(item): the workspace is empty") {
            guard watch.bystander.strangers(in: watch.tree).isEmpty else { return false }
            return try await watch.bystander.strangersOnTheBooks() == 0
        }
        #expect(try watch.bystander.isUntouched(), "\(item)")
    }
}

extension CrashPoint {
    /// The stages whose work on an image of four variants crosses the point, and how often at least.
    var crossings: [(stage: Stage, times: Int)] {
        switch self {
        case .delivered, .leaseFileMade, .leaseLocked, .startCounted, .stageWorked: Stage.allCases.map { ($0, 1) }
        case .jobRowCommitted, .jobDirectoryMade, .spaceReserved, .sourceUnmarked, .sourceEmptied, .sourceMarked,
            .pieceWritten, .sourceWhole:
            [(.download, 1)]
        case .fileCreated: [(.download, 1)]
        case .progressRecorded, .updateSent, .completionAnnounced, .handOverConfirmed, .handOverRecorded,
            .leaseReleased, .acknowledged:
            [(.download, 1), (.process, 1), (.upload, 1)]
        case .fileRowsCommitted, .directorySynced, .fileRowsPresent: [(.download, 1), (.process, 1)]
        case .objectsPlanned: [(.upload, 1)]
        case .subdirectoriesMade, .reservationTrimmed: [(.process, 1)]
        case .outputBegun: [(.process, 4)]
        case .fileSynced: [(.download, 1), (.process, 4)]
        // The result index is the last.
        case .objectWritten, .objectLinked: [(.upload, 5)]
        // Small outputs go together, and then the result index.
        case .objectDurable: [(.upload, 2)]
        case .outputNoted, .outputReleased: [(.upload, 1)]
        // The source, and the outputs' directory: the outputs went when they were published.
        case .entryRemoved: [(.cleanup, 2)]
        case .removalRecorded: [(.upload, 1), (.cleanup, 1)]
        case .leaseFileRemoved, .jobDirectoryRemoved, .endRecorded, .endCommitted, .endNoted:
            [(.cleanup, 1)]
        // Tests of their own.
        case .uploadBegun, .uploadNoted, .uploadsAborted, .objectRemoved, .objectForgotten, .sourceContinued,
            .replacementNoted, .replacementLinked, .watchConfirmed, .watchAcknowledged, .watchParked, .retryRecorded,
            .retryConfirmed, .retryOvertook,
            .deadLetterConfirmed, .refusalConfirmed, .eventJobConfirmed, .moved, .moveConfirmed, .claimConfirmed,
            .claimDecided,
            .compressionPlanned,
            .compressedFileSynced,
            .compressedFileRenamed, .compressionRecorded, .restorePlanned, .restoredFileSynced, .restoredFileRenamed,
            .restoreRecorded, .spillPlanned, .spilledObjectPut, .spillRecorded, .spilledFileRemoved, .spilledSpaceGiven,
            .fetchReserved, .fetchedFileSynced, .fetchRecorded, .spilledObjectDeleted, .spilledObjectForgotten:
            []
        }
    }
}
