import JobModel
import TempFiles
import Testing

@testable import SupervisorCore

struct ServiceClockTests {
    private static let encoding = ServedStage(.video, .process)
    private static let upload = ServedStage(.video, .upload)

    /// Looks every five seconds.
    private func passed(_ sights: [ServiceClock.Sight?]) -> (all: Duration, stages: [ServedStage: Duration]) {
        var clock = ServiceClock()
        for (index, sight) in sights.enumerated() { clock.look(sight, at: .seconds(5 * index)) }
        return clock.take()
    }

    private func sight(_ connection: UInt64, _ stages: ServedStage...) -> ServiceClock.Sight {
        ServiceClock.Sight(connection: connection, stages: Set(stages))
    }

    @Test("Time counts between two looks that found the broker, and is taken once")
    func counts() {
        #expect(passed([sight(1), sight(1), sight(1)]).all == .seconds(10))
        #expect(passed([sight(1)]).all == .zero)
        var clock = ServiceClock()
        clock.look(sight(1), at: .zero)
        clock.look(sight(1), at: .seconds(5))
        #expect(clock.take().all == .seconds(5))
        #expect(clock.take().all == .zero)
        clock.look(sight(1), at: .seconds(7))
        #expect(clock.take().all == .seconds(2))
    }

    @Test("Time without the broker does not count, nor that before it was missed and before it was found again")
    func absence() {
        #expect(passed([sight(1), sight(1), nil, nil, nil, sight(2), sight(2)]).all == .seconds(10))
        #expect(passed([nil, nil, nil]).all == .zero)
        // It goes and comes all the time.
        #expect(passed([sight(1), nil, sight(2), nil, sight(3), nil]).all == .zero)
    }

    @Test("A connection that was lost and made again between two looks breaks the time between them")
    func reconnection() {
        #expect(passed([sight(1), sight(2), sight(3), sight(4)]).all == .zero)
        #expect(passed([sight(1), sight(1), sight(2), sight(2)]).all == .seconds(10))
    }

    @Test("A stage's time is that in which it had workers at both ends")
    func stages() {
        let found = passed([
            sight(1, Self.encoding, Self.upload), sight(1, Self.encoding, Self.upload), sight(1, Self.upload),
            sight(1, Self.encoding, Self.upload), sight(1, Self.encoding, Self.upload), nil,
        ])
        #expect(found.all == .seconds(20))
        #expect(found.stages == [Self.encoding: .seconds(10), Self.upload: .seconds(20)])
    }

    @Test("A process that stood still knows nothing of the time in between")
    func stillness() {
        var clock = ServiceClock()
        clock.look(sight(1, Self.upload), at: .zero)
        clock.look(sight(1, Self.upload), at: .seconds(86_400))
        clock.look(sight(1, Self.upload), at: .seconds(86_399))
        #expect(clock.take().all == .zero)
    }
}
