import Foundation
import JobModel
import Settings
import TestSupport
import Testing

@testable import Storage

@Suite("A put that a store refuses", .timeLimit(.minutes(5)))
struct S3PutTraceTests {
    /// Whether the failed put says that the store has nothing.
    private func leavesNothing(
        bytes: Int = 4,
        credentials: (any S3CredentialSource)? = nil,
        _ answer: @escaping @Sendable (Int, ScriptedStore.Request) -> String?
    ) async throws -> Bool? {
        let server = try ScriptedStore(answer)
        defer { server.stop() }
        return try await withDirectory { directory in
            try Data(repeating: 1, count: bytes).write(to: URL(filePath: directory + "/f"))
            let client = credentials.map { server.client(credentials: $0) } ?? server.client()
            let store = try server.store(client)
            let error = await storageError {
                var object = NewObject(path: directory + "/f", key: try ObjectKey("k"))
                object.uploads = MemoryUploads()
                _ = try await store.put(object) { _ in }
            }
            return error?.leavesNothing
        }
    }

    private static func denied(_ code: String = "InvalidAccessKeyId") -> String { ScriptedStore.failure(403, code) }
    private static let taken = ScriptedStore.response(200, ["ETag": "\"e\""])
    private static let large = 33 << 20

    @Test("leaves nothing when its first answer is a refusal, whole or in parts")
    func refused() async throws {
        #expect(try await leavesNothing { _, _ in Self.denied() } == true)
        #expect(try await leavesNothing { _, _ in Self.denied("AccessDenied") } == true)
        #expect(try await leavesNothing(bytes: Self.large) { _, _ in Self.denied() } == true)
        // Two refusals are none the more.
        #expect(
            try await leavesNothing { number, _ in
                number == 0 ? ScriptedStore.failure(400, "InvalidRequest") : Self.denied()
            } == true
        )
    }

    @Test("may leave something when the refusal is that of a later request, or of a later try")
    func doubtful() async throws {
        // It was put, and may not be looked at.
        let unseen = try await leavesNothing { _, request in
            request.line.hasPrefix("PUT") ? Self.taken : Self.denied()
        }
        #expect(unseen == false)
        // The store may have done what it says it has not.
        #expect(
            try await leavesNothing { number, _ in
                number == 0 ? ScriptedStore.failure(500, "InternalError") : Self.denied()
            } == false
        )
        #expect(try await leavesNothing { _, _ in ScriptedStore.failure(501, "NotImplemented") } == false)
        // An upload is open.
        let begun = ScriptedStore.response(
            200,
            [:],
            "<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>"
        )
        #expect(
            try await leavesNothing(bytes: Self.large) { _, request in
                if request.line.hasPrefix("POST"), request.line.contains("uploads=") { return begun }
                if request.line.hasPrefix("GET") {
                    return ScriptedStore.response(200, [:], "<ListMultipartUploadsResult></ListMultipartUploadsResult>")
                }
                return Self.denied()
            } == false
        )
    }

    private actor Lost: S3CredentialSource {
        private var isLost: Bool

        init(isLost: Bool) { self.isLost = isLost }

        func current() throws -> S3Credentials {
            if isLost { throw StorageError(code: .accessDenied, message: "there are no credentials") }
            isLost = true
            return S3Credentials(accessKeyID: "a", secretAccessKey: "b")
        }

        func forget() {}
    }

    @Test("leaves nothing when there are no credentials, unless there were some for the object itself")
    func credentials() async throws {
        #expect(try await leavesNothing(credentials: Lost(isLost: true)) { _, _ in Self.taken } == true)
        #expect(try await leavesNothing(credentials: Lost(isLost: false)) { _, _ in Self.taken } == false)
    }
}
