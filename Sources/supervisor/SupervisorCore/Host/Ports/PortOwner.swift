internal import Glibc
internal import JobModel

/// The listener on a TCP port of this machine, as far as this user may know it: `/proc` shows the sockets of all with
/// their users, and the process for one's own only (or for root).
struct PortOwner: CustomStringConvertible {
    struct Program {
        var processID: pid_t
        var name: String
    }

    var userID: uid_t
    /// nil when it is not for this user to know.
    var program: Program?

    var description: String {
        program.map { "\($0.name.shown) (process \($0.processID))" }
            ?? "a program of \(Account.text(ofUser: userID))"
    }

    /// nil when nobody listens there.
    static func find(_ port: Int) -> PortOwner? {
        let listeners = listeners(port)
        guard let userID = listeners.values.first else { return nil }
        for processID in ProcessTable.allProcessIDs() {
            for descriptor in DirectoryEntries.names("/proc/\(processID)/fd") {
                guard let target = SmallFile.target(ofLink: "/proc/\(processID)/fd/\(descriptor)"),
                    let user = listeners[target]
                else { continue }
                return PortOwner(userID: user, program: Program(processID: processID, name: name(of: processID)))
            }
        }
        return PortOwner(userID: userID)
    }

    /// The users of sockets such as `socket:[4711]`.
    private static func listeners(_ port: Int) -> [String: uid_t] {
        var found: [String: uid_t] = [:]
        for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
            for line in (SmallFile.read(table, limit: 16 << 20) ?? "").split(separator: "\n").dropFirst() {
                // sl, local_address (hexadecimal, `address:port`), rem_address, st, queues, timer, retransmits, uid,
                // timeout, inode; see proc(5).
                let fields = line.split(separator: " ", omittingEmptySubsequences: true)
                guard fields.count > 9, fields[3] == "0A", let user = uid_t(fields[7]),
                    let local = fields[1].split(separator: ":").last.flatMap({ Int($0, radix: 16) }), local == port
                else { continue }
                found["socket:[\(fields[9])]"] = user
            }
        }
        return found
    }

    private static func name(of processID: pid_t) -> String {
        let name = (SmallFile.read("/proc/\(processID)/comm", limit: 256) ?? "").prefix { $0 != "\n" }
        return name.isEmpty ? "a program" : String(name)
    }
}
