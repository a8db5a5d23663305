import Foundation
import Glibc
import JobModel
import JobStore
import Spill
import Synchronization
import TempFiles
import TempFilesSupport
import Testing

@Suite("Spilling the files of a waiting job")
struct SpillingTests {
    typealias Kind = SpillLab.Kind

    @Test("frees the disk and the budget, and the file comes back byte for byte", arguments: Kind.allCases)
    func roundTrip(_ kind: Kind) async throws {
        let it = try await SpillLab(kind)
        let content = SpillLab.noise(SpillLab.size)
        let path = try await it.waitingFile("d/source", content, job: video())
        #expect(try await it.spill() == report(files: 1, bytes: content.count))
        // Neither the file nor its directory takes space, and no row says so.
        #expect(try it.lab.leftovers().allSatisfy { !$0.hasSuffix("source") })
        var statistics = try #require(try await it.tracker.statistics()[.video])
        #expect(statistics.totalFiles == 1 && statistics.totalSizeBytes == 0)
        #expect(statistics.spilledFiles == 1 && statistics.spilledBytes == content.count)
        let key = try #require(try await it.keys().first)
        #expect(try await it.bytes(key) == content)
        #expect(try await it.remains().count { $0.hasSuffix(key) } == 1)
        #expect(try #require(SpillKey(key)).kind == .video)
        // The manifest tells where, and how large the file is.
        let entry = try #require(try await it.tracker.jobTempFiles(video()).first)
        let copy = try #require(entry.spill)
        #expect(entry.sizeBytes == content.count && copy.sizeBytes == content.count && copy.compression == nil)
        #expect(copy.url.string.hasSuffix("/" + key) && !copy.url.string.contains("?"))
        var ticket = Ticket(id: "job-1", mediaID: "m", kind: .video)
        ticket.tempFiles = [entry]
        let sent = try Ticket(parsing: ticket.json.serialized(), expecting: .video)
        #expect(sent.tempFiles == [entry])
        // A sweep finds nothing wrong.
        #expect(try await it.tracker.findOrphanedFiles(SweepRules(graceTime: .zero)).isEmpty)
        #expect(try await it.spill() == SpillReport())

        #expect(try await it.fetch(video(), [path]) == fetched(1, content.count))
        #expect(it.contents(path) == content)
        statistics = try #require(try await it.tracker.statistics()[.video])
        #expect(statistics.totalSizeBytes == content.count && statistics.spilledFiles == 0)
        #expect(try await it.tracker.jobTempFiles(video()).first?.spill == nil)
        #expect(try await it.fetch(video(), [path]) == FetchReport())
        // The object is not needed any more.
        #expect(try await it.tracker.deleteLeavingObjects(in: it.store).deleted == 1)
        #expect(try await it.remains() == [])
        let figures = try await it.tracker.spillFigures().total
        #expect(figures.spills == 1 && figures.fetches == 1 && figures.failures == 0)
        #expect(figures.spilledBytes == content.count && figures.fetchedBytes == content.count)
        #expect(try await !it.tracker.hasSpilledObjects())
    }

