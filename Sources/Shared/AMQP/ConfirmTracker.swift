/// The open publishes of a channel in confirm mode: which publish waits for which delivery tag.
///
/// The broker counts publishes from 1 and answers with a tag and the `multiple` flag. A message that no queue took
/// comes back as `basic.return`, without its tag, before its confirm.
struct ConfirmTracker<Token> {
    /// The fields by which a returned message is matched with its publish.
    struct Fingerprint: Hashable {
        var queue: String
        var messageID: AMQPText?
        var bodyBytes: UInt64
    }

    struct Settled {
        var token: Token
        var fingerprint: Fingerprint
        var outcome: Outcome
    }

    enum Outcome: Hashable {
        case confirmed
        case returned
        case rejected
    }

    private struct Entry {
        var token: Token
        var fingerprint: Fingerprint
        var isReturned = false
    }

    private var entries: [UInt64: Entry] = [:]
    private var oldestTag: UInt64 = 1
    private(set) var nextTag: UInt64 = 1

    var count: Int { entries.count }

    /// Records a publish and returns its delivery tag.
    mutating func add(_ token: Token, _ fingerprint: Fingerprint) -> UInt64 {
        let tag = nextTag
        entries[tag] = Entry(token: token, fingerprint: fingerprint)
        nextTag += 1
        return tag
    }

    /// Marks the oldest publish that looks like the returned message and was not returned yet.
    mutating func markReturned(_ fingerprint: Fingerprint) {
        for tag in oldestTag..<nextTag {
            guard let entry = entries[tag], !entry.isReturned, entry.fingerprint == fingerprint else { continue }
            entries[tag]?.isReturned = true
            return
        }
    }

    /// Records an answer of the broker. Tags that are unknown or settled are ignored.
    mutating func settle(tag: UInt64, multiple: Bool, accepted: Bool) -> [Settled] {
        let tags: Range<UInt64>
        if multiple {
            // Tag 0 with `multiple` means "all so far". A tag from the future is a broken broker, not a reason to trap.
            let end = tag == 0 ? nextTag : min(tag, nextTag - 1) + 1
            tags = oldestTag..<max(end, oldestTag)
        } else {
            guard tag < nextTag else { return [] }
            tags = tag..<tag + 1
        }
        var settled: [Settled] = []
        for tag in tags {
            guard let entry = entries.removeValue(forKey: tag) else { continue }
            let outcome: Outcome = !accepted ? .rejected : entry.isReturned ? .returned : .confirmed
            settled.append(Settled(token: entry.token, fingerprint: entry.fingerprint, outcome: outcome))
        }
        advance()
        return settled
    }

    /// Gives up waiting for the oldest publishes while they fulfil the condition; their confirms will be ignored.
    mutating func removeOldest(while condition: (Token) -> Bool) -> [(Token, Fingerprint)] {
        var removed: [(Token, Fingerprint)] = []
        while let entry = entries[oldestTag], condition(entry.token) {
            entries[oldestTag] = nil
            removed.append((entry.token, entry.fingerprint))
            advance()
        }
        return removed
    }

    /// The publish that has waited longest.
    var oldest: Token? { entries[oldestTag]?.token }

    /// Removes everything that waits, in the order of publishing.
    mutating func removeAll() -> [(Token, Fingerprint)] {
        removeOldest { _ in true }
    }

    /// Keeps `oldestTag` on an entry that waits, or on `nextTag`.
    private mutating func advance() {
        while oldestTag < nextTag, entries[oldestTag] == nil {
            oldestTag += 1
        }
    }
}
