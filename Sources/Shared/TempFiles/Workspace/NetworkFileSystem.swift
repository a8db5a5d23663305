internal import Glibc

/// File systems that other hosts may change at the same time, or whose locks and memory maps cannot be relied on: the
/// ledger and the jobs' leases need a local one.
enum NetworkFileSystem {
    /// Numbers from `linux/magic.h` and, for those outside the kernel, from their own sources.
    private static let names: [UInt64: String] = [
        0x6969: "NFS", 0x517B: "SMB", 0xFF53_4D42: "CIFS", 0xFE53_4D42: "SMB", 0x0102_1997: "9P", 0x00C3_6400: "Ceph",
        0x5346_414F: "AFS", 0x6B41_4653: "AFS", 0x7375_7245: "Coda", 0x564C: "NCP", 0x0BD0_0BD0: "Lustre",
        0x4750_4653: "GPFS", 0x1983_0326: "BeeGFS", 0x7461_636F: "OCFS2", 0x0116_1970: "GFS2", 0x786F_4256: "vboxsf",
    ]
    private static let fuse: UInt64 = 0x6573_5546
    private static let remoteFuseTypes: Set<String> = [
        "sshfs", "s3fs", "gcsfuse", "goofys", "rclone", "davfs", "davfs2", "glusterfs", "ceph", "ceph-fuse",
        "curlftpfs",
        "smbnetfs", "juicefs", "blobfuse", "blobfuse2", "mount-s3", "mountpoint-s3", "seaweedfs", "moosefs", "mfs",
    ]

    /// The name of a network file system, or nil for a local one.
    ///
    /// - Parameters:
    ///   - magic: `f_type` of `statfs(2)`.
    ///   - type: the mount's type as `/proc/self/mountinfo` has it, such as `fuse.sshfs`.
    static func name(magic: UInt64, type: String?) -> String? {
        if let name = names[magic] { return name }
        guard magic == fuse, let type else { return nil }
        let program = type.hasPrefix("fuse.") ? String(type.dropFirst(5)) : type
        return remoteFuseTypes.contains(program) ? program : nil
    }

    static func isFuse(_ magic: UInt64) -> Bool { magic == fuse }

    /// The type of the mount of a device, from the text of `/proc/self/mountinfo`; see `proc(5)`.
    static func type(ofDevice device: UInt64, mountInfo: String) -> String? {
        let number = "\(major(device)):\(minor(device))"
        for line in mountInfo.split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard fields.count > 6, fields[2] == number, let dash = fields.lastIndex(of: "-"), dash + 1 < fields.count
            else { continue }
            return String(fields[dash + 1])
        }
        return nil
    }

    // As glibc's gnu_dev_major and gnu_dev_minor, which are macros.
    private static func major(_ device: UInt64) -> UInt64 { (device >> 8 & 0xFFF) | (device >> 32 & ~0xFFF) }
    private static func minor(_ device: UInt64) -> UInt64 { (device & 0xFF) | (device >> 12 & ~0xFF) }

    /// The text of `/proc/self/mountinfo`, or nothing where it cannot be read.
    static func mountInfo() -> String {
        let descriptor = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return "" }
        defer { close(descriptor) }
        var text: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 65_536)
        while text.count < 16 << 20 {
            let count = read(descriptor, &piece, piece.count)
            if count <= 0 { break }
            text += piece[..<count]
        }
        return String(decoding: text, as: UTF8.self)
    }
}
