internal import Storage

/// A look at a store that ends, for the doctor.
enum StoreTrial {
    /// A store that takes longer to answer hangs.
    private static let patience = Duration.seconds(15)

    /// - Parameter name: of the store.
    /// - Throws: what `body` throws, or ``StorageError`` when it takes too long.
    static func run(
        _ name: String,
        within patience: Duration = patience,
        _ body: @escaping @Sendable () async throws -> Bool
    ) async throws -> Bool {
        let trial = Task { try await body() }
        let deadline = Task {
            do { try await Task.sleep(for: patience) } catch { return false }
            trial.cancel()
            return true
        }
        do {
            let answer = try await trial.value
            deadline.cancel()
            return answer
        } catch {
            deadline.cancel()
            guard await deadline.value else { throw error }
            throw StorageError(
                code: .storeUnavailable,
                message: "\(name) does not answer within \(patience.components.seconds) s",
                verdict: .transient
            )
        }
    }

    /// What to do about a store that was tried in vain.
    ///
    /// - Parameters:
    ///   - setting: that names the store.
    ///   - effect: of that on jobs.
    static func advice(_ error: StorageError, _ setting: String, _ effect: String) -> String {
        // Other messages say themselves what to do.
        guard error.code == .storeUnavailable else { return "\(effect) until then; see docs/storage.md" }
        return
            "start the store, or correct endpoint= in \(setting); this host must reach it, without a proxy. \(effect) "
            + "until then"
    }
}
