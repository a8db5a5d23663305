internal import CLinux
internal import Glibc

/// This machine's processes, as `/proc` shows them.
enum ProcessTable {
    /// The processes whose parent is `parent`.
    static func children(of parent: pid_t) -> [pid_t] {
        allProcessIDs().filter { parentID(of: $0) == parent }
    }

    static func isRunning(_ processID: pid_t) -> Bool { processID > 0 && (kill(processID, 0) == 0 || errno == EPERM) }

    /// Whether a process will end, whatever it does: it is exiting, writes its core file, or
    /// has been sent SIGKILL.
    static func isDying(_ processID: pid_t) -> Bool {
        guard let fields = statusFields(of: processID), fields.count > 6, let flags = UInt64(fields[6]) else {
            return !isRunning(processID)
        }
        // PF_EXITING, PF_DUMPCORE and PF_SIGNALED of the kernel's <linux/sched.h>.
        if flags & 0x604 != 0 || fields[0] == "Z" || fields[0] == "X" { return true }
        let killed: UInt64 = 1 << (UInt64(SIGKILL) - 1)
        let lines = (SmallFile.read("/proc/\(processID)/status") ?? "").split(separator: "\n")
        return lines.contains { line in
            guard line.hasPrefix("SigPnd:") || line.hasPrefix("ShdPnd:"), let mask = line.split(separator: "\t").last
            else {
                return false
            }
            return (UInt64(mask, radix: 16) ?? 0) & killed != 0
        }
    }

    /// Sleeps, for a condition that no event announces.
    static func pause(milliseconds: CInt) { poll(nil, 0, milliseconds) }

    /// Waits for the end of a process that need not be a child.
    ///
    /// - Returns: false when it was still there at the end of the time.
    static func waitForEnd(of processID: pid_t, milliseconds: CInt) -> Bool {
        let descriptor = clinux_pidfd_open(processID)
        guard descriptor >= 0 else { return true }
        defer { close(descriptor) }
        return waitForEnd(descriptor: descriptor, milliseconds: milliseconds)
    }

    private static func waitForEnd(descriptor: CInt, milliseconds: CInt) -> Bool {
        var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        while true {
            let ready = poll(&waiting, 1, milliseconds)
            if ready >= 0 || errno != EINTR { return ready == 1 }
        }
    }

    /// Kills every child of this process, and the children that these leave to a subreaper, until there is none.
    static func killAllChildren() {
        while true {
            let present = children(of: getpid())
            if present.isEmpty { return }
            for child in present {
                let descriptor = clinux_pidfd_open(child)
                guard descriptor >= 0 else { continue }
                defer { close(descriptor) }
                // Asked again with the descriptor in hand: the number may have been given to somebody else's process.
                guard parentID(of: child) == getpid() else { continue }
                _ = clinux_pidfd_send_signal(descriptor, SIGKILL)
                _ = waitForEnd(descriptor: descriptor, milliseconds: -1)
                waitpid(child, nil, WNOHANG)
            }
        }
    }

    /// Memory of the process that is in RAM; 0 when it is gone.
    static func residentBytes(of processID: pid_t) -> Int64 {
        let fields = (SmallFile.read("/proc/\(processID)/statm", limit: 256) ?? "").split(separator: " ")
        guard fields.count > 1, let pages = Int64(fields[1]) else { return 0 }
        return pages * Int64(sysconf(CInt(_SC_PAGESIZE)))
    }

    /// Time on a processor since the process started, in seconds; nil when it is gone.
    static func processorSeconds(of processID: pid_t) -> Double? {
        guard let fields = statusFields(of: processID), fields.count > 12, let user = Double(fields[11]),
            let system = Double(fields[12])
        else { return nil }
        return (user + system) / Double(sysconf(CInt(_SC_CLK_TCK)))
    }

    /// When the process started, in clock ticks since this machine's kernel did; nil when it is gone.
    static func startTicks(of processID: pid_t) -> UInt64? {
        guard let fields = statusFields(of: processID), fields.count > 19 else { return nil }
        return UInt64(fields[19])
    }

    /// Memory and processor time of a process; nil when it is gone.
    static func usage(of processID: pid_t) -> ProcessUsage? {
        guard let seconds = processorSeconds(of: processID) else { return nil }
        return ProcessUsage(
            residentBytes: residentBytes(of: processID),
            proportionalBytes: proportionalBytes(of: processID),
            processorSeconds: seconds
        )
    }

    /// Memory of the process in RAM, with its part of the shared pages; nil when the kernel does not tell us.
    static func proportionalBytes(of processID: pid_t) -> Int64? {
        let text = SmallFile.read("/proc/\(processID)/smaps_rollup", limit: 4096) ?? ""
        guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix("Pss:") }),
            let kibibytes = line.split(separator: " ").dropFirst().first.flatMap({ Int64($0) })
        else { return nil }
        return kibibytes.multipliedReportingOverflow(by: 1024).partialValue
    }

    /// The fields of `/proc/PID/stat` after the program's name.
    private static func statusFields(of processID: pid_t) -> [Substring]? {
        guard let text = SmallFile.read("/proc/\(processID)/stat"),
            // The program's name, in parentheses, may hold anything; the fields begin after the last one.
            let end = text.lastIndex(of: ")")
        else { return nil }
        return text[text.index(after: end)...].split(separator: " ")
    }

    static func allProcessIDs() -> [pid_t] { DirectoryEntries.names("/proc").compactMap { pid_t($0) } }

    private static func parentID(of processID: pid_t) -> pid_t? {
        guard let fields = statusFields(of: processID), fields.count > 1 else { return nil }
        return pid_t(fields[1])
    }
}

/// Memory and processor time of a process.
struct ProcessUsage: Sendable, Equatable {
    /// In RAM, shared pages included.
    var residentBytes: Int64
    /// In RAM, divided by the number of processes that share it, so that sums make sense; nil where it is not known.
    var proportionalBytes: Int64?
    /// On a processor since the start.
    var processorSeconds: Double
}
