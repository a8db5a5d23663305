internal import Files
internal import Glibc
internal import JobModel

/// Files of the workspace that have no name any more and are still open in one of our processes: their bytes come back
/// when the last of them closes it, so until then they count as in use.
struct DeletedOpenFiles: Sendable, Equatable {
    var files = 0
    /// Allocated on disk.
    var sizeBytes: Int64 = 0

    private static let mark = " (deleted)"

    /// Looks at this process, its siblings and its children; processes that end meanwhile hold nothing.
    ///
    /// - Parameter path: absolute, of the directory that the files were in.
    static func beneath(_ path: String) -> DeletedOpenFiles {
        let own = getpid()
        var found = DeletedOpenFiles()
        var seen: Set<FileIdentity> = []
        for process in Set([own] + children(of: getppid()) + children(of: own)) {
            let directory = "/proc/\(process)/fd"
            for name in names(in: directory) {
                let entry = directory + "/" + name
                guard let target = link(entry), target.endsWithBytes(of: mark),
                    target.startsWithBytes(of: path + "/")
                else { continue }
                guard let status = FileStatus(path: entry), status.linkCount == 0, status.kind == .file,
                    seen.insert(FileIdentity(status)).inserted
                else { continue }
                found.files += 1
                found.sizeBytes = found.sizeBytes.addingClamped(status.allocatedBytes)
            }
        }
        return found
    }

    private static func children(of process: pid_t) -> [pid_t] {
        guard process > 1 else { return [] }
        return names(in: "/proc/\(process)/task").flatMap { thread in
            text("/proc/\(process)/task/\(thread)/children").split(separator: " ").compactMap { pid_t($0) }
        }
    }

    private static func names(in directory: String) -> [String] {
        guard let stream = opendir(directory) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if !name.startsWithBytes(of: ".") { names.append(name) }
        }
        return names
    }

    private static func link(_ path: String) -> String? {
        withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 1) { buffer in
            guard let base = buffer.baseAddress?.assumingMemoryBound(to: CChar.self) else { return nil }
            let count = readlink(path, base, buffer.count)
            guard count > 0 else { return nil }
            return String(decoding: UnsafeRawBufferPointer(rebasing: buffer[..<count]), as: UTF8.self)
        }
    }

    /// A kernel file of one line, up to 64 KiB.
    private static func text(_ path: String) -> String {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return "" }
        defer { close(descriptor) }
        return withUnsafeTemporaryAllocation(byteCount: 65536, alignment: 1) { buffer in
            let count = read(descriptor, buffer.baseAddress, buffer.count)
            return String(decoding: UnsafeRawBufferPointer(rebasing: buffer[..<max(count, 0)]), as: UTF8.self)
        }
    }
}
