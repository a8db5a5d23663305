internal import CLinux
internal import Glibc

/// A directory held open, and everything beneath it.
///
/// Every path is relative to the descriptor and resolved by the kernel with `openat2(2)` and `RESOLVE_BENEATH |
/// RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS`: an absolute path, a `..` that climbs out, or a symbolic link anywhere
/// on the way is refused with ``FileSystemError/isOutsideRoot``, even when somebody swaps a directory for a link while
/// the call runs. Checking a path first and using it later cannot promise that.
package final class RootedDirectory: Sendable {
    let descriptor: CInt
    private let crossesMounts: Bool
    /// The path of the directory when it was opened; for messages and for paths handed to libraries.
    package let path: String

    /// Opens an existing directory by a trusted path.
    ///
    /// - Parameter crossesMounts: whether a file system mounted beneath the directory counts as part of it.
    package init(opening path: String, crossesMounts: Bool = false) throws(FileSystemError) {
        let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if descriptor < 0 { throw .init(operation: "open directory", path: path, errno: errno) }
        self.descriptor = descriptor
        self.path = path
        self.crossesMounts = crossesMounts
    }

    private init(owning descriptor: CInt, path: String, crossesMounts: Bool) {
        self.descriptor = descriptor
        self.path = path
        self.crossesMounts = crossesMounts
    }

    deinit { _ = close(descriptor) }

    /// Makes the directories of a trusted path that are missing, with `mode`, and opens the last one.
    package static func create(
        _ path: String,
        mode: UInt32,
        crossesMounts: Bool = false
    ) throws(FileSystemError) -> RootedDirectory {
        var made = path.utf8.first == UInt8(ascii: "/") ? "" : "."
        for component in pathComponents(path) {
            let parent = made.isEmpty ? "/" : made
            made += "/" + component
            if mkdir(made, mode) == 0 {
                try synchronize(parent)
            } else if errno != EEXIST, errno != EISDIR {
                // A parent that exists may refuse mkdir with EROFS or EACCES; only opening it tells.
                let failure = errno
                if access(made, F_OK) != 0 { throw .init(operation: "mkdir", path: made, errno: failure) }
            }
        }
        return try RootedDirectory(opening: path, crossesMounts: crossesMounts)
    }

    /// A directory that got an entry. One that may be searched but not read is none of ours to promise anything of.
    private static func synchronize(_ path: String) throws(FileSystemError) {
        do { try RootedDirectory(opening: path).synchronize() } catch  where error.errno == EACCES {}
    }

    // MARK: - Files

    /// Opens a file beneath this directory.
    ///
    /// - Parameter flags: as for `open(2)`; `O_CLOEXEC` and `O_NOFOLLOW` are added.
    package func openFile(_ name: String, flags: Int32, mode: UInt32 = 0o600) throws(FileSystemError) -> OpenFile {
        try openFile(Self.path(name, operation: "open"), flags: flags, mode: mode)
    }

    package func openFile(_ path: RelativePath, flags: Int32, mode: UInt32 = 0o600) throws(FileSystemError) -> OpenFile
    {
        OpenFile(
            owning: try resolve(path, flags: flags | O_NOFOLLOW, mode: mode, operation: "open"),
            path: path.text
        )
    }

    /// Opens a directory beneath this one, or with `.` this one again.
    ///
    /// - Parameter crossesMounts: nil keeps this directory's rule for entries beneath the new one.
    package func openDirectory(
        _ name: String,
        crossesMounts: Bool? = nil
    ) throws(FileSystemError) -> RootedDirectory {
        let isThisOne = name.utf8.elementsEqual(".".utf8)
        return try openDirectory(
            isThisOne ? nil : Self.path(name, operation: "open directory"),
            crossesMounts: crossesMounts
        )
    }

    /// - Parameter path: nil for this directory itself.
    package func openDirectory(
        _ path: RelativePath?,
        crossesMounts: Bool? = nil
    ) throws(FileSystemError) -> RootedDirectory {
        let child = try resolve(path, flags: O_RDONLY | O_DIRECTORY, mode: 0, operation: "open directory")
        let childPath = path.map { absolute($0) } ?? self.path
        return RootedDirectory(owning: child, path: childPath, crossesMounts: crossesMounts ?? self.crossesMounts)
    }

    /// For messages.
    private func absolute(_ name: RelativePath) -> String {
        path.utf8.last == UInt8(ascii: "/") ? path + name.text : path + "/" + name.text
    }

    /// The status of the entry, without following it; nil when there is none.
    package func status(_ name: String) throws(FileSystemError) -> FileStatus? {
        do {
            return try withParent(of: Self.path(name, operation: "stat")) { (parent, base) throws(FileSystemError) in
                if let status = base.withPointer({ FileStatus($0, in: parent) }) { return status }
                throw .init(operation: "stat", path: name, errno: errno)
            }
        } catch  where error.isNotFound {
            return nil
        }
    }

    /// Removes a file's name. A directory is refused; a symbolic link is removed itself and never followed.
    ///
    /// - Returns: false when there was nothing to remove.
    @discardableResult
    package func removeFile(_ name: String) throws(FileSystemError) -> Bool {
        try unlink(Self.path(name, operation: "unlink"), flags: 0)
    }

    @discardableResult
    package func removeFile(_ path: RelativePath) throws(FileSystemError) -> Bool { try unlink(path, flags: 0) }

    /// Removes an empty directory.
    ///
    /// - Returns: false when there was nothing to remove.
    @discardableResult
    package func removeDirectory(_ name: String) throws(FileSystemError) -> Bool {
        try unlink(Self.path(name, operation: "rmdir"), flags: AT_REMOVEDIR)
    }

    /// Makes one directory; an existing one is fine.
    ///
    /// - Returns: whether it was made now.
    @discardableResult
    package func makeDirectory(_ name: String, mode: UInt32 = 0o700) throws(FileSystemError) -> Bool {
        try makeDirectory(Self.path(name, operation: "mkdir"), mode: mode)
    }

    @discardableResult
    package func makeDirectory(_ path: RelativePath, mode: UInt32 = 0o700) throws(FileSystemError) -> Bool {
        try withParent(of: path) { (parent, base) throws(FileSystemError) in
            if base.withPointer({ mkdirat(parent, $0, mode) }) == 0 { return true }
            if errno != EEXIST { throw .init(operation: "mkdir", path: path.text, errno: errno) }
            return false
        }
    }

    /// Makes every missing directory of a relative path.
    ///
    /// - Returns: those that were made now, outermost first.
    @discardableResult
    package func makeDirectories(_ name: String, mode: UInt32 = 0o700) throws(FileSystemError) -> [RelativePath] {
        try makeDirectories(Self.path(name, operation: "mkdir"), mode: mode)
    }

    @discardableResult
    package func makeDirectories(_ path: RelativePath, mode: UInt32 = 0o700) throws(FileSystemError) -> [RelativePath] {
        var made: [RelativePath] = []
        for directory in path.parents + [path] where try makeDirectory(directory, mode: mode) { made.append(directory) }
        return made
    }

    /// Renames within this directory, replacing an existing entry, in one step.
    package func rename(_ old: String, to new: String) throws(FileSystemError) {
        try rename(Self.path(old, operation: "rename"), to: Self.path(new, operation: "rename"))
    }

    package func rename(_ old: RelativePath, to new: RelativePath) throws(FileSystemError) {
        try withParent(of: old) { (oldParent, oldBase) throws(FileSystemError) in
            try self.withParent(of: new) { (newParent, newBase) throws(FileSystemError) in
                let answer = oldBase.withPointer { old in
                    newBase.withPointer { new in renameat(oldParent, old, newParent, new) }
                }
                if answer != 0 {
                    throw .init(operation: "rename", path: "\(old.text) to \(new.text)", errno: errno)
                }
            }
        }
    }

    /// Tells the file system that the directories in this one have nothing to do with each other. ext4 then spreads
    /// them and their files over the disk; other file systems do not need it.
    package func spreadSubdirectories() { clinux_spread_subdirectories(descriptor) }

    /// Opens a new file that has no name yet. It vanishes when it is closed before ``link(_:as:)`` named it.
    package func openUnnamedFile(mode: UInt32) throws(FileSystemError) -> OpenFile {
        OpenFile(
            owning: try resolve(nil, flags: O_RDWR | clinux_unnamed_file, mode: mode, operation: "open unnamed"),
            path: path
        )
    }

    /// Whether `file` has the owner, group, access rights and security label of a file that is made in this directory
    /// with `mode`.
    package func wouldMake(_ file: borrowing OpenFile, mode: UInt32) throws(FileSystemError) -> Bool {
        let status = try file.status()
        guard let mask = UserMask.current, status.permissions == mode & ~mask, status.owner == geteuid() else {
            return false
        }
        return clinux_directory_gives_more_than_mode(descriptor, file.descriptor) == 0
    }

    /// Names a file in this directory, an unnamed one or one that has other names.
    ///
    /// - Returns: false when something else has the name; it is never replaced.
    package func link(_ file: borrowing OpenFile, as name: EntryName) throws(FileSystemError) -> Bool {
        // The descriptor's own entry: linkat by an empty path would need a capability.
        let entry = "/proc/self/fd/\(file.descriptor)"
        if name.withPointer({ linkat(AT_FDCWD, entry, descriptor, $0, AT_SYMLINK_FOLLOW) }) == 0 { return true }
        if errno != EEXIST { throw .init(operation: "link", path: name.text, errno: errno) }
        guard let there = name.withPointer({ FileStatus($0, in: descriptor) }) else { return false }
        return FileIdentity(there) == FileIdentity(try file.status())
    }

    /// Returns when the names in this directory are on the device.
    package func synchronize() throws(FileSystemError) {
        if fsync(descriptor) != 0 { throw .init(operation: "fsync", path: path, errno: errno) }
    }

    /// Calls `body` with each entry's name but `.` and `..`, in the order of the directory, until it returns false.
    package func forEachEntry(_ body: (String) throws -> Bool) throws {
        // A description of its own: readdir moves the file offset, and this object is shared between threads.
        let listing = try resolve(nil, flags: O_RDONLY | O_DIRECTORY, mode: 0, operation: "open directory")
        guard let stream = fdopendir(listing) else {
            let failure = errno
            close(listing)
            throw FileSystemError(operation: "list", path: path, errno: failure)
        }
        defer { closedir(stream) }
        while true {
            errno = 0
            guard let entry = readdir(stream) else {
                if errno != 0 { throw FileSystemError(operation: "list", path: path, errno: errno) }
                return
            }
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name == "." || name == ".." { continue }
            if try !body(name) { return }
        }
    }

    /// All entry names. For directories whose size we chose ourselves.
    package func entryNames() throws -> [String] {
        var names: [String] = []
        try forEachEntry { name in
            names.append(name)
            return true
        }
        return names
    }

    /// Free bytes for us on the file system that holds this directory.
    package func availableBytes() throws(FileSystemError) -> Int64 { try space().freeBytes }

    /// The space of the file system that holds this directory.
    package func space() throws(FileSystemError) -> FileSystemSpace {
        var raw = statvfs()
        if fstatvfs(descriptor, &raw) != 0 { throw .init(operation: "statvfs", path: path, errno: errno) }
        return FileSystemSpace(
            blockBytes: Int64(clamping: raw.f_frsize),
            blocks: Int64(clamping: raw.f_blocks),
            freeBlocks: Int64(clamping: raw.f_bfree),
            blocksForUs: Int64(clamping: raw.f_bavail)
        )
    }

    /// The kernel's number of the kind of file system that holds this directory, as in `statfs(2)`.
    package func fileSystemMagic() throws(FileSystemError) -> UInt64 {
        var magic: UInt64 = 0
        if clinux_file_system_magic(descriptor, &magic) != 0 {
            throw .init(operation: "statfs", path: path, errno: errno)
        }
        return magic
    }

    /// The status of the directory itself.
    package func status() throws(FileSystemError) -> FileStatus {
        if let status = FileStatus(descriptor: descriptor) { return status }
        throw .init(operation: "fstat", path: path, errno: errno)
    }

    // MARK: - Resolution

    var rules: UInt64 {
        let beneath = clinux_resolve_beneath | clinux_resolve_no_symlinks | clinux_resolve_no_magiclinks
        return crossesMounts ? beneath : beneath | clinux_resolve_no_xdev
    }

    /// - Parameter path: nil for this directory itself.
    func resolve(
        _ path: RelativePath?,
        flags: Int32,
        mode: UInt32,
        operation: String
    ) throws(FileSystemError) -> CInt {
        let openFlags = UInt64(UInt32(bitPattern: flags | O_CLOEXEC))
        // openat2 refuses a mode on an open that cannot create.
        let creates = flags & O_CREAT != 0 || flags & clinux_unnamed_file == clinux_unnamed_file
        let createMode = creates ? UInt64(mode) : 0
        func open(_ name: UnsafePointer<CChar>) -> CInt {
            clinux_openat2(descriptor, name, openFlags, createMode, rules)
        }
        while true {
            let opened = path?.withPointer(open) ?? open(".")
            if opened >= 0 { return opened }
            // EAGAIN: a rename or mount raced with a `..`; the kernel asks to try again.
            if errno != EINTR && errno != EAGAIN {
                throw .init(operation: operation, path: path?.text ?? ".", errno: errno)
            }
        }
    }

    private static func path(_ text: String, operation: String) throws(FileSystemError) -> RelativePath {
        do { return try RelativePath(text) } catch {
            throw .init(operation: operation, path: text, errno: error.errno)
        }
    }

    /// Calls `body` with the directory that holds the path's last name, and that name.
    private func withParent<R>(
        of path: RelativePath,
        _ body: (CInt, EntryName) throws(FileSystemError) -> R
    ) throws(FileSystemError) -> R {
        // A name alone leads nowhere else.
        guard let parentPath = path.parent else { return try body(descriptor, path.name) }
        let parent = try resolve(
            parentPath,
            flags: clinux_path_only | O_DIRECTORY,
            mode: 0,
            operation: "open directory"
        )
        defer { close(parent) }
        return try body(parent, path.name)
    }

    private func unlink(_ path: RelativePath, flags: Int32) throws(FileSystemError) -> Bool {
        do {
            return try withParent(of: path) { (parent, base) throws(FileSystemError) in
                if base.withPointer({ unlinkat(parent, $0, flags) }) == 0 { return true }
                if errno == ENOENT { return false }
                throw .init(operation: flags == 0 ? "unlink" : "rmdir", path: path.text, errno: errno)
            }
        } catch  where error.errno == ENOENT {
            return false
        }
    }
}
