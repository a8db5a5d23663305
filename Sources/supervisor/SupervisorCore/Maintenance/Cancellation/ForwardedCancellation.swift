internal import JobModel

/// Ends the jobs of this host that another host was asked to cancel.
struct ForwardedCancellation: MaintenanceService {
    var claims: ClaimsWatch
    var cancellation: JobCancellation

    func run() async { await claims.run(cancellation.end) }
}
