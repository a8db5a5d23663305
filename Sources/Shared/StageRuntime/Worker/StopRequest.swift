internal import UnixSignals

/// Why a worker stops.
enum StopRequest: Sendable {
    case signal
    case supervisorGone

    static func sequence(signals: UnixSignalsSequence, lifeline: CInt?) -> AsyncStream<StopRequest> {
        let (stream, continuation) = AsyncStream<StopRequest>.makeStream()
        let fromSignals = Task {
            for await _ in signals { continuation.yield(.signal) }
        }
        let fromParent = lifeline.map { lifeline in
            Task {
                let patience = WorkerLoop.orphanDrainTime + WorkerLoop.orphanGraceTime
                for await _ in ParentWatch.parentDeath(lifeline: lifeline, patience: patience) {
                    continuation.yield(.supervisorGone)
                }
            }
        }
        continuation.onTermination = { _ in
            fromSignals.cancel()
            fromParent?.cancel()
        }
        return stream
    }
}
