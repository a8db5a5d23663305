internal import CSandbox
package import Glibc

/// A child that this process has forked, until it is waited for.
package struct ForkedChild: Sendable {
    package let processID: pid_t

    package init(processID: pid_t) { self.processID = processID }

    /// Runs `body` in a copy of this process, which ends with its result as exit status. Only for a process with a
    /// single thread.
    ///
    /// - Throws: the errno of a fork that failed.
    package static func fork(_ body: (_ parent: pid_t) -> CInt) throws(ForkError) -> ForkedChild {
        let parent = getpid()
        let child = csandbox_fork()
        if child == 0 { csandbox_exit(body(parent)) }
        if child < 0 { throw ForkError(errno: errno) }
        return ForkedChild(processID: child)
    }

    /// Blocks until it has ended. A child that somebody else has waited for counts as one that exited with 255.
    package func wait() -> ChildEnd {
        var (status, cpu, memory): (CInt, Int64, Int64) = (0, 0, 0)
        return csandbox_wait(processID, 1, &status, &cpu, &memory) == 1
            ? ChildEnd(status: status, cpuMicroseconds: cpu, memoryBytes: memory) : ChildEnd.exited(255)
    }

    /// nil while it goes on.
    package func endIfEnded() -> ChildEnd? {
        var (status, cpu, memory): (CInt, Int64, Int64) = (0, 0, 0)
        switch csandbox_wait(processID, 0, &status, &cpu, &memory) {
        case 1: return ChildEnd(status: status, cpuMicroseconds: cpu, memoryBytes: memory)
        case 0: return nil
        default: return ChildEnd.exited(255)
        }
    }

    package func kill() { _ = Glibc.kill(processID, SIGKILL) }
}

package struct ForkError: Error, Equatable {
    package var errno: CInt
}

/// How a child ended, and what it had used.
package struct ChildEnd: Sendable, Codable, Equatable {
    /// As waitpid(2) has it.
    package var status: Int32
    package var cpuMicroseconds: Int64
    /// The largest resident size.
    package var memoryBytes: Int64

    package init(status: Int32, cpuMicroseconds: Int64 = 0, memoryBytes: Int64 = 0) {
        self.status = status
        self.cpuMicroseconds = cpuMicroseconds
        self.memoryBytes = memoryBytes
    }

    package static func exited(_ status: UInt8) -> ChildEnd { ChildEnd(status: Int32(status) << 8) }

    /// The signal that ended it; nil when it exited.
    package var signal: Int32? { status & 0x7F == 0 ? nil : status & 0x7F }

    /// nil when a signal ended it.
    package var exitStatus: Int32? { status & 0x7F == 0 ? (status >> 8) & 0xFF : nil }
}
