/// The presence of a job with some id.
package enum JobPresence: Sendable, Hashable {
    /// Nothing, or one whose clients have heard its end.
    case none
    /// One that has ended, of which clients may not have heard yet.
    case ending
    case live
}
