import Files
import Foundation
import JobModel
import TestSupport
import Testing

@testable import Storage

@Suite("Removing an object of a job", .timeLimit(.minutes(5)))
struct RemovalTests {
    private func put(
        _ text: String,
        _ store: any Store,
        owner: String?,
        in directory: String
    ) async throws -> (published: PublishedObject, path: String) {
        let path = directory + "/" + UUID().uuidString
        try Data(text.utf8).write(to: URL(filePath: path))
        let object = NewObject(path: path, key: try ObjectKey("a/k"), owner: owner)
        return (try await store.put(object) { _ in }, path)
    }

    private func own(_ owner: String, _ evidence: OwnObject.Evidence) throws -> OwnObject {
        OwnObject(key: try ObjectKey("a/k"), owner: owner, evidence: evidence)
    }

    @Test("removes the one that was put, once", arguments: [StoreUnderTest.directory, .bucket])
    func once(_ kind: StoreUnderTest) async throws {
        try await kind.run { store, directory in
            let published = try await put("text", store, owner: "job-1", in: directory).published
            #expect(published.validator != nil)
            let object = try own("job-1", .put(published.validator))
            #expect(try await store.remove(object) == .removed)
            #expect(try await store.remove(object) == .absent)
            #expect(try await store.facts(object.key) == nil)
        }
    }

    @Test(
        "keeps one that another job has put there since, were it of the same bytes",
        arguments: [StoreUnderTest.directory, .bucket],
        ["text", "other"]
    )
    func replaced(_ kind: StoreUnderTest, _ text: String) async throws {
        try await kind.run { store, directory in
            let first = try await put("text", store, owner: "job-1", in: directory)
            _ = try await put(text, store, owner: "job-2", in: directory)
            #expect(try await store.remove(own("job-1", .put(first.published.validator))) == .kept)
            #expect(try await store.remove(own("job-1", .planned(path: first.path))) == .kept)
            #expect(try await store.remove(own("job-1", .told)) == .kept)
            #expect(try await store.facts(try ObjectKey("a/k")) != nil)
        }
    }

    @Test(
        "removes one of which is only known that it may have been put, when it is of the job's file, and no other",
        arguments: [StoreUnderTest.directory, .bucket]
    )
    func planned(_ kind: StoreUnderTest) async throws {
        try await kind.run { store, directory in
            let other = directory + "/other"
            try Data("other".utf8).write(to: URL(filePath: other))
            let path = try await put("text", store, owner: "job-1", in: directory).path
            #expect(try await store.remove(own("job-2", .planned(path: other))) == .kept)
            #expect(try await store.remove(own("job-1", .planned(path: path))) == .removed)
        }
    }

    @Test("knows a copy by the job's name, and no file by its bytes")
    func copy() async throws {
        try await withDirectory { directory in
            let store = try LocalDirectoryStore(creating: directory + "/store")
            // What has other rights than its place would give it is copied.
            let path = directory + "/file"
            try Data("text".utf8).write(to: URL(filePath: path))
            #expect(chmod(path, 0o600) == 0)
            let key = try ObjectKey("a/k")
            _ = try await store.put(NewObject(path: path, key: key)) { _ in }
            #expect(FileStatus(path: path)?.linkCount == 1)
            #expect(try await store.remove(own("job-1", .planned(path: path))) == .kept)
            #expect(try await store.remove(own("job-1", .told)) == .kept)
            _ = try await store.put(NewObject(path: path, key: key, owner: "job-1")) { _ in }
            #expect(FileStatus(path: path)?.linkCount == 1)
            #expect(try await store.remove(own("job-2", .planned(path: path))) == .kept)
            #expect(try await store.remove(own("job-1", .planned(path: nil))) == .removed)
        }
    }

