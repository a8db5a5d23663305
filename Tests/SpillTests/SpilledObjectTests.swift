import Foundation
import JobModel
import JobStore
import Ledger
import Logging
import Spill
import TempFiles
import TempFilesSupport
import TestSupport
import Testing

@Suite("Objects of spilled files")
struct SpilledObjectTests {
    typealias Kind = SpillLab.Kind

    enum Damage: CaseIterable, Sendable {
        case oneBit, truncated, longer, removed
    }

    @Test(
        "that are damaged or gone are found out, and their files count as missing",
        arguments: Kind.allCases,
        Damage.allCases
    )
    func damaged(_ kind: Kind, _ damage: Damage) async throws {
        let it = try await SpillLab(kind)
        let content = SpillLab.noise(2 << 20)
        let path = try await it.waitingFile("source", content, job: video())
        try await it.spill()
        let key = try #require(try await it.keys().first)
        var other = content
        switch damage {
        case .oneBit: other[content.count / 2] ^= 0x40
        case .truncated: other.removeLast()
        case .longer: other.append(1)
        case .removed: break
        }
        try await it.replace(key, by: damage == .removed ? nil : other)
        let report = try await it.fetch(video(), [path])
        #expect(report.files == 0 && report.lost == 1)
        #expect(it.contents(path) == nil)
        #expect(try await it.tracker.jobTempFiles(video()) == [])
        #expect(it.lab.log.lines.contains { $0.level == .error && $0.message.contains("is lost") })
        _ = try await it.tracker.deleteLeavingObjects(in: it.store)
        #expect(try await it.remains() == [])
        #expect(try await it.tracker.spillFigures().total.failures == 1)
    }

    @Test("are kept while the store is away, and the next try has the file", arguments: Kind.allCases)
    func away(_ kind: Kind) async throws {
        let it = try await SpillLab(kind)
        let content = SpillLab.noise(2 << 20)
        let path = try await it.waitingFile("source", content, job: video())
        try await it.spill()
        let troubled = TroubledStore(it.store)
        for verdict in [SpillError.Verdict.away, .transient, .permanent] {
            troubled.fail(.fetch, SpillError(verdict, "no"))
            await #expect(throws: SpillError.self) { try await it.fetch(video(), [path], from: troubled) }
            #expect(it.contents(path) == nil)
            #expect(try await it.tracker.jobTempFiles(video()).first?.spill != nil)
        }
        troubled.fail(.fetch, nil)
        #expect(try await it.fetch(video(), [path], from: troubled).files == 1)
        #expect(it.contents(path) == content)
    }

    @Test("go with their jobs, and stay in the ledger until they are gone", arguments: Kind.allCases)
    func cleanUp(_ kind: Kind) async throws {
        let it = try await SpillLab(kind)
        try await it.waitingFile(job: video("one"))
        try await it.waitingFile(job: video("two"))
        try await it.spill()
        #expect(try await it.keys().count == 2)
        let lease = try await it.tracker.lease(video("one"))
        #expect(try await it.tracker.cleanupJobTempFiles(video("one")).failures.isEmpty)
        let troubled = TroubledStore(it.store)
        troubled.fail(.delete, SpillError(.away, "nobody is there"))
        let failures = try await it.tracker.deleteSpilledObjects(of: video("one"), in: troubled)
        #expect(failures.map(\.cause) == ["nobody is there"])
        lease.releaseRemovingEmptyDirectory()
        // A job whose clean-up is given up tells what it leaves.
        let end = try await it.tracker.jobs.end(video("one"), outcome: .failed, token: "t", record: [])
        #expect(end?.leftFiles == 1 && end?.leftBytes == Int64(SpillLab.size))
        // It is tried again, with growing pauses, by whoever looks after all of them.
        #expect(try await it.tracker.deleteLeavingObjects(in: it.store).deleted == 0)
        it.lab.clock.advance(by: 6)
        for attempt in 2...4 {
            #expect(try await it.tracker.deleteLeavingObjects(in: troubled).failures.count == 1)
            #expect(try await it.tracker.spillFigures().mostAttempts == attempt)
            it.lab.clock.advance(by: 90)
        }
        // The job itself may be forgotten meanwhile.
        try await it.tracker.jobs.addService(.seconds(7200))
        #expect(try await it.tracker.jobs.forgetFinishedJobs(olderThan: .seconds(3600), limit: 10) == 1)
        // A clock that was set back does not make it wait for ever.
        it.lab.clock.advance(by: -86_400)
        #expect(try await it.tracker.deleteLeavingObjects(in: it.store).deleted == 1)
        #expect(try await it.keys().map { $0.contains("/two/") } == [true])
        #expect(try await it.tracker.spillFigures().leaving.files == 0)
    }

