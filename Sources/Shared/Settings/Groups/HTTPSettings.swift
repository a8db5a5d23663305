/// The HTTP interface and who may use it.
package struct HTTPSettings: SettingsGroup {
    package static let section = "Processes"

    /// An IP address, or `localhost`.
    package let httpAddress: String
    package let port: Int
    /// Further names by which clients reach the HTTP interface, in lower case.
    package let httpHosts: [String]
    /// nil: a random one for each run.
    package let apiToken: String?

    /// Whether other machines can connect.
    package var isHTTPExposed: Bool { !HTTPAddress.isLoopback(httpAddress) }

    package init(_ read: SettingsReader) {
        httpAddress = read(
            SettingKey(
                "HTTP_ADDRESS",
                HTTPAddress.format,
                default: "127.0.0.1",
                "Where HTTP listens. Any but a loopback address needs API_TOKEN, and then most of what HTTP shows "
                    + "needs it too."
            )
        )
        port = read(SettingKey("PORT", .integer(0...65_535), default: 8044, "HTTP port. 0 takes a free one."))
        httpHosts = read(
            SettingKey(
                "HTTP_HOSTS",
                HTTPAddress.namesFormat,
                default: [],
                documented: "none",
                "Names besides those of loopback by which the HTTP interface may be called, such as those of a reverse "
                    + "proxy. By such a name the page, health, metrics and the OpenAPI document need no token, and all "
                    + "else does, as every change then does by any name. Requests by other names are refused, so that "
                    + "no web page reaches it by a name of its own."
            )
        )
        apiToken = read(
            SettingKey(
                "API_TOKEN",
                .optional(HTTPAddress.tokenFormat),
                default: nil,
                documented: "a random one for each run",
                isSecret: true,
                "What HTTP calls that change something must send as `Authorization: Bearer TOKEN`; when it is set, the "
                    + "dashboard too. The CLI finds it in STATE_DIR/supervisor.json."
            )
        )
        if isHTTPExposed, apiToken == nil {
            read.refuse("HTTP_ADDRESS", "other machines could connect; set API_TOKEN, or a loopback address")
        }
    }
}
