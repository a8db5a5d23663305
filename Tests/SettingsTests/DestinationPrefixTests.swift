import Settings
import Testing

@Suite("A prefix of destinations")
struct DestinationPrefixTests {
    private static let own = ["TEMP_DIR": "/srv/temp", "STATE_DIR": "/srv/state"]

    @Test(
        "is no place of temp files or of the state, nor above or beneath one",
        arguments: [
            "file:///srv/temp/media-processor", "file:///srv/temp/media-processor/jobs/image", "file:///srv/temp/",
            "file:///srv", "FILE:/srv/state", "file://localhost/srv/state/x", "file:///srv/%73tate",
            "file:////srv//temp",
        ]
    )
    func ownPlaces(_ prefix: String) {
        #expect {
            try Settings.from(Self.own.merging(["DESTINATION_PREFIXES": "file:///srv/out \(prefix)"]) { $1 })
        } throws: { error in
            (error as? SettingsError)?.problems.map(\.key).contains("DESTINATION_PREFIXES") == true
        }
    }

    @Test("may be beside them", arguments: ["file:///srv/temp/out", "file:///srv/state2", "file:///srv/sta"])
    func others(_ prefix: String) throws {
        let settings = try Settings.from(Self.own.merging(["DESTINATION_PREFIXES": prefix]) { $1 })
        #expect(settings.storage.destinationPrefixes == [prefix])
    }
}
