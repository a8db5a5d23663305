import Foundation
import Glibc
import JobModel
import Storage
import Testing

@Suite("The local directory store and keys: it")
struct ObjectKeyPlaceTests {
    @Test(
        "refuses keys that no path is, names them and says why",
        arguments: [
            ("a//b", "two in a row"), ("a/", "ends with a slash"), ("/a", "begins with a slash"), ("/", "slash"),
            ("../x", "`..` part"), ("a/../b", "`..` part"), ("./a", "`.` or"), ("a\u{0}b", "NUL"),
            ("../\u{301}evil", "`..` part"), ("a/..\u{2F}\u{301}b", "`..` part"),
            (String(repeating: "x", count: 256) + "/y", "255 bytes"), (".replacing/x", "store's own"),
            ("a/.replacing-0123456789abcdef", "store's own"),
        ]
    )
    func refused(_ text: String, _ reason: String) async throws {
        try await withDirectory { directory in
            let store = try LocalDirectoryStore(creating: directory + "/store")
            try Data("bytes".utf8).write(to: URL(filePath: directory + "/source"))
            let key = try ObjectKey(text)
            func failure(_ body: () async throws -> Void) async -> StorageError? {
                do { try await body() } catch { return error as? StorageError }
                return nil
            }
            let failures = [
                await failure { try store.check(key) },
                await failure { _ = try await store.size(key) },
                await failure { _ = try await store.read(key) { _ in } },
                await failure {
                    _ = try await store.publish(fileAt: directory + "/source", as: key, mimeType: nil) { _ in }
                },
                await failure { try await store.synchronize([key]) },
            ]
            for failure in failures {
                let failure = try #require(failure)
                #expect(failure.code == .invalidKey && !failure.isRetriable)
                #expect(failure.message.contains(reason), "\(failure.message)")
                #expect(failure.message.contains("`\(key)`") && failure.message.contains("file://"))
                #expect(failure.message.unicodeScalars.allSatisfy { $0.isShown })
            }
            // Nothing was made, above the store or in it.
            #expect(Set(try FileManager.default.contentsOfDirectory(atPath: directory)) == ["source", "store"])
            #expect(try FileManager.default.contentsOfDirectory(atPath: directory + "/store").isEmpty)
        }
    }

    @Test(
        "holds all other keys under their very bytes",
        arguments: [
            "a\u{7}b\nc", "x\u{2028}y/\u{202E}z", "a/\u{301}b", ".hidden/..a", "caf\u{E9}", "cafe\u{301}",
            String(repeating: "x", count: 255),
        ]
    )
    func held(_ text: String) async throws {
        try await withDirectory { directory in
            let store = try LocalDirectoryStore(creating: directory + "/store")
            try Data("bytes".utf8).write(to: URL(filePath: directory + "/source"))
            let key = try ObjectKey(text)
            _ = try await store.publish(fileAt: directory + "/source", as: key, mimeType: nil) { _ in }
            try await store.synchronize([key])
            #expect(try await store.size(key) == 5)
            #expect(access(directory + "/store/" + text, F_OK) == 0)
        }
    }

    @Test("takes names that differ only in how accents are composed for two")
    func composition() async throws {
        try await withDirectory { directory in
            let store = try LocalDirectoryStore(creating: directory + "/store")
            for text in ["caf\u{E9}", "cafe\u{301}"] {
                try Data(text.utf8).write(to: URL(filePath: directory + "/source"))
                let key = try ObjectKey(text)
                _ = try await store.publish(fileAt: directory + "/source", as: key, mimeType: nil) { _ in }
            }
            #expect(try FileManager.default.contentsOfDirectory(atPath: directory + "/store").count == 2)
        }
    }
}
