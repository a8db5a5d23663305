import JobModel
import Logging
import ServiceKit
import TempFiles
import TestSupport
import Testing

@testable import SupervisorCore

@Suite struct JobViewTests {
    private let scratch = Scratch()

    @Test("An output is shown with fields of other versions, but not with what is nested in them")
    func outputs() async throws {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let tracker = try TempFileTracker.open(temporaryDirectory: scratch.path, logger: logger)
        let key = JobKey(kind: .image, id: "job-1")
        var ticket = Ticket(id: key.id, mediaID: "m", kind: .image)
        ticket.sourceKey = "k"
        var output = JobOutput(kind: .imageScaled, key: "images/m_360p.jpg")
        output.unknown = ["word": "w", "list": [[[1]]], "object": ["a": ["b": 1]]]
        ticket.outputs = [output]
        let bytes = ticket.json.serialized()
        _ = try await tracker.begin(key, stage: .upload, hop: 2, mediaID: "m", manifest: nil, ticket: bytes)
        let record = try #require(try await tracker.job(key))
        let view = JobView(record, workers: [], limits: AttemptLimits(5), ticket: bytes)
        output.unknown = ["word": "w"]
        #expect(view.outputs == [output.json.value])
    }
}
