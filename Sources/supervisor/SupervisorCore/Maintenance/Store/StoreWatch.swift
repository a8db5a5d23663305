internal import JobModel
internal import Logging
internal import Settings
internal import Storage
internal import Synchronization

/// Tries now and then whether the object store takes outputs. A store that is full, read-only or gone tells nobody
/// before a job is to be published.
///
/// A store may hang, as a network file system does whose server is away. Nobody waits for it but a thread of its own,
/// and there is one look at a time.
final class StoreWatch: MaintenanceService {
    static let interval = Duration.seconds(15)
    /// While something is wrong.
    static let troubledInterval = Duration.seconds(5)
    /// A look that takes longer says that the store hangs.
    static let patience = Duration.seconds(10)

    private struct State {
        var problem: String?
        /// Since when a look goes on, and at which store.
        var began: ContinuousClock.Instant?
        var url = ""
        /// The store that was there at a look, by its URL.
        var seen: String?
        /// Looks that have ended.
        var looks = 0
        /// The problem that the log knows of.
        var told: String?
        /// The last look that was begun.
        var look: Task<Void, Never>?
    }

    private let state = Mutex(State())
    private let url: @Sendable () async -> String
    private let settings: @Sendable () async -> StorageSettings?
    private let patience: Duration
    private let interval: Duration
    private let logger: Logger

    /// - Parameters:
    ///   - url: `STORAGE_URL` as in effect.
    ///   - settings: how outputs are put there; nil for the defaults.
    init(
        url: @escaping @Sendable () async -> String,
        settings: @escaping @Sendable () async -> StorageSettings? = { nil },
        patience: Duration = StoreWatch.patience,
        interval: Duration = StoreWatch.interval,
        logger: Logger
    ) {
        self.url = url
        self.settings = settings
        self.patience = patience
        self.interval = interval
        self.logger = logger
    }

    /// Why the store takes nothing; nil when it does, as far as is known.
    var problem: String? {
        state.withLock { state in
            guard let began = state.began, ContinuousClock.now - began > patience else { return state.problem }
            return
                "it has not answered for more than \(patience.components.seconds) s; check the disk or the server of "
                + "STORAGE_URL"
        }
    }

    /// How often the store has answered.
    var looks: Int { state.withLock { $0.looks } }

    /// Runs until the task is cancelled. Cancels a look that goes on then, and does not wait for it: nobody can end a
    /// call to a file system that hangs.
    func run() async {
        defer { state.withLock { $0.look }?.cancel() }
        var next = ContinuousClock.now
        while !Task.isCancelled {
            // A look that found trouble makes the next one due sooner.
            let isDue = next <= .now || problem != nil
            let url = await url()
            if isDue, startLook(at: url) {
                next = .now + max(interval, Stores.trialInterval(url))
                let look = Task { await lookOnce(at: url) }
                state.withLock { $0.look = look }
            }
            tell()
            do { try await Task.sleep(for: min(interval, Self.troubledInterval)) } catch { return }
        }
    }

    /// - Returns: false while one goes on there. One that goes on at a store that was set before is left to itself.
    private func startLook(at url: String) -> Bool {
        state.withLock { state in
            guard state.began == nil || state.url != url else { return false }
            if state.url != url { state.problem = nil }
            (state.began, state.url) = (.now, url)
            return true
        }
    }

    private func lookOnce(at url: String) async {
        let result: Result<Bool, StorageError>
        do throws(StorageError) { result = .success(try await Stores.trial(url, await settings())) } catch {
            result = .failure(error)
        }
        state.withLock { state in
            state.looks += 1
            guard state.url == url else { return }
            state.began = nil
            switch result {
            case .success(true): (state.problem, state.seen) = (nil, url)
            // The workers make it. Once it was there they do not.
            case .success(false):
                state.problem =
                    state.seen == url ? "its directory is gone; bring it back, or restart the workers of upload" : nil
            case .failure(let error): state.problem = error.message
            }
        }
        tell()
    }

    /// Says in the log what has changed.
    private func tell() {
        let now = problem
        let isNews = state.withLock { state in
            defer { state.told = now }
            return state.told != now
        }
        if !isNews { return }
        if let now {
            logger.warning("the object store takes no outputs", metadata: [LogKey.cause: "\(now)"])
        } else {
            logger.notice("the object store takes outputs again")
        }
    }
}
