public import Files

/// Why an object could not be read or written.
public struct StorageError: Error, Sendable, CustomStringConvertible {
    /// An open set.
    public struct Code: RawRepresentable, Sendable, Hashable {
        public var rawValue: String
        public init(rawValue: String) { self.rawValue = rawValue }

        public static let notFound = Code(rawValue: "object_not_found")
        public static let notAllowed = Code(rawValue: "source_not_allowed")
        /// The store cannot hold an object under the key.
        public static let invalidKey = Code(rawValue: "invalid_key")
        public static let invalidURL = Code(rawValue: "invalid_url")
        public static let unsupportedScheme = Code(rawValue: "unsupported_scheme")
        public static let tooLarge = Code(rawValue: "source_too_large")
        public static let ioFailure = Code(rawValue: "storage_failure")
    }

    public var code: Code
    public var message: String
    public var isRetriable: Bool
    /// What the file system said, where one is involved.
    public var underlying: FileSystemError?

    public init(code: Code, message: String, isRetriable: Bool = false, underlying: FileSystemError? = nil) {
        self.code = code
        self.message = message
        self.isRetriable = isRetriable
        self.underlying = underlying
    }

    public var description: String { message }
}
