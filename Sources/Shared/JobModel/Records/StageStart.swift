/// Whether a stage may start on a message.
package enum StageStart: Sendable, Hashable {
    /// - Parameters:
    ///   - starts: how often this stage was started on this hop, this time included.
    ///   - progress: the highest progress sent before, in per cent.
    ///   - isCancelRequested: the job is to end with outcome `cancelled`.
    case proceed(starts: Int, progress: Int, isCancelRequested: Bool = false)
    /// A late duplicate: the job has moved on.
    case stale(currentHop: Int64)
    case finished(JobOutcome)
    /// The id is that of a job that asks for something else.
    case otherContent
}
