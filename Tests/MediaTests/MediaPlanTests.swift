import Media
import Testing

@Suite struct MediaPlanTests {
    @Test func aFullHDSourceGetsTheWholeLadder() throws {
        #expect(Bool(true))
    }
}
