import HTTPClient
import Settings
import Storage

/// Settings that let a test's own server on loopback be read.
func webSettings(_ variables: [String: String] = [:]) throws -> StorageSettings {
    let own = ["ALLOW_HTTP": "1", "SOURCE_ALLOWED_NETWORKS": "127.0.0.0/8"]
    return try Settings.from(own.merging(variables) { $1 }).storage
}

extension FaultyOrigin {
    func source(
        _ path: String,
        _ variables: [String: String] = [:],
        ranges: SourceRanges? = nil,
        hosts: HostWatch = HostWatch()
    ) throws -> HTTPSource {
        let settings = try webSettings(variables).webSources
        let client = WebClient(authoritiesFile: settings.authoritiesFile)
        return HTTPSource(url: url(path), settings, client: client, hosts: hosts, ranges: ranges)
    }

    /// The error of reading a path; nil when it succeeds.
    func failure(_ path: String, _ variables: [String: String] = [:]) async throws -> StorageError? {
        let source = try source(path, variables)
        do {
            _ = try await source.fetch(FetchRequest(limitBytes: .max), into: ByteCollector())
            return nil
        } catch let error as StorageError {
            return error
        }
    }
}
