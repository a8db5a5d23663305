import Foundation

/// A directory of a test's own, removed with the value.
final class Scratch: Sendable {
    let path: String

    init() {
        path = "/tmp/supervisor-test-\(UUID().uuidString.lowercased())"
        try? FileManager.default.createDirectory(
            atPath: path,
            withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700]
        )
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Makes a file and returns its path.
    @discardableResult
    func file(_ name: String, _ bytes: [UInt8], mode: Int = 0o600) throws -> String {
        let file = path + "/" + name
        try Data(bytes).write(to: URL(filePath: file))
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file)
        return file
    }
}
