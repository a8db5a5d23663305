internal import AMQP
internal import Queues
internal import Settings
internal import Storage

/// The settings of a tree, with the checks of all its processes, so that no worker finds a value wrong and
/// dies.
enum TreeSettings {
    static let checks = [
        SettingCheck("RABBITMQ_URL") { text in
            do throws(AMQPError) { _ = try AMQPEndpoints(parsing: text) } catch { return error.message }
            return nil
        },
        SettingCheck("STORAGE_URL") { text in
            do throws(StorageError) { try Stores.check(text) } catch { return error.message }
            return nil
        },
        SettingCheck("SPILL_URL") { text in
            do throws(StorageError) { try Stores.check(text) } catch {
                // The same kinds of places as for outputs.
                return error.message.replacing("STORAGE_URL", with: "SPILL_URL")
            }
            return nil
        },
        SettingCheck("S3_SOURCE_BUCKETS") { text in
            do throws(StorageError) { try S3Source.check(buckets: text) } catch { return error.message }
            return nil
        },
        SettingCheck("DESTINATION_PREFIXES") { text in
            for prefix in S3Settings.words(of: text) {
                do throws(StorageError) { try Destinations.check(prefix: prefix) } catch { return error.message }
            }
            return nil
        },
    ]

    /// Reads the process's environment, and the file that its `CONFIG_FILE` names.
    ///
    /// - Throws: ``SettingsError`` with every problem there is.
    static func load() throws(SettingsError) -> (settings: Settings, variables: [String: String]) {
        try Settings.load(CurrentEnvironment.variables, checks: checks)
    }
}
