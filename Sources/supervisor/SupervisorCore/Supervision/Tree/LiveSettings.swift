internal import JobModel
internal import Logs
internal import Settings
internal import WorkerProtocol

/// The settings in effect. A reload replaces them as a whole, or not at all.
actor LiveSettings {
    private(set) var settings: Settings
    /// The environment, with the configuration file, that ``settings`` were read from.
    private var variables: [String: String]
    /// Why the configuration that was read last was refused; nil when it took effect.
    private(set) var refusal: String?

    /// `/health` shows a refusal, which may quote a whole configuration.
    private static let maximumRefusalBytes = 2048

    init(_ settings: Settings, variables: [String: String]) {
        self.settings = settings
        self.variables = variables
    }

    /// The environment of workers that start from now on.
    func workerEnvironment(brokerURL: String) -> [String: String] {
        WorkerEnvironment.make(inheriting: variables, settings: settings, brokerURL: brokerURL)
    }

    /// Reads the environment and the configuration file again.
    ///
    /// - Returns: the change, which is in effect.
    /// - Throws: ``SettingsError`` with every problem. The settings in effect stay then.
    func reload() throws(SettingsError) -> ConfigurationChange {
        do throws(SettingsError) {
            let read = try TreeSettings.load()
            let change = try ConfigurationChange(from: variables, to: read.variables)
            (settings, variables, refusal) = (change.settings, change.variables, nil)
            return change
        } catch {
            refusal = error.problems.map { "\($0.key): \($0.message)" }.joined(separator: "; ")
                .clipped(toBytes: Self.maximumRefusalBytes)
            throw error
        }
    }
}
