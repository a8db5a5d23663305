/// The host that a job waits for at a stage, because it is away: the ticket's `waitingFor`.
package struct HostWait: Sendable, Hashable {
    package var stage: Stage
    /// As `media.example:443`.
    package var host: String
    /// A sentence for people: how the host was found away at the last try.
    package var message: String
    /// ISO 8601: when the stage found it away first.
    package var since: String

    /// Longer ones are cut: they travel with the job.
    private static let maximumMessageBytes = 512

    package init(stage: Stage, host: String, message: String, since: String) {
        self.stage = stage
        self.host = host.clipped(toBytes: 300)
        self.message = message.clipped(toBytes: Self.maximumMessageBytes)
        self.since = since.clipped(toBytes: 64)
    }

    /// nil for an object of another shape: older versions ignored the field.
    init?(_ object: JSONFields) {
        guard let stage = object["stage"]?.stringValue.flatMap({ Stage(rawValue: $0) }),
            let host = object["host"]?.stringValue, let since = object["since"]?.stringValue
        else { return nil }
        self.init(stage: stage, host: host, message: object["message"]?.stringValue ?? "", since: since)
    }

    package var json: JSONFields {
        var object = JSONFields()
        object.set("stage", stage.rawValue)
        object.set("host", host)
        object.set("message", message)
        object.set("since", since)
        return object
    }
}
