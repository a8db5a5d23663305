import Files
import Foundation
import GRDB
import JobModel
import JobStore
import TempFiles
import TempFilesSupport
import TestSupport
import Testing

@testable import Ledger

/// Jobs are found by facts that their producers know.
@Suite struct FindingTests {
    let lab: Lab
    let tracker: TempFileTracker
    init() throws {
        lab = try Lab()
        tracker = try lab.tracker()
    }

    private func begin(_ id: String, _ media: ByteText, _ source: ByteText?, kind: MediaKind = .video) async throws {
        let key = JobKey(kind: kind, id: ByteText(id))
        _ = try await tracker.jobs.begin(
            key,
            StageMessage(stage: .download, hop: 0, mediaID: media, source: source, manifest: nil)
        )
    }

    private func ids(_ filter: JobFilter) async throws -> [String] {
        try await tracker.jobs.jobs(filter, before: nil, limit: 10).jobs.map(\.id.string)
    }

    @Test func mediaIDsAreComparedByteForByte() async throws {
        let (composed, decomposed): (ByteText, ByteText) = ("caf\u{E9}", "cafe\u{301}")
        try await begin("a", composed, nil)
        try await begin("b", decomposed, nil)
        try await begin("c", "caf", nil)
        // SQLite would end a text at the NUL.
        try await begin("d", "caf\u{0}1", nil)
        try await begin("e", "caf\u{0}2", nil, kind: .image)
        #expect(try await ids(JobFilter(mediaID: composed)) == ["a"])
        #expect(try await ids(JobFilter(mediaID: decomposed)) == ["b"])
        #expect(try await ids(JobFilter(mediaID: "caf")) == ["c"])
        #expect(try await ids(JobFilter(mediaID: "caf\u{0}1")) == ["d"])
        #expect(try await ids(JobFilter(kind: .video, mediaID: "caf\u{0}2")).isEmpty)
        #expect(try await tracker.jobs.job(image("e"))?.mediaID == "caf\u{0}2")
    }

    @Test func sourcesAreFoundAsURLsAndAsKeys() async throws {
        try await begin("a", "m", "key:uploads/clip.mov")
        try await begin("b", "m", "file:///srv/clip.mov")
        try await begin("c", "n", "key:uploads/clip.mov", kind: .image)
        try await begin("d", "n", nil)
        #expect(try await ids(JobFilter(source: "uploads/clip.mov")) == ["c", "a"])
        #expect(try await ids(JobFilter(source: "key:uploads/clip.mov")) == ["c", "a"])
        #expect(try await ids(JobFilter(source: "file:///srv/clip.mov")) == ["b"])
        #expect(try await ids(JobFilter(mediaID: "m", source: "uploads/clip.mov")) == ["a"])
        #expect(try await ids(JobFilter(kind: .image, source: "uploads/clip.mov")) == ["c"])
        #expect(try await ids(JobFilter(source: "UPLOADS/clip.mov")).isEmpty)
    }

    @Test func aSearchLooksAtIDMediaIDAndSource() async throws {
        try await begin("x", "m", nil)
        try await begin("b", "x", nil)
        try await begin("c", "m", "key:x", kind: .image)
        try await begin("d", "m", "key:y")
        #expect(try await ids(JobFilter(name: "x")) == ["c", "b", "x"])
        #expect(try await ids(JobFilter(kind: .video, name: "x")) == ["b", "x"])
        let page = try await tracker.jobs.jobs(JobFilter(name: "x"), before: nil, limit: 2)
        let next = try await tracker.jobs.jobs(JobFilter(name: "x"), before: page.next, limit: 2)
        #expect((page.jobs + next.jobs).map(\.id.string) == ["c", "b", "x"])
    }

    @Test func aSourceThatIsTooLongIsNotKept() async throws {
        let limit = JobRecord.maximumSourceBytes
        for (id, length) in [("a", limit), ("b", limit + 1)] {
            let source = ByteText(String(repeating: "x", count: length))
            try await begin(id, "m", source)
            #expect(try await ids(JobFilter(source: source)) == (id == "a" ? ["a"] : []))
        }
    }

