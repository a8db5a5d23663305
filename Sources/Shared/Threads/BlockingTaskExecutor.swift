/// Runs tasks on threads that may block, as many as there are tasks to run at a moment.
///
/// A task that prefers this executor does what ``OwnThread`` is asked for on the thread it is on. Any other task waits
/// while another thread does it, which costs two switches between threads each time; a stage has dozens of such calls
/// for every job.
package final class BlockingTaskExecutor: TaskExecutor {
    package static let shared = BlockingTaskExecutor()

    private init() {}

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        OwnThread.startNext { job.runSynchronously(on: Self.shared.asUnownedTaskExecutor()) }
    }
}
