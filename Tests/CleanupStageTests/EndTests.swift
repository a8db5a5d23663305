import AMQP
import Foundation
import JobModel
import RuntimeSupport
import StageRuntime
import TempFiles
import Testing

@testable import CleanupStage

@Suite("The letters of a job's end")
struct EndLettersTests {
    private static let key = JobKey(kind: .video, id: "job")

    private func end(_ outcome: JobOutcome) -> JobRecord {
        var record = JobRecord(Self.key, mediaID: "media", at: Date(timeIntervalSince1970: 1_800_000_000))
        record.state = .finished
        record.outcome = outcome
        record.progress = 80
        record.finishedAt = Date(timeIntervalSince1970: 1_800_000_100)
        return record
    }

    private func ticket(_ outcome: JobOutcome) -> Ticket {
        var ticket = Ticket(id: Self.key.id, mediaID: "media", kind: .video)
        ticket.outcome = outcome
        if outcome == .failed {
            ticket.failure = JobFailure(
                stage: .process,
                code: "invalid",
                message: "no video",
                occurredAt: "t",
                host: nil
            )
        }
        return ticket
    }

    @Test("say how the job ended", arguments: [(JobOutcome.completed, Int64(100)), (.failed, 80), (.cancelled, 80)])
    func update(outcome: JobOutcome, progress: Int64) throws {
        let letters = EndLetters(end: end(outcome), ticket: ticket(outcome))
        let update = try JSONFields(parsing: letters.update().body)
        #expect(update["status"]?.textValue?.string == outcome.rawValue)
        #expect(update["progress"]?.clampedInteger == progress)
        #expect(update["error_code"]?.textValue?.string == (outcome == .failed ? "invalid" : nil))
    }

    @Test("are the same, to the byte, however often they are made")
    func repeated() {
        let letters = { EndLetters(end: end(.failed), ticket: ticket(.failed)) }
        #expect(letters().update() == letters().update())
        #expect(letters().deadLetter() == letters().deadLetter())
    }

    @Test("have a dead letter of a failed job alone, with the reason beside the ticket")
    func deadLetter() throws {
        for outcome in [JobOutcome.completed, .cancelled] {
            #expect(EndLetters(end: end(outcome), ticket: ticket(outcome)).deadLetter() == nil)
        }
        let letter = try #require(EndLetters(end: end(.failed), ticket: ticket(.failed)).deadLetter())
        #expect(letter.headers["x-reason"] == "no video")
        #expect(letter.headers["x-reason-code"] == "invalid")
        #expect(letter.headers["x-stage"] == "process")
        #expect(try Ticket(parsing: letter.body, expecting: .video).id == "job")
    }

    @Test("tell of files that are left")
    func filesLeft() throws {
        var record = end(.completed)
        (record.leftFiles, record.leftBytes) = (2, 10)
        let update = try JSONFields(parsing: EndLetters(end: record, ticket: ticket(.completed)).update().body)
        #expect(update["warnings"] != nil)
    }

    @Test("tell of objects that are left, beside files")
    func objectsLeft() throws {
        var record = end(.failed)
        (record.leftFiles, record.leftObjects) = (1, 3)
        let update = try JSONFields(parsing: EndLetters(end: record, ticket: ticket(.failed)).update().body)
        let warnings = try #require(update["warnings"]?.elements()).map { $0.objectValue?["code"]?.stringValue }
        #expect(warnings == ["temp_files_left", "objects_left"])
        let message = update["warnings"]?.elements()?.last?.objectValue?["message"]?.stringValue
        #expect(message?.contains("up to 3 objects") == true)
    }

    @Test("are short where a broker takes no long message")
    func short() throws {
        var long = ticket(.failed)
        long.metadata = ["note": .string(String(repeating: "x", count: 10_000))]
        let letters = EndLetters(end: end(.failed), ticket: long)
        #expect(letters.update(isShort: true).body.count < 2_000)
        #expect(letters.deadLetter(isShort: true).map { $0.body.count < 2_000 } == true)
        #expect(letters.deadLetter().map { $0.body.count > 10_000 } == true)
    }
}

@Suite("An end that was not announced")
struct AnnouncementPolicyTests {
    @Test(
        "is announced later, by whom the cause says",
        arguments: [
            (AMQPError.Code.unconfirmed, AnnouncementPolicy.leaveToBroker, AnnouncementPolicy.giveUp),
            (.staleDelivery, .leaveToBroker, .leaveToBroker), (.alreadySettled, .leaveToBroker, .leaveToBroker),
            (.closed, .leaveToBroker, .leaveToBroker), (.unroutableAfterCommit, .publishRest, .publishRest),
            (.unroutable, .makeQueues, .makeQueues), (.invalidArgument, .shorten, .shorten),
            (.timedOut, .tryAgain, .tryAgain), (.rejectedByBroker, .tryAgain, .tryAgain),
            (.connectionFailed, .tryAgain, .tryAgain),
        ]
    )
    func decisions(code: AMQPError.Code, inTransaction: AnnouncementPolicy, confirmed: AnnouncementPolicy) {
        #expect(AnnouncementPolicy.decide(code, isTransaction: true, isShort: false) == inTransaction)
        #expect(AnnouncementPolicy.decide(code, isTransaction: false, isShort: false) == confirmed)
    }

    @Test("in short cannot be made shorter")
    func shortest() {
        let decision = AnnouncementPolicy.decide(.invalidArgument, isTransaction: true, isShort: true)
        #expect(decision == .tryAgain)
    }
}
