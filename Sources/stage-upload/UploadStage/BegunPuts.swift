internal import JobModel
internal import StageRuntime
internal import Storage
internal import Synchronization
internal import TempFiles

/// The objects of one run that the store may have, so that the rows of those that it surely does not have can go: a
/// store that lets nobody in need not be asked for them when the job ends.
final class BegunPuts: Sendable {
    private let store: ByteText
    /// Objects with a row from before, which an earlier run may have put.
    private let earlier: Set<ByteText>
    private let begun = Mutex<Set<ByteText>>([])

    /// - Parameter earlier: of the job, from before this run planned its own.
    init(_ earlier: [JobObject], in store: ByteText) {
        self.store = store
        self.earlier = Set(earlier.filter { $0.store == store }.map(\.key))
    }

    func begin(_ key: ByteText) { begun.withLock { _ = $0.insert(key) } }

    /// The store has refused the object and has nothing of it.
    func takeBack(_ key: ByteText) { begun.withLock { _ = $0.remove(key) } }

    /// Forgets the planned objects that the store surely does not have. What cannot be forgotten is looked for at the
    /// end.
    func forgetOthers(_ job: JobContext) async {
        let begun = begun.withLock { $0 }
        guard let uploads = try? await job.tracker.uploads(job.key),
            let objects = try? await job.tracker.objects(job.key)
        else { return }
        let open = Set(uploads.filter { $0.store == store }.map(\.key))
        for object in objects where object.store == store && object.state == .planned {
            if [earlier, begun, open].contains(where: { $0.contains(object.key) }) { continue }
            try? await job.tracker.forgetObject(object, job: job.key)
        }
    }
}

/// The stores that have taken an object from this process. The first one goes alone: should the store refuse it, no
/// others are under way of which nobody knows what became.
final class AcceptingStores: Sendable {
    private let names = Mutex<Set<ByteText>>([])
    /// A destination is any text of a job.
    private static let maximumNames = 1000

    func contains(_ store: ByteText) -> Bool { names.withLock { $0.contains(store) } }

    func insert(_ store: ByteText) {
        names.withLock { names in
            if names.count >= Self.maximumNames { names = [] }
            names.insert(store)
        }
    }

    func remove(_ store: ByteText) { names.withLock { _ = $0.remove(store) } }
}
