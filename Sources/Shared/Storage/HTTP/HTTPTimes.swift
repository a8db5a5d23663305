package import Settings

/// How long reading a source by HTTP may take.
package struct HTTPTimes: Sendable, Hashable {
    /// For lookup, connection and TLS together.
    package var connect = Duration.seconds(10)
    /// From there to the end of the response's header.
    package var head = Duration.seconds(60)
    /// Without any byte.
    package var idle = Duration.seconds(30)
    /// On average over ``idle``; 0 for no limit.
    package var minimumBytesPerSecond: Int64 = 1024
    /// For one fetch with all its connections; nil for no limit.
    package var total: Duration?

    package init() {}

    package init(_ settings: WebSourceSettings) {
        connect = .seconds(settings.connectSeconds)
        head = .seconds(settings.firstByteSeconds)
        idle = .seconds(settings.idleSeconds)
        minimumBytesPerSecond = settings.minimumBytesPerSecond
        total = settings.totalSeconds > 0 ? .seconds(settings.totalSeconds) : nil
    }
}
