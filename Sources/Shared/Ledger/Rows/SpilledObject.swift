internal import FoundationEssentials
internal import GRDB
package import JobModel

/// An object of the spill store in the ledger.
package struct SpilledObject: Sendable {
    package enum State: String, Sendable {
        /// It may exist; the file on the disk counts.
        case planned
        /// It is durable, and stands for its file.
        case spilled
        /// Nobody needs it any more.
        case leaving
    }

    /// 0 before it is in the ledger.
    package var number: Int64 = 0
    package var job: JobKey
    /// `SPILL_URL` as it was when the object was put.
    package var store: String
    /// Beneath it.
    package var key: String
    package var state: State
    /// Of the object.
    package var sizeBytes: Int64
    /// 32 bytes, of the object.
    package var sha256: [UInt8]
    /// Tries to delete it that failed.
    package var attempts: Int64 = 0

    static let columns = "number, kind, id, store, objectKey, state, sizeBytes, sha256, attempts"

    package init(job: JobKey, store: String, key: String, sizeBytes: Int64, sha256: [UInt8], state: State = .planned) {
        self.job = job
        self.store = store
        self.key = key
        self.sizeBytes = sizeBytes
        self.sha256 = sha256
        self.state = state
    }

    /// Where an object is, as a URL without the parameters of the store's.
    package static func location(store: String, key: String) -> String {
        var place = Array(store.utf8.prefix { $0 != UInt8(ascii: "?") })
        while place.last == UInt8(ascii: "/") { place.removeLast() }
        return String(decoding: place, as: UTF8.self) + "/" + key
    }

    package var location: String { Self.location(store: store, key: key) }

    /// nil for a row of a kind or state that a newer version wrote.
    init?(_ row: Row) {
        guard let kind = MediaKind(rawValue: row["kind"]), let state = State(rawValue: row["state"]) else { return nil }
        let (id, digest): (Data, Data) = (row["id"], row["sha256"])
        self.init(
            job: JobKey(kind: kind, id: ByteText(String(decoding: id, as: UTF8.self))),
            store: row["store"],
            key: row["objectKey"],
            sizeBytes: row["sizeBytes"],
            sha256: [UInt8](digest),
            state: state
        )
        number = row["number"]
        attempts = row["attempts"]
    }
}

/// A file with the object that stands for it, or is about to.
package struct SpilledFile: Sendable {
    package var row: FileRow
    package var object: SpilledObject
    /// Whether the file is known to be off the disk.
    package var isAway: Bool { row.spilledBytes != nil }
}
