import Foundation
import HTTPClient
import JobModel
import Settings
import TestSupport
import Testing

@testable import Storage

@Suite("Limits to what a process moves")
struct TransferLimitsTests {
    private func settings(_ variables: [String: String]) throws -> StorageSettings {
        try webSettings(variables)
    }

    @Test("are none unless they are set, and one of each value for the whole process")
    func values() throws {
        let none = TransferLimits.of(try settings([:]))
        #expect(none.receiving == nil && none.sending == nil)
        let both = ["SOURCE_MAX_BYTES_PER_SECOND": "1000000", "UPLOAD_MAX_BYTES_PER_SECOND": "1000000"]
        let limits = TransferLimits.of(try settings(both))
        #expect(limits.receiving?.bytesPerSecond == 1_000_000 && limits.sending?.bytesPerSecond == 1_000_000)
        #expect(limits.receiving !== limits.sending)
        let again = TransferLimits.of(try settings(both))
        #expect(again.receiving === limits.receiving && again.sending === limits.sending)
        #expect(throws: SettingsError.self) { try settings(["UPLOAD_MAX_BYTES_PER_SECOND": "65535"]) }
    }

    @Test("count all bytes of a source by HTTP")
    func source() async throws {
        try await withDirectory { directory in
            try Data(repeating: 7, count: 300_000).write(to: URL(filePath: directory + "/source"))
            let settings = try settings(["SOURCE_MAX_BYTES_PER_SECOND": "500000001"])
            let limit = try #require(TransferLimits.of(settings).receiving)
            try await NginxOrigin.with(files: directory) { origin in
                _ = try await HTTPSource(url: origin.url("/source"), settings).read { _ in }
            }
            #expect(limit.notedBytes == 300_000)
        }
    }

    @Test("count what is sent to a store, and what is read from it, each by itself")
    func store() async throws {
        let lab = try await S3Lab()
        try await withDirectory { directory in
            try Data(S3Lab.bytes(11 << 20)).write(to: URL(filePath: directory + "/file"))
            let limits = WebLimits(
                receiving: Bandwidth(bytesPerSecond: 1 << 40),
                sending: Bandwidth(bytesPerSecond: 1 << 40)
            )
            let store = try lab.store(limits: limits)
            let key = try ObjectKey("k")
            _ = try await store.put(NewObject(path: directory + "/file", key: key)) { _ in }
            // The parts, and the document that completes the upload.
            let sent = try #require(limits.sending).notedBytes
            #expect(sent >= 11 << 20 && sent < 11 << 20 + 2000)
            let before = try #require(limits.receiving).notedBytes
            try await store.read(key) { _ in }
            #expect(try #require(limits.receiving).notedBytes - before == 11 << 20)
        }
    }

    @Test("hold for a client of a store that was asked for without them before, and change with the settings")
    func sharedClient() throws {
        let endpoint = S3Endpoint(scheme: "http", host: "limits.invalid", region: "us-east-1", style: .path)
        let client = S3Client.shared(endpoint)
        #expect(client.web.limits.sending == nil)
        let limits = WebLimits(sending: Bandwidth(bytesPerSecond: 70_000))
        #expect(S3Client.shared(endpoint, limits) === client && client.web.limits.sending === limits.sending)
        _ = S3Client.shared(endpoint)
        #expect(client.web.limits.sending === limits.sending)
        _ = S3Client.shared(endpoint, WebLimits())
        #expect(client.web.limits.sending == nil)
    }

    @Test("count what goes to a signed URL")
    func signedUpload() async throws {
        let settings = try settings(["UPLOAD_MAX_BYTES_PER_SECOND": "500000003"])
        let limit = try #require(TransferLimits.of(settings).sending)
        let server = try LoopbackServer { connection in
            _ = try connection.request()
            try connection.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        }
        defer { server.stop() }
        let upload = SignedUpload("http://127.0.0.1:\(server.port)/k?X-Amz-Signature=1", name: "720p", settings)
        _ = try await upload.put(.bytes([UInt8](repeating: 1, count: 70_000)), contentType: nil) { _ in }
        #expect(limit.notedBytes == 70_000)
    }

    @Test("hold for all buckets of a process: the store, those of spilled files, and destinations of jobs")
    func buckets() throws {
        let url = { (port: Int) in "s3://media/p?endpoint=http://127.0.0.1:\(port)&region=us-east-1" }
        let settings = try settings([
            "UPLOAD_MAX_BYTES_PER_SECOND": "500000005", "STORAGE_URL": url(1), "DESTINATION_PREFIXES": "s3://other/p",
        ])
        let limit = try #require(TransferLimits.of(settings).sending)
        for store in [
            try Stores(settings).standard, try Stores.forTempFiles(url(2), settings),
            try Destinations(settings).store("s3://other/p/q"),
        ] as [any Store] {
            #expect(try #require(store as? S3Store).client.web.limits.sending === limit)
        }
    }

    @Test("let go of an upload that is cancelled, and leave no part of it")
    func cancellation() async throws {
        let lab = try await S3Lab()
        try await withDirectory { directory in
            try Data(S3Lab.bytes(11 << 20)).write(to: URL(filePath: directory + "/file"))
            // All of it would take hours.
            let limit = Bandwidth(bytesPerSecond: 1000)
            let store = try lab.store(limits: WebLimits(sending: limit)) { $0.multipartThresholdBytes = 5 << 20 }
            let object = NewObject(path: directory + "/file", key: try ObjectKey("k"))
            let (begun, beginning) = AsyncStream.makeStream(of: Void.self)
            let task = Task {
                do {
                    _ = try await store.put(object) { sent in if sent > 0 { beginning.yield() } }
                    return false
                } catch { return error is CancellationError }
            }
            for await _ in begun { break }
            task.cancel()
            #expect(await task.value)
            #expect(limit.notedBytes < 1 << 20)
            #expect(try await lab.server.openUploads(lab.prefix) == [])
        }
    }
}
