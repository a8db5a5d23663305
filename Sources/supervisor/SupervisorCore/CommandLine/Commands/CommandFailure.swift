internal import ArgumentParser
internal import Queues
internal import Settings

/// Ends a command that cannot do its work.
enum CommandFailure {
    /// Prints the reason and returns the exit code to throw.
    static func report(_ message: String, _ exit: CommandExit) -> ExitCode {
        StandardStreams.writeError("Error: \(message)")
        return exit.code
    }

    /// The settings, or the exit code for wrong ones, with every problem printed.
    static func settings() throws -> Settings { try settingsWithVariables().settings }

    /// The settings and the variables that they were read from: the environment with the configuration file.
    static func settingsWithVariables() throws -> (settings: Settings, variables: [String: String]) {
        do throws(SettingsError) {
            return try TreeSettings.load()
        } catch {
            throw report(error.description, .configuration)
        }
    }

    /// The settings, once this process is the user that `RUN_AS` names. As root it does not return before (see
    /// ``Privileges/take(_:)``).
    static func settingsAsOwnUser() throws -> Settings {
        let settings = try settings()
        do throws(PrivilegeError) {
            try Privileges.take(settings)
        } catch {
            throw report(error.message, .failed)
        }
        return settings
    }

    /// The settings of a command that only has to know where the tree is. While one runs from `STATE_DIR`, any other
    /// fault of the configuration is a warning, as after an edit that the tree was not told of.
    ///
    /// - Parameter needed: further keys that have to be right.
    static func settingsOfRunningTree(needing needed: Set<String> = []) throws -> Settings {
        do throws(SettingsError) {
            return try TreeSettings.load().settings
        } catch {
            guard let remains = Settings.remains(of: CurrentEnvironment.variables, needing: needed),
                RunFile.read(stateDirectory: remains.stateDirectory) != nil
            else { throw report(error.description, .configuration) }
            StandardStreams.writeError("Warning: \(error)\nA supervisor runs, with what it has read before.")
            return remains
        }
    }

    /// Runs `body` with the supervisor that the settings lead to.
    ///
    /// - Throws: the exit status, with the reason printed, when the supervisor cannot be reached or refuses; other
    ///   errors of `body`.
    static func reaching<T>(
        _ settings: Settings,
        _ body: (RunningSupervisor) async throws -> T
    ) async throws -> T {
        let place = SupervisorPlace.find(settings)
        do {
            return try await body(RunningSupervisor(place))
        } catch let failure as SupervisorHTTP.Failure {
            throw report(place.explain(failure), .unavailable)
        } catch let problem as Problem where problem.status == 401 {
            let advice = await place.tokenAdvice()
            throw report("the supervisor refuses a call without its token; \(advice)", .refused)
        } catch let problem as Problem {
            throw report(words(problem), exit(for: problem))
        } catch let problem as UsageProblem {
            throw report(problem.message, .usage)
        }
    }

    static func words(_ problem: Problem) -> String {
        // The detail says the same, with where and why.
        if problem.title == Problem.brokerAway, let detail = problem.detail { return detail }
        let title = problem.title.prefix(1).lowercased() + problem.title.dropFirst()
        return problem.detail.map { "\(title): \($0)" } ?? title
    }

    static func exit(for problem: Problem) -> CommandExit {
        switch problem.status {
        case 400, 422: .usage
        case 401, 403, 421: .refused
        case 500...: .unavailable
        default: .failed
        }
    }
}
