extension Settings {
    /// The longest time between two reports of a worker: four or more come before silence or a standstill counts as a hang.
    public var reportInterval: Duration {
        let timeout = min(heartbeatTimeoutSeconds, stallSeconds > 0 ? stallSeconds : heartbeatTimeoutSeconds)
        return .seconds(min(max(timeout / 4, 0.05), 5))
    }
}
