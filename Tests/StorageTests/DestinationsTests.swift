import Foundation
import JobModel
import Settings
import Storage
import TestSupport
import Testing

@Suite("Destinations of jobs")
struct DestinationsTests {
    private static func destinations(_ prefixes: String, store: String = "s3://media/app") throws -> Destinations {
        let settings = try Settings.from(["DESTINATION_PREFIXES": prefixes, "STORAGE_URL": store])
        return try Destinations(settings.storage)
    }

    @Test(
        "may be a prefix and what lies beneath it, part by part",
        arguments: [
            "s3://media/customers", "s3://media/customers/", "s3://media/customers/a/b", "s3://out", "s3://out/x y",
            "s3://media/customers/%2e%2e", "s3://media/customers/e\u{301}", "file:///srv/out", "file:///srv/out/a%20b/",
            "file://localhost/srv/out/a", "s3://media/customers/...",
        ]
    )
    func allowed(_ url: String) throws {
        try Self.destinations("s3://media/customers, s3://out file:///srv/out/").check(url)
    }

    @Test(
        "may be nothing else",
        arguments: [
            "s3://media", "s3://media/", "s3://media/custom", "s3://media/customers2", "s3://media/customers2/a",
            "s3://media/other", "s3://media/CUSTOMERS/a", "s3://other/customers", "s3://media/customers/../app",
            "s3://media/customers/..", "s3://media/customers/.", "s3://media/customers//a", "s3://media//customers",
            "s3://media/customers/a?endpoint=http://evil.example", "s3://media/customers/a#x",
            "s3://key:secret@media/customers/a", "s3://media/customers/a/./b", "file:///srv", "file:///srv/output",
            "file:///srv/out/../in", "file:///srv/out/%2e%2e/in", "file:///srv/out%2f..%2fin", "file:///etc/passwd",
            "file://host/srv/out/a", "file://user@/srv/out/a", "file:///srv/out/a%00b", "file:///srv//out/a",
            "https://media/customers", "file:///srv/out/.replacing-a", "customers", "", "s3:media/customers",
            "file:/srv/in",
            "s3://media/custo\u{301}mers/a", "s3://media\u{2F}\u{301}customers",
        ]
    )
    func refused(_ url: String) throws {
        let error = #expect(throws: StorageError.self) {
            try Self.destinations("s3://media/customers s3://out file:///srv/out").check(url)
        }
        #expect(error?.code == .destinationNotAllowed, "\(error?.message ?? "")")
        #expect(error?.verdict == .permanent)
        #expect(error?.message.contains("secret") == false)
    }

    @Test("Without prefixes each destination is refused as before")
    func none() throws {
        let error = #expect(throws: StorageError.self) { try Self.destinations("").check("s3://media/customers") }
        #expect(error?.code == .unsupportedScheme && error?.message.contains("DESTINATION_PREFIXES") == true)
    }

    @Test(
        "Prefixes that cannot be meant are refused",
        arguments: [
            ("https://h/", "s3://media"), ("file:///", "s3://media"), ("s3://media/a?region=x", "s3://media"),
            ("s3://media/../a", "s3://media"), ("/srv/out", "s3://media"),
        ]
    )
    func wrongPrefixes(_ prefixes: String, _ store: String) {
        #expect(throws: StorageError.self) { try Self.destinations(prefixes, store: store) }
    }

    @Test("A bucket needs a store that is one, for its endpoint and credentials")
    func bucketWithoutStore() {
        let error = #expect(throws: SettingsError.self) {
            try Self.destinations("s3://media/a", store: "file:///srv/media")
        }
        #expect(error?.description.contains("DESTINATION_PREFIXES") == true)
    }

    @Test("in a bucket are stores with the endpoint of the store and a prefix of their own")
    func buckets() throws {
        let destinations = try Self.destinations(
            "s3://out/base",
            store: "s3://media/app?endpoint=http://127.0.0.1:9000&region=us-east-1"
        )
        #expect(
            "\(try destinations.store("s3://out/base/x y/").description)"
                == "s3://out/base/x y/ at http://127.0.0.1:9000"
        )
        #expect(destinations.bucketStarts.map(\.start) == [Array("base/".utf8)])
    }

    @Test("that are directories get objects beneath them, and through no symbolic link")
    func directories() async throws {
        let root = NSTemporaryDirectory() + "destinations-\(UUID().uuidString)"
        let outside = root + "/outside"
        for name in ["allowed", "outside"] {
            try FileManager.default.createDirectory(atPath: root + "/" + name, withIntermediateDirectories: true)
        }
        defer { try? FileManager.default.removeItem(atPath: root) }
        let file = root + "/file"
        try Data("bytes".utf8).write(to: URL(filePath: file))
        let destinations = try Self.destinations("file://\(root)/allowed", store: "file://\(root)/store")
        let store = try destinations.store("file://\(root)/allowed/a%20b/c")
        let key = try ObjectKey("videos/m.mp4")
        let published = try await store.put(NewObject(path: file, key: key)) { _ in }
        #expect(published.location == "file://\(root)/allowed/a%20b/c/videos/m.mp4")
        #expect(try Data(contentsOf: URL(filePath: root + "/allowed/a b/c/videos/m.mp4")) == Data("bytes".utf8))
        try await store.synchronize([key])
        #expect(try await store.facts(key)?.sizeBytes == 5)
        #expect(try await store.delete(key))
        // Itself, without a rest.
        _ = try await destinations.store("file://\(root)/allowed/").put(NewObject(path: file, key: key)) { _ in }
        #expect(FileManager.default.fileExists(atPath: root + "/allowed/videos/m.mp4"))
        try FileManager.default.createSymbolicLink(atPath: root + "/allowed/link", withDestinationPath: outside)
        for url in ["file://\(root)/allowed/link", "file://\(root)/allowed/link/deeper"] {
            let error = #expect(throws: StorageError.self) { try destinations.store(url) }
            #expect(error?.code == .destinationNotAllowed)
        }
        // A link that comes later leads nowhere either.
        let later = try destinations.store("file://\(root)/allowed/late")
        try FileManager.default.createSymbolicLink(atPath: root + "/allowed/late/videos", withDestinationPath: outside)
        await #expect(throws: StorageError.self) { _ = try await later.put(NewObject(path: file, key: key)) { _ in } }
        #expect(try FileManager.default.contentsOfDirectory(atPath: outside) == [])
    }
}
