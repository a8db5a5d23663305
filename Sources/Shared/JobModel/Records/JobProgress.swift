/// How far a job is.
package struct JobProgress: Sendable, Hashable {
    /// 0 to 100; anything else is the nearest of these.
    package var percent: Int
    package var step: String
    /// Shortest time between two updates of one step; nil when clients are not told.
    package var newsInterval: Duration?

    package init(percent: Int, step: String, newsInterval: Duration? = nil) {
        self.percent = percent
        self.step = step
        self.newsInterval = newsInterval
    }
}
