import JobModel
import Storage
import Synchronization

/// A job's record of its uploads, as the ledger keeps it.
final class MemoryUploads: UploadRecord {
    private let state: Mutex<[ByteText]>
    private let isFull: Bool

    struct Full: Error {}

    /// - Parameter isFull: whether nothing can be noted.
    init(_ ids: [String] = [], isFull: Bool = false) {
        state = Mutex(ids.map { ByteText($0) })
        self.isFull = isFull
    }

    var ids: [ByteText] { state.withLock { $0 } }

    func open() async throws -> [ByteText] { ids }

    func note(_ id: ByteText) async throws {
        if isFull { throw Full() }
        state.withLock { $0.insert(id, at: 0) }
    }

    func forget(_ id: ByteText) async throws { state.withLock { $0.removeAll { $0 == id } } }
}