    @Test("that nobody owns are found and deleted, and those of living jobs are left", arguments: Kind.allCases)
    func orphans(_ kind: Kind) async throws {
        let it = try await SpillLab(kind)
        let path = try await it.waitingFile("source", SpillLab.noise(2 << 20), job: video("alive"))
        try await it.spill()
        let live = try #require(try await it.keys().first)
        let own = try #require(SpillKey(live)).folder
        let now = Int64(it.lab.clock.now.timeIntervalSince1970)
        func key(_ folder: String, _ id: String, hoursOld hours: Int64) -> String {
            SpillKey(folder: folder, job: video(id), file: "source", nowSeconds: now - hours * 3600).text
        }
        let other = SpillKey.folder(node: "elsewhere", installation: "0123456789abcdef")
        let orphaned = [
            key(own, "dead", hoursOld: 2), key(own, "alive", hoursOld: 3), key(other, "lost", hoursOld: 30),
        ]
        let left = [
            live, key(own, "young", hoursOld: 0), key(other, "theirs", hoursOld: 20), "videos/m_720p.mp4",
            "\(own)/video/alive/notes.txt", "\(own)/video/alive/0123/\(now - 90_000)-0123456789abcdef",
        ]
        for key in orphaned + left where key != live { try await it.replace(key, by: Data("x".utf8)) }
        let rules = SpillSweepRules(
            store: it.url,
            node: "host 1",
            graceTime: .seconds(3600),
            foreignAge: .seconds(24 * 3600)
        )
        let found = try await it.tracker.findOrphanedObjects(rules, in: it.store)
        #expect(Set(found.map { String($0.path.suffix(20)) }) == Set(orphaned.map { String($0.suffix(20)) }))
        #expect(found.allSatisfy { $0.reason == .spilledObject && $0.isRemovable && $0.sizeBytes == 1 })
        #expect(found.count { $0.detail == "of another host" } == 1)
        #expect(try await it.keys() == (orphaned + left).sorted())
        // Those of other hosts may be left alone altogether.
        var withoutOthers = rules
        withoutOthers.foreignAge = nil
        #expect(try await it.tracker.findOrphanedObjects(withoutOthers, in: it.store).count == 2)
        let (report, failures) = try await it.tracker.cleanupOrphanedObjects(rules, in: it.store)
        #expect(report.filesCleaned == 3 && failures.isEmpty)
        #expect(try await it.keys() == left.sorted())
        #expect(try await it.tracker.findOrphanedObjects(rules, in: it.store) == [])
        #expect(try await it.fetch(video("alive"), [path]).files == 1)
    }

    @Test("stand for their files before it is noted that these are off the disk: no sweep takes one for missing")
    func sweptAfterADeath() async throws {
        let it = try await SpillLab(.directory)
        let path = try await it.waitingFile(job: video())
        let rules = SweepRules(graceTime: .zero)
        let number = try #require(try await it.tracker.ledger.read { try $0.head(video())?.number })
        let object = SpilledObject(
            job: video(),
            store: it.url,
            key: SpillKey(folder: "host.0123456789abcdef", job: video(), file: "source", nowSeconds: 1).text,
            sizeBytes: Int64(SpillLab.size),
            sha256: [UInt8](repeating: 1, count: 32)
        )
        try await it.tracker.ledger.write { try $0.planSpill(object, of: "source", job: number, now: 1) }
        #expect(try await it.tracker.findOrphanedFiles(rules).isEmpty)
        try await it.tracker.ledger.write { try $0.setSpilled("source", job: number) }
        unlink(path)
        _ = try await it.tracker.cleanupOrphanedFiles(rules)
        #expect(try await it.tracker.jobTempFiles(video()).map { $0.spill?.sizeBytes } == [Int64(SpillLab.size)])
        try await it.tracker.settleInterruptedSpills()
        let statistics = try await it.tracker.statistics()[.video]
        #expect(statistics?.spilledFiles == 1 && statistics?.totalSizeBytes == 0)
    }

    @Test("of a put that was cut off in its middle are no object, and are found and aborted")
    func openUploads() async throws {
        let it = try await SpillLab(.bucket)
        try await it.waitingFile(job: video())
        try await it.spill()
        let live = try #require(try await it.keys().first)
        let folder = try #require(SpillKey(live)).folder
        let old = Int64(it.lab.clock.now.timeIntervalSince1970) - 7200
        let key = SpillKey(folder: folder, job: video("dead"), file: "source", nowSeconds: old).text
        try await it.beginUpload(key)
        let rules = SpillSweepRules(store: it.url, node: "host 1", graceTime: .seconds(3600), foreignAge: nil)
        #expect(try await it.tracker.findOrphanedObjects(rules, in: it.store).map(\.sizeBytes) == [0])
        #expect(try await it.tracker.cleanupOrphanedObjects(rules, in: it.store).failures.isEmpty)
        #expect(try await it.remains() == [live])
    }
}
