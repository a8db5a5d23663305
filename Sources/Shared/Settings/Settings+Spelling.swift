extension Settings {
    /// A variable that is none of ours and that somebody may have taken for one.
    package struct Misspelling: Sendable, Equatable, CustomStringConvertible {
        package var name: String
        /// The key that was probably meant.
        package var meant: String

        package var description: String { "\(name) is set and means nothing here; did you mean \(meant)?" }
    }

    /// Names that other programs use for the same settings.
    private static let synonyms = [
        "AMQP_URL": "RABBITMQ_URL", "AMQP_URI": "RABBITMQ_URL", "BROKER_URL": "RABBITMQ_URL",
        "CLOUDAMQP_URL": "RABBITMQ_URL", "RABBIT_URL": "RABBITMQ_URL", "RABBITMQ_HOST": "RABBITMQ_URL",
        "HTTP_PORT": "PORT", "LISTEN_PORT": "PORT", "TEMPORARY_DIR": "TEMP_DIR", "TMP_DIR": "TEMP_DIR",
        "WORKER_COUNT": "WORKERS", "CONCURRENCY": "WORKERS", "MAX_RETRIES": "MAX_ATTEMPTS",
    ]

    /// The variables of an environment that look like a key of ours and are none, by name.
    ///
    /// Variables that machines set for other programs (`TMPDIR`, `RABBITMQ_NODENAME`) are too far from ours to be among
    /// them.
    package static func misspellings(in environment: [String: String]) -> [Misspelling] {
        let known = catalogue.map(\.name)
        let names = Set(known)
        return environment.keys.filter { !names.contains($0) }
            .compactMap { name in
                let meant = synonyms[name] ?? Spelling.nearest(name.uppercased(), among: known)
                return meant.map { Misspelling(name: name, meant: $0) }
            }
            // Another program's name for it beside ours is that program's.
            .filter { (environment[$0.meant] ?? "").isEmpty || synonyms[$0.name] == nil }
            .sorted { $0.name < $1.name }
    }
}
