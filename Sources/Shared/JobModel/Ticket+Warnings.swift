extension Ticket {
    static let warningsField: ByteText = "warnings"

    /// Warnings after this many are left out.
    package static let maximumWarnings = 32
    private static let maximumCodeBytes = 64
    private static let maximumMessageBytes = 512

    /// Adds a warning, unless the same is there.
    package mutating func warn(_ code: String, _ message: String) {
        let warning = ProgressUpdate.Warning(
            code: code.clipped(toBytes: Self.maximumCodeBytes),
            message: message.clipped(toBytes: Self.maximumMessageBytes)
        )
        guard warnings.count < Self.maximumWarnings, !warnings.contains(warning) else { return }
        warnings.append(warning)
    }

    /// Older versions ignored the field, so what is no warning counts as none.
    static func readWarnings(_ field: RawJSON?) -> [ProgressUpdate.Warning] {
        var ticket = Ticket(id: "", mediaID: "", kind: .video)
        for element in field?.elements(atMost: maximumWarnings) ?? [] {
            guard let object = element.objectValue, let code = object["code"]?.stringValue,
                let message = object["message"]?.stringValue
            else { continue }
            ticket.warn(code, message)
        }
        return ticket.warnings
    }
}
