import Queues
import Testing

@testable import SupervisorCore

/// The requests of a service manager, and the messages that it is sent.
struct ServiceReportTests {
    private typealias Facts = ServiceReport.Facts

    private static func complete(jobs: Int = 0) -> Facts { Facts(wanted: 8, ready: 8, jobs: jobs, processes: 8) }

    private func ready() -> ServiceReport {
        var report = ServiceReport()
        _ = report.serving()
        _ = report.round(Self.complete())
        return report
    }

    @Test("Ready is what has all workers, a broker and an HTTP server, and is said once")
    func readiness() {
        var report = ServiceReport()
        #expect(report.round(Self.complete()).contains("READY=1") == false)
        #expect(report.serving() == ["READY=1", "STATUS=8 of 8 workers ready, 0 jobs"])
        #expect(report.round(Self.complete()) == ["WATCHDOG=1"])

        for lacking in [
            Facts(wanted: 8, ready: 7, isComplete: false),
            Facts(wanted: 8, ready: 8, brokerProblem: "refused"),
        ] {
            var report = ServiceReport()
            _ = report.serving()
            let lines = report.round(lacking)
            #expect(!lines.contains("READY=1"))
            #expect(lines.contains("EXTEND_TIMEOUT_USEC=60000000"))
            #expect(report.round(Self.complete()).first == "READY=1")
        }
    }

    @Test("A wait before all is started asks for more time, and says what for")
    func waiting() {
        #expect(ServiceReport().waiting("for it") == ["STATUS=waits for it", "EXTEND_TIMEOUT_USEC=180000000"])
        #expect(ready().waiting("for it") == [])
    }

    @Test("The status is said when it changes, in one line")
    func status() {
        var report = ready()
        #expect(report.round(Self.complete(jobs: 1)) == ["STATUS=8 of 8 workers ready, 1 job", "WATCHDOG=1"])
        let bad = Facts(
            wanted: 1,
            ready: 0,
            isComplete: false,
            failing: ["process.video"],
            brokerProblem: "lost\nREADY=1\r\nX=1"
        )
        #expect(
            report.round(bad) == [
                "STATUS=0 of 1 worker ready, 0 jobs; no connection to the broker: lost READY=1 X=1; "
                    + "workers of process.video keep dying", "WATCHDOG=1",
            ]
        )
        let long = Facts(brokerProblem: String(repeating: "x", count: 5000))
        #expect(report.round(long).allSatisfy { $0.count <= 310 })
    }

    @Test("A reload is announced with its time and ends with readiness; a refused one shows until the next")
    func reload() {
        var report = ready()
        #expect(report.reloading(at: 12)[..<2] == ["RELOADING=1", "MONOTONIC_USEC=12"])
        let refused = report.reloaded(isRefused: true)
        #expect(refused.first == "READY=1")
        #expect(refused.last?.contains("the new configuration is wrong") == true)
        #expect(report.round(Self.complete()) == ["WATCHDOG=1"])
        _ = report.reloading(at: 13)
        #expect(report.reloaded(isRefused: false) == ["READY=1", "STATUS=8 of 8 workers ready, 0 jobs"])
    }

    @Test("A tree that starts or stops announces no reload, and is never ready by one")
    func reloadElsewhere() {
        var starting = ServiceReport()
        #expect(starting.reloading(at: 1) == [])
        #expect(starting.reloaded(isRefused: false) == [])
        var stopping = ready()
        #expect(stopping.stopping().first == "STOPPING=1")
        #expect(stopping.reloading(at: 1) == [])
        #expect(stopping.reloaded(isRefused: false) == [])
        #expect(
            stopping.round(Facts(wanted: 8, processes: 2)) == [
                "STATUS=stopping: 2 workers may finish or hand back what they do", "EXTEND_TIMEOUT_USEC=60000000",
                "WATCHDOG=1",
            ]
        )
    }

    struct Environment: Sendable {
        var variables: [String: String]
        var timeout: Duration?
    }

    @Test(
        "The watchdog is for this process, and only with a socket to answer on",
        arguments: [
            Environment(variables: ["WATCHDOG_USEC": "3000000"], timeout: .seconds(3)),
            Environment(variables: ["WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "7"], timeout: .seconds(3)),
            Environment(variables: ["WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "8"]),
            Environment(variables: ["WATCHDOG_USEC": "3000000", "NOTIFY_SOCKET": ""]),
            Environment(variables: ["WATCHDOG_USEC": "-1"]), Environment(variables: ["WATCHDOG_USEC": "x"]),
            Environment(variables: ["WATCHDOG_USEC": "9223372036854775808"]), Environment(variables: [:]),
        ]
    )
    func watchdog(_ row: Environment) {
        let manager = ServiceManager(["NOTIFY_SOCKET": "/run/n"].merging(row.variables) { $1 }, processID: 7)
        #expect(manager.watchdogTimeout == row.timeout)
        #expect(manager.pingInterval == row.timeout.map { $0 / 2 })
    }

    @Test(
        "A socket that is none is refused",
        arguments: ["relative", "", "@", "/" + String(repeating: "x", count: 108)]
    )
    func names(_ name: String) {
        #expect(throws: FileFailure(operation: "use NOTIFY_SOCKET", path: name, errno: 22)) { try NotifySocket(name) }
    }
}
