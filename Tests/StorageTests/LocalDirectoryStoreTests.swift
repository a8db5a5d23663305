import Files
import Foundation
import Glibc
import JobModel
import Storage
import Synchronization
import Testing

/// A directory of a test's own.
func withDirectory<R>(_ body: (String) async throws -> R) async throws -> R {
    let path = NSTemporaryDirectory() + "storage-tests-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try await body(path)
}

private final class Collector: Sendable {
    private let bytes = Mutex<[UInt8]>([])
    var text: String { bytes.withLock { String(decoding: $0, as: UTF8.self) } }
    @Sendable func take(_ piece: UnsafeRawBufferPointer) { bytes.withLock { $0.append(contentsOf: piece) } }
}

@Suite("The local directory store")
struct LocalDirectoryStoreTests {
    @Test("publishes whole files under nested keys and reads them back")
    func roundTrip() async throws {
        try await withDirectory { directory in
            let source = directory + "/source"
            try Data(repeating: 7, count: 3 << 20).write(to: URL(fileURLWithPath: source))
            let store = try LocalDirectoryStore(creating: directory + "/deep/store")
            let key = try ObjectKey("videos/a b/é.mp4")
            let reported = Mutex<Int64>(0)
            let published = try await store.publish(fileAt: source, as: key, mimeType: nil) { written in
                reported.withLock { $0 = written }
            }
            #expect(published.sizeBytes == 3 << 20)
            #expect(published.location == "file://\(directory)/deep/store/videos/a%20b/%C3%A9.mp4")
            #expect(reported.withLock { $0 } == 3 << 20)
            let bytes = Mutex<Int64>(0)
            let size = try await store.read(key) { piece in bytes.withLock { $0 += Int64(piece.count) } }
            #expect(size == 3 << 20)
            #expect(bytes.withLock { $0 } == 3 << 20)
        }
    }

    @Test("replaces an object in one step and leaves nothing beside it")
    func replacement() async throws {
        try await withDirectory { directory in
            let store = try LocalDirectoryStore(creating: directory + "/store")
            let key = try ObjectKey("k/object")
            for text in ["first", "second"] {
                let source = directory + "/" + text
                try Data(text.utf8).write(to: URL(fileURLWithPath: source))
                // Again, as after a crash that hid the first answer.
                for _ in 1...2 { _ = try await store.publish(fileAt: source, as: key, mimeType: nil) { _ in } }
                let read = Collector()
                _ = try await store.read(key, consume: read.take)
                #expect(read.text == text)
            }
            #expect(try FileManager.default.contentsOfDirectory(atPath: directory + "/store/k") == ["object"])
        }
    }

    @Test("makes a file that is like its own the object, without a copy")
    func linked() async throws {
        try await withDirectory { directory in
            let (source, object) = (directory + "/source", directory + "/store/k/object")
            try Self.write("bytes", to: source, mode: Self.mode)
            try await Self.publish(source, in: directory)
            #expect(try Self.inode(source) == Self.inode(object))
            unlink(source)
            #expect(FileManager.default.contents(atPath: object) == Data("bytes".utf8))
        }
    }

    @Test("copies a file that is not like its own", arguments: ["mode", "group", "file system"])
    func copied(_ difference: String) async throws {
        try await withDirectory { directory in
            var source = directory + "/source"
            var made = directory + "/store/k"
            if difference == "file system" {
                // Without another file system, the file is linked.
                source = "/dev/shm/storage-tests-" + UUID().uuidString
                if try Self.device("/dev/shm") == Self.device(directory) { return }
            }
            defer { unlink(source) }
            try Self.write("bytes", to: source, mode: difference == "mode" ? 0o640 : Self.mode)
            if difference == "group" {
                // Only root can give a directory to a group that it is not in.
                guard geteuid() == 0 else { return }
                try FileManager.default.createDirectory(atPath: made, withIntermediateDirectories: true)
                #expect(chown(made, 0, 12_345) == 0 && chmod(made, 0o2755) == 0)
            }
            try await Self.publish(source, in: directory)
            made += "/object"
            #expect(try Self.inode(source) != Self.inode(made))
            #expect(FileManager.default.contents(atPath: made) == Data("bytes".utf8))
            let status = try #require(FileStatus(path: made))
            #expect(status.linkCount == 1)
            #expect(status.permissions & 0o777 == Self.mode && (difference != "group" || status.group == 12_345))
        }
    }

    /// Objects have this mode.
    private static let mode: mode_t = {
        let mask = umask(0)
        umask(mask)
        return 0o644 & ~mask
    }()

