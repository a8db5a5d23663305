internal import Glibc
internal import JobModel
internal import Settings

/// A user and a group of this machine.
struct Account: Sendable, Equatable {
    var userID: uid_t
    var groupID: gid_t
    /// nil for a number that no user has.
    var userName: String?
    var groupName: String?
    var home: String?

    /// As `chown` takes it.
    var owner: String { "\(userName ?? "\(userID)"):\(groupName ?? "\(groupID)")" }

    /// - Throws: ``PrivilegeError`` that names the user or group that does not exist.
    init(_ wanted: RunAs) throws(PrivilegeError) {
        let user = Self.user(wanted.user)
        guard let userID = user?.userID ?? uid_t(wanted.user) else {
            throw PrivilegeError(
                message: "RUN_AS=\(wanted): there is no user \(wanted.user); make one with "
                    + "`useradd --system \(wanted.user)`, or set RUN_AS to another"
            )
        }
        self.userID = userID
        userName = user?.name
        home = user?.home
        if let group = wanted.group {
            let found = Self.group(group)
            guard let groupID = found?.groupID ?? gid_t(group) else {
                throw PrivilegeError(message: "RUN_AS=\(wanted): there is no group \(group); set RUN_AS to another")
            }
            (self.groupID, groupName) = (groupID, found?.name)
        } else if let user {
            (groupID, groupName) = (user.groupID, Self.group("\(user.groupID)")?.name)
        } else {
            throw PrivilegeError(
                message: "RUN_AS=\(wanted): no user has this number; name a group too, as \(wanted):GROUP"
            )
        }
        // Even without any other right, user 0 owns the system's files.
        guard userID != 0 else {
            throw PrivilegeError(message: "RUN_AS=\(wanted) is root; unset RUN_AS to run as root, or name another user")
        }
    }

    /// A user for people, such as `user media (998)`.
    static func text(ofUser userID: uid_t) -> String {
        user("\(userID)").map { "user \($0.name.shown) (\(userID))" } ?? "user \(userID)"
    }

    private struct User {
        var name: String
        var userID: uid_t
        var groupID: gid_t
        var home: String
    }

    private static func user(_ text: String) -> User? {
        var entry = passwd()
        var found: UnsafeMutablePointer<passwd>?
        return withEntryBuffer { buffer, size in
            let failure =
                uid_t(text).map { getpwuid_r($0, &entry, buffer, size, &found) }
                ?? getpwnam_r(text, &entry, buffer, size, &found)
            guard failure == 0, found != nil else { return (failure, nil) }
            let user = User(
                name: String(cString: entry.pw_name),
                userID: entry.pw_uid,
                groupID: entry.pw_gid,
                home: String(cString: entry.pw_dir)
            )
            return (0, user)
        }
    }

    private static func group(_ text: String) -> (name: String, groupID: gid_t)? {
        var entry = Glibc.group()
        var found: UnsafeMutablePointer<Glibc.group>?
        return withEntryBuffer { buffer, size in
            let failure =
                gid_t(text).map { getgrgid_r($0, &entry, buffer, size, &found) }
                ?? getgrnam_r(text, &entry, buffer, size, &found)
            guard failure == 0, found != nil else { return (failure, nil) }
            return (0, (String(cString: entry.gr_name), entry.gr_gid))
        }
    }

    /// The calls answer ERANGE when the texts of an entry, such as a group's many members, do not fit.
    private static func withEntryBuffer<T>(
        _ body: (UnsafeMutablePointer<CChar>, Int) -> (failure: CInt, result: T?)
    ) -> T? {
        var size = 4096
        while true {
            let buffer = UnsafeMutablePointer<CChar>.allocate(capacity: size)
            defer { buffer.deallocate() }
            let (failure, result) = body(buffer, size)
            guard failure == ERANGE, size < 1 << 24 else { return result }
            size *= 4
        }
    }
}

/// A reason why this process cannot become the user that it is to run as, with advice.
struct PrivilegeError: Error, Equatable, CustomStringConvertible {
    var message: String
    var description: String { message }
}