    @Test(
        "No search reads through the jobs of a week",
        arguments: [
            JobFilter(mediaID: "m"), JobFilter(source: "s"), JobFilter(name: "n"), JobFilter(mediaID: "m", source: "s"),
            JobFilter(state: .finished, outcome: .failed, kind: .video, stage: .cleanup, mediaID: "m"),
            JobFilter(state: .active, kind: .image, source: "s"), JobFilter(state: .finished, name: "n"),
        ]
    )
    func indexes(filter: JobFilter) async throws {
        try await begin("a", "m", "s")
        let plan = try await tracker.ledger.read { books in
            let query = Books.listing(filter, before: 7, limit: 50)
            return try Row.fetchAll(books.db, sql: "EXPLAIN QUERY PLAN " + query.sql, arguments: query.arguments)
                .map { $0["detail"] as String }
        }
        #expect(plan.allSatisfy { !$0.hasPrefix("SCAN job") }, "\(plan)")
        #expect(plan.contains { $0.contains("jobByMedia") || $0.contains("jobBySource") }, "\(plan)")
    }

    @Test func aLedgerOfTheOldSchemaIsTakenOver() async throws {
        let old = try Lab()
        let workspace = try Workspace.open(temporaryDirectory: old.temporaryDirectory)
        var ticket = Ticket(id: "active", mediaID: "m-1", kind: .video)
        ticket.sourceKey = "uploads/1.mov"
        let active = Data(ticket.json.serialized())
        ticket.id = "ended"
        (ticket.sourceKey, ticket.source) = (nil, "file:///srv/2.mov")
        let ended = Data(ticket.json.serialized())
        do {
            let pool = try DatabasePool(path: workspace.path + "/" + Ledger.fileName)
            try LedgerSchema.migrator(createdAt: Date()).migrate(pool, upTo: "11: claims of several hosts")
            try await pool.write { db in
                let sql = """
                    INSERT INTO job (kind, id, directory, mediaID, state, outcome, ticket, record, createdAt, updatedAt)
                    VALUES ('video', ?, ?, ?, ?, ?, ?, ?, 1, 1)
                    """
                let rows: [(String, String, String, String?, Data?, Data?)] = [
                    ("active", "m-1", "active", nil, active, nil),
                    ("ended", "cafe\u{301}", "finished", "failed", nil, ended),
                    ("bare", "", "active", nil, nil, nil), ("odd", "m-2", "finished", "failed", nil, Data("no".utf8)),
                ]
                for (id, media, state, outcome, ticket, record) in rows {
                    let arguments: StatementArguments = [Data(id.utf8), id, media, state, outcome, ticket, record]
                    try db.execute(sql: sql, arguments: arguments)
                }
            }
            try pool.close()
        }
        let tracker = try old.tracker()
        func ids(_ filter: JobFilter) async throws -> [String] {
            try await tracker.jobs.jobs(filter, before: nil, limit: 10).jobs.map(\.id.string)
        }
        #expect(try await ids(JobFilter()) == ["odd", "bare", "ended", "active"])
        #expect(try await ids(JobFilter(mediaID: "m-1")) == ["active"])
        #expect(try await ids(JobFilter(mediaID: "cafe\u{301}")) == ["ended"])
        #expect(try await ids(JobFilter(source: "uploads/1.mov")) == ["active"])
        #expect(try await ids(JobFilter(source: "file:///srv/2.mov")) == ["ended"])
        #expect(try await tracker.jobs.job(video("odd"))?.source == nil)
        #expect(old.log.lines.allSatisfy { !$0.message.contains("set aside") })
        // And it goes on.
        let start = try await tracker.jobs.begin(
            video("active"),
            StageMessage(
                stage: .process,
                hop: 1,
                mediaID: "m-1",
                manifest: nil
            )
        )
        guard case .proceed = start else { throw LabError(message: "\(start)") }
    }
}
