/// What a job message may have. The limits of what comes in are narrower than those of what travels on, so that a stage can add to
/// all that it accepts.
extension Ticket {
    /// Length of a message from outside, in bytes.
    public static let maximumEntryBytes = 1 << 20

    /// Length of a message between stages, in bytes, with all that stages have added: what is published has no more, and what has
    /// no more is accepted. A job that would need more fails.
    public static let maximumBytes = 12 << 20

    /// Entries of the manifest, and outputs. A job that would need more fails.
    public static let maximumFiles = 20_000

    /// It names the outputs, and the keys of a store have 1024 bytes at most.
    public static let maximumMediaIDBytes = 1024

    /// Of the counters that travel with a job. No job gets near it: a message a millisecond for eleven days, after the highest that
    /// is accepted from outside.
    static let maximumCount: Int64 = 1_000_000_000

    /// Whether no process of ours has published the message: every one does so with a token.
    public var isFromOutside: Bool { transfer == nil }

    /// Of the counters in a message from outside: so far from ``maximumCount`` that stages can count on.
    public static let maximumEntryCount: Int64 = 1_000_000

    /// - Throws: ``MessageError`` when the message, of `bytes` bytes, has more than stages accept.
    public func checkLimits(bytes: Int) throws(MessageError) {
        let limit = isFromOutside ? Self.maximumEntryBytes : Self.maximumBytes
        guard bytes <= limit else {
            throw MessageError(
                code: .tooLarge,
                message: "the message has \(bytes) bytes; at most \(limit) are accepted",
                of: self
            )
        }
        guard isFromOutside else { return }
        for (name, count) in [("attempt", attempt), ("downloads", downloads), ("hop", hop), ("redrives", redrives)]
        where count > Self.maximumEntryCount {
            throw MessageError(
                code: .invalidValue,
                message: "the field `\(name)` is \(count); it must be 0 to \(Self.maximumEntryCount)",
                of: self
            )
        }
    }

    /// The host in whose queues the message was; nil for one from outside, whose word on that means nothing.
    public var trustedNode: String? { isFromOutside ? nil : node }

    /// The next value of a counter of ours. It stays where it can be read: a message that names the last value keeps it, rather
    /// than to become one that no stage accepts.
    public static func counted(_ count: Int64) -> Int64 { min(max(count, 0), maximumCount - 1) + 1 }
}

extension Ticket {
    /// What is left of a ticket that is too long for a message: enough to know the job and its end. Its files are on the
    /// books of the host, which do not need the manifest.
    public var shortened: Ticket {
        var short = Ticket(id: id, mediaID: mediaID, kind: kind)
        short.userID = userID?.clippedOrNil(toBytes: 1024)
        short.sourceKey = sourceKey?.clippedOrNil(toBytes: 4096)
        short.source = source?.clippedOrNil(toBytes: 4096)
        short.destination = destination?.clippedOrNil(toBytes: 4096)
        short.createdAt = createdAt?.clippedOrNil(toBytes: 64)
        short.phase = phase
        short.previousPhase = previousPhase
        short.priority = priority
        short.attempt = attempt
        short.hop = hop
        short.transfer = transfer
        short.downloads = downloads
        short.redrives = redrives
        short.node = node?.clippedOrNil(toBytes: 255)
        short.failure = failure.map {
            JobFailure(stage: $0.stage, code: $0.code, message: $0.message, occurredAt: $0.occurredAt, host: $0.host)
        }
        short.outcome = outcome
        short.wantsThumbnails = wantsThumbnails
        short.wantsProgressUpdates = wantsProgressUpdates
        short.progressIntervalSeconds = progressIntervalSeconds
        return short
    }
}

extension Ticket {
    /// Length of the final message that is kept for those who ask later, in bytes.
    public static let maximumKeptBytes = 64 << 10

    /// The message of an ended job as it is kept: all of it, or what of a long one says how the job ended.
    ///
    /// - Returns: nil when `bytes`, which are this ticket's, are short enough.
    public func kept(insteadOf bytes: [UInt8]) -> [UInt8]? {
        if bytes.count <= Self.maximumKeptBytes { return nil }
        var kept = self
        kept.unknown = JSONFields()
        kept.metadata = metadata.map(ProgressUpdate.carried)
        for index in kept.outputs.indices { kept.outputs[index].unknown = JSONFields() }
        let shorter = kept.json.serialized()
        return shorter.count <= Self.maximumKeptBytes ? shorter : shortened.json.serialized()
    }
}

extension String {
    /// A value that would be another one if it were cut.
    fileprivate func clippedOrNil(toBytes bytes: Int) -> String? { utf8.count <= bytes ? self : nil }
}
