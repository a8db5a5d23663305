import Glibc
import WorkerProtocol

/// Takes a worker's reports in its supervisor's place.
package final class ReportPipe: Sendable {
    /// For the worker.
    package let writeEnd: Int32
    private let readEnd: Int32

    package init() {
        var ends: [Int32] = [-1, -1]
        precondition(pipe(&ends) == 0, "pipe: errno \(errno)")
        for end in ends { _ = fcntl(end, F_SETFL, O_NONBLOCK) }
        (readEnd, writeEnd) = (ends[0], ends[1])
    }

    deinit {
        close(readEnd)
        close(writeEnd)
    }

    /// The counters of the last report that are not 0, in words such as `completed` or `failed 2`.
    package func counts() -> [String] {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = read(readEnd, &buffer, buffer.count)
            if count <= 0 { break }
            bytes += buffer[..<count]
        }
        let last = bytes.split(separator: UInt8(ascii: "\n")).last
        guard let last, let counters = WorkerReport(line: last)?.counters else { return [] }
        let counts = [
            ("completed", counters.completed), ("failed", counters.failed), ("retried", counters.retried),
            ("rejected", counters.rejected), ("duplicate", counters.duplicates),
        ]
        let ends = (counters.ended ?? [:]).sorted { $0.key < $1.key }.map { ("ended \($0.key)", $0.value) }
        return (counts + ends).filter { $0.1 > 0 }.map { $0.1 == 1 ? "+\($0.0)" : "+\($0.0) \($0.1)" }
    }
}
