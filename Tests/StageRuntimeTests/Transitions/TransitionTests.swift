import AMQP
import JobModel
import Queues
import RuntimeSupport
import TempFiles
import Testing

@testable import StageRuntime

@Suite("A delivery")
struct TransitionTests {
    struct Row: Sendable, CustomTestStringConvertible {
        var stage: Stage
        var verdict: Verdict

        var testDescription: String { "\(stage.rawValue), \(verdict.rawValue)" }
    }

    static let rows = Stage.allCases.flatMap { stage in Verdict.allCases.map { Row(stage: stage, verdict: $0) } }

    private static func table(_ stage: Stage) -> TransitionTable {
        switch stage {
        case .download: TransitionTable(downloadTransitions)
        case .process: TransitionTable(processTransitions)
        case .upload: TransitionTable(uploadTransitions)
        case .cleanup: TransitionTable(cleanupTransitions)
        }
    }

    @Test("goes through its steps in the order of the table, whatever it meets", arguments: rows)
    func transitions(row: Row) async throws {
        let table = Self.table(row.stage)
        // A message of 12 MB takes a second to write and read.
        let circumstances = row.verdict == .tooLong ? [.fresh] : Circumstance.all
        for circumstance in circumstances {
            let bench = try TransitionBench(row.stage, row.verdict, circumstance)
            let found = try await bench.run()
            let expected = table.expected(row.verdict, circumstance)
            let comment: Comment = "\(row.stage.rawValue), \(row.verdict), \(circumstance.name)"
            #expect(found == expected, comment)
            bench.expectNothingLost(found, comment)
        }
    }
}

extension TransitionBench {
    /// Expects what is true of every delivery, whatever the table says.
    func expectNothingLost(_ journal: [String], _ comment: Comment) {
        let acknowledgements = journal.filter { $0 == "ack" || $0.hasPrefix("commit(") }.count
        let returns = journal.filter { $0 == "back" || $0 == "renew" }.count
        let isCutOff = journal.contains("lost") || journal.contains { $0.hasPrefix("exit") }
        #expect(acknowledgements + returns <= 1, comment)
        #expect(acknowledgements + returns == 1 || isCutOff, comment)
        // Whoever holds the lease holds it to the end: another worker.
        #expect(world.ledger.heldJobs.isEmpty == (circumstance != .held), comment)
        if acknowledgements > 0 { #expect(hasSuccessor(journal), comment) }
        // The ledger never runs ahead of the broker, and nothing is acknowledged ahead of either.
        if let publish = journal.firstIndex(where: { $0.hasPrefix("→") }) {
            if let book = journal.firstIndex(where: isHandOver) { #expect(publish < book, comment) }
            if let ack = journal.firstIndex(of: "ack") { #expect(publish < ack, comment) }
        }
        if let book = journal.firstIndex(where: isHandOver), let ack = journal.firstIndex(of: "ack") {
            // A watch ticket is the only other reason to acknowledge.
            #expect(book < ack || journal.contains { $0.hasSuffix(" watch") }, comment)
        }
    }

    private func isHandOver(_ entry: String) -> Bool {
        Stage.allCases.contains { entry == "book \($0.rawValue) \(Self.hop + 1)" }
    }

    /// Somebody has the job when its message is gone: another message, the ledger, or an operator.
    private func hasSuccessor(_ journal: [String]) -> Bool {
        let updates = world.layout.updates(.video).name
        if !world.broker.left(but: [updates]).isEmpty { return true }
        guard let record = world.ledger.record(of: Self.job) else { return false }
        // Further on by another message; or over, and told, which is for clean-up to do.
        if circumstance == .stale { return true }
        let isTold = record.announcedAt != nil || journal.contains { $0.hasPrefix("commit(") }
        return record.state == .finished && (isTold || stage != .cleanup)
    }
}
