internal import FoundationEssentials

extension Ticket {
    /// Why a stage is tried again after its worker has died.
    package static let workerDiedCode = "worker_died"

    /// Puts deaths of workers into the history, in the order of their times. What is there already is told anew: by now
    /// the cause may be known.
    ///
    /// - Parameter host: that they died on.
    package mutating func note(deaths: [JobEvent], host: String) {
        for death in deaths {
            guard let stage = death.stage else { continue }
            let failure = JobFailure(
                stage: stage,
                code: Self.workerDiedCode,
                message: death.detail.map { "the worker died: \($0)" } ?? "the worker died",
                occurredAt: Timestamp.string(death.at),
                host: host
            )
            note(failure) { $0.stage == stage && $0.code.utf8.elementsEqual(Self.workerDiedCode.utf8) }
        }
    }
}
