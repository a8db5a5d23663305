internal import CLinux
internal import Dispatch
internal import Glibc
internal import Synchronization

/// Walking and emptying a directory whose contents nobody vouches for.
///
/// Every step is taken from a directory descriptor and by one entry's bytes as the directory holds them, so that links
/// are never followed, and names that are no valid UTF-8 are found and removed like any other.
extension RootedDirectory {
    /// Called with one entry's path and status.
    package typealias Visitor = (_ path: String, _ status: FileStatus) -> Void

    /// Calls `visit` with every entry beneath this directory, a directory after its contents.
    ///
    /// - Parameter didFail: entries that could not be looked at, with the errno.
    package func walkTree(visit: Visitor, didFail: (_ path: String, _ errno: CInt) -> Void) {
        do throws(FileSystemError) {
            let listing = try resolve(nil, flags: O_RDONLY | O_DIRECTORY, mode: 0, operation: "list")
            Self.walk(owning: listing, prefix: "", depth: 0, rules: rules, visit: visit, didFail: didFail)
        } catch {
            didFail("", error.errno)
        }
    }

    private static func walk(
        owning descriptor: CInt,
        prefix: String,
        depth: Int,
        rules: UInt64,
        visit: Visitor,
        didFail: (_ path: String, _ errno: CInt) -> Void
    ) {
        guard let stream = fdopendir(descriptor) else {
            let failure = errno
            close(descriptor)
            return didFail(prefix, failure)
        }
        defer { closedir(stream) }
        while let (name, _) = nextEntry(stream, didFail: { didFail(prefix, $0) }) {
            let path = prefix.isEmpty ? String(cString: name) : prefix + "/" + String(cString: name)
            guard let status = FileStatus(name, in: descriptor) else {
                if errno != ENOENT { didFail(path, errno) }
                continue
            }
            if status.kind == .directory {
                let child =
                    depth + 1 < TreeWalk.maximumDepth
                    ? clinux_openat2(descriptor, name, TreeWalk.directoryFlags, 0, rules) : -1
                if child >= 0 {
                    walk(owning: child, prefix: path, depth: depth + 1, rules: rules, visit: visit, didFail: didFail)
                } else if depth + 1 < TreeWalk.maximumDepth {
                    didFail(path, errno)
                    continue
                }
            }
            visit(path, status)
        }
    }

    /// The next entry's name, which lasts until the next call; nil at the end.
    fileprivate static func nextEntry(
        _ stream: OpaquePointer,
        didFail: (_ errno: CInt) -> Void
    ) -> (name: UnsafePointer<CChar>, inode: UInt64)? {
        while true {
            errno = 0
            guard let entry = readdir(stream) else {
                if errno != 0 { didFail(errno) }
                return nil
            }
            guard let offset = MemoryLayout<dirent>.offset(of: \dirent.d_name) else { return nil }
            let name = (UnsafeRawPointer(entry) + offset).assumingMemoryBound(to: CChar.self)
            let isDot = name[0] == 46 && (name[1] == 0 || name[1] == 46 && name[2] == 0)
            if !isDot { return (name, UInt64(entry.pointee.d_ino)) }
        }
    }

    /// Removes the entries beneath this directory that `shouldRemove` selects, a directory after its contents and only
    /// when it is empty then. Passes are repeated while they remove something, so an entry may be asked about again.
    ///
    /// - Parameters:
    ///   - shouldRemove: gets the path relative to this directory and the entry's status; a link is the link itself.
    ///   - didFail: an entry that is still there, with the errno; called once for each.
    package func removeTree(
        where shouldRemove: (_ path: String, _ status: FileStatus) -> Bool,
        didRemove: Visitor,
        didFail: (_ path: String, _ errno: CInt) -> Void
    ) {
        withoutActuallyEscaping(shouldRemove) { shouldRemove in
            withoutActuallyEscaping(didRemove) { didRemove in
                withoutActuallyEscaping(didFail) { didFail in
                    var walk = TreeWalk(
                        top: descriptor,
                        rules: rules,
                        shouldRemove: shouldRemove,
                        didRemove: didRemove,
                        didFail: didFail
                    )
                    do throws(FileSystemError) {
                        let listing = try resolve(nil, flags: O_RDONLY | O_DIRECTORY, mode: 0, operation: "list")
                        walk.level(owning: listing, prefix: "", depth: 0)
                    } catch {
                        didFail("", error.errno)
                    }
                }
            }
        }
    }
}

private struct TreeWalk {
    /// A descriptor is held open for each level. Deeper entries are first moved to the top, if they may be removed at
    /// all.
    static let maximumDepth = 100
    /// Names that are held in memory, for each level.
    static let namesAtOnce = 16_384
    /// From here on a second thread is worth its start.
    static let manyFiles = 256
    static let directoryFlags = UInt64(UInt32(bitPattern: O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC))

    let top: CInt
    let rules: UInt64
    let shouldRemove: (String, FileStatus) -> Bool
    let didRemove: (String, FileStatus) -> Void
    let didFail: (String, CInt) -> Void
    /// Paths as bytes.
    private var failed: Set<[UInt8]> = []
    private var moved = 0

    init(
        top: CInt,
        rules: UInt64,
        shouldRemove: @escaping (String, FileStatus) -> Bool,
        didRemove: @escaping (String, FileStatus) -> Void,
        didFail: @escaping (String, CInt) -> Void
    ) {
        self.top = top
        self.rules = rules
        self.shouldRemove = shouldRemove
        self.didRemove = didRemove
        self.didFail = didFail
    }

