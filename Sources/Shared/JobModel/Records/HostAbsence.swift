/// A host that a process found away or overloaded.
package struct HostAbsence: Sendable, Hashable, Codable {
    /// Name or numeric address with the port, as in `media.example:443`. Nothing else of a URL.
    package var host: String
    /// When it was first found so without an answer since then, in seconds since 1970.
    package var since: Int64
    /// In words, such as `no connection to it`.
    package var cause: String
    /// Jobs that wait for it.
    package var jobs: Int
    /// Whether it is not to be asked yet. Told to nobody.
    package var isResting = false

    package init(host: String, since: Int64, cause: String, jobs: Int = 0, isResting: Bool = false) {
        self.host = host
        self.since = since
        self.cause = cause
        self.jobs = jobs
        self.isResting = isResting
    }

    private enum CodingKeys: String, CodingKey {
        case host, since, cause, jobs
    }
}
