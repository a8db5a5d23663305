internal import JobModel
internal import TempFiles

/// The query of `GET /jobs`.
struct JobQuery: Sendable, Equatable {
    static let maximumLimit = 1000
    static let defaultLimit = 50

    var filter = JobFilter()
    var cursor: Int64?
    var limit = defaultLimit

    /// The words for `state` that say where a job is. No job is `finishing` any more; whoever asks for such gets none.
    static let places = ["active", formerPlace, "finished"]
    private static let formerPlace = "finishing"
    /// The words for `state`: where a job is, or how it ended.
    static let states = places + JobOutcome.allCases.map(\.rawValue)

    /// Whether no job can be what is asked for.
    private(set) var isForNone = false

    /// - Parameter text: the value of a parameter, nil when it is not there.
    /// - Throws: ``Problem`` that names the parameter and its allowed values.
    init(_ text: (String) -> String?) throws(Problem) {
        if let state = text("state") {
            let state = ByteText(state)
            if let outcome = JobOutcome(named: state) {
                filter.outcome = outcome
                filter.state = .finished
            } else if let known = JobRecord.State(named: state) {
                filter.state = known
            } else if state == ByteText(Self.formerPlace) {
                isForNone = true
            } else {
                throw Self.problem("state", Self.states)
            }
        }
        filter.kind = try Self.choice("kind", text)
        filter.stage = try Self.choice("stage", text)
        filter.mediaID = try Self.name("mediaId", text)
        filter.source = try Self.name("source", text)
        filter.name = try Self.name("search", text)
        if let cursor = text("cursor") {
            guard let number = Int64(cursor), number > 0 else {
                throw Problem(
                    title: "Unusable cursor",
                    status: 400,
                    detail: "`cursor` must be the `next` of the page before"
                )
            }
            self.cursor = number
        }
        limit = try Self.limit(text)
    }

    static func limit(_ text: (String) -> String?) throws(Problem) -> Int {
        guard let limit = text("limit") else { return defaultLimit }
        guard let number = Int(limit), (1...maximumLimit).contains(number) else {
            throw Problem(title: "Unusable limit", status: 400, detail: "`limit` must be 1 to \(maximumLimit)")
        }
        return number
    }

    /// A name that a job is found by, byte for byte.
    private static func name(_ name: String, _ text: (String) -> String?) throws(Problem) -> ByteText? {
        guard let value = text(name) else { return nil }
        guard !value.utf8.isEmpty else {
            throw Problem(title: "Unusable \(name)", status: 400, detail: "`\(name)` must not be empty")
        }
        return ByteText(value)
    }

    private static func choice<T: RawRepresentable & CaseIterable>(
        _ name: String,
        _ text: (String) -> String?
    ) throws(Problem) -> T? where T.RawValue == String {
        guard let value = text(name) else { return nil }
        guard let found = T(named: ByteText(value)) else { throw problem(name, T.allCases.map(\.rawValue)) }
        return found
    }

    private static func problem(_ name: String, _ known: [String]) -> Problem {
        Problem(
            title: "Unusable \(name)",
            status: 400,
            detail: "`\(name)` must be one of \(known.joined(separator: ", "))"
        )
    }
}
