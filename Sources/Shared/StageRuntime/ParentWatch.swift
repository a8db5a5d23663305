internal import CLinux
internal import Dispatch
internal import Glibc

/// Notices that the supervisor is gone, so that no worker outlives the tree.
enum ParentWatch {
    /// Yields once when the lifeline reaches its end.
    static func parentDeath(lifeline: CInt) -> AsyncStream<Void> {
        let (stream, continuation) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
        let source = DispatchSource.makeReadSource(fileDescriptor: lifeline, queue: .global())
        source.setEventHandler {
            var byte: UInt8 = 0
            // Nothing is ever written to a lifeline; readable means closed.
            guard read(lifeline, &byte, 1) <= 0 else { return }
            continuation.yield()
            continuation.finish()
            source.cancel()
        }
        source.activate()
        // The source lives as long as somebody waits for it.
        continuation.onTermination = { _ in source.cancel() }
        return stream
    }

    /// Asks the kernel for SIGTERM when the thread that spawned this process ends.
    static func requestDeathSignal() { _ = clinux_set_parent_death_signal(SIGTERM) }
}
