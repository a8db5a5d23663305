import Testing

@testable import AMQP

@Suite struct ConfirmTrackerTests {
    private typealias Tracker = ConfirmTracker<String>

    private static func print(_ queue: String, id: AMQPText? = nil, bytes: UInt64 = 1) -> Tracker.Fingerprint {
        .init(queue: queue, messageID: id, bodyBytes: bytes)
    }

    private static func tracker(_ names: String...) -> Tracker {
        var tracker = Tracker()
        for name in names {
            _ = tracker.add(name, print("q", id: AMQPText(name)))
        }
        return tracker
    }

    private static func names(_ settled: [Tracker.Settled]) -> [String] {
        settled.map { "\($0.token) \($0.outcome)" }
    }

    @Test("Delivery tags count from 1")
    func tags() {
        var tracker = Tracker()
        #expect(tracker.add("a", Self.print("q")) == 1)
        #expect(tracker.add("b", Self.print("q")) == 2)
    }

    @Test(
        "An answer settles the publishes that it names",
        arguments: [
            (UInt64(2), false, true, ["b confirmed"], 2),
            (2, true, true, ["a confirmed", "b confirmed"], 1),
            (0, true, true, ["a confirmed", "b confirmed", "c confirmed"], 0),
            (3, true, false, ["a rejected", "b rejected", "c rejected"], 0),
            (1, false, false, ["a rejected"], 2),
            (0, false, true, [], 3),
            (4, false, true, [], 3),
            (UInt64.max, false, true, [], 3),
            (UInt64.max, true, true, ["a confirmed", "b confirmed", "c confirmed"], 0),
        ]
    )
    func settles(tag: UInt64, multiple: Bool, accepted: Bool, expected: [String], left: Int) {
        var tracker = Self.tracker("a", "b", "c")
        #expect(Self.names(tracker.settle(tag: tag, multiple: multiple, accepted: accepted)) == expected)
        #expect(tracker.count == left)
    }

    @Test("A second answer for the same tag is ignored")
    func repeated() {
        var tracker = Self.tracker("a", "b", "c")
        #expect(Self.names(tracker.settle(tag: 2, multiple: false, accepted: true)) == ["b confirmed"])
        #expect(tracker.settle(tag: 2, multiple: false, accepted: true).isEmpty)
        #expect(Self.names(tracker.settle(tag: 3, multiple: true, accepted: true)) == ["a confirmed", "c confirmed"])
        #expect(tracker.settle(tag: 3, multiple: true, accepted: true).isEmpty)
        #expect(tracker.add("d", Self.print("q")) == 4)
        #expect(tracker.oldest == "d")
    }

    @Test("A returned message is the oldest publish that looks like it")
    func returned() {
        var tracker = Tracker()
        for (name, queue) in [("a", "q"), ("b", "gone"), ("c", "gone"), ("d", "q")] {
            _ = tracker.add(name, Self.print(queue))
        }
        tracker.markReturned(Self.print("gone"))
        tracker.markReturned(Self.print("never published"))
        let first = Self.names(tracker.settle(tag: 2, multiple: true, accepted: true))
        #expect(first == ["a confirmed", "b returned"])
        tracker.markReturned(Self.print("gone"))
        tracker.markReturned(Self.print("gone"))
        let rest = Self.names(tracker.settle(tag: 0, multiple: true, accepted: true))
        #expect(rest == ["c returned", "d confirmed"])
    }

    @Test("A message that is both returned and refused counts as refused")
    func returnedAndRejected() {
        var tracker = Self.tracker("a")
        tracker.markReturned(Self.print("q", id: "a"))
        #expect(Self.names(tracker.settle(tag: 1, multiple: false, accepted: false)) == ["a rejected"])
    }

    @Test("Late publishes are given up from the oldest, and their confirms ignored")
    func abandons() {
        var tracker = Self.tracker("a", "b", "c")
        _ = tracker.settle(tag: 1, multiple: false, accepted: true)
        #expect(tracker.removeOldest { $0 == "b" }.map(\.0) == ["b"])
        #expect(tracker.settle(tag: 2, multiple: false, accepted: true).isEmpty)
        #expect(tracker.oldest == "c")
        #expect(tracker.removeAll().map(\.0) == ["c"])
        #expect(tracker.removeAll().isEmpty)
        #expect(tracker.oldest == nil)
    }
}
