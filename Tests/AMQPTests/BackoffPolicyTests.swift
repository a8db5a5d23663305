import AMQP
import Testing

@Suite struct BackoffPolicyTests {
    private static let policy = BackoffPolicy(initial: .milliseconds(200), maximum: .seconds(30))

    @Test(
        "The ceiling doubles with each failure up to the maximum",
        arguments: [
            (-1, Duration.zero), (0, .zero), (1, .milliseconds(200)), (2, .milliseconds(400)),
            (3, .milliseconds(800)), (8, .milliseconds(25_600)), (9, .seconds(30)), (1000, .seconds(30)),
            (Int.max, .seconds(30)),
        ]
    )
    func ceiling(failures: Int, expected: Duration) {
        #expect(Self.policy.ceiling(afterFailures: failures) == expected)
    }

    @Test("The wait is drawn from zero to the ceiling", arguments: [1, 2, 5, 100])
    func delay(failures: Int) {
        let ceiling = Self.policy.ceiling(afterFailures: failures)
        #expect(Self.policy.delay(afterFailures: failures, share: 0) == .zero)
        #expect(Self.policy.delay(afterFailures: failures, share: 0.5) == ceiling / 2)
        #expect(Self.policy.delay(afterFailures: failures, share: 1) == ceiling)
        for _ in 0..<100 {
            let delay = Self.policy.delay(afterFailures: failures)
            #expect(delay >= .zero && delay <= ceiling)
        }
    }

    @Test("A maximum below the initial wait wins")
    func smallMaximum() {
        let policy = BackoffPolicy(initial: .seconds(10), maximum: .seconds(1))
        #expect(policy.ceiling(afterFailures: 1) == .seconds(1))
        #expect(policy.ceiling(afterFailures: 5) == .seconds(1))
    }
}
