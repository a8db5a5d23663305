import Foundation
import GRDB
import JobModel
import JobStore
import TempFiles
import TempFilesSupport
import Testing

@testable import Ledger

/// Two messages of one id that ask for different things.
@Suite struct ContentTests {
    let lab: Lab
    let tracker: TempFileTracker

    init() throws {
        lab = try Lab()
        tracker = try lab.tracker()
    }

    private func message(_ content: String?, hop: Int64 = 0, redrives: Int64 = 0, _ stage: Stage = .download)
        -> StageMessage
    {
        StageMessage(
            stage: stage,
            hop: hop,
            run: JobRun(redrives: redrives),
            mediaID: "media of \(content ?? "nothing")",
            manifest: nil,
            ticket: content.map { Array($0.utf8) },
            content: content.map { Array($0.utf8) }
        )
    }

    /// The fate of a message, in one word.
    private func enter(_ message: StageMessage, holding: Bool = false) async throws -> String {
        switch try await tracker.jobs.enter(video(), message, timeout: .zero) {
        case .entered(let entered):
            if !holding { entered.lease.release() }
            return "entered \(entered.starts)"
        case .held: return "held"
        case .stale: return "stale"
        case .finished: return "finished"
        case .otherContent: return "other"
        }
    }

    private var known: String? {
        get async throws {
            let read = try await tracker.ledger.read { try $0.job(video())?.ticket }
            return read.map { String(decoding: $0, as: UTF8.self) }
        }
    }

    @Test func aJobIsNeverWorkedOnWithAnothersContent() async throws {
        #expect(try await enter(message("first")) == "entered 1")
        // At the same hop, at one that was made up, and of a run that was: none of them is the job's.
        for hop in [0, 1, 7] as [Int64] { #expect(try await enter(message("second", hop: hop)) == "other") }
        #expect(try await enter(message("second", redrives: 1)) == "other")
        #expect(try await known == "first")
        #expect(try await tracker.jobs.job(video())?.mediaID == "media of first")
        // The same again is a redelivery, whose worker has died.
        #expect(try await enter(message("first")) == "entered 2")
        try await tracker.jobs.handedOver(video(), to: .process, hop: 1)
        #expect(try await enter(message("first")) == "stale")
        #expect(try await enter(message("second")) == "other")
        // Later stages have the tickets of their predecessors, and look at nothing.
        #expect(try await enter(message(nil, hop: 1, .process)) == "entered 1")
    }

    @Test func itIsToldApartWhileTheJobIsWorkedOn() async throws {
        let entry = try await tracker.jobs.enter(video(), message("first"), timeout: .zero)
        guard case .entered(let entered) = entry else { throw LabError(message: "not entered") }
        #expect(try await enter(message("first")) == "held")
        #expect(try await enter(message("second")) == "other")
        entered.lease.release()
    }

    @Test func itIsToldApartWhenTheJobIsOverAndInANewRun() async throws {
        #expect(try await enter(message("first")) == "entered 1")
        _ = try await tracker.jobs.end(video(), outcome: .failed, token: "end", record: [])
        // With the job's directory and, once that was found to be empty, without.
        for _ in 1...2 {
            #expect(try await enter(message("second")) == "other")
            #expect(try await enter(message("first")) == "finished")
        }
        #expect(try await enter(message("second", hop: 3, redrives: 1)) == "other")
        #expect(try await enter(message("first", hop: 3, redrives: 1)) == "entered 1")
        #expect(try await enter(message("second", hop: 4, redrives: 2)) == "other")
        #expect(try await known == "first")
    }

    @Test func booksThatDoNotKnowSayNothing() async throws {
        _ = try await enter(message(nil, hop: 1, .process))
        #expect(try await enter(message("any", hop: 1)) == "entered 1")
        #expect(try await enter(message("another", hop: 1)) == "other")
    }

    @Test func aJobIsLiveUntilItsEndAndThereUntilThatIsAnnounced() async throws {
        func presence(_ id: ByteText, or other: MediaKind? = .image) async throws -> JobPresence {
            try await tracker.jobs.presence(of: JobKey(kind: .video, id: id), or: other, node: "here")
        }
        let (id, key) = (video().id, video())
        #expect(try await presence(id) == .none)
        try await tracker.jobs.requestCancel(key)
        #expect(try await presence(id) == .none)
        _ = try await enter(message("first"))
        // Only where the kind is in doubt is the other looked at.
        #expect(try await tracker.jobs.presence(of: image(), node: nil) == .none)
        #expect(try await presence(id) == .live)
        #expect(try await tracker.jobs.presence(of: image(), or: .video, node: nil) == .live)
        _ = try await tracker.jobs.end(key, outcome: .cancelled, token: "end", record: [])
        #expect(try await presence(id) == .ending)
        try await tracker.jobs.noteAnnounced(try #require(try await tracker.jobs.job(key)))
        #expect(try await presence(id) == .none)
        let claims = [("claimed", MediaKind.video, "there"), ("claimed", .image, "there"), ("own", .image, "here")]
        try await tracker.ledger.write { books in
            for (id, kind, node) in claims {
                try books.db.execute(
                    sql: """
                        INSERT INTO claim (kind, id, redrives, hop, node, position, since)
                        VALUES (?, ?, 0, 0, ?, 0, 0)
                        """,
                    arguments: [kind.rawValue, Data(id.utf8), node]
                )
            }
        }
        #expect(try await presence("claimed") == .live)
        #expect(try await presence("claimed", or: nil) == .none)
        #expect(try await presence("own") == .none)
        try await tracker.ledger.write { try $0.db.execute(sql: "DELETE FROM claim WHERE kind = 'image'") }
        // The other host gets the message, because its ledger has the job.
        #expect(try await presence("claimed") == .none)
    }

    @Test func aLedgerOfBeforeIsOpenedWithItsJobs() async throws {
        let old = try Lab()
        try FileManager.default.createDirectory(
            atPath: old.workspacePath,
            withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700]
        )
        do {
            let pool = try DatabasePool(path: old.workspacePath + "/ledger.sqlite")
            try LedgerSchema.migrator(createdAt: Date()).migrate(pool, upTo: "11: claims of several hosts")
            try await pool.write { db in
                for (id, state) in [("active", "active"), ("over", "finished")] {
                    try db.execute(
                        sql: """
                            INSERT INTO job
                            (kind, id, directory, mediaID, state, stage, hop, outcome, createdAt, updatedAt)
                            VALUES ('video', ?, ?, 'm', ?, 'download', 0, ?, 1, 1)
                            """,
                        arguments: [Data(id.utf8), id, state, state == "finished" ? "completed" : nil]
                    )
                }
            }
            try pool.close()
        }
        let tracker = try old.tracker()
        #expect(try await tracker.jobs.jobs(limit: 9).map(\.id) == ["over", "active"])
        #expect(try await tracker.ledger.read { try $0.head(video("active"))?.content } == nil)
        for content in ["first", "second"] {
            guard case .finished = try await tracker.jobs.enter(video("over"), message(content), timeout: .zero) else {
                throw LabError(message: "the job is over")
            }
        }
        guard
            case .entered(let entered) = try await tracker.jobs.enter(video("active"), message("first"), timeout: .zero)
        else { throw LabError(message: "not entered") }
        entered.lease.release()
        guard case .otherContent = try await tracker.jobs.enter(video("active"), message("second"), timeout: .zero)
        else {
            throw LabError(message: "its content is known from now on")
        }
    }
}
