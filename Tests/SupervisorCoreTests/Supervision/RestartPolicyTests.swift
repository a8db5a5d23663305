import Testing

@testable import SupervisorCore

struct RestartPolicyTests {
    private let start = ContinuousClock.now

    @Test(
        "The ceiling of the wait doubles with each death and stops at the cap",
        arguments: [(1, 200), (2, 400), (3, 800), (4, 1600), (8, 25_600), (9, 30_000), (70, 30_000)]
    )
    func ceiling(deaths: Int, milliseconds: Int) {
        var policy = RestartPolicy(limits: .init(quickDeathsAllowed: 1000))
        var delay = Duration.zero
        for death in 0..<deaths {
            delay = policy.died(at: start + .seconds(death * 61), afterRunning: .seconds(1), jitter: 1)
        }
        #expect(policy.ceiling == .milliseconds(milliseconds))
        #expect(delay > .milliseconds(milliseconds - 1) && delay <= .milliseconds(milliseconds))
    }

    @Test("The wait may be anything down to nothing")
    func fullJitter() {
        var policy = RestartPolicy()
        #expect(policy.died(at: start, afterRunning: .seconds(1), jitter: 0) == .zero)
    }

    @Test("A worker that ran for a minute sets the ceiling back")
    func reset() {
        var policy = RestartPolicy()
        for second in 0..<3 {
            _ = policy.died(at: start + .seconds(second), afterRunning: .seconds(20), jitter: 1)
        }
        #expect(policy.ceiling == .milliseconds(800))
        _ = policy.died(at: start + .seconds(100), afterRunning: .seconds(60), jitter: 1)
        #expect(policy.ceiling == .milliseconds(200))
    }

    struct Intensity: Sendable {
        var name: String
        /// Seconds of the deaths, and of the lives that they ended.
        var deaths: [(at: Int, lived: Int)]
        var isFailing: Bool
    }

    @Test(
        "Five quick deaths within a minute, and nothing less, make a pool failing",
        arguments: [
            Intensity(name: "four", deaths: [(0, 1), (1, 1), (2, 1), (3, 1)], isFailing: false),
            Intensity(name: "five", deaths: [(0, 1), (1, 1), (2, 1), (3, 1), (59, 1)], isFailing: true),
            Intensity(
                name: "the first is too old",
                deaths: [(0, 1), (1, 1), (2, 1), (3, 1), (60, 1)],
                isFailing: false
            ),
            Intensity(
                name: "slow ones do not count",
                deaths: [(0, 10), (1, 1), (2, 1), (3, 1), (4, 1)],
                isFailing: false
            ),
        ]
    )
    func intensity(_ row: Intensity) {
        var policy = RestartPolicy()
        var delay = Duration.zero
        for death in row.deaths {
            delay = policy.died(
                at: start + .seconds(death.at),
                afterRunning: .seconds(death.lived),
                jitter: 1
            )
        }
        #expect(policy.isFailing == row.isFailing)
        #expect((delay == .seconds(60)) == row.isFailing)
    }

    @Test("A failing pool tries once a minute until a worker has lived for one")
    func failing() {
        var policy = RestartPolicy()
        for second in 0..<5 {
            _ = policy.died(at: start + .seconds(second), afterRunning: .seconds(1), jitter: 0)
        }
        #expect(policy.died(at: start + .seconds(300), afterRunning: .seconds(59), jitter: 0) == .seconds(60))
        #expect(policy.isFailing)
        policy.proved()
        #expect(!policy.isFailing)
        #expect(policy.died(at: start + .seconds(400), afterRunning: .seconds(1), jitter: 0) == .zero)
    }
}