    @Test("leaves alone what is needed now, what is small, and what is no file of ours")
    func leavesAlone() async throws {
        let it = try await SpillLab(.directory)
        let content = SpillLab.gradient(2 << 20)
        let held = try await it.waitingFile("source", content, job: video("held"))
        let lease = try await it.tracker.lease(video("held"))
        let download = try await it.waitingFile("source", content, job: video("download"), next: .download)
        let small = try await it.waitingFile("source", SpillLab.gradient(1000), job: video("small"))
        let linked = try await it.waitingFile("source", content, job: video("linked"))
        #expect(link(linked, it.lab.temporaryDirectory + "/second-name") == 0)
        let swapped = try await it.waitingFile("source", content, job: video("swapped"))
        unlink(swapped)
        let outside = try it.lab.outsideFile("precious", String(repeating: "x", count: content.count))
        #expect(symlink(outside, swapped) == 0)
        let waiting = try await it.waitingFile("source", content, job: video("waiting"))
        it.lab.clock.advance(by: 61)
        _ = try await it.tracker.jobs.recordProgress(video("waiting"), percent: 1, step: "")
        #expect(try await it.tracker.spillWaitingFiles(it.rules(), to: it.store).files == 0)
        for path in [held, download, small, linked, waiting] { #expect(it.contents(path) != nil, "\(path)") }
        #expect(try await it.keys() == [])
        lease.release()
        #expect(try await it.tracker.spillWaitingFiles(it.rules(), to: it.store).files == 1)
        #expect(it.contents(outside)?.count == content.count)
    }

    @Test("is asked before each job whether there is more to do, and does no more jobs than it may")
    func bounds() async throws {
        let it = try await SpillLab(.directory)
        for number in 0..<4 {
            try await it.waitingFile("source", SpillLab.gradient(1 << 20), job: video("job-\(number)"))
        }
        it.lab.clock.advance(by: 61)
        #expect(try await it.tracker.spillWaitingFiles(it.rules(), to: it.store) { false } == SpillReport())
        let rules = it.rules { ($0.width, $0.maximumJobs) = (1, 1) }
        #expect(try await it.tracker.spillWaitingFiles(rules, to: it.store).files == 1)
        // The one that will begin last.
        #expect(try await it.keys().allSatisfy { $0.contains("/job-3/") })
        let asked = Mutex(0)
        let two = it.rules { $0.width = 1 }
        let report = try await it.tracker.spillWaitingFiles(two, to: it.store) {
            asked.withLock { asked in
                asked += 1
                return asked <= 3
            }
        }
        #expect(report.files == 2)
    }

    @Test("stops at a store that takes nothing; the files stay, and nothing is left there", arguments: Kind.allCases)
    func storeTakesNothing(_ kind: Kind) async throws {
        let it = try await SpillLab(kind)
        let content = SpillLab.noise(SpillLab.size)
        var paths: [String] = []
        for number in 0..<4 { paths.append(try await it.waitingFile("source", content, job: video("job-\(number)"))) }
        let troubled = TroubledStore(it.store)
        troubled.fail(.put, SpillError(.away, "nobody is there"))
        let report = try await it.spill(troubled)
        #expect(report.files == 0 && (1...2).contains(report.failures) && report.storeProblem == "nobody is there")
        for path in paths { #expect(it.contents(path) == content) }
        #expect(try await it.tracker.jobTempFiles(video("job-3")).first?.spill == nil)
        _ = try await it.tracker.deleteLeavingObjects(in: it.store)
        #expect(try await !it.tracker.hasSpilledObjects())
        #expect(try await it.remains() == [])
        #expect(try await it.spill().files == 4)
    }

    @Test("leaves a job that is to be cancelled to its end")
    func cancelled() async throws {
        let it = try await SpillLab(.directory)
        let path = try await it.waitingFile(job: video("unwanted"))
        #expect(try await it.tracker.jobs.requestCancel(video("unwanted")) == .requested)
        it.lab.clock.advance(by: 61)
        let ended = Mutex<[String]>([])
        let report = try await it.tracker.spillWaitingFiles(
            it.rules(),
            to: it.store,
            endCancelled: { job in ended.withLock { $0.append(job.id.string) } }
        )
        #expect(report == SpillReport() && ended.withLock { $0 } == ["unwanted"])
        #expect(it.contents(path) != nil)
    }

    @Test("gives the room back, and a job that has none waits for it with nothing fetched")
    func budget() async throws {
        let it = try await SpillLab(.directory)
        let mebibyte: Int64 = 1 << 20
        let budget = DiskBudget(maximumBytes: 12 * mebibyte, minimumFreeBytes: 0)
        let path = try await it.waitingFile(job: video("first"), reserving: 10 * mebibyte, within: budget)
        #expect(try await it.tracker.reservedBytes() == 10 * mebibyte)
        try await it.spill()
        #expect(try await it.tracker.reservedBytes() == 0)
        let other = try await it.waitingFile(
            "source",
            SpillLab.gradient(1000),
            job: video("other"),
            next: .process,
            reserving: 5 * mebibyte,
            within: budget
        )
        let refused = await failure { _ = try await it.fetch(video("first"), [path], within: budget) }
        #expect(refused?.code == .noSpace && refused?.isRetriable == true)
        #expect(it.contents(path) == nil && exists(other))
        #expect(try await it.tracker.reservedBytes() == 5 * mebibyte)
        let lease = try await it.tracker.lease(video("other"))
        _ = try await it.tracker.cleanupJobTempFiles(video("other"))
        try await it.tracker.trimReservation(video("other"))
        lease.release()
        #expect(try await it.fetch(video("first"), [path], within: budget).files == 1)
        // With the room for what is to be made of it.
        #expect(try await it.tracker.reservedBytes() == 10 * mebibyte)
        // A limit that became too low is told at once.
        it.lab.clock.advance(by: 61)
        #expect(try await it.tracker.spillWaitingFiles(it.rules(), to: it.store).files == 1)
        let low = DiskBudget(maximumBytes: mebibyte, minimumFreeBytes: 0)
        let never = await failure { _ = try await it.fetch(video("first"), [path], within: low) }
        #expect(never?.code == .noSpace && never?.isRetriable == false)
    }

    @Test("fetches only what the stage needs")
    func needs() async throws {
        let it = try await SpillLab(.directory)
        let source = try await it.waitingFile("source", SpillLab.noise(1 << 20), job: video())
        let lease = try await it.tracker.lease(video())
        try await it.tracker.makeFile("output", bytes: 1 << 20, job: video(), type: .output)
        lease.release()
        #expect(try await it.spill().files == 2)
        #expect(try await it.fetch(video(), ["output"]).files == 1)
        #expect(it.contents(source) == nil)
        #expect(try await it.tracker.jobTempFiles(video()).map { $0.spill != nil } == [true, false])
    }

    @Test("works on a compressed file, which is restored after it was fetched")
    func compressed() async throws {
        let it = try await SpillLab(.directory)
        let content = SpillLab.gradient(SpillLab.size)
        let path = try await it.waitingFile("source", content, job: video())
        it.lab.clock.advance(by: 61)
        let compression = CompressionRules(minimumWait: .seconds(60), budget: .unlimited)
        let stored = try await it.tracker.compressWaitingFiles(compression).storedBytes
        #expect(stored > 0)
        let small = it.rules { $0.minimumFileBytes = 1 }
        #expect(try await it.tracker.spillWaitingFiles(small, to: it.store) == report(files: 1, bytes: Int(stored)))
        let statistics = try #require(try await it.tracker.statistics()[.video])
        #expect(statistics.compressedFiles == 0 && statistics.spilledBytes == stored)
        let entry = try #require(try await it.tracker.jobTempFiles(video()).first)
        #expect(entry.sizeBytes == content.count && entry.spill?.sizeBytes == stored)
        // A stage that does not need it has nothing to restore.
        do {
            let lease = try await it.tracker.lease(video())
            defer { lease.release() }
            #expect(try await it.tracker.restoreFiles(video(), within: .unlimited) == 0)
        }
        #expect(try await it.fetch(video(), [path]).files == 1)
        let lease = try await it.tracker.lease(video())
        defer { lease.release() }
        #expect(try await it.tracker.restoreFiles(video(), within: .unlimited) == 1)
        #expect(it.contents(path) == content)
    }

    @Test("is over for a file that is planned anew")
    func replanned() async throws {
        let it = try await SpillLab(.directory)
        try await it.waitingFile(job: video())
        try await it.spill()
        let lease = try await it.tracker.lease(video())
        try await it.tracker.makeFile("source", bytes: 10, job: video(), type: .input, stage: .download)
        lease.release()
        #expect(try await it.tracker.jobTempFiles(video()).first?.spill == nil)
        #expect(try await it.tracker.statistics()[.video]?.totalSizeBytes == 10)
        #expect(try await it.tracker.deleteLeavingObjects(in: it.store).deleted == 1)
        #expect(try await it.remains() == [])
    }

    private func report(files: Int, bytes: Int) -> SpillReport {
        var report = SpillReport()
        (report.files, report.sizeBytes) = (files, Int64(bytes))
        return report
    }

    private func fetched(_ files: Int, _ bytes: Int) -> FetchReport {
        var report = FetchReport()
        (report.files, report.sizeBytes) = (files, Int64(bytes))
        return report
    }
}
