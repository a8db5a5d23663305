import Foundation
import HTTPClient
import JobModel
import Settings
import Synchronization
import TestSupport
import Testing

@testable import Storage

/// A prefix of its own in the tests' store.
struct S3Lab {
    static let mebibyte = 1 << 20

    let server: TestObjectStore
    let prefix: String

    init(_ kind: TestObjectStore.Kind = .seaweed) async throws {
        server = try await TestObjectStore.shared(kind)
        prefix = TestObjectStore.uniquePrefix()
    }

    /// - Parameters:
    ///   - port: of a proxy before the store.
    ///   - secondsAhead: of our clock.
    ///   - connections: kept between requests, as workers do; without it, tests can tell requests by their connections.
    func store(
        port: UInt16? = nil,
        isReader: Bool = false,
        connections: WebConnections? = nil,
        limits: WebLimits = WebLimits(),
        secondsAhead: Int64 = 0,
        _ change: (inout S3Settings) -> Void = { _ in }
    ) throws -> S3Store {
        var settings = S3Settings()
        settings.multipartThresholdBytes = Int64(5 * Self.mebibyte)
        settings.partBytes = Int64(5 * Self.mebibyte)
        change(&settings)
        let location = try S3Location(server.url(prefix, port: port.map { Int($0) }), S3Environment([:]))
        let credentials = S3Credentials(
            accessKeyID: isReader ? TestObjectStore.readerKey : TestObjectStore.accessKey,
            secretAccessKey: isReader ? TestObjectStore.readerSecret : TestObjectStore.secretKey
        )
        return S3Store(
            location,
            S3Client(
                location.endpoint,
                credentials: S3FixedCredentials(credentials: credentials),
                connections: connections,
                limits: limits,
                now: { UTCTime.now + secondsAhead }
            ),
            settings
        )
    }

    /// Bytes that no compression and no repetition hides.
    static func bytes(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
        var state = seed &* 0x9E37_79B9_7F4A_7C15
        return (0..<count).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return UInt8(truncatingIfNeeded: state >> 56)
        }
    }

    func object(_ key: String) async throws -> [UInt8]? { try await server.object("\(prefix)/\(key)") }
}

@Suite("The S3 store", .timeLimit(.minutes(10)))
struct S3StoreTests {
    private func file(_ bytes: [UInt8], in directory: String) throws -> String {
        let path = directory + "/" + UUID().uuidString
        try Data(bytes).write(to: URL(filePath: path))
        return path
    }

    @Test(
        "keeps every byte of a file, whole or in parts, as another client sees it",
        arguments: [0, 1, 5 << 20, (5 << 20) + 1, 11 << 20],
        TestObjectStore.Kind.allCases
    )
    func bytes(count: Int, _ kind: TestObjectStore.Kind) async throws {
        let lab = try await S3Lab(kind)
        try await withDirectory { directory in
            let bytes = S3Lab.bytes(count)
            let object = NewObject(
                path: try file(bytes, in: directory),
                key: try ObjectKey("a/b c+d.bin"),
                contentType: "video/mp4",
                metadata: ["job": "j1"]
            )
            let told = Mutex<[Int64]>([])
            let store = try lab.store { $0.cacheControl = "max-age=60" }
            let published = try await store.put(object) { written in told.withLock { $0.append(written) } }
            #expect(published.sizeBytes == Int64(count))
            #expect(published.location == "s3://media/\(lab.prefix)/a/b c+d.bin")
            #expect(told.withLock { $0.last } == Int64(count) && told.withLock { $0 == $0.sorted() })
            #expect(try await lab.object("a/b c+d.bin") == bytes)
            let head = try await lab.server.python(
                """
                head = s3.head_object(Bucket=bucket, Key=arguments[0])
                print(head["ContentLength"], head["ContentType"], head["CacheControl"], head["Metadata"])
                """,
                "\(lab.prefix)/a/b c+d.bin"
            )
            #expect(head == "\(count) video/mp4 max-age=60 {'job': 'j1'}\n")
            #expect(try await lab.server.openUploads(lab.prefix) == [])
        }
    }

