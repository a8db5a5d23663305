internal import Synchronization

/// Lets work on a thread that may block notice that the task that waits for it was cancelled.
package final class CancellationFlag: Sendable {
    private let isSet = Atomic(false)

    package init() {}

    package var isCancelled: Bool { isSet.load(ordering: .relaxed) }

    package func cancel() { isSet.store(true, ordering: .relaxed) }

    /// - Throws: `CancellationError` once the task is cancelled.
    package func check() throws {
        if isCancelled { throw CancellationError() }
    }

    /// Runs `body` with a flag that is set as soon as the current task is cancelled.
    package static func run<R: Sendable>(_ body: @Sendable (CancellationFlag) async throws -> R) async throws -> R {
        let flag = CancellationFlag()
        return try await withTaskCancellationHandler {
            try await body(flag)
        } onCancel: {
            flag.cancel()
        }
    }
}
