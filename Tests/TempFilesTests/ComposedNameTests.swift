import Foundation
import Glibc
import JobModel
import JobStore
import TempFilesSupport
import Testing

@testable import Ledger
@testable import TempFiles

/// To `String` the two names are one, to the kernel and the ledger they are two.
@Suite("Names that differ only in how they are composed")
struct ComposedNameTests {
    private static let (composed, decomposed) = ("out/\u{E9}", "out/e\u{301}")

    let lab: Lab
    let tracker: TempFileTracker
    init() throws {
        lab = try Lab()
        tracker = try lab.tracker()
    }

    private func path(_ name: String) -> ByteText {
        ByteText(tracker.workspace.absolutePath(of: name, job: video()))
    }

    private func paths() async throws -> Set<ByteText> { Set(try await tracker.jobTempFiles(video()).map(\.path)) }

    @Test("are two files of a manifest")
    func manifest() async throws {
        let lease = try await tracker.lease(video())
        let file = try await tracker.makeFile(Self.composed, bytes: 1, job: video())
        try Data("four".utf8).write(to: URL(filePath: path(Self.decomposed).string))
        let entry = TempFileEntry(
            path: path(Self.decomposed),
            stage: .downloading,
            createdAt: "2024-05-06T07:08:09.000Z",
            sizeBytes: 4,
            type: .input,
            description: ""
        )
        _ = try await tracker.jobs.begin(video(), StageMessage(stage: .process, hop: 1, mediaID: "", manifest: [entry]))
        #expect(try await paths() == [ByteText(file.absolutePath), entry.path])
        lease.release()
    }

    @Test("are two files to clean up")
    func cleanup() async throws {
        let lease = try await tracker.lease(video())
        for name in [Self.composed, Self.decomposed] { try await tracker.makeFile(name, bytes: 1, job: video()) }
        let numbers = try await tracker.ledger.read { books in
            try books.fileNumbers(job: try #require(try books.head(video())).number)
        }
        #expect(Set(numbers.keys) == [ByteText(Self.composed), ByteText(Self.decomposed)])
        #expect(await tracker.releaseFiles([Self.composed], job: video()).filesCleaned == 1)
        #expect(try await paths() == [path(Self.decomposed)])
        #expect(try await tracker.cleanupJobTempFiles(video()).filesCleaned == 1)
        #expect(try await tracker.statistics()[.video] == TempFileStatistics())
        lease.release()
    }

    @Test("are two outputs")
    func outputs() async throws {
        let lease = try await tracker.lease(video())
        var records: [ByteText: PublishedFile] = [:]
        for (number, name) in [Self.composed, Self.decomposed].enumerated() {
            records[path(name)] = PublishedFile(key: "k\(number)", location: "file:///k", sizeBytes: 1)
        }
        try await tracker.notePublished(records, job: video())
        #expect(try await tracker.published(video()) == records)
        #expect(records.count == 2)
        lease.release()
    }

    @Test("do not make a stranger's file one of the job's")
    func orphan() async throws {
        let policy = OrphanPolicy(graceSeconds: 100, nowSeconds: 10_000, ledgerBegunSeconds: 0)
        let lease = try await tracker.lease(video())
        _ = try await tracker.trackFile(
            NewFile(name: Self.composed, type: .output, description: ""),
            job: video(),
            stage: .process
        )
        var snapshot = JobDirectorySnapshot()
        (snapshot.exists, snapshot.isDirectory) = (true, true)
        snapshot.entries = [.init(name: Self.decomposed, sizeBytes: 1, modifiedSeconds: 0)]
        (snapshot.job, snapshot.tracked) = try await tracker.ledger.read { books in
            let row = try #require(try books.job(video()))
            return (row, try books.trackedFiles(job: row.number))
        }
        #expect(policy.verdicts(snapshot).map(\.reason) == [.unknownFile, .missingFile])
        lease.release()
    }
}
