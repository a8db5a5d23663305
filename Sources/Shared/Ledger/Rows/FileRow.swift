internal import FoundationEssentials
internal import GRDB
package import JobModel

/// A file's row.
package struct FileRow: Sendable {
    package enum State: String, Sendable {
        /// In the ledger; the file may or may not exist.
        case planned
        /// Written and on the device.
        case present
        /// No longer needed, or to be removed and not yet gone.
        case marked
    }

    package var name: String
    package var state: State
    package var type: TempFileType
    package var stage: JobPhase?
    package var description: String
    /// The bytes of the file, compressed or not; 0 once it was spilled.
    package var sizeBytes: Int64
    /// Size of the content of a compressed file.
    package var plainBytes: Int64?
    /// The token of a compressed file; a word for one that does not shrink.
    package var compression: String?
    /// The number of the file's row among the spilled objects.
    package var spill: Int64?
    /// The bytes of the file that was on the disk, while its object stands for it.
    package var spilledBytes: Int64?
    /// Where the file's bytes are, once the object is known to hold them. Not read with the row itself.
    package var copy: SpilledCopy?
    /// Fields of the manifest that this version does not know, as JSON. Not read before they are told: nothing that a
    /// message brings is worked on while the ledger is locked.
    package var extra: String?
    /// Failed removals so far.
    package var attempts: Int64 = 0
    package var createdAt: Int64

    static let columns = """
        name, state, type, stage, description, sizeBytes, plainBytes, extra, attempts, createdAt, compression, spill, \
        spilledBytes
        """
    /// More than any file has; sums of a million of these fit 64 bits.
    package static let maximumSizeBytes: Int64 = 1 << 42

    package init(
        name: String,
        state: State,
        type: TempFileType,
        stage: JobPhase?,
        description: String,
        sizeBytes: Int64,
        createdAt: Int64
    ) {
        self.name = name
        self.state = state
        self.type = type
        self.stage = stage
        self.description = description
        self.sizeBytes = sizeBytes
        self.createdAt = createdAt
    }

    init(_ row: Row) {
        name = row["name"]
        let stage: String? = row["stage"]
        // A word that a newer version wrote: what may exist, and what it is for, is not known.
        state = State(rawValue: row["state"]) ?? .planned
        type = TempFileType(rawValue: row["type"]) ?? .intermediate
        self.stage = stage.flatMap { JobPhase(rawValue: $0) }
        description = row["description"]
        sizeBytes = row["sizeBytes"]
        plainBytes = row["plainBytes"]
        extra = row["extra"]
        attempts = row["attempts"]
        createdAt = row["createdAt"]
        compression = row["compression"]
        spill = row["spill"]
        spilledBytes = row["spilledBytes"]
    }

    package func entry(path: String) -> TempFileEntry {
        var entry = TempFileEntry(
            path: ByteText(path),
            stage: stage,
            createdAt: Timestamp.string(Date(milliseconds: createdAt)),
            sizeBytes: plainBytes ?? spilledBytes ?? sizeBytes,
            type: type,
            description: description,
            isMarkedForCleanup: state == .marked
        )
        entry.spill = copy
        entry.unknown = extra.flatMap { try? JSONFields(parsing: $0.utf8) } ?? JSONFields()
        return entry
    }

    package static func storable(_ sizeBytes: Int64) -> Int64 { min(max(sizeBytes, 0), maximumSizeBytes) }
}
