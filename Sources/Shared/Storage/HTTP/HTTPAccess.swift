package import Settings

/// Which servers are asked for sources.
package struct HTTPAccess: Sendable {
    private let allowsHTTP: Bool
    private let allowedHosts: [HostPattern]
    private let deniedHosts: [HostPattern]
    private let addresses: AddressPolicy?

    package init(_ settings: WebSourceSettings) {
        allowsHTTP = settings.allowsHTTP
        allowedHosts = settings.allowedHosts
        deniedHosts = settings.deniedHosts
        addresses = AddressPolicy(allowed: settings.allowedNetworks)
    }

    private init() {
        allowsHTTP = true
        allowedHosts = []
        deniedHosts = []
        addresses = nil
    }

    /// For a server that the operator has configured, such as a store's, and that no job can choose: any scheme, host
    /// and address.
    package static let trusted = HTTPAccess()

    /// Looks at the URL alone. Nothing is looked up.
    ///
    /// - Throws: ``StorageError`` with the code `source_not_allowed`.
    package func check(_ url: HTTPURL) throws(StorageError) {
        let host = Array(url.hostText.utf8)
        if url.scheme == .http, !allowsHTTP {
            throw refusal(url, "must be an https: URL; give one, or set ALLOW_HTTP=1")
        }
        if deniedHosts.contains(where: { $0.matches(host) }) {
            throw refusal(url, "is on a host that SOURCE_DENIED_HOSTS names")
        }
        if !allowedHosts.isEmpty, !allowedHosts.contains(where: { $0.matches(host) }) {
            throw refusal(url, "is on none of the hosts that SOURCE_ALLOWED_HOSTS names")
        }
        if case .address(let address) = url.host, let why = addresses?.refusal(of: address) {
            throw refusal(url, "must not be used: \(why)")
        }
    }

    /// For ``HTTPClient/WebRequest/addressRefusal``.
    package var addressRefusal: (@Sendable ([UInt8]) -> String?)? {
        guard let addresses else { return nil }
        return { bytes in
            guard let address = NetworkAddress(bytes: bytes) else { return "it has no numeric address" }
            return addresses.refusal(of: address)
        }
    }

    private func refusal(_ url: HTTPURL, _ why: String) -> StorageError {
        StorageError(code: .notAllowed, message: "the source \(url.shown) \(why)")
    }
}
