internal import Files
internal import Glibc
internal import JobModel
internal import Synchronization

/// A locked lease file, until it is given up.
package final class LeaseHold: Sendable {
    let directory: String
    private let root: RootedDirectory
    private let registry: LeaseRegistry
    private let file: Mutex<LeaseFile?>

    init(_ file: LeaseFile, directory: String, root: RootedDirectory, registry: LeaseRegistry) {
        self.directory = directory
        self.root = root
        self.registry = registry
        self.file = Mutex(file)
        registry.add(file.identity, directory: directory)
    }

    deinit { release() }

    package func release() {
        guard let file = take() else { return }
        file.unlock()
    }

    /// Gives the lease up, and removes the lease file and the directory when nothing else is in it.
    package func releaseRemovingEmptyDirectory() {
        guard let file = take() else { return }
        // If it cannot be removed now, the next sweep finds it.
        if (try? file.isCurrent(root, directory: directory)) == true,
            (try? root.openDirectory(directory).entryNames()) == [LeaseFile.name]
        {
            _ = try? root.removeFile(directory + "/" + LeaseFile.name)
            _ = try? root.removeDirectory(directory)
        }
        file.unlock()
    }

    private func take() -> LeaseFile? {
        let taken = file.withLock { file in
            defer { file = nil }
            return file
        }
        if let taken { registry.remove(taken.identity, directory: directory) }
        return taken
    }
}

/// The leases that this process holds through one tracker.
final class LeaseRegistry: Sendable {
    private let held = Mutex<[ByteText: [FileIdentity]]>([:])

    func add(_ identity: FileIdentity, directory: String) {
        held.withLock { $0[ByteText(directory), default: []].append(identity) }
    }

    func remove(_ identity: FileIdentity, directory: String) {
        let directory = ByteText(directory)
        held.withLock { held in
            held[directory]?.removeAll { $0 == identity }
            if held[directory]?.isEmpty == true { held[directory] = nil }
        }
    }

    /// Whether this process holds the lease of `directory`. A lease whose file was removed, by a clean-up, still counts
    /// until somebody else has begun a new one.
    func holds(_ root: RootedDirectory, directory: String) throws(FileSystemError) -> Bool {
        let identities = held.withLock { $0[ByteText(directory)] ?? [] }
        if identities.isEmpty { return false }
        guard let current = try root.status(directory + "/" + LeaseFile.name) else { return true }
        return identities.contains(FileIdentity(current))
    }
}
