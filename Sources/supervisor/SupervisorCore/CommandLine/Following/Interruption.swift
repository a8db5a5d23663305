internal import Glibc
internal import UnixSignals

/// Ctrl-C while a command waits for others.
enum Interruption {
    /// Runs `body`. SIGINT meanwhile prints `farewell`, which tells what goes on without this command, and ends the
    /// command.
    ///
    /// - Parameter farewell: evaluated only at SIGINT.
    static func told<T>(
        _ farewell: @autoclosure @escaping @Sendable () -> String,
        _ body: () async throws -> T
    ) async throws -> T {
        let signals = await UnixSignalsSequence(trapping: .sigint)
        let watch = Task {
            for await _ in signals {
                StandardStreams.writeError(farewell())
                _exit(CommandExit.interrupted.rawValue)
            }
        }
        defer { watch.cancel() }
        return try await body()
    }
}
