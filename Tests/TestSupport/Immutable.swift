import Foundation

/// Files that not even root can remove, which needs the right to make them.
package enum Immutable {
    package static let isPossible: Bool = {
        let path = "/tmp/media-processor-test-immutable-\(getpid())"
        defer { unlink(path) }
        guard FileManager.default.createFile(atPath: path, contents: nil), set(path, true) else { return false }
        return set(path, false)
    }()

    package static func set(_ path: String, _ isImmutable: Bool) -> Bool {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/chattr")
        process.arguments = [isImmutable ? "+i" : "-i", path]
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return false }
        process.waitUntilExit()
        return process.terminationStatus == 0
    }
}
