internal import ArgumentParser
internal import Glibc
internal import UnixSignals

/// The guard process of a private broker; see ``PrivateBrokerGuard``.
struct PrivateBrokerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "private-broker",
        abstract: "Run a private RabbitMQ node until standard input ends or SIGTERM arrives.",
        discussion: "Prints one line on standard output, the node's URL, when it is usable.",
        shouldDisplay: false
    )

    @Option(help: "Where the node's messages, logs and credentials are kept.")
    var directory: String

    func run() async throws {
        signal(SIGPIPE, SIG_IGN)
        let stop = try WakePipe()
        let signals = Task {
            for await _ in await UnixSignalsSequence(trapping: .sigterm, .sigint, .sighup) { stop.wake() }
        }
        defer { signals.cancel() }
        let broker = PrivateBrokerGuard(directory: BrokerDirectory(Paths.absolute(directory)), stopSignal: stop)
        let result = try await PermanentThread.run(named: "private-broker") {
            Result { try broker.run { StandardStreams.write($0 + "\n") } }
        }
        do {
            _ = try result.get()
        } catch let error as PrivateBrokerError where error.code == .stopped {
            return
        } catch {
            StandardStreams.writeError("private broker: \(error)")
            throw CommandExit.failed.code
        }
    }
}
