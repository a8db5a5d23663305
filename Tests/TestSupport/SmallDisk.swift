import Foundation
import Glibc

/// A file system of its own, in memory, that a test can fill to the last byte. Needs the right to mount.
package final class SmallDisk: Sendable {
    package struct Failure: Error, CustomStringConvertible {
        package var description: String
    }

    package static let isPossible: Bool = {
        let path = "/tmp/media-processor-test-mount-\(getpid())"
        guard mkdir(path, 0o700) == 0 else { return false }
        defer { rmdir(path) }
        guard mount("tmpfs", path, "tmpfs", 0, "size=1m") == 0 else { return false }
        return umount(path) == 0
    }()

    package let path: String

    /// - Parameter path: of a directory.
    package init(at path: String, mebibytes: Int) throws {
        self.path = path
        guard mount("tmpfs", path, "tmpfs", 0, "size=\(mebibytes)m,mode=0700") == 0 else {
            throw Failure(description: "mount on \(path): errno \(errno)")
        }
    }

    /// The directory is there again; processes that still use the file system keep it until they end.
    package func remove() { umount2(path, Int32(MNT_DETACH)) }

    package var freeBytes: Int64 {
        var space = statvfs()
        return statvfs(path, &space) == 0 ? Int64(space.f_bavail) * Int64(space.f_frsize) : -1
    }

    /// Another program writes until there is not a byte left, into one file more at each call.
    package func fill() async throws {
        let filler = "\(path)/filler-\(UUID().uuidString)"
        let script = #"""
            cat /dev/zero > "$0" 2>&-
            dd if=/dev/zero bs=4096 oflag=append conv=notrunc of="$0" 2>&-
            exit 0
            """#
        let process = try ChildProcess(
            "/bin/sh",
            ["-c", script, filler],
            environment: ["PATH": "/usr/bin:/bin"],
            output: "/dev/null"
        )
        guard await process.wait() == .status(0), freeBytes == 0 else {
            throw Failure(description: "\(freeBytes) bytes are free on \(path)")
        }
    }

    /// Removes the bytes that ``fill()`` wrote.
    package func empty() throws {
        for name in try FileManager.default.contentsOfDirectory(atPath: path) where name.hasPrefix("filler-") {
            unlink(path + "/" + name)
        }
    }
}
