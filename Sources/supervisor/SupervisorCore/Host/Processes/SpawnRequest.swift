internal import Glibc
internal import Text

/// A program to start.
struct SpawnRequest: Sendable {
    /// Absolute path.
    var executable: String
    /// Without the program's own name.
    var arguments: [String]
    var environment: [String: String]
    /// The child's working directory; nil for ours.
    var workingDirectory: String?
    /// The child's descriptor numbers, from 3 on, and which of ours each is.
    var descriptors: [CInt: CInt] = [:]
    /// Our descriptor that becomes standard input; nil for `/dev/null`.
    var standardInput: CInt?
    /// Our descriptors that become standard output and error; nil to share ours.
    var standardOutput: CInt?
    var standardError: CInt?
}

/// A program could not be started.
struct SpawnError: Error, Equatable, CustomStringConvertible {
    var executable: String
    var errno: CInt

    var description: String { "cannot start \(executable): \(systemMessage(errno))" }
}
