/// The type of the queues that the service declares (`QUEUE_TYPE`).
package enum QueueType: String, Sendable, Hashable, CaseIterable {
    /// One node keeps a queue. Declared without arguments, as existing clients of the service do it.
    case classic
    /// Most nodes of a cluster keep each queue, which outlives the death of any one.
    case quorum
}
