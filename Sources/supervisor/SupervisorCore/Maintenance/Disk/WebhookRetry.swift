/// When a webhook call is made again. Pure.
struct WebhookRetry: Sendable {
    /// The calls for one notice: about an hour of tries.
    var maximumCalls = 20
    var first = Duration.seconds(1)
    var cap = Duration.seconds(300)

    enum Outcome: Sendable, Equatable {
        case status(Int)
        /// No answer came.
        case unanswered
    }

    enum Verdict: Sendable, Equatable {
        case delivered
        case again(after: Duration)
        case givenUp
    }

    /// - Parameters:
    ///   - calls: Made so far, this one included.
    ///   - random: 0 to 1. The pause is between half of its step and all of it, so that hosts that share a full file
    ///     server do not call in step.
    func verdict(_ outcome: Outcome, calls: Int, random: Double) -> Verdict {
        switch outcome {
        case .status(200..<300): return .delivered
        // The receiver asks for patience, or is in trouble itself; what else it says will not change by repeating.
        case .status(408), .status(425), .status(429), .status(500...), .unanswered: break
        case .status: return .givenUp
        }
        guard calls < maximumCalls else { return .givenUp }
        let step = min(cap, first * (1 << min(max(calls, 1) - 1, 20)))
        return .again(after: step * (0.5 + 0.5 * min(max(random, 0), 1)))
    }
}
