package import JobModel
internal import Synchronization

/// An object that a job has put, or may have put, with all that tells it from one that somebody else has put under its
/// key since.
package struct OwnObject: Sendable, Hashable {
    package enum Evidence: Sendable, Hashable {
        /// The job has put it; the validator is that of the object, where the store has one.
        case put(SourceValidator?)
        /// The job may have put it, and it would be made of this file.
        case planned(path: String?)
        /// Another host has put it, as its message says.
        case told
        /// Its bytes, read a moment ago, name the job.
        case content
    }

    package var key: ObjectKey
    /// As ``NewObject/owner``.
    package var owner: String
    package var evidence: Evidence

    package init(key: ObjectKey, owner: String, evidence: Evidence) {
        self.key = key
        self.owner = owner
        self.evidence = evidence
    }
}

/// Whose the object under a key is.
package enum ObjectOwnership: Sendable, Hashable {
    /// The job's.
    case own
    /// Somebody else's.
    case foreign
    /// Nothing tells, as where a store keeps neither names of jobs nor validators.
    case unknown
    /// There is no object under the key.
    case absent
}

/// The answer of ``Store/remove(_:)``.
package enum ObjectRemovalAnswer: Sendable, Hashable {
    case removed
    /// There is no object under the key.
    case absent
    /// The object is not known to be the job's, and stays.
    case kept
}

extension Store {
    package func ownership(of object: OwnObject) async throws -> ObjectOwnership {
        guard let facts = try await facts(object.key) else { return .absent }
        return switch object.evidence {
        case .put(let validator?): facts.validator.map { $0 == validator ? .own : .foreign } ?? .unknown
        case .content: .own
        case .put(nil), .planned, .told: .unknown
        }
    }

    package func remove(_ object: OwnObject) async throws -> ObjectRemovalAnswer {
        guard let facts = try await facts(object.key) else { return .absent }
        switch object.evidence {
        case .put(let validator): if let validator, validator != facts.validator { return .kept }
        case .planned: return .kept
        case .told, .content: break
        }
        return try await delete(object.key) ? .removed : .absent
    }

    /// All of an object's bytes; nil when there is none.
    ///
    /// - Throws: as `Source.fetch`; ``StorageError`` with code `source_too_large` for an object of more than `limit`
    ///   bytes.
    package func content(_ key: ObjectKey, atMost limit: Int64) async throws -> [UInt8]? {
        let sink = ContentSink()
        do {
            try await source(key).fetch(FetchRequest(limitBytes: limit), into: sink)
            return sink.content
        } catch let error as StorageError where error.verdict == .sourceGone {
            return nil
        }
    }
}

private final class ContentSink: SourceSink {
    private let bytes = Mutex<[UInt8]>([])
    var content: [UInt8] { bytes.withLock { $0 } }

    func begin(_ facts: SourceFacts, at start: Int64) { bytes.withLock { $0 = [] } }
    func write(_ piece: UnsafeRawBufferPointer) { bytes.withLock { $0.append(contentsOf: piece) } }
}
