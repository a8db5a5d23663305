import Synchronization

/// What happened in a simulation that somebody outside a process could see, in order.
package final class Journal: Sendable {
    private let lines = Mutex<[String]>([])

    package init() {}

    package var entries: [String] { lines.withLock { $0 } }

    package func note(_ entry: String) { lines.withLock { $0.append(entry) } }
}