    @Test("of a directory believes the object's own word alone when another host has told of it")
    func toldOfDirectory() async throws {
        try await StoreUnderTest.directory.run { store, directory in
            _ = try await put("text", store, owner: "job-1", in: directory)
            #expect(try await store.remove(own("job-2", .told)) == .kept)
            #expect(try await store.remove(own("job-1", .told)) == .removed)
            _ = try await put("text", store, owner: nil, in: directory)
            #expect(try await store.remove(own("job-1", .told)) == .kept)
            #expect(try await store.remove(own("job-1", .content)) == .removed)
        }
    }

    @Test("of a bucket believes the object's own word alone when another host has told of it")
    func told() async throws {
        let lab = try await S3Lab()
        try await withDirectory { directory in
            let store = try lab.store()
            _ = try await put("text", store, owner: "job-1", in: directory)
            #expect(try await store.remove(own("job-2", .told)) == .kept)
            #expect(try await store.remove(own("job-1", .told)) == .removed)
            let path = directory + "/foreign"
            try Data("text".utf8).write(to: URL(filePath: path))
            try await lab.server.put(path, "\(lab.prefix)/a/k")
            #expect(try await store.remove(own("job-1", .told)) == .kept)
            // Read a moment ago: where a store keeps no metadata, the bytes tell.
            #expect(try await store.remove(own("job-1", .content)) == .removed)
            _ = try await put("text", store, owner: "job-2", in: directory)
            #expect(try await store.remove(own("job-1", .content)) == .kept)
        }
    }

    @Test("is done by the one who goes on with an upload: the object is the last job's")
    func resumed() async throws {
        let lab = try await S3Lab()
        try await withDirectory { directory in
            let path = directory + "/file"
            try Data(S3Lab.bytes(6 << 20)).write(to: URL(filePath: path))
            // The first job's upload stays open with its first part.
            let store = try lab.store()
            let key = try store.location.fullKey(try ObjectKey("a/k"))
            let object = NewObject(path: path, key: try ObjectKey("a/k"), owner: "job-1")
            let id = try await store.client.createUpload(
                TestObjectStore.bucket,
                key,
                store.attributes(object),
                hasChecksums: true
            )
            let file = try UploadFile(.file(path))
            _ = try await store.client.uploadPart(
                file,
                offset: 0,
                count: 5 << 20,
                number: 1,
                of: id,
                TestObjectStore.bucket,
                key,
                sha256: try await file.digests(offset: 0, count: 5 << 20).sha256,
                hasChecksum: true
            ) { _ in }
            var other = object
            other.owner = "job-2"
            let published = try await store.put(other) { _ in }
            #expect(try await lab.server.openUploads(lab.prefix) == [])
            #expect(try await store.remove(own("job-1", .put(published.validator))) == .kept)
            #expect(try await store.remove(own("job-2", .put(published.validator))) == .removed)
        }
    }

    @Test("lists open uploads with their keys and ages, and aborts those that it is told")
    func openUploads() async throws {
        let lab = try await S3Lab()
        let store = try lab.store()
        #expect(try await store.openUploads() == [])
        let keys = ["a/k", "a/k2", "b c+d%25e\u{301}"]
        try await lab.server.python(
            """
            for key in json.loads(arguments[1]):
                s3.create_multipart_upload(Bucket=bucket, Key=arguments[0] + "/" + key)
            """,
            lab.prefix,
            String(decoding: try JSONEncoder().encode(keys + ["a/k"]), as: UTF8.self)
        )
        let open = try await store.openUploads()
        #expect(open.map(\.key).sorted() == (keys + ["a/k"]).map { ByteText($0) }.sorted())
        #expect(open.allSatisfy { (0...60).contains($0.ageSeconds ?? -1) }, "\(open)")
        #expect(open.count { $0.key == "a/k" } == 2)
        for upload in open where upload.key == "a/k" { try await store.abort(upload) }
        let last = try #require(try await store.openUploads().first { $0.key == ByteText(keys[2]) })
        try await store.abort(last)
        try await store.abort(last)
        #expect(try await store.openUploads().map(\.key) == ["a/k2"])
        for upload in try await store.openUploads() { try await store.abort(upload) }
    }
}
