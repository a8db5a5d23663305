import Settings
import Testing

@testable import Media

@Suite("x264's presets")
struct PresetTests {
    // The settings cannot link the engine, so there are two lists.
    @Test("that can be set are the engine's but the slowest")
    func lists() {
        #expect(VideoProfile.presets.subtracting(VideoSettings.presets) == ["placebo"])
        #expect(VideoProfile.presets.isSuperset(of: VideoSettings.presets))
    }
}
