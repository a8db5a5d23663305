import JobModel
import Queues
import Settings
import Testing

@testable import SupervisorCore

@Suite("The gate for sources")
struct SourceGateTests {
    private let scratch = Scratch()

    /// The code of the refusal; nil when the source is let through.
    private func refusal(_ source: String?, _ settings: [String: String]) async throws -> String? {
        var ticket = Ticket(id: "j", mediaID: "m", kind: .image)
        (ticket.source, ticket.sourceKey) = (source, source == nil ? "k" : nil)
        do {
            try await SourceGate().check(ticket, try Settings.from(settings))
            return nil
        } catch let problem as Problem {
            #expect(problem.status == 422 && problem.detail?.isEmpty == false)
            return problem.code
        }
    }

    @Test("refuses what no download reads; files by their roots, unless another host may have others")
    func refusals() async throws {
        let path = try scratch.file("photo.jpg", [1])
        let one = ["RABBITMQ_URL": "amqp://host", "FILE_SOURCE_ROOTS": scratch.path]
        let several = one.merging(["NODE_ID": "a"]) { $1 }
        #expect(try await refusal("file://" + path, one) == nil)
        #expect(try await refusal("file://\(path)-that-may-come", one) == nil)
        #expect(try await refusal("file:///etc/passwd", one) == "source_not_allowed")
        #expect(try await refusal("file:///etc/passwd", several) == nil)
        // With a broker of its own the tree reads any file.
        #expect(try await refusal("file:///etc/passwd", [:]) == nil)
        for settings in [one, several, [:]] {
            let inBucket = settings == several ? nil : "source_not_allowed"
            #expect(try await refusal("s3://bucket/a.jpg", settings) == inBucket)
            #expect(try await refusal("https://example.org/a.jpg", settings) == nil)
            #expect(try await refusal("gopher://example.org/a.jpg", settings) == "invalid_url")
            #expect(try await refusal(nil, settings) == nil)
        }
    }

    @Test("refuses media ids that would make directories where others have objects, where keys are paths")
    func mediaIDs() async throws {
        func refusal(_ mediaID: ByteText, _ settings: [String: String], to destination: String? = nil) async throws
            -> String?
        {
            var ticket = Ticket(id: "j", mediaID: mediaID, kind: .image)
            (ticket.sourceKey, ticket.destination) = ("k", destination)
            do {
                try await SourceGate().check(ticket, try Settings.from(settings))
                return nil
            } catch let problem as Problem {
                #expect(problem.status == 422 && problem.detail?.contains("RESULT_KEY") == true)
                return problem.code
            }
        }
        let bucket = ["STORAGE_URL": "s3://media/x", "DESTINATION_PREFIXES": "file:///srv/out s3://media/y"]
        #expect(try await refusal("v/result.json", [:]) == "invalid_media_id")
        #expect(try await refusal("v/w", [:]) == nil)
        #expect(try await refusal("v/result.json", bucket) == nil)
        #expect(try await refusal("v/result.json", bucket, to: "s3://media/y/z") == nil)
        #expect(try await refusal("v/result.json", bucket, to: "file:///srv/out/z") == "invalid_media_id")
    }

    @Test("refuses URLs of HTTP that no settings, or not these, would have read")
    func webSources() async throws {
        #expect(try await refusal("http://example.org/a.jpg", [:]) == "source_not_allowed")
        #expect(try await refusal("http://example.org/a.jpg", ["ALLOW_HTTP": "1"]) == nil)
        #expect(try await refusal("https://169.254.169.254/latest/", [:]) == "source_not_allowed")
        #expect(try await refusal("https://10.1.2.3/a.jpg", ["SOURCE_ALLOWED_NETWORKS": "10.1.0.0/16"]) == nil)
        #expect(try await refusal("https://u:p@example.org/a.jpg", [:]) == "source_not_allowed")
        #expect(try await refusal("https://127.1/a.jpg", [:]) == "invalid_url")
        #expect(try await refusal("https://a.example/", ["SOURCE_ALLOWED_HOSTS": "b.example"]) == "source_not_allowed")
    }
}
