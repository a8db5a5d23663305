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

    /// - Parameter processIDs: where to look, in any order.
    /// - Returns: nil when nobody listens there.
    static func find(_ port: Int, among processIDs: [pid_t] = ProcessTable.allProcessIDs()) -> PortOwner? {
        let listeners = listeners(port)
        guard let userID = listeners.values.first else { return nil }
        // A socket may have been left to children as well: whoever started first has opened it.
        var eldest: (user: uid_t, processID: pid_t, start: UInt64)?
        for processID in processIDs {
            guard let user = user(ofAny: listeners, in: processID),
                let start = ProcessTable.startTicks(of: processID)
            else { continue }
            if start < eldest?.start ?? .max { eldest = (user, processID, start) }
        }
        guard let eldest else { return PortOwner(userID: userID) }
        return PortOwner(
            userID: eldest.user,
            program: Program(processID: eldest.processID, name: name(of: eldest.processID))
        )
    }

    /// The user of a socket that the process has open; nil when it has none of them, or does not show us.
    private static func user(ofAny sockets: [String: uid_t], in processID: pid_t) -> uid_t? {
        for descriptor in DirectoryEntries.names("/proc/\(processID)/fd") {
            guard let target = SmallFile.target(ofLink: "/proc/\(processID)/fd/\(descriptor)") else { continue }
            if let user = sockets[target] { return user }
        }
        return nil
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
