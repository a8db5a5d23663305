internal import Settings

/// The environment of workers: ours, with every value spelled out on which all must agree.
enum WorkerEnvironment {
    static func make(
        inheriting variables: [String: String],
        settings: Settings,
        brokerURL: String
    ) -> [String: String] {
        var result = variables
        // Secrets that no worker needs, and an address that only the supervisor uses.
        result["ALERT_WEBHOOK_URL"] = nil
        result["API_TOKEN"] = nil
        // The variables have its values already. Workers see a change of the file only when the supervisor has checked
        // it.
        result["CONFIG_FILE"] = nil
        result["HTTP_ADDRESS"] = nil
        result["RABBITMQ_URL"] = brokerURL
        result["TEMP_DIR"] = settings.temporaryDirectory
        result["STATE_DIR"] = settings.stateDirectory
        result["LOG_DIR"] = settings.logDirectory
        result["STORAGE_URL"] = settings.storageURL
        // Its default depends on whether the broker is private, which a worker cannot tell any more.
        result["FILE_SOURCE_ROOTS"] = settings.fileSourceRoots.joined(separator: ":")
        return result
    }
}
