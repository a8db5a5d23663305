internal import JobModel
internal import Storage
internal import TempFiles

/// Outputs that are in the object store and still take space here. Small ones wait for each other a moment, as each
/// release writes the ledger through to the disk.
struct PublishedOutputs {
    private var stored: [ByteText: PublishedFile] = [:]
    /// Those that were put to signed URLs.
    private var sent: [ByteText: PublishedFile] = [:]
    private var bytes: Int64 = 0
    private var since = ContinuousClock.now

    mutating func add(_ object: PublishedObject, _ output: JobOutput, isInStore: Bool) {
        guard let path = output.localPath else { return }
        if stored.isEmpty, sent.isEmpty { since = .now }
        let file = PublishedFile(
            key: output.key.string,
            location: object.location,
            sizeBytes: object.sizeBytes,
            validator: object.validator?.bytes
        )
        if isInStore { stored[path] = file } else { sent[path] = file }
        bytes += object.sizeBytes
    }

    var isDue: Bool { bytes >= 1 << 20 || ContinuousClock.now - since >= .seconds(1) }

    mutating func take() -> (stored: [ByteText: PublishedFile], sent: [ByteText: PublishedFile]) {
        defer { (stored, sent, bytes) = ([:], [:], 0) }
        return (stored, sent)
    }
}
