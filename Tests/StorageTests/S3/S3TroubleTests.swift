import Foundation
import HTTPClient
import JobModel
import Settings
import Synchronization
import TestSupport
import Testing

@testable import Storage

/// Answers of a store in trouble, injected between our client and real stores.
@Suite("The S3 store in trouble", .timeLimit(.minutes(5)))
struct S3TroubleTests {
    /// A store behind a proxy that answers as told, and a file of three parts.
    private struct Scene {
        let lab: S3Lab
        let store: S3Store
        let proxy: AnsweringProxy
        let file: String
        let content: [UInt8]

        @discardableResult
        func put(_ key: String = "k", by other: S3Store? = nil) async throws -> PublishedObject {
            try await (other ?? store).put(NewObject(path: file, key: try ObjectKey(key))) { _ in }
        }

        func isWhole(_ key: String = "k") async throws -> Bool { try await lab.object(key) == content }
    }

    /// Nothing is open afterwards.
    private func with(
        _ kind: TestObjectStore.Kind,
        secondsAhead: Int64 = 0,
        _ answer: @escaping @Sendable (_ line: String, _ number: Int) -> AnsweringProxy.Answer?,
        _ body: (Scene) async throws -> Void
    ) async throws {
        let lab = try await S3Lab(kind)
        // SeaweedFS takes no smaller parts.
        let partBytes = kind == .seaweed ? 5 << 20 : 64 << 10
        let content = S3Lab.bytes(partBytes * 2 + 1000)
        try await withDirectory { directory in
            let proxy = try AnsweringProxy(to: lab.server.port, answer)
            defer { proxy.stop() }
            let file = directory + "/file"
            try Data(content).write(to: URL(filePath: file))
            let store = try lab.store(port: proxy.port, secondsAhead: secondsAhead) { settings in
                settings.partBytes = Int64(partBytes)
                settings.multipartThresholdBytes = Int64(partBytes)
            }
            try await body(Scene(lab: lab, store: store, proxy: proxy, file: file, content: content))
        }
        #expect(try await lab.server.openUploads(lab.prefix) == [])
    }

    /// Answers a request of each kind so many times, and passes on all others.
    private final class Injector: Sendable {
        private let left: Mutex<Int>
        private let kind: @Sendable (String) -> Bool
        private let answer: AnsweringProxy.Answer

        init(_ times: Int, _ answer: AnsweringProxy.Answer, for kind: @escaping @Sendable (String) -> Bool) {
            left = Mutex(times)
            self.kind = kind
            self.answer = answer
        }

        var unused: Int { left.withLock { $0 } }

        func callAsFunction(_ line: String) -> AnsweringProxy.Answer? {
            guard kind(line) else { return nil }
            return left.withLock { left in
                guard left > 0 else { return nil }
                left -= 1
                return answer
            }
        }
    }

    enum Request: String, CaseIterable, Sendable {
        case listing, beginning, part, completion, look

        func matches(_ line: String) -> Bool {
            switch self {
            case .listing: line.hasPrefix("GET ") && line.contains("uploads=")
            case .beginning: line.hasPrefix("POST ") && line.contains("uploads=")
            case .part: line.hasPrefix("PUT ") && line.contains("partNumber=")
            case .completion: line.hasPrefix("POST ") && line.contains("uploadId=")
            case .look: line.hasPrefix("HEAD ")
            }
        }
    }

    struct Passing: Sendable, CustomTestStringConvertible {
        var name: String
        var answer: AnsweringProxy.Answer
        var requests = Request.allCases
        var testDescription: String { name }
    }

    @Test(
        "gets over troubles that pass, at every request of an upload, without the job knowing",
        arguments: [
            Passing(name: "SlowDown", answer: .instead(AnsweringProxy.failure(503, "SlowDown", ["Retry-After": "0"]))),
            Passing(name: "InternalError", answer: .instead(AnsweringProxy.failure(500, "InternalError"))),
            Passing(name: "RequestTimeout", answer: .instead(AnsweringProxy.failure(400, "RequestTimeout"))),
            Passing(name: "a gateway", answer: .instead(AnsweringProxy.response(502, [:], "<html>bad gateway</html>"))),
            Passing(name: "a reset", answer: .reset),
            Passing(
                name: "success with an error document",
                answer: .instead(AnsweringProxy.failure(200, "InternalError")),
                requests: [.listing, .beginning, .completion]
            ),
            Passing(
                name: "an answer that is cut off",
                answer: .instead(AnsweringProxy.cutOff),
                requests: [.listing, .beginning, .part, .completion]
            ),
            Passing(
                name: "the answer of what was done, cut off",
                answer: .after(AnsweringProxy.cutOff),
                requests: [.listing, .beginning, .part, .completion]
            ),
            // The store has done it, and says that it has not.
            Passing(
                name: "a failure that was none",
                answer: .after(AnsweringProxy.failure(500, "InternalError")),
                requests: [.beginning, .part, .look]
            ),
            Passing(
                name: "success with an error document that was none",
                answer: .after(AnsweringProxy.failure(200, "InternalError")),
                requests: [.completion]
            ),
        ],
        TestObjectStore.Kind.allCases
    )
    func passing(_ trouble: Passing, _ kind: TestObjectStore.Kind) async throws {
        let injector = Mutex<Injector?>(nil)
        try await with(kind) { line, _ in
            injector.withLock { $0 }?(line)
        } _: { scene in
            for request in trouble.requests {
                let own = Injector(1, trouble.answer, for: request.matches)
                injector.withLock { $0 = own }
                let published = try await scene.put("\(request)")
                #expect(published.sizeBytes == scene.content.count && own.unused == 0, "\(request)")
                #expect(try await scene.isWhole("\(request)"), "\(request)")
            }
        }
    }

