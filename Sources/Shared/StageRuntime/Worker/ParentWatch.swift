internal import CLinux
internal import Dispatch
internal import Glibc

/// Notices that the supervisor is gone, so that no worker outlives the tree.
enum ParentWatch {
    /// Yields once when the lifeline reaches its end. The process ends `patience` later, even if no task of it runs any more.
    static func parentDeath(lifeline: CInt, patience: Duration) -> AsyncStream<Void> {
        let (stream, continuation) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
        // A blocking read is the whole wait: nothing is ever written to a lifeline, so it returns when the other end is
        // closed. The thread ends with the process.
        DispatchQueue(label: "lifeline").async {
            var byte: UInt8 = 0
            while read(lifeline, &byte, 1) < 0, errno == EINTR {}
            continuation.yield()
            continuation.finish()
            exit(after: patience)
        }
        return stream
    }

    private static let parent = getppid()

    /// The process that started this one is gone. Meaningful after ``rememberParent()``.
    static var isOrphan: Bool { getppid() != parent }

    /// Ends the process at the latest then, but for its last log lines, whatever it does: state that must survive does so at any kill.
    static func exit(after time: Duration) {
        let milliseconds = Int(clamping: time.milliseconds)
        DispatchQueue(label: "orphan").asyncAfter(deadline: .now() + .milliseconds(milliseconds)) {
            LeavableWork.endProcess(75)
        }
    }

    /// Call before anything can end the parent.
    static func rememberParent() { _ = parent }

    /// Asks the kernel for SIGTERM when the thread that spawned this process ends.
    static func requestDeathSignal() { _ = clinux_set_parent_death_signal(SIGTERM) }
}
