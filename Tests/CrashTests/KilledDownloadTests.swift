import CrashPoints
import Foundation
import JobModel
import TestSupport
import Testing

@Suite("A download whose worker is killed", .serialized, .timeLimit(.minutes(20)))
struct KilledDownloadTests {
    @Test(
        "at every 64 KiB goes on from there by another worker: the same bytes, hardly one of them twice, nothing left",
        arguments: SourceRelay.Server.allCases
    )
    func everyCut(server: SourceRelay.Server) async throws {
        try await SourceRelay.with(server) { relay in
            let source = try await relay.makePicture()
            try await relay.serve(source)
            let order = relay.tree.directory + "/crash"
            var twice = 0
            for cut in stride(from: 64 << 10, through: SourceRelay.sizeBytes, by: 64 << 10) {
                let id = "cut-\(cut >> 10)"
                let before = relay.movedBytes
                let worker = try await relay.stall(id, after: cut, sha256: source.sha256)
                // The next worker stops when it has all, so that its file can be looked at.
                let hold = CrashOrder(
                    process: "stage-download",
                    point: .stageWorked,
                    crossing: 1,
                    number: cut,
                    effect: .hold
                )
                try Data(hold.text.utf8).write(to: URL(filePath: order), options: .atomic)
                relay.end(worker)
                try await eventually("\(id): the source is there") { access(order + ".held", F_OK) == 0 }
                #expect(try Array(Data(contentsOf: URL(filePath: relay.path(id)))) == source.bytes, "\(id)")
                let moved = relay.movedBytes - before
                #expect(moved <= SourceRelay.sizeBytes * 105 / 100, "\(id): \(moved) bytes")
                twice = max(twice, moved - SourceRelay.sizeBytes)
                unlink(order)
                try await relay.waitForEnd(id)
            }
            print("\(server.rawValue): 64 deaths, at most \(twice) bytes more than the source has")
        }
    }

    struct Step: Sendable, CustomTestStringConvertible {
        var point: CrashPoint
        var crossing = 1
        /// Whether the source is another one by then.
        var isChanged = false
        /// Bytes that may come, in sources.
        var sources = 1.05

        var testDescription: String { "\(point.rawValue) \(crossing)\(isChanged ? ", changed" : "")" }
    }

    /// Half of the source is there when the first worker dies. The second one dies with up to all that it has asked for
    /// on its way: nothing on loopback holds it back.
    private static let steps = [
        Step(point: .fileCreated), Step(point: .sourceContinued, sources: 1.55),
        Step(point: .pieceWritten, sources: 1.55), Step(point: .pieceWritten, crossing: 20, sources: 1.55),
        // Without its mark a file is of no use.
        Step(point: .sourceWhole, sources: 2.1), Step(point: .fileSynced, sources: 2.1),
        Step(point: .sourceUnmarked, isChanged: true, sources: 2.55),
        Step(point: .sourceEmptied, isChanged: true, sources: 2.55),
        Step(point: .sourceMarked, isChanged: true, sources: 2.55),
        Step(point: .pieceWritten, isChanged: true, sources: 2.55),
    ]

    @Test(
        "and whose successor dies between any two steps of going on: the third one has the right bytes",
        arguments: SourceRelay.Server.allCases
    )
    func everyStep(server: SourceRelay.Server) async throws {
        try await SourceRelay.with(server) { relay in
            for (number, step) in Self.steps.enumerated() {
                let id = "step-\(number)"
                let first = try await relay.makePicture(UInt64(number * 2))
                // Of another size too, as nginx tells versions apart by size and second.
                let other = try await relay.makePicture(UInt64(number * 2 + 1), bytes: SourceRelay.sizeBytes - 1000)
                try await relay.serve(first)
                let before = relay.movedBytes
                // The job wants what will be there.
                let wanted = step.isChanged ? other : first
                let worker = try await relay.stall(id, after: SourceRelay.sizeBytes / 2, sha256: wanted.sha256)
                if step.isChanged { try await relay.serve(other) }
                let order = CrashOrder(
                    process: "stage-download",
                    point: step.point,
                    crossing: step.crossing,
                    number: number
                )
                let file = relay.tree.directory + "/crash"
                try Data(order.text.utf8).write(to: URL(filePath: file), options: .atomic)
                relay.end(worker)
                try await eventually("\(step.testDescription) was crossed") { access(file, F_OK) != 0 }
                try await relay.waitForEnd(id)
                #expect(relay.ends.of(id) == ["completed"], "\(step.testDescription)")
                let moved = Double(relay.movedBytes - before) / Double(SourceRelay.sizeBytes)
                #expect(moved <= step.sources, "\(step.testDescription): \(moved) sources")
            }
        }
    }
}
