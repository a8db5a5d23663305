import Synchronization

/// All that happened in a simulation and can be seen from outside a process, in order.
package final class Journal: Sendable {
    private let lines = Mutex<[String]>([])

    package init() {}

    package var entries: [String] { lines.withLock { $0 } }

    package func note(_ entry: String) { lines.withLock { $0.append(entry) } }
}
