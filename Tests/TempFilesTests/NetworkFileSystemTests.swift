import Files
import JobModel
import JobStore
import TempFilesSupport
import Testing

@testable import TempFiles

@Suite struct NetworkFileSystemTests {
    @Test(
        arguments: [
            (UInt64(0x6969), nil, "NFS"), (0xFF53_4D42, nil, "CIFS"), (0xFE53_4D42, nil, "SMB"),
            (0x0102_1997, nil, "9P"),
            (0x00C3_6400, nil, "Ceph"), (0x5346_414F, nil, "AFS"), (0x6B41_4653, nil, "AFS"),
            (0x6573_5546, "fuse.sshfs", "sshfs"), (0x6573_5546, "fuse.s3fs", "s3fs"),
            // Local: ext4, XFS, Btrfs, tmpfs, overlay, and FUSE that is local or unknown.
            (0xEF53, nil, nil), (0x5846_5342, nil, nil), (0x9123_683E, nil, nil), (0x0102_1994, nil, nil),
            (0x794C_7630, nil, nil), (0x6573_5546, "fuseblk", nil), (0x6573_5546, nil, nil),
        ] as [(UInt64, String?, String?)]
    )
    func areToldFromLocalOnes(_ magic: UInt64, _ type: String?, _ name: String?) {
        #expect(NetworkFileSystem.name(magic: magic, type: type) == name)
    }

    @Test func typeComesFromTheMountOfTheDevice() {
        let text = """
            22 1 254:0 / / rw,relatime - ext4 /dev/root rw
            nonsense
            40 22 0:52 / /mnt/with\\040space rw,nosuid shared:1 master:2 - fuse.sshfs user@host:/ rw,user_id=0
            """
        #expect(NetworkFileSystem.type(ofDevice: 52, mountInfo: text) == "fuse.sshfs")
        #expect(NetworkFileSystem.type(ofDevice: 254 << 8, mountInfo: text) == "ext4")
        #expect(NetworkFileSystem.type(ofDevice: 7, mountInfo: text) == nil)
        #expect(NetworkFileSystem.type(ofDevice: .max, mountInfo: "") == nil)
    }

    @Test func mountOfTheWorkspaceIsFoundAndItsSpaceAddsUp() throws {
        let lab = try Lab()
        let tracker = try lab.tracker()
        let space = try tracker.space()
        #expect(space.totalBytes > space.freeBytes && space.freeBytes > 0)
        #expect(space.usedPercent > 0 && space.usedPercent < 100)
        #expect(NetworkFileSystem.name(magic: try tracker.workspace.root.fileSystemMagic(), type: nil) == nil)
    }
}