    /// No key has dots as parts. SeaweedFS keeps objects as files, so it cannot hold keys with slashes in a row.
    private static func keys(_ kind: TestObjectStore.Kind) -> [String] {
        let possible = SignatureV4Tests.keys.filter { key in
            key.utf8.count < 900 && !key.split(separator: "/").contains { $0 == "." || $0 == ".." }
        }
        if kind == .swift { return possible }
        return possible.filter { key in !key.hasPrefix("/") && !key.contains("//") && !key.contains("\\") }
    }

    @Test(
        "holds keys of all kinds, each its own object, and gives them back as sources",
        arguments: TestObjectStore.Kind.allCases
    )
    func keys(_ kind: TestObjectStore.Kind) async throws {
        let (lab, keys) = (try await S3Lab(kind), Self.keys(kind))
        let store = try lab.store()
        try await withDirectory { directory in
            for key in keys {
                _ = try await store.put(
                    NewObject(path: try file(Array(key.utf8), in: directory), key: try ObjectKey(key))
                ) { _ in }
            }
            let listed = try await store.client.list(TestObjectStore.bucket, prefix: lab.prefix + "/").keys
            #expect(Set(listed.map { ByteText($0) }) == Set(keys.map { ByteText("\(lab.prefix)/\($0)") }))
            for key in keys {
                let read = Mutex<[UInt8]>([])
                try await store.read(try ObjectKey(key)) { piece in read.withLock { $0 += Array(piece) } }
                #expect(read.withLock { $0 } == Array(key.utf8), "\(key)")
            }
            // The same by botocore, which signs in its own way.
            let text = String(decoding: try JSONEncoder().encode(keys), as: UTF8.self)
            let others = try await lab.server.python(
                """
                for key in json.loads(arguments[1]):
                    body = s3.get_object(Bucket=bucket, Key=arguments[0] + "/" + key)["Body"].read()
                    if body != key.encode(): print("another object:", key)
                """,
                lab.prefix,
                text
            )
            #expect(others == "")
        }
    }

    @Test("says that a key is wrong when it is one that stores take for another")
    func refusedKeys() async throws {
        let lab = try await S3Lab()
        try await withDirectory { directory in
            let path = try file([1], in: directory)
            for key in ["a/../b", "./x"] {
                let error = await storageError {
                    _ = try await lab.store().put(NewObject(path: path, key: try ObjectKey(key))) { _ in }
                }
                #expect(error?.verdict == .permanent && error?.code == .invalidKey)
            }
        }
    }

    @Test(
        "tells who may not write, who is nobody, and that a bucket is missing",
        arguments: TestObjectStore.Kind.allCases
    )
    func refusals(_ kind: TestObjectStore.Kind) async throws {
        let lab = try await S3Lab(kind)
        try await withDirectory { directory in
            let object = NewObject(path: try file([1, 2], in: directory), key: try ObjectKey("k"))
            let reader = try lab.store(isReader: true)
            let denied = await storageError { _ = try await reader.put(object) { _ in } }
            #expect(denied?.code == .accessDenied && denied?.verdict == .permanent)
            #expect(denied?.message.contains("AccessDenied") == true)
            let stranger = S3Store(
                reader.location,
                S3Client(
                    reader.location.endpoint,
                    credentials: S3FixedCredentials(credentials: .init(accessKeyID: "none", secretAccessKey: "hidden"))
                ),
                S3Settings()
            )
            let unknown = await storageError { _ = try await stranger.put(object) { _ in } }
            let code = kind == .seaweed ? "InvalidAccessKeyId" : "SignatureDoesNotMatch"
            #expect(unknown?.code == .accessDenied && unknown?.message.contains(code) == true)
            var elsewhere = try lab.store().location
            elsewhere.bucket = "no-such-bucket"
            let absent = S3Store(elsewhere, try lab.store().client, S3Settings())
            for error in [
                // SeaweedFS makes the bucket of a PUT, so this one only reads.
                await storageError { _ = try await absent.facts(object.key) },
                await storageError { _ = try await absent.source(object.key).probe() },
            ] {
                #expect(error?.code == .noSuchBucket, "\(error?.message ?? "no error")")
            }
        }
    }

