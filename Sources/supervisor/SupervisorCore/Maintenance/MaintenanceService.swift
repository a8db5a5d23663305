/// A concern that the tree looks after beside its workers, such as sweeps or the watch of the disk.
///
/// The tree runs each in a child task of its own, cancels all of them when it stops, and waits for them.
protocol MaintenanceService: Sendable {
    /// Runs until the task is cancelled. Returns soon after that, with nothing left that still runs.
    func run() async
}
