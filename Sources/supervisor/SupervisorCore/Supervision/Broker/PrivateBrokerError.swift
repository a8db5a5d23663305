/// The private broker could not be started, with what to do about it.
struct PrivateBrokerError: Error, Equatable, CustomStringConvertible {
    enum Code: String, Sendable {
        case notInstalled
        /// Another node uses the directory.
        case inUse
        case directory
        /// The node ended, or did not become usable in time.
        case start
        /// Asked to stop before the node was usable.
        case stopped
    }

    var code: Code
    var message: String

    var description: String { message }
}
