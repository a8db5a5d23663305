internal import ArgumentParser

extension ArgumentHelp {
    /// The flag `--json`, which every command that prints something for programs has.
    static let json: ArgumentHelp = "Print one JSON document, and nothing else, on standard output."
}

/// The options of commands that give orders to pools and can wait until these are carried out.
struct PoolOrderOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Wait no longer than this; the order stands. Implies --wait.", valueName: "seconds"))
    var timeout: Double?

    @Flag(help: .json)
    var json = false

    /// The moment at which the command waits no longer; nil for no limit.
    var deadline: ContinuousClock.Instant? { timeout.map { .now + .seconds($0) } }

    func validate() throws {
        guard let timeout, !(0...86_400).contains(timeout) else { return }
        throw ValidationError("--timeout is 0 to 86400 seconds")
    }
}
