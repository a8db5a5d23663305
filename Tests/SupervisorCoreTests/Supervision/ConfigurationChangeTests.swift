import Settings
import Testing

@testable import SupervisorCore

struct ConfigurationChangeTests {
    private let old = ["PORT": "0", "WORKERS": "process.video=2", "HOME": "/"]

    @Test("What can take effect does, and what needs a restart keeps its old value")
    func split() throws {
        let new = ["PORT": "1", "TEMP_DIR": "/var", "VIDEO_CRF": "30", "WORKERS": "process.video=3", "HOME": "/"]
        let change = try ConfigurationChange(from: old, to: new)
        #expect(change.applied == ["WORKERS", "VIDEO_CRF"])
        #expect(change.postponed == ["TEMP_DIR", "PORT"])
        #expect(change.variables == ["PORT": "0", "WORKERS": "process.video=3", "VIDEO_CRF": "30", "HOME": "/"])
        #expect(change.settings.videoCRF == 30 && change.settings.port == 0)
        #expect(change.needsNewWorkers)
    }

    @Test("Sizes of pools need no new workers, and no change needs nothing")
    func sizes() throws {
        var new = old
        new["WORKERS"] = ""
        #expect(try !ConfigurationChange(from: old, to: new).needsNewWorkers)
        let same = try ConfigurationChange(from: old, to: old)
        #expect(same.applied.isEmpty && same.postponed.isEmpty && !same.needsNewWorkers)
    }

    @Test("A wrong value is refused, and with it all others")
    func wrong() {
        let new = ["WORKERS": "process.video=3", "VIDEO_CRF": "99"]
        #expect { try ConfigurationChange(from: old, to: new) } throws: { error in
            (error as? SettingsError)?.problems.map(\.key) == ["VIDEO_CRF"]
        }
    }
}
