internal import Synchronization

/// Knows whether the store may have something of an object that is put: the object, or an upload of it.
final class S3PutTrace: Sendable {
    private let mayBeThere = Atomic(false)

    /// Whether the store surely has nothing.
    var hasNothing: Bool { !mayBeThere.load(ordering: .relaxed) }

    /// Runs one request that puts the object or begins an upload of it.
    ///
    /// - Throws: what `body` throws; an ``S3Failure`` or a ``StorageError`` says whether the store has nothing.
    func noting<R>(_ body: () async throws -> R) async throws -> R {
        do {
            let result = try await body()
            mayBeThere.store(true, ordering: .relaxed)
            return result
        } catch var failure as S3Failure {
            failure.leavesNothing = leavesNothing(failure.isSureRefusal)
            throw failure
        } catch var error as StorageError {
            // There are no credentials, so nothing was asked.
            error.leavesNothing = leavesNothing(error.leavesNothing)
            throw error
        } catch {
            mayBeThere.store(true, ordering: .relaxed)
            throw error
        }
    }

    private func leavesNothing(_ isRefused: Bool) -> Bool {
        if !isRefused { mayBeThere.store(true, ordering: .relaxed) }
        return hasNothing
    }
}
