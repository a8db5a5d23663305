internal import CLinux
internal import Files
internal import Glibc

/// Checks whether somebody besides root and this process's user could replace what a path
/// leads to.
///
/// A user who may write to a directory may replace everything in it, whoever owns that, unless the directory is sticky.
/// So it is not enough to look at a file: each directory and each link on the way to it counts. With all of them fit
/// nobody else can change the answer after it was given. Changes nothing.
struct PathTrust: Sendable {
    /// A path that somebody else could change, with advice.
    struct Problem: Error, Equatable, CustomStringConvertible {
        /// The path, and its fault.
        var cause: String
        var remedy: String

        var description: String { "\(cause); \(remedy)" }
    }

    /// The advice that is always possible, such as `set STATE_DIR to another place`.
    var elsewhere: String
    var user = geteuid()

    private static let mostLinks = 40

    /// Looks at everything on the way to a path, but not at what is there itself. A missing directory is no problem: it
    /// will be made in what is there.
    ///
    /// - Parameter path: absolute.
    /// - Returns: the path without links.
    func check(wayTo path: String) throws(Problem) -> String {
        var rest = Array(Self.components(path).reversed())
        var current = ""
        var links = 0
        try checkDirectory("/", status: Self.status("/"))
        while let name = rest.popLast() {
            if name == "." { continue }
            if name == ".." {
                current = current.lastIndex(of: "/").map { String(current[..<$0]) } ?? ""
                continue
            }
            let next = current + "/" + name
            guard let status = Self.status(next) else { return ([next] + rest.reversed()).joined(separator: "/") }
            if status.kind == .symbolicLink {
                links += 1
                guard links <= Self.mostLinks, let target = SmallFile.target(ofLink: next) else {
                    throw Problem(cause: "\(next) leads nowhere", remedy: "remove it, or \(elsewhere)")
                }
                try checkOwner(next, status, "where it leads to")
                if target.utf8.first == UInt8(ascii: "/") { current = "" }
                rest += Self.components(target).reversed()
            } else if rest.isEmpty {
                return next
            } else {
                try checkDirectory(next, status: status)
                current = next
            }
        }
        return current.isEmpty ? "/" : current
    }

    /// Looks at the way to a directory that is to be this user's alone, and at the directory itself where it is there.
    ///
    /// - Returns: the path without links.
    func check(ownDirectory path: String) throws(Problem) -> String {
        let resolved = try check(wayTo: path)
        guard let status = Self.status(resolved) else { return resolved }
        guard status.kind == .directory else {
            throw Problem(cause: "\(resolved) is not a directory", remedy: "remove it, or \(elsewhere)")
        }
        guard status.owner == user else {
            throw Problem(
                cause: "\(resolved) belongs to user \(status.owner), and this process runs as \(user)",
                remedy: "run as its owner, or \(elsewhere)"
            )
        }
        try checkMode(resolved, status)
        return resolved
    }

    /// Looks at the way to a file or directory that others may have made but must not be able to change, and at itself.
    func check(_ path: String) throws(Problem) {
        let resolved = try check(wayTo: path)
        guard let status = Self.status(resolved) else { return }
        try checkOwner(resolved, status, "what it is")
        try checkMode(resolved, status)
    }

    /// Looks at something within a directory that ``check(ownDirectory:)`` found fit, and at all beneath it.
    ///
    /// - Parameter isReachable: whether others may pass through the directories above. A path that they cannot reach
    ///   they cannot write to, whatever its mode is.
    func check(within path: String, isReachable: Bool = true) throws(Problem) {
        guard let status = Self.status(path) else { return }
        if status.kind == .symbolicLink {
            throw Problem(
                cause: "\(path) is a symbolic link",
                remedy: "remove it, or put in its place what it leads to"
            )
        }
        try checkOwner(path, status, "what it is")
        if isReachable { try checkMode(path, status) }
        guard status.kind == .directory else { return }
        let isOpen = isReachable && status.permissions & 0o011 != 0
        for name in DirectoryEntries.names(path) {
            // A path in text cannot name such an entry, and nothing of ours has such a name.
            if name.unicodeScalars.contains("\u{FFFD}") {
                throw Problem(cause: "something in \(path) has a name that is not UTF-8", remedy: "remove it")
            }
            try check(within: path + "/" + name, isReachable: isOpen)
        }
    }

