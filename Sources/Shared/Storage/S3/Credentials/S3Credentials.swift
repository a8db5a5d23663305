/// The keys that sign a request. A description tells none of them.
struct S3Credentials: Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    var accessKeyID: String
    var secretAccessKey: String
    var sessionToken: String?
    /// nil for those that do not end.
    var expiration: UTCTime?

    init(accessKeyID: String, secretAccessKey: String, sessionToken: String? = nil, expiration: UTCTime? = nil) {
        self.accessKeyID = accessKeyID
        self.secretAccessKey = secretAccessKey
        self.sessionToken = sessionToken
        self.expiration = expiration
    }

    var description: String { "credentials of an S3 store" }
    var debugDescription: String { description }
    var customMirror: Mirror { Mirror(self, children: []) }
}