    struct Lasting: Sendable, CustomTestStringConvertible {
        var name: String
        var answer: AnsweringProxy.Answer
        var request = Request.part
        var code: StorageError.Code
        var verdict: StorageError.Verdict
        var retryAfter: Duration?
        var testDescription: String { name }
    }

    @Test(
        "fails with cause and verdict when a trouble lasts, and leaves no part behind",
        arguments: [
            Lasting(
                name: "SlowDown for 17 s",
                answer: .instead(AnsweringProxy.failure(503, "SlowDown", ["Retry-After": "17"])),
                code: .storeUnavailable,
                verdict: .transient,
                retryAfter: .seconds(17)
            ),
            Lasting(
                name: "InternalError of parts",
                answer: .instead(AnsweringProxy.failure(500, "InternalError")),
                code: .storeUnavailable,
                verdict: .transient
            ),
            Lasting(
                name: "an error document at the completion",
                answer: .instead(AnsweringProxy.failure(200, "InternalError")),
                request: .completion,
                code: .storeUnavailable,
                verdict: .transient
            ),
            Lasting(
                name: "a part that is refused",
                answer: .instead(AnsweringProxy.failure(403, "AccessDenied")),
                code: .accessDenied,
                verdict: .permanent
            ),
            Lasting(
                name: "an expired token",
                answer: .instead(AnsweringProxy.failure(400, "ExpiredToken")),
                code: .accessDenied,
                verdict: .transient
            ),
            Lasting(
                name: "a clock that no correction helps",
                answer: .instead(
                    AnsweringProxy.failure(403, "RequestTimeTooSkewed", ["Date": "Mon, 30 Nov 2026 12:00:00 GMT"])
                ),
                code: .clockSkew,
                verdict: .transient
            ),
            Lasting(name: "resets", answer: .reset, code: .storeUnavailable, verdict: .transient),
            // As of a store that has lost or changed them.
            Lasting(
                name: "parts with the ETag of others",
                answer: .after(AnsweringProxy.response(200, ["ETag": "\"\(String(repeating: "0", count: 32))\""])),
                code: .incomplete,
                verdict: .transient
            ),
            Lasting(
                name: "parts without an ETag",
                answer: .after(AnsweringProxy.response(200)),
                code: .storeUnavailable,
                verdict: .transient
            ),
        ],
        TestObjectStore.Kind.allCases
    )
    func lasting(_ trouble: Lasting, _ kind: TestObjectStore.Kind) async throws {
        let injector = Injector(.max, trouble.answer, for: trouble.request.matches)
        try await with(kind) { line, _ in
            injector(line)
        } _: { scene in
            let error = await storageError { try await scene.put() }
            #expect(error?.code == trouble.code && error?.verdict == trouble.verdict, "\(error?.message ?? "none")")
            #expect(error?.retryAfter == trouble.retryAfter)
            #expect(error?.message.contains(TestObjectStore.secretKey) == false)
            // A part is tried three times at most, and each time once more with another clock or other credentials.
            let tries = scene.proxy.requests.filter(trouble.request.matches).count
            #expect(tries <= 6 * scene.store.settings.parallelParts, "\(tries)")
            let object = try await scene.lab.object("k")
            #expect(object == nil)
        }
    }

    @Test(
        "corrects a clock of this host that is hours wrong by the store's own",
        arguments: TestObjectStore.Kind.allCases
    )
    func clock(_ kind: TestObjectStore.Kind) async throws {
        for hours in [-3, 5] as [Int64] {
            try await with(kind, secondsAhead: hours * 3600) { _, _ in
                nil
            } _: { scene in
                try await scene.put()
                #expect(abs(scene.store.client.clockDifference + hours * 3600) < 60)
                #expect(try await scene.isWhole())
            }
        }
    }

    private actor Session: S3CredentialSource {
        private var isOver = true
        func current() -> S3Credentials {
            S3Credentials(
                accessKeyID: TestObjectStore.accessKey,
                secretAccessKey: isOver ? "of a session that is over" : TestObjectStore.secretKey
            )
        }
        func forget() { isOver = false }
    }

    @Test("asks for new credentials when a session has ended", arguments: TestObjectStore.Kind.allCases)
    func session(_ kind: TestObjectStore.Kind) async throws {
        let injector = Injector(1, .instead(AnsweringProxy.failure(400, "ExpiredToken"))) { _ in true }
        try await with(kind) { line, _ in
            injector(line)
        } _: { scene in
            let client = S3Client(scene.store.client.endpoint, credentials: Session())
            try await scene.put(by: S3Store(scene.store.location, client, scene.store.settings))
            #expect(try await scene.isWhole())
        }
    }
}
