internal import Dispatch
internal import Synchronization

/// Tells blocking code that its task was cancelled.
public final class CancellationFlag: Sendable {
    private let flag = Atomic(false)

    public init() {}

    public var isCancelled: Bool { flag.load(ordering: .relaxed) }
    func cancel() { flag.store(true, ordering: .relaxed) }
}

private let blockingQueue = DispatchQueue(label: "blocking-work", attributes: .concurrent)

/// Runs code that blocks, such as a whole transcode, on a thread of Dispatch's, off the cooperative pool.
///
/// - Parameter body: looks at the flag now and then; it is raised when the calling task is cancelled.
public func runBlocking<R: Sendable>(
    _ body: @escaping @Sendable (CancellationFlag) throws -> R
) async throws -> R {
    let flag = CancellationFlag()
    return try await withTaskCancellationHandler {
        try await withCheckedThrowingContinuation { continuation in
            blockingQueue.async { continuation.resume(with: Result { try body(flag) }) }
        }
    } onCancel: {
        flag.cancel()
    }
}
