package import FoundationEssentials

/// ISO 8601 in UTC with milliseconds, as JavaScript's `toISOString` writes it.
package enum Timestamp {
    package static func string(_ date: Date) -> String {
        // Formatting cuts the last digit off; half of one makes that rounding.
        date.addingTimeInterval(0.0005).formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
    }

    /// The moment a message names, with or without fractions of a second; nil when it names none.
    package static func date(_ text: String) -> Date? {
        (try? Date.ISO8601FormatStyle(includingFractionalSeconds: true).parse(text))
            ?? (try? Date.ISO8601FormatStyle().parse(text))
    }
}
