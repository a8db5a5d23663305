import Foundation

/// The store of a test's tree, as another program sees it.
package enum TreeStore: Sendable {
    case directory(String)
    case bucket(TestObjectStore, prefix: String)

    package enum Kind: CaseIterable, Sendable {
        case directory
        case bucket
        case swiftBucket
    }

    /// Runs `body` beside a ready tree with an empty store of a kind.
    package static func with(
        _ kind: Kind,
        _ settings: [String: String] = [:],
        starting: Bool = true,
        _ body: (TestTree, TreeStore) async throws -> Void
    ) async throws {
        switch kind {
        case .directory:
            try await TestTree.with(settings, starting: starting) { tree in
                try await body(tree, .directory(tree.store))
            }
        case .bucket, .swiftBucket:
            let server = try await TestObjectStore.shared(kind == .bucket ? .seaweed : .swift)
            let prefix = TestObjectStore.uniquePrefix("tree")
            let own = TestObjectStore.environment.merging(["STORAGE_URL": server.url(prefix)]) { $1 }
            try await TestTree.with(own.merging(settings) { $1 }, starting: starting) { tree in
                try await body(tree, .bucket(server, prefix: prefix))
            }
        }
    }

    /// The keys of all objects, sorted.
    package func keys() async throws -> [String] {
        switch self {
        case .directory(let path):
            return try FileManager.default.subpathsOfDirectory(atPath: path).filter { name in
                var isDirectory: ObjCBool = false
                return FileManager.default.fileExists(atPath: path + "/" + name, isDirectory: &isDirectory)
                    && !isDirectory.boolValue
            }.sorted()
        case .bucket(let server, let prefix):
            let text = try await server.python(
                "print(json.dumps([o['Key'] for page in s3.get_paginator('list_objects_v2')"
                    + ".paginate(Bucket=bucket, Prefix=arguments[0]) for o in page.get('Contents', [])]))",
                prefix + "/"
            )
            let keys = try JSONDecoder().decode([String].self, from: Data(text.utf8))
            return keys.map { String($0.dropFirst(prefix.count + 1)) }.sorted()
        }
    }

    /// The bytes of an object; nil when there is none.
    package func object(_ key: String) async throws -> [UInt8]? {
        switch self {
        case .directory(let path): FileManager.default.contents(atPath: path + "/" + key).map { Array($0) }
        case .bucket(let server, let prefix): try await server.object(prefix + "/" + key)
        }
    }

    /// Puts an object, as somebody else would.
    package func put(_ bytes: [UInt8], _ key: String) async throws {
        switch self {
        case .directory(let path):
            let file = URL(filePath: path + "/" + key)
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(),
                withIntermediateDirectories: true
            )
            try Data(bytes).write(to: file)
        case .bucket(let server, let prefix):
            let file = NSTemporaryDirectory() + "object-\(UUID().uuidString)"
            defer { try? FileManager.default.removeItem(atPath: file) }
            try Data(bytes).write(to: URL(filePath: file))
            try await server.put(file, prefix + "/" + key)
        }
    }

    /// Uploads in parts that are open: their keys.
    package func openUploads() async throws -> [String] {
        switch self {
        case .directory: []
        case .bucket(let server, let prefix):
            // The supervisor tries the store by such an upload once a minute.
            try await server.openUploads(prefix + "/").filter { !$0.hasSuffix(".media-processor-trial") }
        }
    }
}