    @Test(
        "puts a file again when the way to the store breaks, wherever it breaks",
        arguments: TestObjectStore.Kind.allCases
    )
    func cuts(_ kind: TestObjectStore.Kind) async throws {
        let lab = try await S3Lab(kind)
        try await withDirectory { directory in
            let bytes = S3Lab.bytes(11 << 20)
            let path = try file(bytes, in: directory)
            for (index, fault) in [
                RelayProxy.Fault.cut(afterBytes: 10), .cut(afterBytes: 700), .cut(afterBytes: 1 << 20), .loseAnswer,
            ].enumerated() {
                let object = NewObject(path: path, key: try ObjectKey("k\(index)"))
                // One connection in four is harmed, so that three tries are enough; with another first one each time.
                let proxy = try RelayProxy(to: lab.server.port) { ($0 + index) % 4 == 0 ? fault : nil }
                defer { proxy.close() }
                let store = try lab.store(port: proxy.port) { $0.parallelParts = 2 }
                for _ in 0..<3 {
                    do { _ = try await store.put(object) { _ in } } catch let error as StorageError {
                        // A lost answer to the last request can look like somebody else's doing.
                        #expect(error.verdict == .transient, "\(error)")
                        continue
                    }
                    break
                }
                #expect(try await lab.object("k\(index)") == bytes, "\(fault)")
                #expect(proxy.harmed > 0)
            }
            #expect(try await lab.server.openUploads(lab.prefix) == [])
        }
    }

    @Test(
        "needs one connection for many small files, one after the other, and as many as there are parts at a time",
        arguments: TestObjectStore.Kind.allCases
    )
    func keptConnections(_ kind: TestObjectStore.Kind) async throws {
        let lab = try await S3Lab(kind)
        try await withDirectory { directory in
            let proxy = try RelayProxy(to: lab.server.port) { _ in nil }
            defer { proxy.close() }
            let connections = WebConnections()
            defer { connections.closeIdle() }
            let store = try lab.store(port: proxy.port, connections: connections) { $0.parallelParts = 2 }
            for number in 0..<5 {
                let object = NewObject(path: try file([UInt8(number)], in: directory), key: try ObjectKey("\(number)"))
                _ = try await store.put(object) { _ in }
                #expect(try await lab.object("\(number)") == [UInt8(number)])
            }
            #expect(proxy.connections == 1)
            let bytes = S3Lab.bytes(21 << 20)
            let object = NewObject(path: try file(bytes, in: directory), key: try ObjectKey("large"))
            _ = try await store.put(object) { _ in }
            #expect(try await lab.object("large") == bytes)
            // The beginning of an upload, which must not be sent twice, has a new one.
            #expect(proxy.connections <= 3)
        }
    }

    @Test(
        "ends within its time when a stalled upload is cancelled, and leaves no open upload",
        arguments: TestObjectStore.Kind.allCases
    )
    func cancellation(_ kind: TestObjectStore.Kind) async throws {
        let lab = try await S3Lab(kind)
        try await withDirectory { directory in
            let object = NewObject(path: try file(S3Lab.bytes(16 << 20), in: directory), key: try ObjectKey("k"))
            // The listing and the beginning pass; a part stalls in its middle.
            let proxy = try RelayProxy(to: lab.server.port) { $0 == 3 ? .stall(afterBytes: 1 << 20) : nil }
            defer { proxy.close() }
            let store = try lab.store(port: proxy.port) { $0.parallelParts = 2 }
            let task = Task {
                do {
                    _ = try await store.put(object) { _ in }
                    return false
                } catch { return error is CancellationError }
            }
            try await eventually("a part stalls") { proxy.harmed > 0 }
            #expect(try await lab.server.openUploads(lab.prefix) == ["\(lab.prefix)/k"])
            task.cancel()
            #expect(await task.value)
            #expect(try await lab.server.openUploads(lab.prefix) == [])
            #expect(try await lab.object("k") == nil)
        }
    }

    /// Uploads some parts of an object with boto3, and leaves the upload open.
    private func leaveOpen(_ lab: S3Lab, _ path: String, parts: [Int]) async throws {
        try await lab.server.python(
            """
            data, key = open(arguments[0], "rb").read(), arguments[1] + "/k"
            upload = s3.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]
            for number in json.loads(arguments[2]):
                start = (number - 1) * 5242880
                part = data[start:start + 5242880]
                s3.upload_part(Bucket=bucket, Key=key, UploadId=upload, PartNumber=number, Body=part)
            """,
            path,
            lab.prefix,
            "\(parts)"
        )
    }

