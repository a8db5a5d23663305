/// One source of a job, wherever it is: a file, an object of the store, what an HTTP server has.
///
/// All calls may take long. None blocks the cooperative pool, each ends soon after its task is cancelled, and each
/// throws ``StorageError`` for whatever is wrong with the source itself, with the verdict whether another try can help.
package protocol Source: Sendable, CustomStringConvertible {
    /// The source for logs and messages, without secrets.
    var description: String { get }

    /// Looks whether jobs may have this source. A source that is not there, or cannot be read now, passes: it may be
    /// there when the job comes to it.
    ///
    /// - Throws: ``StorageError`` with the code `source_not_allowed` or `invalid_url`, as reading it would.
    func checkAllowed() async throws(StorageError)

    /// Asks what there is to read, without reading it.
    ///
    /// - Throws: ``StorageError``, or `CancellationError`.
    func probe() async throws -> SourceFacts

    /// Reads the source into a sink.
    ///
    /// The sink is told once where its bytes begin, and then gets them in order. A source that cannot go on where the
    /// request asks for, or that is another one by now, begins anew.
    ///
    /// - Returns: the size of the whole source in bytes: where the bytes began, and all that the sink got.
    /// - Throws: ``StorageError``, `CancellationError`, or what the sink threw.
    @discardableResult
    func fetch(_ request: FetchRequest, into sink: any SourceSink) async throws -> Int64
}

/// The facts that are known of a source before it is read.
package struct SourceFacts: Sendable, Hashable {
    /// nil when the source does not say.
    package var sizeBytes: Int64?
    /// nil when nothing tells this source from another one in its place.
    package var validator: SourceValidator?
    /// Whether reading can begin in the middle.
    package var hasRanges: Bool
    /// Of the whole source, by whoever serves it. Whoever has all of its bytes compares them.
    package var checksums: [SourceChecksum]

    package init(
        sizeBytes: Int64?,
        validator: SourceValidator? = nil,
        hasRanges: Bool = false,
        checksums: [SourceChecksum] = []
    ) {
        self.sizeBytes = sizeBytes
        self.validator = validator
        self.hasRanges = hasRanges
        self.checksums = checksums
    }
}

/// Tells whether a source is the same as before: an ETag, a time of change with the identity of a file. Opaque to all
/// but the source that made it, and compared by its bytes.
package struct SourceValidator: Sendable, Hashable {
    package var bytes: [UInt8]

    package init(_ text: String) { bytes = Array(text.utf8) }

    package init(bytes: [UInt8]) { self.bytes = bytes }
}

/// A checksum of a whole source.
package struct SourceChecksum: Sendable, Hashable {
    package enum Algorithm: String, Sendable, Hashable, CaseIterable {
        case md5, sha1, sha256
        /// ISO 3309 and Castagnoli; the value is in network order.
        case crc32, crc32c

        /// Bytes of a value.
        package var byteCount: Int {
            switch self {
            case .md5: 16
            case .sha1: 20
            case .sha256: 32
            case .crc32, .crc32c: 4
            }
        }
    }

    package var algorithm: Algorithm
    package var value: [UInt8]

    /// - Parameter value: nil when it has another length than the algorithm's.
    package init?(_ algorithm: Algorithm, _ value: [UInt8]) {
        guard value.count == algorithm.byteCount else { return nil }
        self.algorithm = algorithm
        self.value = value
    }
}

/// A stage's request to a source.
package struct FetchRequest: Sendable, Hashable {
    /// Bytes of the source that are there already.
    package struct Progress: Sendable, Hashable {
        package var bytes: Int64
        /// The validator of the source that the bytes belong to.
        package var validator: SourceValidator

        package init(bytes: Int64, validator: SourceValidator) {
            self.bytes = bytes
            self.validator = validator
        }
    }

    /// A source of more bytes is refused with the code `source_too_large`, before it is read if it tells its size, and
    /// else when it has delivered as many.
    package var limitBytes: Int64
    /// nil: from the beginning.
    package var progress: Progress?
    /// The size of the source by somebody else's word: an earlier look at it, or the job. A source that tells no size
    /// with its bytes and ends before was cut short.
    package var expectedBytes: Int64?

    package init(limitBytes: Int64, progress: Progress? = nil, expectedBytes: Int64? = nil) {
        self.limitBytes = limitBytes
        self.progress = progress
        self.expectedBytes = expectedBytes
    }
}

/// Takes what a source delivers. Calls come one at a time, on any thread, and may block.
package protocol SourceSink: Sendable {
    /// Called once, before the first piece.
    ///
    /// - Parameter start: where the bytes begin in the source: where the request's progress ends, or 0. The sink drops
    ///   what it has beyond it.
    /// - Throws: what ends the fetch.
    func begin(_ facts: SourceFacts, at start: Int64) throws

    /// The next bytes of the source. The pointer is no longer good after the call.
    ///
    /// - Throws: what ends the fetch.
    func write(_ piece: UnsafeRawBufferPointer) throws
}
