internal import FoundationEssentials

/// The variables that the tools of S3 have in common. Their names are Amazon's.
struct S3Environment: Sendable {
    private let variables: [String: String]

    /// This process's.
    static let process = S3Environment(ProcessInfo.processInfo.environment)

    init(_ variables: [String: String]) { self.variables = variables }

    /// nil also for one that is set to nothing.
    subscript(name: String) -> String? { variables[name].flatMap { $0.isEmpty ? nil : $0 } }

    var region: String? { self["AWS_REGION"] ?? self["AWS_DEFAULT_REGION"] }

    /// A file with authorities that are trusted for https.
    var authoritiesFile: String? { self["AWS_CA_BUNDLE"] }
}
