/// One of the means that lock a process in. Each holds without the others.
package enum SandboxLayer: String, Sendable, Codable, CaseIterable {
    /// It has the descriptors that it was given and no other.
    case descriptors
    /// It has no capability, and no program that it might start could get one.
    case privileges
    /// No core file, no debugger of the same user.
    case dumps
    /// Memory, processor time, sizes of files and numbers of descriptors are limited.
    case limits
    /// It comes after the processes that serve.
    case priority
    /// A network namespace without any interface.
    case network
    /// Landlock, without any path.
    case fileSystem = "file_system"
    /// seccomp: an allow-list of system calls.
    case systemCalls = "system_calls"

    /// In which order a process takes them: each later one would refuse a step of an earlier one.
    static let order: [SandboxLayer] = [
        .descriptors, .priority, .limits, .network, .privileges, .dumps, .fileSystem, .systemCalls,
    ]

    /// For people.
    package var words: String {
        switch self {
        case .descriptors: "only its own descriptors"
        case .privileges: "no privileges"
        case .dumps: "no dumps"
        case .limits: "limits"
        case .priority: "a lower priority"
        case .network: "no network"
        case .fileSystem: "no files (Landlock)"
        case .systemCalls: "a list of system calls (seccomp)"
        }
    }
}
