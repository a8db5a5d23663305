/// An error as `application/problem+json` (RFC 9457).
struct Problem: Error, Sendable, Codable, Equatable {
    var title: String
    var status: Int
    /// The cause, and what to do.
    var detail: String?
    /// Of a 405: what the path can be asked by. It is in the header `Allow` as well.
    var allowedMethods: [String]?
}
