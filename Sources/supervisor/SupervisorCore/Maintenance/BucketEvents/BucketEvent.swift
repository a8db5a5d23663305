internal import JobModel

/// An object that has appeared in a bucket, as far as jobs are made of it.
struct BucketEvent: Sendable, Hashable {
    var bucket: ByteText
    /// Decoded. Not known to be UTF-8.
    var key: [UInt8]
    /// Of an object in a bucket that keeps versions.
    var versionID: ByteText?
    var sequencer: EventSequencer?
    var entityTag: ByteText?
    /// As the store wrote it.
    var time: ByteText?

    /// The longest of each text that is taken from an event; a longer one counts as none.
    static let maximumTextBytes = 255

    /// Tells this creation of the object from another one of the same key, as far as the store tells: two deliveries of
    /// one event have the same.
    var creation: [UInt8] {
        func field(_ name: Character, _ text: ByteText?) -> [UInt8] {
            Array("\(name)\(text?.count ?? 0):".utf8) + Array((text?.string ?? "").utf8)
        }
        // A sequencer is of one creation alone. Without it two creations of the same bytes look alike.
        return field("v", versionID)
            + (sequencer.map { field("s", $0.text) }
                ?? (field("e", entityTag) + field("t", entityTag == nil ? time : nil)))
    }
}

/// The order of events of one key, as the store tells it.
///
/// Amazon's and MinIO's are hexadecimal digits that grow. Ceph's are the memory of a time: seconds and nanoseconds of 32
/// bits each with their lowest byte first, so they do not grow as text does, whatever its documentation says
/// (`rgw_notify.cc`).
struct EventSequencer: Sendable, Hashable {
    /// As it was written.
    let text: ByteText
    let isCeph: Bool

    /// nil when there is none.
    init?(_ text: ByteText?, isCeph: Bool) {
        guard let text, !text.isEmpty, text.count <= BucketEvent.maximumTextBytes else { return nil }
        self.text = text
        self.isCeph = isCeph
    }

    /// Digits that grow as text does; nil when nobody can tell.
    private var digits: [UInt8]? {
        let digits = text.utf8.map { (97...102).contains($0) ? $0 & 0xDF : $0 }
        guard digits.allSatisfy({ (48...57).contains($0) || (65...70).contains($0) }) else { return nil }
        guard isCeph else { return digits }
        guard digits.count == 16 else { return nil }
        func number(_ first: Int) -> [UInt8] {
            stride(from: first + 6, through: first, by: -2).flatMap { digits[$0...($0 + 1)] }
        }
        return number(0) + number(8)
    }

    /// Whether this event came before the other one, of the same key. Nobody can tell when the digits are of different
    /// lengths and the two ways to compare them, which Amazon's documentation has had, do not agree.
    func isOlder(than other: EventSequencer) -> Bool {
        guard isCeph == other.isCeph, let own = digits, let others = other.digits else { return false }
        let length = max(own.count, others.count)
        func zeros(_ digits: [UInt8]) -> [UInt8] {
            Array(repeating: UInt8(ascii: "0"), count: length - digits.count)
        }
        return (own + zeros(own)).lexicographicallyPrecedes(others + zeros(others))
            && (zeros(own) + own).lexicographicallyPrecedes(zeros(others) + others)
    }
}
