internal import FoundationEssentials
internal import GRDB
package import JobModel

/// A file in the ledger of which a compressed copy is, or was about to be, in its place.
package struct CompressedFile: Sendable {
    package var name: String
    package var plainBytes: Int64
    /// Stands at the beginning of the compressed file.
    package var token: String

    package init(name: String, plainBytes: Int64, token: String) {
        self.name = name
        self.plainBytes = plainBytes
        self.token = token
    }
}

/// A job that waits for a stage which needs its files.
package struct WaitingJob: Sendable {
    package var number: Int64
    package var key: JobKey

    package init(number: Int64, key: JobKey) {
        self.number = number
        self.key = key
    }
}

extension CompressedFile {
    init(_ row: Row) { self.init(name: row["name"], plainBytes: row["plainBytes"], token: row["compression"]) }
}

extension WaitingJob {
    /// nil for a row of a kind that a newer version wrote.
    init?(_ row: Row) {
        let id: Data = row["id"]
        guard let kind = MediaKind(rawValue: row["kind"]) else { return nil }
        self.init(number: row["number"], key: JobKey(kind: kind, id: ByteText(String(decoding: id, as: UTF8.self))))
    }
}
