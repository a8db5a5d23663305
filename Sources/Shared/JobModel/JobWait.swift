/// Why a job stands still for a time that costs it no attempt, in the words of `current_step`.
package enum JobWait: String, Sendable, Hashable, CaseIterable {
    /// The disk has no room for the job's temp files now.
    case space = "waiting_for_space"
    /// Another job puts objects under the same keys.
    case otherJob = "waiting_for_other_job"
}
