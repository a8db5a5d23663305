internal import UnixSignals

extension LogWriter {
    /// Opens the log file anew at every SIGUSR1, until the task is cancelled.
    ///
    /// - Parameter others: does the same for the processes that depend on this one.
    package func reopenOnSignal(others: @escaping @Sendable () async -> Void = {}) async -> Task<Void, Never> {
        let signals = await UnixSignalsSequence(trapping: .sigusr1)
        return Task {
            for await _ in signals {
                reopen()
                await others()
            }
        }
    }
}