    /// Works through one directory and closes its descriptor.
    mutating func level(owning descriptor: CInt, prefix: String, depth: Int) {
        guard let stream = fdopendir(descriptor) else {
            let failure = errno
            close(descriptor)
            return fail(prefix, failure)
        }
        defer { closedir(stream) }
        var stays: Set<[CChar]> = []
        var hasChanged = true
        while hasChanged {
            hasChanged = false
            let movedBefore = moved
            rewinddir(stream)
            while true {
                var names = nextNames(stream, prefix: prefix)
                if names.isEmpty { break }
                if names.count >= Self.manyFiles {
                    let candidates = names.filter { !stays.contains($0) }
                    names = removeFiles(candidates, in: descriptor, prefix: prefix)
                    if names.count < candidates.count { hasChanged = true }
                }
                for name in names where !stays.contains(name) {
                    if entry(name, in: descriptor, prefix: prefix, depth: depth) {
                        hasChanged = true
                    } else {
                        stays.insert(name)
                    }
                }
            }
            if depth == 0, moved > movedBefore { hasChanged = true }
        }
    }

    /// Removes files of a large directory by two threads. The kernel removes the names of one directory one after the
    /// other, but it frees inodes and blocks beside that.
    ///
    /// - Returns: the names of entries that are no files or are still there.
    private mutating func removeFiles(_ names: [[CChar]], in directory: CInt, prefix: String) -> [[CChar]] {
        let found = Self.inHalves(of: names) { name in
            FileStatus(name, in: directory)
        }
        var rest: [[CChar]] = []
        var files: [(name: [CChar], path: String, status: FileStatus)] = []
        for (name, status) in zip(names, found) {
            let path = Self.path(name, prefix)
            if let status, status.kind != .directory, shouldRemove(path, status) {
                files.append((name, path, status))
            } else {
                rest.append(name)
            }
        }
        let areGone = Self.inHalves(of: files) { unlinkat(directory, $0.name, 0) == 0 || errno == ENOENT }
        for (file, isGone) in zip(files, areGone) {
            if isGone { didRemove(file.path, file.status) } else { rest.append(file.name) }
        }
        return rest
    }

    /// The results of `body` for every element, half of them from another thread.
    private static func inHalves<Element: Sendable, Result: Sendable>(
        of elements: [Element],
        _ body: @Sendable (Element) -> Result
    ) -> [Result] {
        let middle = elements.count / 2
        let halves = Mutex<[Int: [Result]]>([:])
        DispatchQueue.concurrentPerform(iterations: 2) { half in
            let results = (half == 0 ? elements[..<middle] : elements[middle...]).map(body)
            halves.withLock { $0[half] = results }
        }
        return halves.withLock { ($0[0] ?? []) + ($0[1] ?? []) }
    }

    private static func path(_ name: [CChar], _ prefix: String) -> String {
        let text = name.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } ?? "" }
        return prefix.isEmpty ? text : prefix + "/" + text
    }

    /// - Returns: whether the entry is gone.
    private mutating func entry(_ name: [CChar], in directory: CInt, prefix: String, depth: Int) -> Bool {
        let path = Self.path(name, prefix)
        guard let status = FileStatus(name, in: directory) else {
            if errno == ENOENT { return true }
            fail(path, errno)
            return false
        }
        if status.kind == .directory {
            if depth + 1 >= Self.maximumDepth { return moveUp(name, in: directory, path: path, status: status) }
            let child = clinux_openat2(directory, name, Self.directoryFlags, 0, rules)
            if child < 0 {
                fail(path, errno)
                return false
            }
            level(owning: child, prefix: path, depth: depth + 1)
        }
        guard shouldRemove(path, status) else { return false }
        if unlinkat(directory, name, status.kind == .directory ? AT_REMOVEDIR : 0) == 0 || errno == ENOENT {
            didRemove(path, status)
            return true
        }
        // A directory that is not empty holds an entry that was reported, or one that was to stay.
        if errno != ENOTEMPTY && errno != EEXIST { fail(path, errno) }
        return false
    }

    private mutating func moveUp(_ name: [CChar], in directory: CInt, path: String, status: FileStatus) -> Bool {
        guard shouldRemove(path, status) else { return false }
        moved += 1
        if renameat(directory, name, top, ".deep-\(moved)") == 0 { return true }
        fail(path, errno)
        return false
    }

    private mutating func fail(_ path: String, _ errno: CInt) {
        if failed.insert(Array(path.utf8)).inserted { didFail(path, errno) }
    }

    /// The names of the next entries with their terminating zeros; empty at the end. They are in the order of their
    /// inodes, as in the inode tables on the disk; a directory lists them by hash.
    private mutating func nextNames(_ stream: OpaquePointer, prefix: String) -> [[CChar]] {
        var entries: [(inode: UInt64, name: [CChar])] = []
        var failure: CInt = 0
        while entries.count < Self.namesAtOnce,
            let (name, inode) = RootedDirectory.nextEntry(stream, didFail: { failure = $0 })
        {
            entries.append((inode, Array(UnsafeBufferPointer(start: name, count: strlen(name) + 1))))
        }
        if failure != 0 { fail(prefix, failure) }
        entries.sort { $0.inode < $1.inode }
        return entries.map(\.name)
    }
}
