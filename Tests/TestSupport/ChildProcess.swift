import CLinux
package import Foundation
import Synchronization

/// A process that a test starts, and always stops.
///
/// Not `Foundation.Process`: its children can inherit a signal mask that blocks SIGTERM.
package final class ChildProcess: Sendable {
    package struct Failure: Error, CustomStringConvertible {
        package var description: String
    }

    package enum Exit: Sendable, Equatable {
        case status(Int32)
        case signal(Int32)
    }

    package let processID: pid_t
    private let exit = Mutex<Exit?>(nil)

    /// - Parameters:
    ///   - environment: all of it.
    ///   - output: a file that standard output and standard error are written to.
    ///   - inheritsDescriptors: whether it has what the tests have open, unless that is closed on exec.
    package init(
        _ executable: String,
        _ arguments: [String],
        environment: [String: String],
        output: String,
        inheritsDescriptors: Bool = false
    ) throws {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, output, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO)
        // Otherwise the tests beside this one find their listening sockets in it.
        if !inheritsDescriptors { clinux_close_in_child(&actions, STDERR_FILENO + 1) }
        processID = try Self.spawn(executable, arguments, environment: environment, &actions)
    }

    /// Starts a process that no signal is blocked for: threads of tests block some, children inherit that, and a shell
    /// that hears nothing of a child's end waits for ever.
    static func spawn(
        _ executable: String,
        _ arguments: [String],
        environment: [String: String],
        _ actions: inout posix_spawn_file_actions_t
    ) throws -> pid_t {
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        var argv = ([executable] + arguments).map { strdup($0) } + [nil]
        var envp = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for pointer in argv + envp { free(pointer) } }
        var process = pid_t()
        let status = posix_spawn(&process, executable, &actions, &attributes, &argv, &envp)
        guard status == 0 else {
            throw Failure(description: "cannot start \(executable): \(String(cString: strerror(status)))")
        }
        return process
    }

    package func send(_ signal: Int32) { kill(processID, signal) }

    /// Waits for the end on a thread of its own; the end is remembered.
    package func wait() async -> Exit {
        if let known = exit.withLock({ $0 }) { return known }
        let found: Exit = await withCheckedContinuation { continuation in
            Thread.detachNewThread { [processID] in
                var status: Int32 = 0
                while waitpid(processID, &status, 0) < 0, errno == EINTR {}
                continuation.resume(
                    returning: status & 0x7F == 0 ? .status((status >> 8) & 0xFF) : .signal(status & 0x7F)
                )
            }
        }
        exit.withLock { $0 = found }
        return found
    }

    /// Runs a program to its end and returns what it wrote to standard output and standard error.
    ///
    /// - Throws: ``Failure`` with the output when the status is not 0.
    @discardableResult
    package static func run(
        _ executable: String,
        _ arguments: [String],
        environment: [String: String] = ProcessInfo.processInfo.environment
    ) async throws -> String {
        let output = NSTemporaryDirectory() + "child-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: output) }
        let process = try ChildProcess(
            "/usr/bin/env",
            [executable] + arguments,
            environment: environment,
            output: output
        )
        let exit = await process.wait()
        let text = (try? String(contentsOfFile: output, encoding: .utf8)) ?? ""
        guard exit == .status(0) else {
            throw Failure(description: "\(executable) \(arguments) ended with \(exit): \(text)")
        }
        return text
    }
}

/// The executables that are built beside the tests.
package enum BuiltExecutable {
    /// - Throws: ``ChildProcess/Failure`` when it was not built.
    package static func path(_ name: String) throws -> String {
        let own = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        // The test bundle's path is this process's own or one of its arguments.
        for start in CommandLine.arguments + [own].compactMap(\.self) where start.hasPrefix("/") {
            var directory = URL(filePath: start).deletingLastPathComponent()
            while directory.path != "/" {
                let candidate = directory.appending(path: name).path
                var isDirectory: ObjCBool = false
                if FileManager.default.fileExists(atPath: candidate, isDirectory: &isDirectory),
                    !isDirectory.boolValue, FileManager.default.isExecutableFile(atPath: candidate)
                {
                    return candidate
                }
                directory.deleteLastPathComponent()
            }
        }
        throw ChildProcess.Failure(description: "no executable \(name) beside the tests; build it first")
    }
}
