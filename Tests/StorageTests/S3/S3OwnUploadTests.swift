import Foundation
import JobModel
import Settings
import Synchronization
import TestSupport
import Testing

@testable import Storage

/// Several jobs may upload under one key at a time; each has a record of its own uploads.
@Suite("Uploads in the record of a job", .timeLimit(.minutes(5)))
struct S3OwnUploadTests {
    private static let bytes = S3Lab.bytes(16 << 20)
    /// Of 5 MiB.
    private static let parts = 4

    private func file(_ bytes: [UInt8], in directory: String) throws -> String {
        let path = directory + "/" + UUID().uuidString
        try Data(bytes).write(to: URL(filePath: path))
        return path
    }

    private func object(_ path: String, _ record: MemoryUploads) throws -> NewObject {
        var object = NewObject(path: path, key: try ObjectKey("k"))
        object.uploads = record
        return object
    }

    /// Begins an upload of a file with boto3, as a job would, and sends some of its parts.
    private func begin(_ lab: S3Lab, _ path: String, parts: [Int]) async throws -> String {
        let id = try await lab.server.python(
            """
            data, key = open(arguments[0], "rb").read(), arguments[1] + "/k"
            upload = s3.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]
            for number in json.loads(arguments[2]):
                start = (number - 1) * 5242880
                part = data[start:start + 5242880]
                s3.upload_part(Bucket=bucket, Key=key, UploadId=upload, PartNumber=number, Body=part)
            print(upload)
            """,
            path,
            lab.prefix,
            "\(parts)"
        )
        return id.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    @Test("are left alone by another job that uploads under the same key")
    func others() async throws {
        let lab = try await S3Lab()
        try await withDirectory { directory in
            let path = try file(Self.bytes, in: directory)
            let theirs = MemoryUploads([try await begin(lab, path, parts: [1, 2])])
            let other = S3Lab.bytes(16 << 20, seed: 2)
            let proxy = try RelayProxy(to: lab.server.port) { _ in nil }
            defer { proxy.close() }
            let ours = MemoryUploads()
            _ = try await lab.store(port: proxy.port).put(object(try file(other, in: directory), ours)) { _ in }
            #expect(try await lab.object("k") == other)
            // Beside the parts: beginning, completion and the look at the object.
            #expect(proxy.connections == Self.parts + 3)
            #expect(ours.ids.count == 1 && ours.ids != theirs.ids)
            #expect(try await lab.server.openUploads(lab.prefix) == ["\(lab.prefix)/k"])

            let later = try RelayProxy(to: lab.server.port) { _ in nil }
            defer { later.close() }
            _ = try await lab.store(port: later.port).put(object(path, theirs)) { _ in }
            #expect(try await lab.object("k") == Self.bytes)
            // Beside the missing parts: those that are there, completion and the look at the object.
            #expect(later.connections == 2 + 3)
            #expect(try await lab.server.openUploads(lab.prefix) == [])
        }
    }

    enum Interruption: CaseIterable, Sendable {
        case drain, failure
    }

    @Test(
        "stay open when they are interrupted, and the next try sends what is missing",
        arguments: Interruption.allCases
    )
    func interruption(_ interruption: Interruption) async throws {
        let lab = try await S3Lab()
        try await withDirectory { directory in
            let record = MemoryUploads()
            let object = try object(try file(Self.bytes, in: directory), record)
            // The beginning and two parts pass; the third does not, with all its tries.
            let proxy = try RelayProxy(to: lab.server.port) { number in
                switch interruption {
                case .drain: number == 3 ? .stall(afterBytes: 1 << 20) : nil
                case .failure: (3...5).contains(number) ? .cut(afterBytes: 1 << 20) : nil
                }
            }
            defer { proxy.close() }
            let store = try lab.store(port: proxy.port) { $0.parallelParts = 1 }
            let task = Task { try await store.put(object) { _ in } }
            if interruption == .drain {
                try await eventually("a part stalls") { proxy.harmed > 0 }
                task.cancel()
                await #expect(throws: CancellationError.self) { try await task.value }
                #expect(proxy.connections == 4)
            } else {
                let error = await storageError { _ = try await task.value }
                #expect(error?.verdict == .transient)
                #expect(proxy.connections == 6)
            }
            #expect(try await lab.server.openUploads(lab.prefix) == ["\(lab.prefix)/k"] && record.ids.count == 1)

            let later = try RelayProxy(to: lab.server.port) { _ in nil }
            defer { later.close() }
            _ = try await lab.store(port: later.port).put(object) { _ in }
            // The parts that are there, two more, completion and the look at the object.
            #expect(later.connections == 5)
            #expect(try await lab.object("k") == Self.bytes)
            #expect(try await lab.server.openUploads(lab.prefix) == [])
        }
    }

    @Test("are known to be complete when the worker died before it had the answer, and nothing is sent again")
    func completedBefore() async throws {
        let lab = try await S3Lab()
        try await withDirectory { directory in
            let record = MemoryUploads()
            let object = try object(try file(Self.bytes, in: directory), record)
            _ = try await lab.store().put(object) { _ in }
            let proxy = try RelayProxy(to: lab.server.port) { _ in nil }
            defer { proxy.close() }
            _ = try await lab.store(port: proxy.port).put(object) { _ in }
            #expect(try await lab.object("k") == Self.bytes)
            // The parts of the upload, which is gone, and a look at the object.
            #expect(proxy.connections == 2)
            #expect(record.ids.isEmpty)

            // Another file is no such object.
            let other = S3Lab.bytes(16 << 20, seed: 3)
            var changed = object
            changed.path = try file(other, in: directory)
            _ = try await lab.store().put(changed) { _ in }
            #expect(try await lab.object("k") == other)
        }
    }

    @Test("are aborted and begun anew when the store has parts of another file")
    func foreignParts() async throws {
        let lab = try await S3Lab()
        try await withDirectory { directory in
            let other = try file(S3Lab.bytes(16 << 20, seed: 2), in: directory)
            let first = try await begin(lab, other, parts: [1])
            let record = MemoryUploads([first])
            _ = try await lab.store().put(object(try file(Self.bytes, in: directory), record)) { _ in }
            #expect(try await lab.object("k") == Self.bytes)
            #expect(record.ids.count == 1 && record.ids != [ByteText(first)])
            #expect(try await lab.server.openUploads(lab.prefix) == [])
        }
    }

    @Test("are not begun where they cannot be noted")
    func unnoted() async throws {
        let lab = try await S3Lab()
        try await withDirectory { directory in
            let object = try object(try file(Self.bytes, in: directory), MemoryUploads(isFull: true))
            await #expect(throws: MemoryUploads.Full.self) { try await lab.store().put(object) { _ in } }
            #expect(try await lab.server.openUploads(lab.prefix) == [])
        }
    }

    @Test(
        "that somebody ends over and over are begun anew three times, then the job tries later",
        arguments: [true, false]
    )
    func endedByOthers(atPart: Bool) async throws {
        let server = try ScriptedStore { number, request in
            if request.line.hasPrefix("POST") && request.line.contains("uploads=") {
                let body =
                    "<InitiateMultipartUploadResult><UploadId>u\(number)</UploadId></InitiateMultipartUploadResult>"
                return ScriptedStore.response(200, [:], body)
            }
            if !atPart, request.line.hasPrefix("PUT") { return ScriptedStore.response(200, ["ETag": "\"e\""]) }
            return ScriptedStore.failure(404, request.line.contains("uploadId=") ? "NoSuchUpload" : "NoSuchKey")
        }
        defer { server.stop() }
        try await withDirectory { directory in
            var settings = S3Settings()
            settings.multipartThresholdBytes = 1
            settings.parallelParts = 1
            let record = MemoryUploads()
            let store = try server.store(nil, settings)
            let object = try object(try file([1, 2, 3], in: directory), record)
            let error = await storageError { _ = try await store.put(object) { _ in } }
            #expect(error?.code == .incomplete && error?.verdict == .transient, "\(error?.message ?? "none")")
            let lines = server.requests.map(\.line)
            #expect(lines.count { $0.hasPrefix("POST") && $0.contains("uploads=") } == 3)
            #expect(lines.count { $0.hasPrefix("PUT") } == 3)
            #expect(record.ids.isEmpty)
        }
    }

    @Test("that have no record are aborted at a cancellation, which no store holds up by refusing")
    func refusedAbort() async throws {
        let (arrived, arrival) = AsyncStream.makeStream(of: Void.self)
        let server = try ScriptedStore { _, request in
            switch request.line.prefix(3) {
            case "PUT":
                arrival.yield()
                return nil
            case "POS":
                let body = "<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>"
                return ScriptedStore.response(200, [:], body)
            case "GET": return ScriptedStore.response(200, [:], "<ListMultipartUploadsResult/>")
            default: return ScriptedStore.response(503, ["Retry-After": "5"])
            }
        }
        defer { server.stop() }
        try await withDirectory { directory in
            var settings = S3Settings()
            settings.multipartThresholdBytes = 1
            let store = try server.store(nil, settings)
            try Data([1, 2, 3]).write(to: URL(filePath: directory + "/f"))
            let object = NewObject(path: directory + "/f", key: try ObjectKey("k"))
            let task = Task { try await store.put(object) { _ in } }
            for await _ in arrived { break }
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            #expect(server.requests.count { $0.line.hasPrefix("DELETE") } == 1)
        }
    }
}
