package import HTTPClient
internal import JobModel
package import Settings

/// A source given as an `https:` URL, or an `http:` one where the operator allows it (`ALLOW_HTTP`).
package struct HTTPSource: SourceKind {
    package static let schemes = ["https", "http"]

    private let url: String
    private let access: HTTPAccess
    private let fetch: HTTPFetch

    package init(url: String, _ settings: StorageSettings) {
        let client = WebClient(
            authoritiesFile: settings.webSources.authoritiesFile,
            limits: TransferLimits.of(settings)
        )
        self.init(url: url, settings.webSources, client: client)
    }

    /// - Parameter ranges: nil for those of the settings.
    package init(
        url: String,
        _ settings: WebSourceSettings,
        client: WebClient,
        hosts: HostWatch = .shared,
        ranges: SourceRanges? = nil
    ) {
        self.url = url
        access = HTTPAccess(settings)
        fetch = HTTPFetch(
            subject: "the source \(SourceURL.redacted(url))",
            access: access,
            times: HTTPTimes(settings),
            ranges: ranges ?? SourceRanges(settings),
            client: client,
            hosts: hosts
        )
    }

    package static func check(url: String) throws(StorageError) { _ = try HTTPURL(url) }

    package var description: String { SourceURL.redacted(url) }

    /// Looks at the URL alone: the host's addresses may be others when the job comes to it.
    package func checkAllowed() async throws(StorageError) { try access.check(try HTTPURL(url)) }

    package func probe() async throws -> SourceFacts { try await fetch.probe(try HTTPURL(url)) }

    package func fetch(_ request: FetchRequest, into sink: any SourceSink) async throws -> Int64 {
        try await fetch.fetch(try HTTPURL(url), request, into: sink)
    }
}
