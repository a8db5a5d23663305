internal import JobModel

/// The latest events of keys of which jobs were made a short while ago, which the ledger may not know yet. Bounded: of
/// more keys than ``maximumKeys`` the oldest are forgotten.
struct EventOrder: Sendable {
    private struct Key: Hashable {
        var bucket: ByteText
        var key: [UInt8]
    }

    static let maximumKeys = 4096

    // Two halves: when the younger one is full, the older one goes.
    private var younger: [Key: EventSequencer] = [:]
    private var older: [Key: EventSequencer] = [:]

    mutating func note(_ event: BucketEvent) {
        guard let sequencer = event.sequencer else { return }
        let key = Key(bucket: event.bucket, key: event.key)
        if let known = younger[key] ?? older[key], sequencer.isOlder(than: known) { return }
        if younger.count >= Self.maximumKeys / 2, younger[key] == nil { (older, younger) = (younger, [:]) }
        younger[key] = sequencer
    }

    /// Whether a later event of the same key is known.
    func isOutdated(_ event: BucketEvent) -> Bool {
        let key = Key(bucket: event.bucket, key: event.key)
        guard let sequencer = event.sequencer, let known = younger[key] ?? older[key] else { return false }
        return sequencer.isOlder(than: known)
    }
}
