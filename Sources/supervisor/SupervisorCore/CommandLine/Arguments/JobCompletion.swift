internal import JobModel
internal import Settings

/// Jobs that a shell offers to complete a command with.
enum JobCompletion {
    /// More would be no help.
    private static let maximum = 100

    /// - Parameter state: as in ``JobListQuery/state``.
    /// - Returns: `kind/id` of the newest such jobs; none when the supervisor does not answer at once.
    static func names(_ state: String?) async -> [String] {
        guard let settings = Settings.remains(of: CurrentEnvironment.variables) else { return [] }
        let place = SupervisorPlace.find(settings)
        let supervisor = RunningSupervisor(place, timeout: .seconds(1))
        let list = try? await supervisor.jobs(JobListQuery(state: state), limit: maximum)
        return (list?.jobs ?? []).map { "\($0.key)" }.filter(isPlain)
    }

    /// Words with other characters would have to be quoted.
    private static func isPlain(_ word: String) -> Bool {
        word.unicodeScalars.allSatisfy { scalar in
            scalar.properties.isAlphabetic || ("0"..."9").contains(scalar) || "-_./".unicodeScalars.contains(scalar)
        }
    }
}
