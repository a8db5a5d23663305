internal import Synchronization
internal import Threads

/// Tells blocking code that its task was cancelled.
public final class CancellationFlag: Sendable {
    private let flag = Atomic(false)

    public init() {}

    public var isCancelled: Bool { flag.load(ordering: .relaxed) }
    func cancel() { flag.store(true, ordering: .relaxed) }
}

/// Runs code that blocks, such as a whole transcode, off the cooperative pool.
///
/// - Parameter body: looks at the flag now and then; it is raised when the calling task is cancelled.
public func runBlocking<R: Sendable>(
    _ body: @escaping @Sendable (CancellationFlag) throws -> R
) async throws -> R {
    let flag = CancellationFlag()
    return try await OwnThread.run({ try body(flag) }, onCancel: { flag.cancel() })
}
