internal import Glibc
internal import JobModel

/// The process that listens on a TCP port of this machine, as far as this user may know: `/proc` shows the sockets of all, and
/// whose they are for one's own processes only (or for root).
struct PortOwner: CustomStringConvertible {
    var processID: pid_t
    var name: String

    var description: String { "\(name.shown) (process \(processID))" }

    static func find(_ port: Int) -> PortOwner? {
        let sockets = listeners(port)
        if sockets.isEmpty { return nil }
        for processID in ProcessTable.allProcessIDs() {
            for descriptor in DirectoryEntries.names("/proc/\(processID)/fd")
            where sockets.contains(SmallFile.target(ofLink: "/proc/\(processID)/fd/\(descriptor)") ?? "") {
                return PortOwner(processID: processID, name: name(of: processID))
            }
        }
        return nil
    }

    /// Such as `socket:[4711]`.
    private static func listeners(_ port: Int) -> Set<String> {
        var found: Set<String> = []
        for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
            for line in (SmallFile.read(table, limit: 16 << 20) ?? "").split(separator: "\n").dropFirst() {
                // sl, local_address (hexadecimal, `address:port`), rem_address, st, …, inode as the tenth; see proc(5).
                let fields = line.split(separator: " ", omittingEmptySubsequences: true)
                guard fields.count > 9, fields[3] == "0A",
                    let local = fields[1].split(separator: ":").last.flatMap({ Int($0, radix: 16) }), local == port
                else { continue }
                found.insert("socket:[\(fields[9])]")
            }
        }
        return found
    }

    private static func name(of processID: pid_t) -> String {
        let name = (SmallFile.read("/proc/\(processID)/comm", limit: 256) ?? "").prefix { $0 != "\n" }
        return name.isEmpty ? "a program" : String(name)
    }
}
