import CLinux
import Foundation
import Synchronization

/// A process that ends with its standard input, so that it never outlives the tests, and that writes to its standard
/// output.
package final class PipedProcess: Sendable {
    private let processID: pid_t
    /// The write end of its standard input, which no other child holds; -1 when closed.
    private let lifeline: Mutex<Int32>
    /// The read end of its standard output: at its end the process is gone.
    private let output: Int32

    package init(_ executable: String, _ arguments: [String], environment: [String: String]) throws {
        let (input, lifeline) = try Self.makePipe()
        let (output, outputOfProcess) = try Self.makePipe()
        defer {
            close(input)
            close(outputOfProcess)
        }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO)
        posix_spawn_file_actions_adddup2(&actions, outputOfProcess, STDOUT_FILENO)
        clinux_close_in_child(&actions, STDERR_FILENO + 1)
        // This thread may block signals; a shell that does not hear of the end of its children waits for it forever.
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
            close(lifeline)
            close(output)
            throw ChildProcess.Failure(description: "cannot start \(executable): \(String(cString: strerror(status)))")
        }
        processID = process
        self.lifeline = Mutex(lifeline)
        self.output = output
    }

    /// The next line of its standard output, or nil when there is none in time.
    package func line(withinMilliseconds limit: Int32) async -> String? {
        let output = output
        return await withCheckedContinuation { continuation in
            // Reading blocks: not on a thread of the cooperative pool.
            Thread.detachNewThread {
                var line: [UInt8] = []
                var byte: UInt8 = 0
                var descriptor = pollfd(fd: output, events: Int16(POLLIN), revents: 0)
                while poll(&descriptor, 1, limit) > 0, read(output, &byte, 1) == 1 {
                    if byte == UInt8(ascii: "\n") {
                        return continuation.resume(returning: String(decoding: line, as: UTF8.self))
                    }
                    line.append(byte)
                }
                continuation.resume(returning: nil)
            }
        }
    }

    /// Ends its standard input and waits for its end; kills it when that takes too long. Again does nothing.
    package func end(withinMilliseconds limit: Int32) {
        let lifeline = lifeline.withLock { lifeline in
            defer { lifeline = -1 }
            return lifeline
        }
        guard lifeline >= 0 else { return }
        close(lifeline)
        var descriptor = pollfd(fd: output, events: Int16(POLLIN), revents: 0)
        var byte: UInt8 = 0
        var isGone = false
        while !isGone, poll(&descriptor, 1, limit) > 0 {
            isGone = read(output, &byte, 1) <= 0
        }
        if !isGone { kill(processID, SIGKILL) }
        var status: Int32 = 0
        waitpid(processID, &status, 0)
        close(output)
    }

    private static func makePipe() throws -> (readEnd: Int32, writeEnd: Int32) {
        var ends: [Int32] = [-1, -1]
        // No other child may hold the lifeline, not even one that another thread starts at this moment. posix_spawn's
        // dup2 clears the flag for the process's own ends.
        guard clinux_pipe(&ends) == 0 else {
            throw ChildProcess.Failure(description: "no pipe: \(String(cString: strerror(errno)))")
        }
        return (ends[0], ends[1])
    }
}

package enum ScratchDirectory {
    /// A new directory of this user's alone.
    package static func make(_ purpose: String) throws -> String {
        var template = Array("/tmp/media-processor-\(purpose)-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw ChildProcess.Failure(description: "no temporary directory: \(String(cString: strerror(errno)))")
        }
        return String(decoding: template.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