    @Test(
        "goes on with an upload that was left open, when its parts are of the file; else begins anew",
        arguments: TestObjectStore.Kind.allCases
    )
    func resumption(_ kind: TestObjectStore.Kind) async throws {
        let lab = try await S3Lab(kind)
        try await withDirectory { directory in
            let bytes = S3Lab.bytes(16 << 20)
            let object = NewObject(path: try file(bytes, in: directory), key: try ObjectKey("k"))
            var changed = bytes
            changed[7] ^= 1
            let other = try file(changed, in: directory)
            for (left, parts, sent) in [
                (object.path, [1, 3], 2), (object.path, [], 4), (other, [1, 2], 4), (other, [2], 3),
                (object.path, [1, 2, 3, 4], 0),
            ] as [(String, [Int], Int)] {
                try await leaveOpen(lab, left, parts: parts)
                let proxy = try RelayProxy(to: lab.server.port) { _ in nil }
                defer { proxy.close() }
                let told = Mutex<Int64>(0)
                let store = try lab.store(port: proxy.port)
                _ = try await store.put(object) { written in told.withLock { $0 = written } }
                #expect(try await lab.object("k") == bytes)
                #expect(told.withLock { $0 } == Int64(bytes.count))
                // Beside the parts: listing, parts of the listed (when it has any), abort and beginning or neither,
                // completion, and the look at the object. Swift refuses the first completion, as it has checksums.
                let others = (sent < 4 ? 4 : 6) + (kind == .swift ? 1 : 0)
                #expect(proxy.connections - sent == others, "\(parts)")
                #expect(try await lab.server.openUploads(lab.prefix) == [])
            }
        }
    }

    @Test("bounds the number of parts")
    func partSizes() {
        let part: Int64 = 16 << 20
        #expect(S3MultipartPut.partBytes(of: 0, setting: part) == part)
        #expect(S3MultipartPut.partBytes(of: 10_000 * part, setting: part) == part)
        #expect(S3MultipartPut.partBytes(of: 10_000 * part + 1, setting: part) == part + 1 << 20)
        #expect(S3MultipartPut.partBytes(of: 5 << 40, setting: 5 << 20) == 525 << 20)
        #expect(S3MultipartPut.partBytes(of: .max, setting: part) > .max / 10_001)
    }

    @Test(
        "is tried without leaving anything, and says why it takes nothing",
        arguments: TestObjectStore.Kind.allCases
    )
    func trial(_ kind: TestObjectStore.Kind) async throws {
        let lab = try await S3Lab(kind)
        let store = try lab.store()
        try await store.tryUpload()
        #expect(try await lab.server.openUploads(lab.prefix) == [])
        #expect(try await store.client.list(TestObjectStore.bucket, prefix: lab.prefix).keys == [])
        let reader = await storageError { try await lab.store(isReader: true).tryUpload() }
        #expect(reader?.code == .accessDenied)
    }

    @Test(
        "reads an object on after interruptions, and none that was replaced meanwhile",
        arguments: TestObjectStore.Kind.allCases
    )
    func reading(_ kind: TestObjectStore.Kind) async throws {
        let lab = try await S3Lab(kind)
        try await withDirectory { directory in
            let bytes = S3Lab.bytes(3 << 20)
            try await lab.server.put(try file(bytes, in: directory), "\(lab.prefix)/k")
            let other = try file(S3Lab.bytes(3 << 20, seed: 2), in: directory)
            let proxy = try RelayProxy(to: lab.server.port) { _ in .cutAnswer(afterBytes: 1 << 20) }
            defer { proxy.close() }
            let store = try lab.store(port: proxy.port)
            let read = Mutex<[UInt8]>([])
            try await store.read(try ObjectKey("k")) { piece in read.withLock { $0 += Array(piece) } }
            #expect(read.withLock { $0 } == bytes)
            #expect(proxy.connections > 3)
            let first = Mutex(true)
            let error = await storageError {
                try await store.read(try ObjectKey("k")) { _ in
                    guard
                        first.withLock({ first in
                            defer { first = false }
                            return first
                        })
                    else { return }
                    // The sink may block; the object is replaced while it does.
                    let replaced = DispatchSemaphore(value: 0)
                    Task {
                        try? await lab.server.put(other, "\(lab.prefix)/k")
                        replaced.signal()
                    }
                    replaced.wait()
                }
            }
            #expect(error?.code == .changed && error?.verdict == .transient)
        }
    }
}
