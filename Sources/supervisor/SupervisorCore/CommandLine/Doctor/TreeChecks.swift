internal import Files
internal import Queues
internal import Settings
internal import TempFiles

/// Compares the settings that the doctor checks with those of the running tree.
struct TreeChecks: Sendable {
    var settings: Settings
    var running: RunFile
    /// The tree's own report.
    var tree: InfoReport

    /// Keys that make no difference to the tree's work: where it was found, where its settings are from, and as
    /// whom it began.
    private static let indifferent: Set = ["STATE_DIR", "CONFIG_FILE", "RUN_AS"]

    func findings() -> [Finding] {
        let names = differences()
        guard !names.isEmpty else { return [] }
        return [
            .warning(
                "settings",
                "the running supervisor has other settings: \(names.joined(separator: ", "))",
                "what is said of these is about this command's; run it with the environment of the supervisor"
            )
        ]
    }

    /// The keys that differ, sorted.
    private func differences() -> [String] {
        let own = Dictionary(settings.effective.map { ($0.name, $0.value) }) { _, last in last }
        var names = Set(own.keys).union(tree.configuration.keys).filter { own[$0] != tree.configuration[$0] }
        // Paths of both may be relative, each to another directory, and one directory may have several paths.
        let workspace = settings.temporaryDirectory + "/" + Workspace.directoryName
        names.set("TEMP_DIR", Paths.areSame(workspace, tree.workspace))
        if let roots = tree.fileSourceRoots { names.set("FILE_SOURCE_ROOTS", roots == settings.fileSourceRoots) }
        // Both are only "(secret)" there.
        names.set("RABBITMQ_URL", settings.brokerURL == (tree.broker.isPrivate ? nil : running.brokerURL))
        return names.subtracting(Self.indifferent).sorted()
    }
}

extension Set<String> {
    fileprivate mutating func set(_ key: String, _ isSame: Bool) {
        if isSame { remove(key) } else { insert(key) }
    }
}
