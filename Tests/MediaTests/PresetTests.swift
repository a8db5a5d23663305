import Settings
import Testing

@testable import Media

@Suite("x264's presets")
struct PresetTests {
    @Test("that can be set are the engine's but the slowest: the settings cannot link the engine, so there are two lists")
    func lists() {
        #expect(VideoProfile.presets.subtracting(VideoSettings.presets) == ["placebo"])
        #expect(VideoProfile.presets.isSuperset(of: VideoSettings.presets))
    }
}
