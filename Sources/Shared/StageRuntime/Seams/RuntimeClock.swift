/// Waits between tries, so that a fault that lasts costs no processor time.
enum Pause {
    static func duration(afterFailures failures: Int) -> Duration {
        .milliseconds(min(100 << min(max(failures - 1, 0), 6), 5_000))
    }

    /// - Throws: `CancellationError` when the worker drains.
    static func after(failures: Int) async throws {
        try await Task.sleep(for: duration(afterFailures: failures))
    }
}
