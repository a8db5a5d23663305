import JobModel
import Queues
import TempFiles
import Testing
import WorkerProtocol

@testable import SupervisorCore

struct HealthReportTests {
    private static func pool(_ name: PoolName, wanted: Int, ready: Int) -> PoolSnapshot {
        var pool = Pool(name: name, wanted: wanted)
        _ = pool.begin()
        for slot in 0..<ready {
            _ = pool.started(slot: slot + 1, processID: 1, at: .now)
            _ = pool.reported(slot: slot + 1, WorkerReport(state: .ready), at: .now)
        }
        return PoolSnapshot(pool, at: .now)
    }

    static func facts() -> HealthFacts {
        HealthFacts(
            pools: PoolName.all.map { pool($0, wanted: 2, ready: 2) },
            brokerAddress: "amqp://media:***@127.0.0.1:1/",
            isBrokerPrivate: true,
            files: [.video: TempFileStatistics(totalJobs: 1, totalFiles: 2, totalSizeBytes: 3)],
            freeBytes: 10 << 30,
            isStopping: false,
            version: "1",
            uptimeSeconds: 5
        )
    }

    struct Case: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var status: HealthReport.Status
        var problem: String?
        var change: @Sendable (inout HealthFacts) -> Void
    }

    static let cases = [
        Case(testDescription: "all well", status: .healthy) { _ in },
        Case(
            testDescription: "broker away",
            status: .unhealthy,
            problem: "the broker is away: nobody there"
        ) { $0.brokerProblem = "nobody there" },
        Case(
            testDescription: "broker blocked",
            status: .unhealthy,
            problem: "the broker takes no messages: low on disk"
        ) { $0.brokerBlockedReason = "low on disk" },
        Case(
            testDescription: "ledger unreadable",
            status: .unhealthy,
            problem: "the ledger of temp files cannot be read: gone"
        ) {
            $0.files = nil
            $0.ledgerProblem = "gone"
        },
        Case(
            testDescription: "the disk fills up",
            status: .degraded,
            problem: "91 % of the file system of the temp files is used"
        ) {
            $0.usedPercent = 91.4
            $0.isDiskAlert = true
        },
        Case(
            testDescription: "authorities that are gone",
            status: .degraded,
            problem: "sources and upload URLs by https: cannot be reached: /ca.pem is gone; correct TLS_CA_FILE"
        ) { $0.authoritiesProblem = "/ca.pem is gone" },
        Case(
            testDescription: "a stuck file",
            status: .degraded,
            problem: "the temp file /w/x cannot be removed: Operation not permitted (errno 1), tried 3 times"
        ) {
            let job = JobKey(kind: .video, id: "job-1")
            $0.stuck = [StuckFile(path: "/w/x", job: job, errno: 1, attempts: 3)]
        },
        Case(
            testDescription: "a file that a clean-up was given up with",
            status: .degraded,
            problem: "the temp file /w/x is not removed yet: the job's clean-up was given up, as its workers died"
        ) {
            let job = JobKey(kind: .video, id: "job-1")
            $0.stuck = [StuckFile(path: "/w/x", job: job, errno: nil, attempts: 0)]
        },
        Case(
            testDescription: "a refused configuration",
            status: .degraded,
            problem: "a changed configuration was refused, and the one before goes on: PORT: `x` is no whole number; "
                + "correct it and send SIGHUP again"
        ) { $0.refusedConfiguration = "PORT: `x` is no whole number" },
        Case(
            testDescription: "a store that cannot be written to",
            status: .degraded,
            problem: "the object store takes no outputs: it is full"
        ) { $0.storeProblem = "it is full" },
        Case(
            testDescription: "a host that is away",
            status: .degraded,
            problem:
                "store.example:443 is away since 2027-01-15T08:00:00.000Z: no connection to it; 12 jobs wait for it"
        ) {
            $0.hostsAway = [
                HostAbsence(host: "store.example:443", since: 1_800_000_000, cause: "no connection to it", jobs: 12)
            ]
        },
        Case(testDescription: "stopping", status: .unhealthy, problem: "the supervisor is stopping") {
            $0.isStopping = true
        },
        Case(
            testDescription: "one of two workers",
            status: .degraded,
            problem: "1 of 2 workers of download.video are ready"
        ) { $0.pools[0] = pool(PoolName.all[0], wanted: 2, ready: 1) },
        Case(
            testDescription: "no worker",
            status: .unhealthy,
            problem: "no worker of download.video is ready"
        ) { $0.pools[0] = pool(PoolName.all[0], wanted: 2, ready: 0) },
        Case(testDescription: "no worker is wanted", status: .healthy) {
            $0.pools[0] = pool(PoolName.all[0], wanted: 0, ready: 0)
        },
        Case(testDescription: "no worker is wanted, and nothing waits", status: .healthy) {
            $0.pools[0] = pool(PoolName.all[0], wanted: 0, ready: 0)
            $0.waiting = [PoolName.all[0]: 0]
        },
        Case(
            testDescription: "no worker is wanted, and a message waits",
            status: .degraded,
            problem: "1 message waits for download.video, which is to have no workers; "
                + "`supervisor scale download.video=1` gives it one"
        ) {
            $0.pools[0] = pool(PoolName.all[0], wanted: 0, ready: 0)
            $0.waiting = [PoolName.all[0]: 1]
        },
        Case(
            testDescription: "little room",
            status: .degraded,
            problem: "only 1.0 kB are free where the temp files are"
        ) { $0.freeBytes = 1000 },
    ]

    @Test("The status follows from what is wrong", arguments: cases)
    func status(_ row: Case) {
        var facts = Self.facts()
        row.change(&facts)
        let report = HealthReport(facts)
        #expect(report.status == row.status)
        #expect(report.problems == [row.problem].compactMap(\.self))
        #expect(Set(report.tempFiles.keys) == ["video", "image"])
    }

    @Test("The document has the names of the contract")
    func document() throws {
        let json = try JSONValue(parsing: JSONText.encode(HealthReport(Self.facts()))).objectValue ?? [:]
        #expect(json["status"] == "healthy")
        #expect(
            json["tempFiles"] == [
                "video": ["totalJobs": 1, "totalFiles": 2, "totalSize": 3],
                "image": ["totalJobs": 0, "totalFiles": 0, "totalSize": 0],
            ]
        )
        #expect(
            json["pools"]?.objectValue?["upload.image"]
                == ["wanted": 2, "ready": 2, "restarts": 0, "deaths": 0, "failing": false]
        )
    }

    @Test("Hosts that are away are told once each, the ones with the most jobs first, and in a bounded number")
    func hostsAway() throws {
        func worker(_ hosts: [HostAbsence]) -> PoolSnapshot {
            var pool = Pool(name: PoolName.all[0], wanted: 1)
            _ = pool.begin()
            _ = pool.started(slot: 1, processID: 1, at: .now)
            var report = WorkerReport(state: .ready)
            report.hostsAway = hosts
            _ = pool.reported(slot: 1, report, at: .now)
            return PoolSnapshot(pool, at: .now)
        }
        func absence(_ host: String, _ since: Int64, _ jobs: Int) -> HostAbsence {
            HostAbsence(host: host, since: since, cause: "it does not answer", jobs: jobs)
        }
        let merged = HostsAway.merged([
            worker([absence("a:1", 10, 2), absence("b:1", 5, 3)]), worker([absence("a:1", 7, 4)]), worker([]),
        ])
        #expect(merged == [absence("a:1", 7, 6), absence("b:1", 5, 3)])
        var facts = Self.facts()
        facts.hostsAway = (0..<30).map { absence("h\($0):1", 0, 0) }
        let report = HealthReport(facts)
        #expect(report.hostsAway?.count == 20 && report.problems.count == 21)
        #expect(report.problems.last == "10 more hosts are away")
        let json = try JSONValue(parsing: JSONText.encode(report)).objectValue ?? [:]
        #expect(
            json["hostsAway"]?.arrayValue?.first
                == [
                    "host": "h0:1", "since": "1970-01-01T00:00:00.000Z", "cause": "it does not answer",
                    "waitingJobs": 0,
                ]
        )
        #expect(HealthReport(Self.facts()).hostsAway == nil)
    }

    @Test("Both sizes are told while files are compressed")
    func compressed() throws {
        var facts = Self.facts()
        facts.files?[.video]?.compressedFiles = 1
        facts.files?[.video]?.savedBytes = 4
        let report = HealthReport(facts)
        #expect(report.tempFiles["video"]?.compressedFiles == 1 && report.tempFiles["video"]?.uncompressedSize == 7)
        #expect(report.tempFiles["image"] == HealthReport.Files())
    }
}
