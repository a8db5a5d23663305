package import AMQP
import Queues
import Synchronization

/// A broker in memory: queues with time limits and dead-lettering, unsettled deliveries, transactions, and connections
/// that can be lost at any operation. It outlives the processes of a simulation.
///
/// A quorum queue counts how often it gets each message back, whatever the cause, and gives up one that has come back
/// more often than its limit says, as RabbitMQ 3.10 does.
package final class MemoryBroker: Sendable {
    struct Stored: Sendable {
        var number: Int
        var message: AMQPMessage
        /// How often a quorum queue got the message back, as in its header `x-delivery-count`; 0 in other queues.
        var returns: Int64 = 0
    }

    private struct Queue {
        var declared: AMQPQueue
        var ready: [Stored] = []
        var waiting: [Int: UnsafeContinuation<Void, Never>] = [:]

        var isQuorum: Bool { declared.arguments["x-queue-type"] == "quorum" }
        /// Messages that came back more often are given up; nil for no limit.
        var deliveryLimit: Int64? {
            guard isQuorum, case .int(let limit)? = declared.arguments["x-delivery-limit"] else { return nil }
            return limit
        }
        /// Where messages go that expire or are given up.
        var deadLetterTarget: String? {
            if case .string(let target)? = declared.arguments["x-dead-letter-routing-key"] {
                target.string
            } else {
                nil
            }
        }
    }

    private struct Unsettled {
        var stored: Stored
        var queue: String
        var connection: Int
    }

    private struct State {
        var queues: [String: Queue] = [:]
        var unsettled: [Int: Unsettled] = [:]
        var number = 0
        var leftAtClose = 0

        mutating func next() -> Int {
            number += 1
            return number
        }
    }

    let simulation: Simulation
    let journal: Journal
    private let state = Mutex(State())

    package init(_ simulation: Simulation, _ journal: Journal) {
        self.simulation = simulation
        self.journal = journal
    }

    package func declare(_ queue: AMQPQueue) {
        state.withLock { if $0.queues[queue.name] == nil { $0.queues[queue.name] = Queue(declared: queue) } }
    }

    package func delete(_ queue: String) { state.withLock { $0.queues[queue] = nil } }

    func has(_ queue: String) -> Bool { state.withLock { $0.queues[queue] != nil } }

    /// The bodies that are ready for delivery.
    package func messages(in queue: String) -> [AMQPMessage] {
        state.withLock { $0.queues[queue]?.ready.map(\.message) ?? [] }
    }

    func count(_ queue: String) -> Int? { state.withLock { $0.queues[queue]?.ready.count } }

    /// Messages that are ready in any queue, or delivered and not settled, by queue; those without any are left out.
    package func left(but ignored: Set<String>) -> [String: Int] {
        state.withLock { state in
            var left = state.queues.mapValues(\.ready.count)
            for entry in state.unsettled.values { left[entry.queue, default: 0] += 1 }
            return left.filter { $0.value > 0 && !ignored.contains($0.key) }
        }
    }

    func newNumber() -> Int { state.withLock { $0.next() } }

    // MARK: - What connections do

    /// - Returns: false when there is no such queue.
    @discardableResult
    package func store(_ message: AMQPMessage, in queue: String) -> Bool {
        let stored = state.withLock { state -> Stored? in
            guard state.queues[queue] != nil else { return nil }
            let stored = Stored(number: state.next(), message: message)
            state.queues[queue]?.ready.append(stored)
            return stored
        }
        guard let stored else { return false }
        wake(queue)
        expire(stored, in: queue)
        return true
    }

    private func expire(_ stored: Stored, in name: String) {
        let queue = state.withLock { $0.queues[name] }
        guard let queue, case .int(let milliseconds)? = queue.declared.arguments["x-message-ttl"] else { return }
        simulation.at(simulation.now + .milliseconds(milliseconds)) { [self] in
            let expired = state.withLock { state -> Bool in
                let index = state.queues[name]?.ready.firstIndex { $0.number == stored.number }
                if let index { state.queues[name]?.ready.remove(at: index) }
                return index != nil
            }
            if expired, let target = queue.deadLetterTarget { store(stored.message, in: target) }
        }
    }

    func take(from queue: String, connection: Int) -> Stored? {
        state.withLock { state in
            guard state.queues[queue]?.ready.isEmpty == false, let first = state.queues[queue]?.ready.removeFirst()
            else {
                return nil
            }
            state.unsettled[first.number] = Unsettled(stored: first, queue: queue, connection: connection)
            return first
        }
    }

    func isUnsettled(_ number: Int, connection: Int) -> Bool {
        state.withLock { $0.unsettled[number]?.connection == connection }
    }

    func acknowledge(_ number: Int) { state.withLock { _ = $0.unsettled.removeValue(forKey: number) } }

    /// - Parameter atEnd: as a new message.
    func giveBack(_ number: Int, atEnd: Bool) {
        let (queue, givenUp) = state.withLock { state -> (String?, (message: AMQPMessage, target: String)?) in
            guard var entry = state.unsettled.removeValue(forKey: number), let queue = state.queues[entry.queue] else {
                return (nil, nil)
            }
            if queue.isQuorum { entry.stored.returns += 1 }
            if let limit = queue.deliveryLimit, entry.stored.returns > limit, let target = queue.deadLetterTarget {
                var message = entry.stored.message
                message.headers[MemoryMessage.givenUpByHeader] = .string(AMQPText(entry.queue))
                return (entry.queue, (message, target))
            }
            state.queues[entry.queue]?.ready.insert(entry.stored, at: atEnd ? queue.ready.count : 0)
            return (entry.queue, nil)
        }
        if let queue, let givenUp {
            journal.note("given up \(Shorthand.queue(queue))")
            store(givenUp.message, in: givenUp.target)
        } else if let queue {
            wake(queue)
        }
    }

    /// A connection is closed in an orderly way.
    func noteClosed(connection: Int) {
        state.withLock { state in
            state.leftAtClose += state.unsettled.values.count { $0.connection == connection }
        }
    }

    /// Messages that were unsettled when their process closed its connection. Only a process whose work does not stop
    /// leaves any.
    package var leftAtClose: Int { state.withLock { $0.leftAtClose } }

    /// Messages of a connection that is gone are ready again.
    func requeue(connection: Int) {
        let numbers = state.withLock { state in
            state.unsettled.filter { $0.value.connection == connection }.keys.sorted(by: >)
        }
        for number in numbers { giveBack(number, atEnd: false) }
    }

    /// Returns when the queue may have something.
    func wait(for queue: String, as number: Int) async {
        await withUnsafeContinuation { continuation in
            let isReady = state.withLock { state in
                guard state.queues[queue]?.ready.isEmpty != false else { return true }
                if state.queues[queue] == nil { state.queues[queue] = Queue(declared: AMQPQueue(queue)) }
                state.queues[queue]?.waiting[number] = continuation
                return false
            }
            if isReady { continuation.resume() }
        }
    }

    func wake(_ queue: String, as number: Int? = nil) {
        let waiting = state.withLock { state -> [UnsafeContinuation<Void, Never>] in
            if let number { return [state.queues[queue]?.waiting.removeValue(forKey: number)].compactMap(\.self) }
            defer { state.queues[queue]?.waiting = [:] }
            return state.queues[queue]?.waiting.sorted { $0.key < $1.key }.map(\.value) ?? []
        }
        for continuation in waiting { continuation.resume() }
    }

    /// Whoever waits in a dead process never goes on.
    func forget(_ queue: String, _ number: Int) {
        state.withLock { _ = $0.queues[queue]?.waiting.removeValue(forKey: number) }
    }
}
