package import HTTPClient

/// What a kind of source by HTTP does in its own way. As it stands it is plain HTTP.
package struct HTTPDialect: Sendable {
    /// Gives a request what it needs to be let in, such as an `Authorization`, just before it is sent: its method, URL
    /// and headers are those that go out. Called for each request to the origin of the URL that was asked for, and so
    /// for each connection anew, but not for a redirect that leads to another origin.
    package var authorise: (@Sendable (_ request: inout WebRequest) async throws -> Void)?
    /// Whether the same request may be let in at once when it is authorised anew, as by a clock that was set right.
    package var corrects: (@Sendable (_ refusal: HTTPRefusal) async -> Bool)?
    /// Tells in a kind's own words what an answer means that is no source; nil leaves it to the general ones.
    package var explain: (@Sendable (_ refusal: HTTPRefusal) -> StorageError?)?
    /// Tells in a kind's own words why there was no answer; nil leaves it to the general ones.
    package var explainFailure: (@Sendable (_ error: WebError) -> StorageError?)?
    /// Whether a redirect is asked, and not a refusal.
    package var followsRedirects = true
    /// Whether a range is asked for with `If-Match`, so that another version is refused (412), and not with `If-Range`,
    /// which brings that version's whole. Not all servers know both.
    package var usesIfMatch = false
    /// Whether `Content-Encoding` tells how somebody has stored the source, and not how the server sends it.
    package var storesEncodings = false
    /// Whether an answer that may be another one soon is met with some tries at once, before the job's own retries.
    package var triesAgain = false

    package init() {}
}
