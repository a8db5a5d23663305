import Testing

@testable import HTTPClient

@Suite("The time limits of an exchange")
struct ActivityTests {
    private let start = SuspendingClock.now

    private func sight(
        _ progress: Int64,
        isConnected: Bool = true,
        hasHead: Bool = true,
        body: Int64 = 0,
        sink: Duration = .zero
    ) -> Activity.Sight {
        Activity.Sight(
            isConnected: isConnected,
            progress: progress,
            hasHead: hasHead,
            bodyBytes: body,
            sinkTime: sink
        )
    }

    @Test("count silence from when the connection is ready, and anew with every byte")
    func silence() {
        var activity = Activity(WebTimeouts(idle: .seconds(10)), at: start)
        #expect(activity.judge(sight(0, isConnected: false), at: start + .seconds(100)) == .rest(.seconds(10)))
        #expect(activity.judge(sight(0), at: start + .seconds(101)) == .rest(.seconds(10)))
        #expect(activity.judge(sight(0), at: start + .seconds(105)) == .rest(.seconds(6)))
        #expect(activity.judge(sight(1), at: start + .seconds(110)) == .rest(.seconds(10)))
        guard case .tooLong = activity.judge(sight(1), at: start + .seconds(120)) else {
            Issue.record("silence of 10 s")
            return
        }
    }

    @Test("end a header that does not end, whatever comes of it")
    func head() {
        var activity = Activity(WebTimeouts(idle: .seconds(10), head: .seconds(15)), at: start)
        for second in stride(from: 0, to: 15, by: 5) {
            let verdict = activity.judge(sight(Int64(second), hasHead: false), at: start + .seconds(second))
            #expect(verdict == .rest(.seconds(min(10, 15 - second))))
        }
        var other = activity
        #expect(other.judge(sight(15), at: start + .seconds(15)) == .rest(.seconds(10)))
        guard case .tooLong = activity.judge(sight(15, hasHead: false), at: start + .seconds(15)) else {
            Issue.record("a header of 15 s")
            return
        }
    }

    @Test("end a body that only trickles; the time in which the sink is busy does not count")
    func rate() {
        let limits = WebTimeouts(idle: .seconds(3600), rate: WebRate(bytes: 1000, period: .seconds(30)))
        var activity = Activity(limits, at: start)
        #expect(activity.judge(sight(0), at: start) == .rest(.seconds(30)))
        #expect(activity.judge(sight(1000, body: 1000), at: start + .seconds(30)) == .rest(.seconds(30)))
        // 20 s of these 30 the sink was busy.
        let busy = sight(1999, body: 1999, sink: .seconds(20))
        #expect(activity.judge(busy, at: start + .seconds(60)) == .rest(.seconds(20)))
        guard case .tooLong = activity.judge(sight(1999, body: 1999, sink: .seconds(20)), at: start + .seconds(80))
        else {
            Issue.record("999 bytes in 30 s")
            return
        }
    }
}
