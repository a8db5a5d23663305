internal import CLinux
internal import Files
internal import Glibc

/// Which file system a path is on.
package struct FileSystemIdentity: Sendable, Hashable {
    /// As `/proc/self/mountinfo` has it, such as `ext4`; `unknown` when it does not.
    package var type: String
    /// Its name, when it is one that the workspace cannot be on.
    package var networkName: String?

    package init(type: String, networkName: String? = nil) {
        self.type = type
        self.networkName = networkName
    }

    /// nil when the path cannot be opened.
    package init?(path: String) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var magic: UInt64 = 0
        guard let status = FileStatus(descriptor: descriptor), clinux_file_system_magic(descriptor, &magic) == 0 else {
            return nil
        }
        let type = NetworkFileSystem.type(ofDevice: status.device, mountInfo: NetworkFileSystem.mountInfo())
        self.init(type: type ?? "unknown", networkName: NetworkFileSystem.name(magic: magic, type: type))
    }
}
