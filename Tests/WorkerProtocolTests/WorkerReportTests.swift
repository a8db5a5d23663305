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

    @Test("is nothing else", arguments: ["", "{}", "nonsense", #"{"state":"asleep"}"#])
    func invalid(line: String) {
        #expect(WorkerReport(line: line.utf8) == nil)
    }
}
