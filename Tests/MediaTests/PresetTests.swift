import Settings
import Testing

@testable import Media

@Suite("x264's presets")
struct PresetTests {
    @Test("are the same in the settings and in the engine: the settings cannot link the engine")
    func lists() {
        #expect(Set(VideoSettings.presets) == VideoProfile.presets)
    }
}
