/// The head of a response. Every status is a response, also 404 and 500; only an exchange without one is an error.
package struct WebResponse: Sendable, Hashable {
    package var status: Int
    package var headers: WebHeaders
    /// As the header says; nil when it does not.
    package var contentLength: Int64?
}

/// Takes the body of a response. Called on one thread, which it may block.
package protocol WebResponseSink: Sendable {
    /// Called once, before any byte of the body; interim responses (1xx) are not told.
    ///
    /// - Throws: to refuse the response, which ends the exchange with ``WebError/Code/refusedBySink``.
    func begin(_ response: WebResponse) throws

    /// - Parameter bytes: the next ones of the body, never empty.
    /// - Throws: to refuse the rest, as in ``begin(_:)``.
    func receive(_ bytes: RawSpan) throws
}
