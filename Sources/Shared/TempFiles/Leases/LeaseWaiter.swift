internal import Files
internal import Glibc
internal import Ledger
internal import Threads

/// Waits for a lease on a thread of its own.
///
/// inotify tells when a descriptor of the lease file closes. That happens at the end of every holder, of a killed one
/// as well. The kernel sends the event just before it drops the lock, so the lock is tried again after 1, 2, 4, … ms.
/// Where inotify is not available, the slow end of that series is all there is.
struct LeaseWaiter {
    enum Outcome: Sendable {
        case locked(LeaseFile)
        /// Another holder kept the lease for the whole time.
        case held
        /// The lease's file was removed or replaced meanwhile, so the job's row in the ledger may have changed.
        case startOver
        /// There is no such directory.
        case absent
        case cancelled
    }

    private static let shortestPauseMilliseconds: CInt = 1
    private static let longestPauseWithoutEvents: CInt = 50

    let root: RootedDirectory
    let directory: String
    let makesDirectory: Bool
    var deadline: ContinuousClock.Instant
    /// Ends the wait from another thread.
    var wake: WakePipe?
    /// The pause between the first two tries.
    var firstPauseMilliseconds = Self.shortestPauseMilliseconds
    /// The longest pause between two tries when inotify reports nothing.
    var longestPauseMilliseconds: CInt = 250

    /// Blocks until there is an outcome.
    func run() throws(FileSystemError) -> Outcome {
        guard let lease = try LeaseFile.open(root, directory: directory, makesDirectory: makesDirectory) else {
            return .absent
        }
        if try lease.tryLock() { return try outcome(lease) }
        if ContinuousClock.now >= deadline { return .held }
        let events = Self.watch(lease)
        defer { if events >= 0 { close(events) } }
        let longest = events >= 0 ? longestPauseMilliseconds : Self.longestPauseWithoutEvents
        // The holder may have ended between the try above and the watch, so that no event comes.
        var pause = firstPauseMilliseconds
        while true {
            let left = deadline - ContinuousClock.now
            var polled = [
                pollfd(fd: events, events: Int16(POLLIN), revents: 0),
                pollfd(fd: wake?.readEnd ?? -1, events: Int16(POLLIN), revents: 0),
            ]
            _ = poll(&polled, nfds_t(polled.count), min(pause, Self.milliseconds(left)))
            if polled[1].revents != 0 { return .cancelled }
            if polled[0].revents != 0 {
                Self.drain(events)
                pause = Self.shortestPauseMilliseconds
            } else {
                pause = min(pause, longest / 2) * 2
            }
            if try lease.tryLock() { return try outcome(lease) }
            if left <= .zero { return .held }
        }
    }

    private func outcome(_ lease: LeaseFile) throws(FileSystemError) -> Outcome {
        try lease.isCurrent(root, directory: directory) ? .locked(lease) : .startOver
    }

    /// An inotify descriptor for the closing of `lease`, or -1 when the user has too many already.
    private static func watch(_ lease: LeaseFile) -> CInt {
        let events = inotify_init1(CInt(IN_CLOEXEC) | CInt(IN_NONBLOCK))
        if events < 0 { return -1 }
        // By descriptor, as the name may be that of another file by now.
        let mask = UInt32(IN_CLOSE_WRITE) | UInt32(IN_CLOSE_NOWRITE)
        if inotify_add_watch(events, "/proc/self/fd/\(lease.descriptor)", mask) < 0 {
            close(events)
            return -1
        }
        return events
    }

    private static func drain(_ events: CInt) {
        withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 8) { buffer in
            while read(events, buffer.baseAddress, buffer.count) > 0 {}
        }
    }

    /// A duration for `poll`, rounded up. It is never negative, as `poll` would wait without a limit then.
    static func milliseconds(_ duration: Duration) -> CInt {
        if duration <= .zero { return 0 }
        let (seconds, attoseconds) = duration.components
        if seconds >= 1000 { return 1_000_000 }
        return CInt(seconds) * 1000 + CInt(attoseconds / 1_000_000_000_000_000) + 1
    }
}
