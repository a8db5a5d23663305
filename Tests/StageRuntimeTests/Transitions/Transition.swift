import RuntimeSupport

/// How a stage's work on a job goes.
enum Verdict: String, Sendable, CaseIterable {
    case done
    case transient
    /// A transient failure of the last attempt.
    case exhausted
    case permanent
    case sourceGone
    case noRoom
    /// Somebody wants the job cancelled while the work goes on, which stops.
    case cancelled
    /// The worker drains while the work goes on, which stops.
    case drained
    case diedTooOften
    /// As `cancelled`, and the work does not stop.
    case cancelledLeftBehind
    /// As `drained`, and the work does not stop.
    case drainedLeftBehind
    /// The stage has added so much that its ticket fits into no message.
    case tooLong
}

/// The state of the job, or the fault, that a delivery meets.
enum Circumstance: Sendable, Hashable {
    case fresh
    /// The job is over, and its end is announced.
    case finished
    /// The job was ended by this message, and its end is not announced.
    case unannounced
    /// The job was ended a moment ago by another message, and its end is not announced.
    case unannouncedByOther
    /// The same half a minute ago.
    case abandonedEnd
    /// The job has moved on.
    case stale
    /// Another worker has the job all the time.
    case held
    /// The job was to be cancelled before the message came.
    case wished
    /// The id is that of a job that asks for something else.
    case otherContent
    /// The work takes so long that a watch ticket takes the message's place.
    case watched
    /// The connection is lost with the successor's publish, which the broker has not heard of.
    case lostBeforeConfirm
    /// The connection is lost with the successor's publish, which the broker has done.
    case lostWithConfirm
    /// The connection is lost after the successor's confirm.
    case lostBeforeAck
    /// The broker refuses the successor once.
    case refused
    /// The successor's queue is gone.
    case unroutable
    /// The ledger fail whenever they are asked for this.
    case failing(MemoryBooks.Step)

    static let all: [Circumstance] =
        [
            .fresh, .finished, .unannounced, .unannouncedByOther, .abandonedEnd, .stale, .held, .wished, .otherContent,
            .watched, .lostBeforeConfirm, .lostWithConfirm, .lostBeforeAck, .refused, .unroutable,
        ] + MemoryBooks.Step.allCases.map(Circumstance.failing)

    var name: String {
        if case .failing(let step) = self { "failing \(step.rawValue)" } else { "\(self)" }
    }
}

/// A table of transitions: for each group a line `verdict, verdict: circumstance, circumstance`, and below it,
/// indented, the exact sequence of what happened, comma by comma. `Shorthand` has the words for messages; `book` is a
/// write to the ledger, `!` a step of theirs that failed, `+` what was counted.
struct TransitionTable: Sendable {
    /// The words for all verdicts.
    static let any = "any"

    private var sequences: [String: [String]] = [:]

    init(_ text: String) {
        var keys: [String] = []
        for line in text.split(separator: "\n") {
            if line.first == " " {
                let words = line.split(separator: ",").map { $0.trimming() }.filter { !$0.isEmpty }
                for key in keys { sequences[key, default: []] += words }
            } else {
                let parts = line.split(separator: ":", maxSplits: 1)
                let verdicts = parts[0].split(separator: ",").map { $0.trimming() }
                let circumstances = parts.last?.split(separator: ",").map { $0.trimming() } ?? []
                keys = verdicts.flatMap { verdict in circumstances.map { "\(verdict): \($0)" } }
                for key in keys { sequences[key] = [] }
            }
        }
    }

    /// The sequence that is to happen. A circumstance that the work never gets to changes nothing, so it has no row.
    func expected(_ verdict: Verdict, _ circumstance: Circumstance) -> [String]? {
        sequences["\(verdict): \(circumstance.name)"] ?? sequences["\(Self.any): \(circumstance.name)"]
            ?? sequences["\(verdict): \(Circumstance.fresh.name)"]
    }

    var rows: Int { sequences.count }
}

extension Substring {
    fileprivate func trimming() -> String {
        String(drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }
}
