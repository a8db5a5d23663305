/// Where spilled files go: what is needed of an object store, which this module does not know.
///
/// All calls may take long. None blocks the cooperative pool, and each ends soon after its task is cancelled. A store
/// is named with each call, by the `SPILL_URL` of the time when the object was put.
package protocol SpillStore: Sendable {
    /// Puts a file under a key, and returns when the object is durable and the store has told that it is the file, as
    /// far as it tells. The file stays what it is.
    ///
    /// - Throws: ``SpillError``, or `CancellationError`.
    func put(_ path: String, sizeBytes: Int64, sha256: [UInt8], as key: String, in store: String) async throws

    /// Reads an object from its beginning to its end, or until `write` throws. Calls of `write` come one at a time, on
    /// any thread, and may block.
    ///
    /// - Throws: ``SpillError``, `CancellationError`, or what `write` threw.
    func fetch(
        _ key: String,
        sizeBytes: Int64,
        from store: String,
        into write: @escaping @Sendable (UnsafeRawBufferPointer) throws -> Void
    ) async throws

    /// Deletes an object, and what a put that was cut off has left of it. One that is not there is fine.
    ///
    /// - Throws: ``SpillError``, or `CancellationError`.
    func delete(_ key: String, in store: String) async throws

    /// The objects beneath a folder of a store, or beneath all of it, and the uploads that were begun and are open.
    ///
    /// - Throws: ``SpillError``, or `CancellationError`.
    func list(_ folder: String, in store: String) async throws -> [SpillListing]
}

/// An object in a spill store, or an upload of one that is open.
package struct SpillListing: Sendable, Hashable {
    package var key: String
    /// 0 for an open upload.
    package var sizeBytes: Int64

    package init(key: String, sizeBytes: Int64) {
        self.key = key
        self.sizeBytes = sizeBytes
    }
}

/// Why a file was not spilled or fetched back.
package struct SpillError: Error, Sendable, CustomStringConvertible {
    package enum Verdict: Sendable, Hashable {
        /// The object is gone, or is not the file: the file is lost.
        case lost
        /// The store is away or overloaded.
        case away
        /// It may go better later.
        case transient
        /// It will not, unless somebody changes something.
        case permanent
    }

    package var verdict: Verdict
    package var message: String
    package var retryAfter: Duration?

    package init(_ verdict: Verdict, _ message: String, retryAfter: Duration? = nil) {
        self.verdict = verdict
        self.message = message
        self.retryAfter = retryAfter
    }

    package var description: String { message }
}
