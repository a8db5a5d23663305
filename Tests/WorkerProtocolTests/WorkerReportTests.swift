import JobModel
import Testing
import WorkerProtocol

@Suite("A worker's report")
struct WorkerReportTests {
    @Test("survives its line")
    func roundTrip() throws {
        var report = WorkerReport(state: .ready)
        report.job = "line\nfeed"
        report.progress = 42
        report.counters.completed = 7
        let line = report.line()
        #expect(line.last == UInt8(ascii: "\n"))
        #expect(line.dropLast().allSatisfy { $0 != UInt8(ascii: "\n") })
        #expect(WorkerReport(line: line.dropLast()) == report)
    }

    @Test("fits into what the kernel writes at once, with as many hosts as it may tell")
    func hosts() throws {
        var report = WorkerReport(state: .ready, stage: .download)
        let name = String(repeating: "x", count: 253) + ":65535"
        report.hostsAway = (0..<WorkerReport.maximumHosts).map {
            HostAbsence(host: name, since: .max, cause: "its name cannot be looked up", jobs: $0, isResting: true)
        }
        report.job = String(repeating: "j", count: 255)
        report.counters.durations = DurationHistogram()
        let line = report.line()
        #expect(line.count <= 4096)
        let read = WorkerReport(line: line.dropLast())
        #expect(read?.hostsAway?.map(\.jobs) == Array(0..<WorkerReport.maximumHosts))
        // That is a matter of the worker alone.
        #expect(read?.hostsAway?.contains { $0.isResting } == false)
    }

    @Test("is nothing else", arguments: ["", "{}", "nonsense", #"{"state":"asleep"}"#])
    func invalid(line: String) {
        #expect(WorkerReport(line: line.utf8) == nil)
    }
}
