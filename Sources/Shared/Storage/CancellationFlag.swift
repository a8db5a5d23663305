internal import Synchronization

/// Lets blocking work on a thread of its own notice that its task was cancelled.
final class CancellationFlag: Sendable {
    private let isSet = Atomic(false)

    /// - Throws: `CancellationError` once the task is cancelled.
    func check() throws {
        if isSet.load(ordering: .relaxed) { throw CancellationError() }
    }

    /// Runs `body` with a flag that is set as soon as the current task is cancelled.
    static func run<R: Sendable>(_ body: @Sendable (CancellationFlag) async throws -> R) async throws -> R {
        let flag = CancellationFlag()
        return try await withTaskCancellationHandler {
            try await body(flag)
        } onCancel: {
            flag.isSet.store(true, ordering: .relaxed)
        }
    }
}
