/// An error as `application/problem+json` (RFC 9457).
struct Problem: Error, Sendable, Codable, Equatable {
    var title: String
    var status: Int
    /// The cause and the remedy.
    var detail: String?
    /// With status 405, the methods of the path. The header `Allow` has them as well.
    var allowedMethods: [String]?
    /// For programs: the code with which a stage would fail the job, such as `source_not_allowed`.
    var code: String?
}
