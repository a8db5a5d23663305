import JobModel
import Testing

@Suite struct TicketWarningTests {
    private func ticket() -> Ticket {
        var ticket = Ticket(id: "job-1", mediaID: "m-1", kind: .image)
        ticket.warn("end_mark_missing", "the end mark is missing")
        return ticket
    }

    @Test("A ticket carries its warnings, and updates and the index tell them")
    func carried() throws {
        let ticket = ticket()
        let read = try Ticket(parsing: ticket.json.serialized(), expecting: .image)
        #expect(read.warnings == [.init(code: "end_mark_missing", message: "the end mark is missing")])
        #expect(read.unknown["warnings"] == nil)
        func update(_ status: ProgressUpdate.Status) -> ProgressUpdate {
            ProgressUpdate(
                ticket: read,
                status: status,
                progress: 100,
                currentStep: "",
                stage: .cleanup,
                timestamp: "2026-12-01T00:00:00Z"
            )
        }
        #expect(update(.completed).warnings == read.warnings)
        #expect(update(.failed).warnings == read.warnings)
        #expect(ResultIndex(read).warnings == read.warnings)
    }

    @Test("Warnings are bounded in number and length, each is there once, and a new run begins without")
    func bounded() {
        var ticket = ticket()
        ticket.warn("end_mark_missing", "the end mark is missing")
        #expect(ticket.warnings.count == 1)
        for number in 0..<100 { ticket.warn("w", String(repeating: "é", count: 2_000) + "\(number)") }
        for number in 0..<100 { ticket.warn("w\(number)", "") }
        #expect(ticket.warnings.count == Ticket.maximumWarnings)
        #expect(ticket.warnings.allSatisfy { $0.message.utf8.count <= 512 })
        #expect(ticket.returning(from: .process).warnings.isEmpty)
    }

    @Test(
        "A field of another shape counts as none",
        arguments: ["1", "[1]", "{}", "[{\"code\": 1, \"message\": \"x\"}]"]
    )
    func otherShapes(value: String) throws {
        let message = """
            {"id": "j", "mediaId": "m", "mediaType": "IMAGE", "s3Key": "a", "warnings": \(value)}
            """
        #expect(try Ticket(parsing: Array(message.utf8), expecting: .image).warnings.isEmpty)
    }
}
