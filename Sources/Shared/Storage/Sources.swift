internal import JobModel
package import Settings

/// The sources that a process can read, by the schemes of their URLs. Whoever has a URL asks here and knows no scheme.
package struct Sources: Sendable {
    /// Makes a source of a URL.
    package typealias Maker = @Sendable (String) -> any Source

    /// By scheme.
    private let makers: [String: Maker]

    /// Every kind of source there is. A new one is a folder of its own, and an entry here.
    private static let kinds: [any SourceKind.Type] = [LocalFileSource.self, HTTPSource.self, S3Source.self]

    package init(_ settings: StorageSettings) {
        var makers: [String: Maker] = [:]
        for kind in Self.kinds {
            for scheme in kind.schemes { makers[scheme] = { kind.init(url: $0, settings) } }
        }
        self.init(makers)
    }

    /// - Parameter makers: by the schemes of URLs, in lower case.
    package init(_ makers: [String: Maker]) { self.makers = makers }

    /// The source that a URL names. Nothing is looked up.
    ///
    /// - Throws: ``StorageError`` with the code `invalid_url`.
    package func source(_ url: String) throws(StorageError) -> any Source {
        if let scheme = SourceURL.scheme(url), let make = makers[scheme] { return make(url) }
        throw Self.refusal(url, known: makers.keys.sorted())
    }

    /// Looks whether this version reads sources of such a URL. Nothing is looked up.
    ///
    /// - Throws: as ``source(_:)``; and as the kind's ``SourceKind/check(url:)``.
    package static func check(_ url: String) throws(StorageError) {
        guard let scheme = SourceURL.scheme(url), let kind = kinds.first(where: { $0.schemes.contains(scheme) }) else {
            throw refusal(url, known: kinds.flatMap { $0.schemes })
        }
        try kind.check(url: url)
    }

    private static func refusal(_ url: String, known: [String]) -> StorageError {
        StorageError(
            code: .invalidURL,
            message:
                "the source `\(SourceURL.redacted(url))` is no URL of a known scheme (\(known.joined(separator: ", ")))"
        )
    }
}

/// A kind of source that URLs name.
package protocol SourceKind: Source {
    /// The schemes of its URLs, in lower case.
    static var schemes: [String] { get }

    /// Looks at the URL only. It is of one of ``schemes``.
    ///
    /// - Throws: ``StorageError`` for a URL that no settings would have read.
    static func check(url: String) throws(StorageError)

    /// - Parameter url: of one of ``schemes``; what else is wrong with it is found when the source is used.
    init(url: String, _ settings: StorageSettings)
}

extension SourceKind {
    package static func check(url: String) throws(StorageError) {}
}
