/// Whoever has credentials.
protocol S3CredentialSource: Sendable {
    /// Credentials that are good now.
    ///
    /// - Throws: ``StorageError`` with code `store_access_denied` when there are none, and a transient one when they
    ///   cannot be asked for now; or `CancellationError`.
    func current() async throws -> S3Credentials

    /// Has ``current()`` ask anew, as a store has refused the last ones.
    func forget() async
}

/// Credentials that are known from the start.
struct S3FixedCredentials: S3CredentialSource {
    var credentials: S3Credentials

    func current() -> S3Credentials { credentials }
    func forget() {}
}

/// Keeps credentials until shortly before they end.
actor S3CredentialCache: S3CredentialSource {
    /// Asked for again this long before their end, so that a request that has just been signed is in time.
    private static let margin: Int64 = 300
    /// Those without an end are asked for again so often: somebody may have changed a file.
    private static let maximumAge: Int64 = 900

    private let source: any S3CredentialProvider
    private let now: @Sendable () -> UTCTime
    private var known: (credentials: S3Credentials, since: UTCTime)?
    /// The one question that is under way, for all who ask meanwhile. It ends when nobody waits for it any more.
    private var question: (number: Int, task: Task<Void, Never>)?
    private var questions = 0
    private var waiters: [Int: CheckedContinuation<S3Credentials, any Error>] = [:]
    private var arrivals = 0

    init(_ source: any S3CredentialProvider, now: @escaping @Sendable () -> UTCTime = { .now }) {
        self.source = source
        self.now = now
    }

    func current() async throws -> S3Credentials {
        let now = now()
        if let known, isFresh(known, now) { return known.credentials }
        do {
            let credentials = try await ask()
            known = (credentials, now)
            return credentials
        } catch {
            // Whoever gives them out may be away for a moment; the old ones are good as long as they last.
            if let known, let end = known.credentials.expiration, end > now, !(error is CancellationError) {
                return known.credentials
            }
            throw error
        }
    }

    func forget() { known = nil }

    /// Those that wait for an answer.
    var waiting: Int { waiters.count }

    private func isFresh(_ known: (credentials: S3Credentials, since: UTCTime), _ now: UTCTime) -> Bool {
        if let end = known.credentials.expiration { return now + Self.margin < end }
        return known.since <= now && now < known.since + Self.maximumAge
    }

    /// Waits for the question that is under way, or for a new one. Whoever is cancelled waits no longer.
    private func ask() async throws -> S3Credentials {
        arrivals += 1
        let number = arrivals
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                // A cancellation from here on is told after the waiter is known.
                if Task.isCancelled { return continuation.resume(throwing: CancellationError()) }
                waiters[number] = continuation
                if question == nil { start() }
            }
        } onCancel: {
            Task { await leave(number) }
        }
    }

    private func start() {
        questions += 1
        let number = questions
        let task = Task { [source] in
            do { answer(number, .success(try await source.credentials())) } catch { answer(number, .failure(error)) }
        }
        question = (number, task)
    }

    private func answer(_ number: Int, _ result: Result<S3Credentials, any Error>) {
        // One that everybody has left is over.
        guard question?.number == number else { return }
        question = nil
        let waiting = waiters.values
        waiters = [:]
        for waiter in waiting { waiter.resume(with: result) }
    }

    private func leave(_ number: Int) {
        guard let waiter = waiters.removeValue(forKey: number) else { return }
        waiter.resume(throwing: CancellationError())
        if waiters.isEmpty {
            question?.task.cancel()
            question = nil
        }
    }
}

/// Gives credentials out.
protocol S3CredentialProvider: Sendable {
    /// - Throws: ``StorageError`` or `CancellationError`.
    func credentials() async throws -> S3Credentials
}
