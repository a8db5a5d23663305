internal import ArgumentParser
internal import Glibc
internal import Threads
internal import UnixSignals

/// The guard process of a private broker; see ``PrivateBrokerGuard``.
struct PrivateBrokerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "private-broker",
        abstract: "Run a private RabbitMQ node until standard input ends or SIGTERM arrives.",
        discussion: "Prints the node's URL on standard output when it is usable, and before that what it waits for.",
        shouldDisplay: false
    )

    @Option(help: "Where the node's messages, logs and credentials are kept.")
    var directory: String

    @Flag(
        help: "The caller alone may use the directory: whoever still does was left behind, and its end is waited for."
    )
    var takesOver = false

    @Option(help: "How long the end of one that was left behind is waited for.")
    var patienceSeconds = PrivateBrokerGuard.predecessorSeconds

    func run() async throws {
        signal(SIGPIPE, SIG_IGN)
        let stop = try WakePipe()
        // This comes before any output: a reader of it may ask us to stop at once.
        let requests = await UnixSignalsSequence(trapping: .sigterm, .sigint, .sighup)
        let signals = Task { for await _ in requests { stop.wake() } }
        defer { signals.cancel() }
        let broker = PrivateBrokerGuard(
            directory: BrokerDirectory(Paths.absolute(directory)),
            stopSignal: stop,
            takesOver: takesOver,
            patience: .seconds(patienceSeconds)
        )
        let result = try await BlockingThread.run(named: "private-broker") {
            Result { try broker.run { StandardStreams.write($0.line + "\n") } }
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
