/// The configuration of all processes. Each setting is an environment variable; `docs/configuration.md` is the
/// reference page.
///
/// Settings stand in groups by owner, and each group is one file in `Groups/`. A setting is asked of its group or of
/// the whole: `settings.http.port` and `settings.port` are the same.
@dynamicMemberLookup
package struct Settings: Sendable {
    package let places: PlaceSettings
    package let storage: StorageSettings
    package let temporaryFiles: TemporaryFileSettings
    package let spill: SpillSettings
    package let broker: BrokerSettings
    package let bucketEvents: BucketEventSettings
    package let privileges: PrivilegeSettings
    package let http: HTTPSettings
    package let supervision: SupervisionSettings
    package let logs: LogSettings
    package let video: VideoSettings
    package let images: ImageSettings
    package let outputKeys: OutputKeySettings

    /// Every setting that has a value with it as text, for `/info`; secrets are replaced.
    package let effective: [(name: String, value: String)]
    /// The values of all secret settings that are set, for leaving them out of the log.
    package let secrets: [String]

    /// Reads every group, in the order of the reference page.
    init(_ reader: SettingsReader) {
        places = reader.load(PlaceSettings.self)
        temporaryFiles = reader.load(TemporaryFileSettings.self)
        spill = reader.load(SpillSettings.self)
        storage = reader.load(StorageSettings.self)
        spill.check(
            reader,
            storageURL: storage.storageURL,
            workspace: places.temporaryDirectory + "/media-processor"
        )
        storage.check(reader, places)
        broker = reader.load(BrokerSettings.self)
        bucketEvents = reader.load(BucketEventSettings.self)
        privileges = reader.load(PrivilegeSettings.self)
        http = reader.load(HTTPSettings.self)
        supervision = reader.load(SupervisionSettings.self)
        logs = reader.load(LogSettings.self)
        video = reader.load(VideoSettings.self)
        images = reader.load(ImageSettings.self)
        outputKeys = reader.load(OutputKeySettings.self)
        bucketEvents.check(reader, storage, broker)
        effective = reader.effective
        secrets = reader.secrets
    }

    /// Every setting there is, in the order of the reference page.
    package static let catalogue: [SettingEntry] = {
        let reader = SettingsReader([:])
        _ = Settings(reader)
        return reader.entries
    }()
}

// Each property of a group can be read from `Settings` itself. The compiler refuses a name that no group has, and one
// that two groups have.
extension Settings {
    package subscript<T>(dynamicMember member: KeyPath<PlaceSettings, T>) -> T { places[keyPath: member] }
    package subscript<T>(dynamicMember member: KeyPath<StorageSettings, T>) -> T { storage[keyPath: member] }
    package subscript<T>(dynamicMember member: KeyPath<TemporaryFileSettings, T>) -> T {
        temporaryFiles[keyPath: member]
    }
    package subscript<T>(dynamicMember member: KeyPath<SpillSettings, T>) -> T { spill[keyPath: member] }
    package subscript<T>(dynamicMember member: KeyPath<BrokerSettings, T>) -> T { broker[keyPath: member] }
    package subscript<T>(dynamicMember member: KeyPath<BucketEventSettings, T>) -> T { bucketEvents[keyPath: member] }
    package subscript<T>(dynamicMember member: KeyPath<PrivilegeSettings, T>) -> T { privileges[keyPath: member] }
    package subscript<T>(dynamicMember member: KeyPath<HTTPSettings, T>) -> T { http[keyPath: member] }
    package subscript<T>(dynamicMember member: KeyPath<SupervisionSettings, T>) -> T { supervision[keyPath: member] }
    package subscript<T>(dynamicMember member: KeyPath<LogSettings, T>) -> T { logs[keyPath: member] }
    package subscript<T>(dynamicMember member: KeyPath<VideoSettings, T>) -> T { video[keyPath: member] }
    package subscript<T>(dynamicMember member: KeyPath<ImageSettings, T>) -> T { images[keyPath: member] }
    package subscript<T>(dynamicMember member: KeyPath<OutputKeySettings, T>) -> T { outputKeys[keyPath: member] }
}
