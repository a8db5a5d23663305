import Glibc

extension VideoEngine.Threads {
    /// One thread per codec on up to four processors, which costs the least and keeps them busy, since renditions run
    /// beside each other; more on larger machines.
    ///
    /// - Parameter workers: processes that work at the same time as this one, itself among them.
    package static func automatic(besideWorkers workers: Int = 1) -> VideoEngine.Threads {
        let threads = min(max(ProcessorShare.processors / max(workers, 1) / 4, 1), 8)
        return VideoEngine.Threads(decoder: threads, encoder: threads)
    }
}

/// The processors that this process may use: those of its affinity, and no more than the quota of its control groups.
enum ProcessorShare {
    static var processors: Int {
        guard let group = ownGroup(), let share = quota(ofGroup: group, root: "/sys/fs/cgroup", read: content) else {
            return allowed
        }
        return min(allowed, share)
    }

    /// By the process's affinity.
    private static var allowed: Int {
        content("/proc/self/status").flatMap { affinity($0) }
            ?? max(1, Int(clamping: sysconf(Int32(_SC_NPROCESSORS_ONLN))))
    }

    /// From the kernel's words on a process: `Cpus_allowed:` and groups of hexadecimal digits. Nil without such a line.
    static func affinity(_ status: String) -> Int? {
        let name = "Cpus_allowed:"
        guard let line = status.split(separator: "\n").first(where: { $0.hasPrefix(name) }) else { return nil }
        let count = line.dropFirst(name.count).reduce(0) { $0 + ($1.hexDigitValue ?? 0).nonzeroBitCount }
        return count > 0 ? count : nil
    }

    /// The least quota of a control group and those above it, in whole processors, at least 1; nil when there is none.
    ///
    /// - Parameters:
    ///   - group: its path, `/system.slice/a.service` for example.
    ///   - read: the content of a file, or nil.
    static func quota(ofGroup group: String, root: String, read: (String) -> String?) -> Int? {
        var parts = group.split(separator: "/").map(String.init)
        guard !parts.contains("..") else { return nil }
        var least: Int?
        while true {
            let path = ([root] + parts + ["cpu.max"]).joined(separator: "/")
            // "max 100000" or "150000 100000": microseconds of processor time in each period.
            let words = read(path)?.split(whereSeparator: \.isWhitespace).map { Int($0) } ?? []
            if words.count == 2, let quota = words[0], let period = words[1], quota > 0, period > 0 {
                least = min(least ?? .max, max(1, quota / period))
            }
            guard parts.popLast() != nil else { return least }
        }
    }

    /// This process's group in the unified hierarchy; nil when there is none.
    private static func ownGroup() -> String? {
        content("/proc/self/cgroup")?.split(separator: "\n").first { $0.hasPrefix("0::") }.map {
            String($0.dropFirst(3))
        }
    }

    /// The beginning of a file of the kernel's.
    private static func content(_ path: String) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 8_192)
        let count = Glibc.read(descriptor, &bytes, bytes.count)
        return count >= 0 ? String(decoding: bytes.prefix(count), as: UTF8.self) : nil
    }
}
