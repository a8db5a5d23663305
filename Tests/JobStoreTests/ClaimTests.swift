import JobModel
import JobStore
import TempFiles
import TempFilesSupport
import Testing

@testable import Ledger

@Suite("Claims of several hosts")
struct ClaimTests {
    let lab: Lab
    let tracker: TempFileTracker
    private let log = "video.processing.claims"

    init() throws {
        lab = try Lab()
        tracker = try lab.tracker()
    }

    private func claim(
        _ position: Int64,
        _ id: String,
        by node: String,
        redrives: Int64 = 0,
        hop: Int64 = 0,
        replacing: String? = nil
    ) -> ClaimRecord {
        let claim = JobClaim(redrives: redrives, hop: hop, node: node, replacedNode: replacing)
        return ClaimRecord(position: position, job: video(id), content: .claim(claim))
    }

    private func wish(_ position: Int64, _ id: String) -> ClaimRecord {
        ClaimRecord(position: position, job: video(id), content: .wish)
    }

    /// On the host `a`.
    @discardableResult
    private func note(_ records: ClaimRecord..., after: Int64? = nil) async throws -> ClaimsReading {
        try await tracker.jobs.noteClaims(
            records,
            of: log,
            after: after ?? (records.first.map { $0.position - 1 } ?? -1),
            through: records.last?.position ?? -1,
            node: "a"
        )
    }

    private func claimant(_ id: String, redrives: Int64 = 0, hop: Int64 = 0) async throws -> String? {
        try await tracker.jobs.claimant(of: video(id), redrives: redrives, hop: hop)
    }

    private func isCancelled(_ id: String, redrives: Int64 = 0) async throws -> Bool {
        let start = try await tracker.jobs.begin(
            video(id),
            StageMessage(
                stage: .download,
                hop: redrives,
                run: JobRun(redrives: redrives, attempt: 0),
                mediaID: "media",
                manifest: nil
            )
        )
        guard case .proceed(_, _, let isCancelRequested) = start else { return false }
        return isCancelRequested
    }

    @Test("the first of two for one message stands, and a later message of the job is another's to claim")
    func order() async throws {
        #expect(try await claimant("job") == nil)
        try await note(claim(0, "job", by: "b"), claim(1, "job", by: "a"), claim(2, "other", by: "a"))
        #expect(try await claimant("job") == "b")
        #expect(try await claimant("other") == "a")
        #expect(try await claimant("job", hop: 1) == nil)
        #expect(try await claimant("job", redrives: 1) == nil)
        try await note(claim(3, "job", by: "a", redrives: 1, hop: 1))
        #expect(try await claimant("job", redrives: 1, hop: 1) == "a")
        // Messages of the earlier run are late duplicates, which the job's host knows as such.
        #expect(try await claimant("job") == "a")
        try await note(claim(4, "job", by: "c"), claim(5, "job", by: "c", redrives: 1))
        #expect(try await claimant("job") == "a")
    }

    @Test("a message that was taken out of its host's queues is claimed once more, by the first that says so")
    func replacing() async throws {
        try await note(claim(0, "job", by: "dead"))
        try await note(claim(1, "job", by: "b", replacing: "dead"), claim(2, "job", by: "a", replacing: "dead"))
        #expect(try await claimant("job") == "b")
    }

