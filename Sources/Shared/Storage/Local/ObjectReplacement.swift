internal import CrashPoints
internal import Files
internal import Glibc

/// Replaces an object by a file in one step.
///
/// `linkat(2)` never replaces, so the file gets a name of its own for the moment between two calls. A note beneath
/// `.replacing` in the store's root says where, before the name is made; a lock on the note says that its writer lives.
/// So the remains of a crash are found without looking through the store, and removed when nobody holds the lock: never
/// by their age. The notes of several hosts do not collide, because their names are random.
struct ObjectReplacement {
    /// Names that begin with this belong to the store.
    static let reservedPrefix = ".replacing"
    private static let notes = reservedPrefix
    /// Bytes of a note: the longest key, and more.
    private static let maximumNoteBytes = 2048
    /// A clean-up looks at no more at once.
    private static let maximumNotes = 10_000

    let root: RootedDirectory

    static func isReserved(_ path: RelativePath) -> Bool {
        path.bytes.split(separator: UInt8(ascii: "/")).contains { $0.starts(with: reservedPrefix.utf8) }
    }

    /// - Parameters:
    ///   - directory: that of the object.
    ///   - path: of the object, from the root.
    func replace(
        _ path: RelativePath,
        in directory: RootedDirectory,
        by file: borrowing OpenFile
    ) throws(FileSystemError) {
        sweep()
        let note = try makeNote(of: path)
        defer { remove(note) }
        CrashPoint.replacementNoted.cross()
        let step = try Self.step(note.id)
        guard try directory.link(file, as: step) else {
            throw FileSystemError(operation: "link", path: step.text, errno: EAGAIN)
        }
        CrashPoint.replacementLinked.cross()
        do throws(FileSystemError) {
            try directory.rename(RelativePath(step), to: RelativePath(path.name))
        } catch {
            _ = try? directory.removeFile(RelativePath(step))
            // Somebody has removed the name, taking us for dead where locks do not reach: nothing is lost by another
            // try.
            throw error.errno == ENOENT ? .init(operation: "rename", path: error.path, errno: EAGAIN) : error
        }
        // Two names of one file stay both: somebody else gave it the object's meanwhile.
        try directory.removeFile(RelativePath(step))
    }

    /// Removes the remains of writers that died between the two calls.
    ///
    /// - Returns: the number of removed names.
    @discardableResult
    func sweep() -> Int {
        guard let notes = try? root.openDirectory(Self.notes) else { return 0 }
        var names: [String] = []
        try? notes.forEachEntry { name in
            if Self.isID(name) { names.append(name) }
            return names.count < Self.maximumNotes
        }
        var removed = 0
        for name in names { try? settle(name, notes, &removed) }
        _ = try? root.removeDirectory(Self.notes)
        return removed
    }

    /// Removes the note, once it is done with, before the lock is given up: its writer may have made it, and wait for
    /// nothing but the lock.
    private func settle(_ id: String, _ notes: RootedDirectory, _ removed: inout Int) throws {
        let file = try notes.openFile(id, flags: O_RDWR | O_NONBLOCK)
        let status = try file.status()
        guard status.kind == .file, status.linkCount == 1, try file.tryLock() else { return }
        // Its writer may have removed it before it gave up the lock.
        guard try notes.status(id).map({ FileIdentity($0) }) == FileIdentity(status) else { return }
        var text: [UInt8] = []
        if status.sizeBytes <= Self.maximumNoteBytes { _ = try file.forEachPiece { text.append(contentsOf: $0) } }
        // Without its end it was not written yet, and the name not made.
        if text.popLast() == 0 {
            let parent = text.isEmpty ? nil : try RelativePath(text)
            if try removeStep(id, in: parent) { removed += 1 }
        }
        try notes.removeFile(id)
        try file.close()
    }

    /// - Returns: false when it is not there, or not even its directory.
    private func removeStep(_ id: String, in parent: RelativePath?) throws(FileSystemError) -> Bool {
        do throws(FileSystemError) {
            return try root.openDirectory(parent).removeFile(RelativePath(Self.step(id)))
        } catch  where error.isNotFound {
            return false
        }
    }

    private struct Note: ~Copyable {
        let id: String
        /// Holds the lock.
        let file: OpenFile
    }

    private func makeNote(of path: RelativePath) throws(FileSystemError) -> Note {
        // The directory goes with the last note in it, so others may take it away meanwhile.
        for _ in 0..<16 {
            try root.makeDirectory(Self.notes, mode: 0o755)
            let digits = String(UInt64.random(in: 0 ... .max), radix: 16)
            let id = String(repeating: "0", count: 16 - digits.utf8.count) + digits
            do throws(FileSystemError) {
                let file = try root.openFile(Self.notes + "/" + id, flags: O_RDWR | O_CREAT | O_EXCL)
                // Where there are no locks, nobody takes the note for that of a dead one: that takes the lock.
                guard (try? file.tryLock()) ?? true, try file.status().linkCount == 1 else { continue }
                try file.write((path.parent.map { Array($0.bytes) } ?? []) + [0])
                try file.synchronize()
                return Note(id: id, file: file)
            } catch  where error.errno == ENOENT || error.errno == EEXIST {
                continue
            }
        }
        throw .init(operation: "note a replacement", path: Self.notes, errno: EAGAIN)
    }

    private func remove(_ note: borrowing Note) {
        _ = try? root.removeFile(Self.notes + "/" + note.id)
        _ = try? root.removeDirectory(Self.notes)
    }

    private static func step(_ id: String) throws(FileSystemError) -> EntryName {
        do { return try EntryName(reservedPrefix + "-" + id) } catch {
            throw .init(operation: "link", path: id, errno: EINVAL)
        }
    }

    private static func isID(_ name: String) -> Bool {
        name.utf8.count == 16
            && name.utf8.allSatisfy { (48...57).contains($0) || (97...102).contains($0) }
    }
}
