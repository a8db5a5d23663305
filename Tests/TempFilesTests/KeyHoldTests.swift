import JobModel
import JobStore
import TempFiles
import TempFilesSupport
import Testing

@Suite("The keys that a job holds")
struct KeyHoldTests {
    let lab: Lab
    let tracker: TempFileTracker

    init() throws {
        lab = try Lab()
        tracker = try lab.tracker()
    }

    private func begin(_ id: String, _ stage: Stage = .upload, hop: Int64 = 1, redrives: Int64 = 0) async throws {
        let run = JobRun(redrives: redrives, attempt: 0)
        _ = try await tracker.jobs.begin(
            video(id),
            StageMessage(stage: stage, hop: hop, run: run, mediaID: "m", manifest: nil)
        )
    }

    private func objects(_ keys: [String], in store: String = "store") -> [JobObject] {
        keys.map { JobObject(key: ByteText($0), store: ByteText(store), state: .planned) }
    }

    /// - Returns: the job that holds one of the keys; nil when this one holds all of them now.
    private func holder(
        _ id: String,
        _ keys: [String],
        in store: String = "store",
        node: String? = nil
    ) async throws -> String? {
        switch try await tracker.holdKeys(of: objects(keys, in: store), job: video(id), node: node) {
        case .held: nil
        case .busy(let holder, _): holder.id.string
        }
    }

    private func end(_ id: String, _ outcome: JobOutcome) async throws {
        _ = try await tracker.jobs.end(video(id), outcome: outcome, token: "t", record: Array("{}".utf8))
    }

    @Test("are all or none: the second job notes nothing, and a key of another store is another one")
    func allOrNone() async throws {
        for id in ["first", "second", "third"] { try await begin(id) }
        #expect(try await holder("first", ["a", "b"]) == nil)
        #expect(try await holder("second", ["c", "b"]) == "first")
        #expect(try await tracker.objects(video("second")).isEmpty)
        // The key that the second one wanted as well is free.
        #expect(try await holder("third", ["c"]) == nil)
        #expect(try await holder("second", ["a", "b"], in: "elsewhere") == nil)
        // The same job again, as when its message is delivered again.
        #expect(try await holder("first", ["a", "b", "d"]) == nil)
        #expect(try await holder("first", ["c"]) == "third")
    }

    @Test(
        "are free once it has ended, though its objects are left, and stay free when it is begun anew",
        arguments: [JobOutcome.completed, .failed, .cancelled]
    )
    func ends(_ outcome: JobOutcome) async throws {
        for id in ["first", "second"] { try await begin(id) }
        #expect(try await holder("first", ["a"]) == nil)
        try await tracker.jobs.handedOver(video("first"), to: .cleanup, hop: 2)
        try await begin("first", .cleanup, hop: 2)
        #expect(try await holder("second", ["a"]) == "first")
        try await end("first", outcome)
        #expect(try await tracker.objects(video("first")).count == (outcome == .completed ? 0 : 1))
        #expect(try await holder("second", ["a"]) == nil)
        // The redriven job finds the other one there, and that one goes on undisturbed.
        try await begin("first", hop: 3, redrives: 1)
        #expect(try await holder("first", ["a"]) == "second")
        #expect(try await holder("second", ["a"]) == nil)
        try await end("second", .completed)
        #expect(try await holder("first", ["a"]) == nil)
    }

    @Test("are given up when it goes back to download, for then it puts all anew")
    func backToDownload() async throws {
        for id in ["first", "second"] { try await begin(id) }
        #expect(try await holder("first", ["a"]) == nil)
        try await tracker.jobs.handedOver(video("first"), to: .download, hop: 2)
        #expect(try await holder("second", ["a"]) == "first")
        try await begin("first", .download, hop: 2)
        #expect(try await holder("second", ["a"]) == nil)
        #expect(try await holder("first", ["a"]) == "second")
    }

    @Test("are not held here by a job whose message another host has taken")
    func otherHost() async throws {
        for id in ["first", "second"] { try await begin(id) }
        #expect(try await holder("first", ["a"], node: "here") == nil)
        #expect(try await holder("second", ["a"], node: "here") == "first")
        for (position, node, expected) in [(Int64(0), "here", "first"), (1, "there", nil)] as [(Int64, String, String?)]
        {
            let claim = JobClaim(redrives: 0, hop: 1 + position, node: node, replacedNode: nil)
            _ = try await tracker.jobs.noteClaims(
                [ClaimRecord(position: position, job: video("first"), content: .claim(claim))],
                of: "log",
                after: position - 1,
                through: position,
                node: "here"
            )
            #expect(try await holder("second", ["a"], node: "here") == expected)
        }
    }

    @Test("are waited for in time in which there were workers, which begins anew with the next wait")
    func waiting() async throws {
        func waited() async throws -> Duration? {
            guard case .busy(_, let waited) = try await tracker.holdKeys(of: objects(["a"]), job: video("second"))
            else {
                return nil
            }
            return waited
        }
        for id in ["first", "second"] { try await begin(id) }
        #expect(try await holder("first", ["a"]) == nil)
        try await tracker.jobs.addService(.seconds(1000))
        #expect(try await waited() == .zero)
        lab.clock.advance(by: 1_000_000)
        #expect(try await waited() == .zero)
        try await tracker.jobs.addService(.seconds(60))
        #expect(try await waited() == .seconds(60))
        try await end("first", .failed)
        #expect(try await waited() == nil)
        try await end("second", .failed)
        for id in ["first", "second"] { try await begin(id, hop: 2, redrives: 1) }
        #expect(try await holder("first", ["a"]) == nil)
        #expect(try await waited() == .zero)
    }

    @Test("and the wait for them are a step of the job, whose looks are no events")
    func looks() async throws {
        let key = video("second")
        let started = JobProgress(percent: 0, step: "uploading_results", newsInterval: .zero)
        func look() async throws -> JobWait? {
            let message = StageMessage(
                stage: .upload,
                hop: 1,
                mediaID: "m",
                manifest: [],
                ticket: nil,
                progress: started
            )
            guard case .entered(let entered) = try await tracker.jobs.enter(key, message, timeout: .zero) else {
                throw LabError(message: "not entered")
            }
            entered.lease.release()
            try await tracker.jobs.handBack(key, stage: .upload, hop: 1, start: entered.starts)
            return entered.wait
        }
        #expect(try await look() == nil)
        _ = try await tracker.jobs.recordNews(key, percent: 0, step: JobWait.otherJob.rawValue, interval: .zero)
        for _ in 0..<5 { #expect(try await look() == .otherJob) }
        let events = try #require(try await tracker.jobs.detail(key, fileLimit: 0)).events
        #expect(events.count { $0.what == .started } == 1 && events.count { $0.what == .handedBack } == 1)
        #expect(events.last?.detail == "waiting_for_other_job")
    }
}