    private static func write(_ text: String, to path: String, mode: mode_t) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        #expect(chmod(path, mode) == 0)
    }

    private static func publish(_ path: String, in directory: String) async throws {
        let store = try LocalDirectoryStore(creating: directory + "/store")
        let published = try await store.publish(fileAt: path, as: ObjectKey("k/object"), mimeType: nil) { _ in }
        #expect(published.sizeBytes == 5)
    }

    private static func inode(_ path: String) throws -> UInt64 {
        try #require(FileStatus(path: path)).inode
    }

    private static func device(_ path: String) throws -> UInt64 {
        try #require(FileStatus(path: path)).device
    }

    @Test("publishes nothing when the writer gives up", arguments: [mode_t(0o640), Self.mode])
    func abandoned(_ mode: mode_t) async throws {
        try await withDirectory { directory in
            try Data(repeating: 1, count: 1 << 21).write(to: URL(fileURLWithPath: directory + "/source"))
            #expect(chmod(directory + "/source", mode) == 0)
            let store = try LocalDirectoryStore(creating: directory + "/store")
            await #expect(throws: CancellationError.self) {
                _ = try await store.publish(fileAt: directory + "/source", as: ObjectKey("k/object"), mimeType: nil) {
                    _ in
                    throw CancellationError()
                }
            }
            #expect(try FileManager.default.contentsOfDirectory(atPath: directory + "/store/k").isEmpty)
        }
    }

    @Test("says that an object is not there")
    func missing() async throws {
        try await withDirectory { directory in
            let store = try LocalDirectoryStore(creating: directory)
            for key in ["none", "none/deeper"] {
                await #expect {
                    _ = try await store.read(ObjectKey(key)) { _ in }
                } throws: {
                    guard let error = $0 as? StorageError else { return false }
                    return error.code == .notFound && !error.isRetriable && error.message.contains("`\(key)`")
                }
            }
        }
    }

    @Test("never follows a link out of its directory")
    func links() async throws {
        try await withDirectory { directory in
            let store = try LocalDirectoryStore(creating: directory + "/store")
            try Data("secret".utf8).write(to: URL(fileURLWithPath: directory + "/secret"))
            try FileManager.default.createSymbolicLink(
                atPath: directory + "/store/link",
                withDestinationPath: directory + "/secret"
            )
            try FileManager.default.createSymbolicLink(atPath: directory + "/store/up", withDestinationPath: directory)
            for key in ["link", "up/secret"] {
                await #expect(throws: StorageError.self) { _ = try await store.read(ObjectKey(key)) { _ in } }
            }
            await #expect(throws: StorageError.self) {
                _ = try await store.publish(fileAt: directory + "/secret", as: ObjectKey("up/new"), mimeType: nil) {
                    _ in
                }
            }
            #expect(!FileManager.default.fileExists(atPath: directory + "/new"))
        }
    }
}

@Suite("A file source")
struct LocalFileSourceTests {
    @Test("is read only beneath an allowed directory")
    func roots() async throws {
        try await withDirectory { directory in
            try FileManager.default.createDirectory(atPath: directory + "/in", withIntermediateDirectories: true)
            try Data("yes".utf8).write(to: URL(fileURLWithPath: directory + "/in/a b.txt"))
            try Data("no".utf8).write(to: URL(fileURLWithPath: directory + "/out.txt"))
            try FileManager.default.createSymbolicLink(
                atPath: directory + "/in/link",
                withDestinationPath: directory + "/out.txt"
            )
            let source = LocalFileSources(roots: [directory + "/in"])
            let read = Collector()
            _ = try await source.read(FileURL.text(directory + "/in/a b.txt"), consume: read.take)
            #expect(read.text == "yes")
            let refused = [
                "file://\(directory)/out.txt", "file://\(directory)/in/../out.txt",
                "file://\(directory)/in/%2e%2e/out.txt",
                "file://\(directory)/in/link", "file:///etc/passwd", "file://\(directory)/in",
                "file://\(directory)/in/none",
                "file://elsewhere\(directory)/in/a%20b.txt", "file:relative", "https://host/x", "nonsense",
            ]
            for url in refused {
                await #expect(throws: StorageError.self, "\(url)") { _ = try await source.read(url) { _ in } }
            }
            // A missing path, or one that is no file, may be a file when the job comes.
            for url in refused.filter({ !$0.hasSuffix("/in/none") }) {
                await #expect(throws: StorageError.self, "\(url)") { try await source.checkAllowed(url) }
            }
            for name in ["a%20b.txt", "none"] { try await source.checkAllowed("file://\(directory)/in/\(name)") }
            // By bytes: the composed letter is another one.
            let composed = LocalFileSources(roots: [directory + "/in\u{E9}"])
            await #expect(throws: StorageError.self) {
                try await composed.checkAllowed("file://\(directory)/ine%CC%81/x")
            }
        }
    }

    @Test("hides secrets of URLs in messages")
    func redaction() {
        #expect(SourceURL.redacted("https://user:pw@host/a?token=1#x") == "https://…@host/a")
        #expect(SourceURL.redacted("https://host/a@b") == "https://host/a@b")
        for url in ["file://bob:secret@nas/x", "file://bob:sec@ret@nas/x", "file://bob:secret@localhost/x"] {
            #expect { try FileURL.path(url) } throws: {
                !"\($0)".contains("ret") && "\($0)".contains("it names the host")
            }
        }
        #expect(SourceURL.redacted("https://user:p@w@host/a") == "https://…@host/a")
        // Passwords that are not encoded.
        #expect(SourceURL.redacted("s3://AKIA:se/cret@media/a?b") == "s3://…@media/a")
        #expect(SourceURL.redacted("s3://AKIA:12/cret@media/a") == "s3://…@media/a")
        #expect(SourceURL.redacted("https://user:se?cret@host/a") == "https://…@host/a")
        #expect(SourceURL.redacted("https://user:se/cret") == "https://…")
        #expect(SourceURL.redacted("https:/user:secret@host") == "https:/…@host")
        #expect(SourceURL.redacted("user:secret@host") == "user:…@host")
        #expect(SourceURL.redacted("https://h/https://u:pw@h2/x") == "https://…@h2/x")
        #expect(SourceURL.redacted("https://h:8080/x?mail=a@b") == "https://h:8080/x")
        #expect(SourceURL.redacted("file:///srv/a:b@c.mp4") == "file:///srv/a:b@c.mp4")
        #expect(SourceURL.scheme("HTTPS://x") == "https")
        #expect(SourceURL.scheme("/path:x") == nil)
    }
}
