internal import ArgumentParser
internal import ServiceKit

/// How a command ends when it cannot do its work.
enum CommandFailure {
    static let jobFailed = ExitCode(1)
    static let usage = ExitCode(2)
    static let notReachable = ExitCode(3)

    /// Prints the reason and returns the exit code to throw.
    static func report(_ message: String, _ code: ExitCode) -> ExitCode {
        StandardStreams.writeError("Error: \(message)")
        return code
    }

    /// The settings, or the exit code for wrong ones, with every problem printed.
    static func settings() throws -> Settings { try settingsWithVariables().settings }

    /// The settings and what they were read from: the environment with the configuration file.
    static func settingsWithVariables() throws -> (settings: Settings, variables: [String: String]) {
        do throws(SettingsError) {
            return try Settings.load(CurrentEnvironment.variables)
        } catch {
            throw report(error.description, usage)
        }
    }
}
