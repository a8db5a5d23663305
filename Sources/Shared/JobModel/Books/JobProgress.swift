/// How far a job is.
public struct JobProgress: Sendable, Hashable {
    /// 0 to 100; anything else is the nearest of these.
    public var percent: Int
    public var step: String
    /// Shortest time between two updates of one step; nil when clients are not told.
    public var newsInterval: Duration?

    public init(percent: Int, step: String, newsInterval: Duration? = nil) {
        self.percent = percent
        self.step = step
        self.newsInterval = newsInterval
    }
}