    // MARK: - One entry

    private func checkDirectory(_ path: String, status: FileStatus?) throws(Problem) {
        guard let status else { return }
        try checkOwner(path, status, "what is in it")
        // Only its own owner may rename or delete an entry of a sticky directory, and the entry is looked at
        // next.
        if status.permissions & UInt32(S_ISVTX) != 0 { return }
        guard Self.canOthersWrite(path, status) else { return }
        throw Problem(
            cause: "\(path) can be written to by others (mode \(Self.octal(status))), who could replace what is in it",
            remedy: "`chmod go-w \(path)`, or \(elsewhere)"
        )
    }

    private func checkOwner(_ path: String, _ status: FileStatus, _ what: String) throws(Problem) {
        if status.owner == user || status.owner == 0 || status.owner == Self.unknownRoot { return }
        throw Problem(
            cause: "\(path) belongs to user \(status.owner), who could change \(what)",
            remedy: "look at it, then remove it or give it to root or user \(user), or \(elsewhere)"
        )
    }

    private func checkMode(_ path: String, _ status: FileStatus) throws(Problem) {
        guard Self.canOthersWrite(path, status) else { return }
        throw Problem(
            cause: "\(path) can be written to by others (mode \(Self.octal(status)))",
            remedy: "look for what they may have planted, then `chmod go-w \(path)`, or \(elsewhere)"
        )
    }

    private static func canOthersWrite(_ path: String, _ status: FileStatus) -> Bool {
        if status.permissions & UInt32(S_IWOTH) != 0 { return true }
        guard status.permissions & UInt32(S_IWGRP) != 0 else { return false }
        // With an access list the group's bits are the most that the list grants to anybody.
        return clinux_has_access_list(path) != 0 || status.group != 0 && status.group != ownGroup
    }

    private static func octal(_ status: FileStatus) -> String { String(status.permissions & 0o7777, radix: 8) }

    private static func status(_ path: String) -> FileStatus? { FileStatus(entry: path) }

    /// By bytes, as the kernel does.
    private static func components(_ path: String) -> [String] {
        path.utf8.split(separator: UInt8(ascii: "/")).map { String(decoding: $0, as: UTF8.self) }
    }

    // MARK: - Who the others are

    /// This process's group where it is its user's private one: of the user's name, and without other members. Many
    /// systems make one for each user, and give it all that the user makes.
    private static let ownGroup: gid_t? = {
        var buffer = [CChar](repeating: 0, count: 1 << 16)
        var userEntry = passwd()
        var user: UnsafeMutablePointer<passwd>?
        guard getpwuid_r(geteuid(), &userEntry, &buffer, buffer.count, &user) == 0, user != nil else { return nil }
        let name = String(cString: userEntry.pw_name)
        var groupEntry = Glibc.group()
        var found: UnsafeMutablePointer<Glibc.group>?
        guard getgrgid_r(getegid(), &groupEntry, &buffer, buffer.count, &found) == 0, found != nil,
            String(cString: groupEntry.gr_name) == name, userEntry.pw_gid == getegid()
        else { return nil }
        var member = groupEntry.gr_mem
        while let text = member?.pointee {
            if String(cString: text) != name { return nil }
            member = member?.advanced(by: 1)
        }
        return getegid()
    }()

    /// The number that root's files have in a user namespace that does not know the machine's root; nil where it is 0.
    private static let unknownRoot: uid_t? = {
        let lines = (SmallFile.read("/proc/self/uid_map") ?? "").split(separator: "\n")
        let outside = lines.map { line in line.split(separator: " ").dropFirst().first.flatMap { UInt64($0) } }
        guard !outside.isEmpty, !outside.contains(0) else { return nil }
        return (SmallFile.read("/proc/sys/kernel/overflowuid")?.dropLast()).flatMap { uid_t($0) }
    }()
}
