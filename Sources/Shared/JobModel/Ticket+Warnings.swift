/// Problems of a source that are no failure of its job. The stage that finds them puts them into the ticket; the
/// terminal update and the result index carry them.
extension Ticket {
    package static let mostWarnings = 16
    private static let longestWarningBytes = 512
    static let warningsField: ByteText = "warnings"

    /// Adds a warning, unless there are as many as a ticket carries.
    ///
    /// - Parameters:
    ///   - code: a short word for programs.
    ///   - message: a sentence for people; cut at 512 bytes.
    package mutating func warn(_ code: String, _ message: String) {
        let warning = ProgressUpdate.Warning(
            code: code.clipped(toBytes: 64),
            message: message.clipped(toBytes: Self.longestWarningBytes)
        )
        if warnings.count < Self.mostWarnings, !warnings.contains(warning) { warnings.append(warning) }
    }

    /// Takes the field out of the unknown ones. Older versions ignored it, so a value of another shape counts as none.
    mutating func readWarnings() {
        for element in unknown[Self.warningsField]?.value.arrayValue ?? [] {
            if let fields = element.objectValue, let code = fields["code"]?.stringValue,
                let message = fields["message"]?.stringValue
            {
                warn(code, message)
            }
        }
        unknown[Self.warningsField] = nil
    }
}