    @Test("records are noted once, in order, by however many readers, and never with a gap")
    func reading() async throws {
        #expect(try await tracker.jobs.claimsPlace(of: log) == nil)
        try await note(claim(0, "one", by: "a"), claim(1, "two", by: "b"))
        let other = try lab.tracker()
        let late = [claim(1, "two", by: "b"), claim(2, "three", by: "c")]
        #expect(
            try await other.jobs.noteClaims(late, of: log, after: 0, through: 2, node: "a") == .noted(wishes: [])
        )
        #expect(try await tracker.jobs.claimsPlace(of: log)?.position == 2)
        // The reports of a reader that has seen less, or starts beyond.
        try await note(claim(0, "one", by: "x"))
        #expect(try await claimant("one") == "a")
        #expect(try await note(claim(9, "four", by: "a"), after: 8) == .gap)
        #expect(try await claimant("four") == nil)
        // Records that were dropped from the log's beginning are no gap for a reader that begins there.
        try await tracker.jobs.restartClaims(of: log, kind: .video)
        #expect(try await note(claim(7, "five", by: "c"), after: -1) == .noted(wishes: []))
        #expect(try await tracker.jobs.claimsPlace(of: log)?.position == 7)
        #expect(try await claimant("five") == "c")
    }

    @Test("a wish to cancel a job that no host has is met by the one that gets it, and by no other")
    func wishes() async throws {
        #expect(try await note(wish(0, "mine"), wish(1, "others")) == .noted(wishes: [video("mine"), video("others")]))
        try await note(claim(2, "mine", by: "a"), claim(3, "others", by: "b"))
        #expect(try await isCancelled("mine"))
        #expect(try await isCancelled("others") == false)
        // It was for that run only.
        try await note(claim(4, "again", by: "a"), wish(5, "again"), claim(6, "again", by: "a", redrives: 1, hop: 1))
        #expect(try await isCancelled("again", redrives: 1) == false)
        // A cancellation request makes no job.
        try await note(wish(7, "nobody"))
        #expect(try await tracker.jobs.job(video("nobody")) == nil)
    }

    @Test("a wish reaches a job that this host works on, and not one that is another host's now")
    func wishesForKnownJobs() async throws {
        #expect(try await isCancelled("job") == false)
        try await note(claim(0, "job", by: "a"), wish(1, "job"))
        #expect(try await tracker.jobs.isCancelRequested(video("job")))
        #expect(try await isCancelled("moved") == false)
        try await note(claim(2, "moved", by: "b", hop: 4), wish(3, "moved"))
        #expect(try await tracker.jobs.isCancelRequested(video("moved")) == false)
    }

    @Test("a wish for an earlier run does nothing to a later one, however often the log is read")
    func replayedWishes() async throws {
        let first = [claim(0, "job", by: "a"), wish(1, "job")]
        try await note(first[0], first[1])
        #expect(try await isCancelled("job"))
        _ = try await tracker.jobs.end(video("job"), outcome: .cancelled, token: "t", record: [])
        // The later run has begun before its claim is read, as by another worker of a host that has lost its ledger.
        #expect(try await isCancelled("job", redrives: 1) == false)
        try await tracker.jobs.restartClaims(of: log, kind: .video)
        try await note(first[0], first[1])
        #expect(try await tracker.jobs.isCancelRequested(video("job")) == false)
        let second = claim(2, "job", by: "a", redrives: 1, hop: 1)
        try await note(second)
        try await tracker.jobs.restartClaims(of: log, kind: .video)
        try await note(first[0], first[1], second)
        #expect(try await tracker.jobs.isCancelRequested(video("job")) == false)
        try await note(wish(3, "job"))
        #expect(try await tracker.jobs.isCancelRequested(video("job")))
    }

    @Test("positions mean nothing in another log: a wish there is met")
    func anotherLog() async throws {
        #expect(try await isCancelled("job") == false)
        try await note(claim(50, "job", by: "a"), after: -1)
        try await tracker.jobs.restartClaims(of: log, kind: .video, isAnother: true)
        #expect(try await claimant("job") == "a")
        try await note(wish(0, "job"))
        #expect(try await tracker.jobs.isCancelRequested(video("job")))
    }

    @Test("a place is remembered with its mark, and an absurd one traps nobody")
    func places() async throws {
        let most = Int64.max - 1
        for (position, mark) in [(Int64(0), [1, 2]), (most, [UInt8]())] {
            _ = try await tracker.jobs.noteClaims([], of: log, after: -1, through: position, mark: mark, node: "a")
            #expect(try await tracker.jobs.claimsPlace(of: log) == ClaimsPlace(position: position, mark: mark))
        }
        #expect(try await note(wish(1, "job"), after: .max) == .gap)
    }

    @Test("a host whose job waits for space has no room for another of that kind, until the job goes on or to clean-up")
    func waitingForSpace() async throws {
        #expect(try await isCancelled("job") == false)
        #expect(try await tracker.jobs.isShortOfSpace(for: .video) == false)
        _ = try await tracker.jobs.recordCompletion(video("job"), progress(UpdateStep.waitingForSpace))
        #expect(try await tracker.jobs.isShortOfSpace(for: .video))
        #expect(try await tracker.jobs.isShortOfSpace(for: .image) == false)
        _ = try await tracker.jobs.recordCompletion(video("job"), progress("x"))
        #expect(try await tracker.jobs.isShortOfSpace(for: .video) == false)
        _ = try await tracker.jobs.recordCompletion(video("job"), progress(UpdateStep.waitingForSpace))
        try await tracker.jobs.handedOver(video("job"), to: .cleanup, hop: 1)
        #expect(try await tracker.jobs.isShortOfSpace(for: .video) == false)
    }

    private func progress(_ step: String) -> JobProgress { JobProgress(percent: 1, step: step, newsInterval: nil) }

    @Test("are forgotten by time of service")
    func forgetting() async throws {
        try await note(claim(0, "old", by: "b"), wish(1, "never"))
        try await tracker.jobs.addService(.seconds(100))
        try await note(claim(2, "new", by: "b"))
        lab.clock.advance(by: 1_000_000)
        #expect(try await tracker.jobs.forgetClaims(olderThan: .seconds(200)) == 0)
        #expect(try await tracker.jobs.forgetClaims(olderThan: .seconds(50)) == 2)
        #expect(try await claimant("old") == nil)
        #expect(try await claimant("new") == "b")
        #expect(try await isCancelled("never") == false)
    }

    @Test("a wish that is not to be remembered leaves no trace of a job that nobody knows")
    func unremembered() async throws {
        #expect(try await tracker.jobs.requestCancel(video("job"), isRemembered: false) == .unknown)
        #expect(try await tracker.jobs.job(video("job")) == nil)
        #expect(try await isCancelled("job") == false)
        #expect(try await tracker.jobs.requestCancel(video("job"), isRemembered: false) == .requested)
    }
}
