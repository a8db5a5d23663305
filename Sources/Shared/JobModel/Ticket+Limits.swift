/// The limits of a job message. They are narrower for messages from outside than for messages between stages, so that a
/// stage can add to every message that it accepts.
extension Ticket {
    /// Length of a message from outside, in bytes.
    package static let maximumEntryBytes = 1 << 20

    /// Length of a message between stages, in bytes, with everything that stages have added. No published message has
    /// more, and every message that has no more is accepted. A job that would need more fails.
    package static let maximumBytes = 12 << 20

    /// Entries of the manifest, and outputs. A job that would need more fails.
    package static let maximumFiles = 20_000

    /// The limit of the media id. It names the outputs, and the keys of a store have 1024 bytes at most.
    package static let maximumMediaIDBytes = 1024

    /// The limit of the counters that travel with a job. No job gets near it: that takes a message a millisecond for
    /// eleven days, after the highest value that is accepted from outside.
    static let maximumCount: Int64 = 1_000_000_000

    /// Whether no process of ours has published the message: every one does so with a token.
    package var isFromOutside: Bool { transfer == nil }

    /// The limit of the counters in a message from outside: so far from ``maximumCount`` that stages can count on.
    package static let maximumEntryCount: Int64 = 1_000_000

    /// - Throws: ``MessageError`` when the message, of `bytes` bytes, has more than stages accept.
    package func checkLimits(bytes: Int) throws(MessageError) {
        let limit = isFromOutside ? Self.maximumEntryBytes : Self.maximumBytes
        guard bytes <= limit else {
            throw MessageError(
                code: .tooLarge,
                message: "the message has \(bytes) bytes; at most \(limit) are accepted",
                of: self
            )
        }
        guard isFromOutside else { return }
        for (name, count) in [
            ("attempt", attempt), ("downloads", downloads), ("hop", hop), ("redrives", redrives),
            ("waitedSeconds", waitedSeconds),
        ]
        where count > Self.maximumEntryCount {
            throw MessageError(
                code: .invalidValue,
                message: "the field `\(name)` is \(count); it must be 0 to \(Self.maximumEntryCount)",
                of: self
            )
        }
    }

    /// The host in whose queues the message was; nil for a message from outside, whose claim means nothing.
    package var trustedNode: String? { isFromOutside ? nil : node }

    /// The next value of a counter. It stays readable: a message that holds the last value keeps it, and does not
    /// become one that no stage accepts.
    package static func counted(_ count: Int64) -> Int64 { min(max(count, 0), maximumCount - 1) + 1 }
}

extension Ticket {
    /// The short form of a ticket that is too long for a message: enough to know the job and its end. The host's ledger
    /// has its files and does not need the manifest.
    package var shortened: Ticket {
        var short = Ticket(id: id, mediaID: mediaID, kind: kind)
        short.userID = userID?.clippedOrNil(toBytes: 1024)
        short.sourceKey = sourceKey?.clippedOrNil(toBytes: 4096)
        short.source = source?.clippedOrNil(toBytes: 4096)
        short.destination = destination?.clippedOrNil(toBytes: 4096)
        short.uploadURLs = uploadURLs
        short.createdAt = createdAt?.clippedOrNil(toBytes: 64)
        short.phase = phase
        short.previousPhase = previousPhase
        short.priority = priority
        short.attempt = attempt
        short.hop = hop
        short.transfer = transfer
        short.downloads = downloads
        short.waitedSeconds = waitedSeconds
        short.waitingFor = waitingFor
        short.redrives = redrives
        short.node = node?.clippedOrNil(toBytes: 255)
        short.failure = failure.map {
            JobFailure(stage: $0.stage, code: $0.code, message: $0.message, occurredAt: $0.occurredAt, host: $0.host)
        }
        short.outcome = outcome
        short.warnings = Array(warnings.prefix(4))
        short.wantsThumbnails = wantsThumbnails
        short.wantsProgressUpdates = wantsProgressUpdates
        short.progressIntervalSeconds = progressIntervalSeconds
        return short
    }
}

extension Ticket {
    /// Length of the final message that is kept for those who ask later, in bytes.
    package static let maximumKeptBytes = 64 << 10

    /// The message of an ended job as it is kept: all of it, or those fields of a long one that say how the job ended.
    ///
    /// - Returns: nil when `bytes`, which are this ticket's, are short enough, and have no signatures of upload URLs.
    package func kept(insteadOf bytes: [UInt8]) -> [UInt8]? {
        let places = uploadURLsWithoutSignatures
        if bytes.count <= Self.maximumKeptBytes, places == uploadURLs { return nil }
        var kept = self
        if !places.isEmpty {
            kept.uploadURLs = places
            let unsigned = kept.json.serialized()
            if unsigned.count <= Self.maximumKeptBytes { return unsigned }
            kept.uploadURLs = []
        }
        kept.unknown = JSONFields()
        kept.metadata = metadata.map(ProgressUpdate.carried)
        for index in kept.outputs.indices { kept.outputs[index].unknown = JSONFields() }
        let shorter = kept.json.serialized()
        return shorter.count <= Self.maximumKeptBytes ? shorter : kept.shortened.json.serialized()
    }
}

extension String {
    /// A value that would become another one if it were cut.
    fileprivate func clippedOrNil(toBytes bytes: Int) -> String? { utf8.count <= bytes ? self : nil }
}
