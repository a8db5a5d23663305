internal import Claims
package import JobModel

/// The runtime's side of the log in which hosts that share a broker write down who takes which job.
package protocol JobClaims: Sendable {
    /// This host.
    var node: String { get }
    /// Whether the broker is known to have the log.
    var isReady: Bool { get }

    /// The host that has the job of this message: this one, if no host has claimed it before.
    ///
    /// - Parameter absent: a host whose claim does not count, since there is no such host.
    func claimant(of ticket: Ticket, insteadOf absent: String?) async throws -> String
}

extension ClaimsLog: JobClaims {}
