package import Threads

/// Runs code that blocks, such as a whole transcode, off the cooperative pool.
///
/// - Parameter body: checks the flag now and then; the flag is set when the calling task is cancelled.
package func runBlocking<R: Sendable>(
    _ body: @escaping @Sendable (CancellationFlag) throws -> R
) async throws -> R {
    try await CancellationFlag.run { flag in try await OwnThread.run { try body(flag) } }
}
