internal import Settings

/// The host to blame for a failure that would befall every other object of it now.
package struct HostAway: Sendable, Hashable {
    package enum Cause: String, Sendable {
        case lookup = "its name cannot be looked up"
        case connection = "no connection to it"
        case silence = "it does not answer"
        case overload = "it says that it has no time"
    }

    /// nil where it is not known.
    package var host: RemoteHost?
    package var cause: Cause

    package init(_ cause: Cause, host: RemoteHost? = nil) {
        self.host = host
        self.cause = cause
    }
}

/// A server by its name or numeric address and its port. All that is shown of a place whose rest may be secret.
package struct RemoteHost: Sendable, Hashable, CustomStringConvertible {
    /// Such as `media.example:443` or `[2001:db8::1]:8080`.
    package let description: String

    package init(_ url: HTTPURL) {
        let isV6 = if case .address(let address) = url.host { !address.isV4 } else { false }
        description = isV6 ? "[\(url.hostText)]:\(url.port)" : "\(url.hostText):\(url.port)"
    }

    /// - Parameters:
    ///   - authority: in lower case, with the port unless it is the scheme's own.
    init(scheme: String, authority: String) {
        let afterBrackets = authority.utf8.reversed().prefix { $0 != UInt8(ascii: "]") }
        let hasPort = afterBrackets.contains(UInt8(ascii: ":"))
        description = hasPort ? authority : authority + (scheme == "http" ? ":80" : ":443")
    }
}

extension S3Endpoint {
    /// The server of a bucket.
    func server(of bucket: String) -> RemoteHost { RemoteHost(scheme: scheme, authority: host(of: bucket)) }
}
