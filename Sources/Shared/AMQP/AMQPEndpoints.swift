/// The nodes of one broker that a client may connect to; at least one.
package struct AMQPEndpoints: Sendable, Hashable {
    package let first: AMQPEndpoint
    package let others: [AMQPEndpoint]

    package init(_ first: AMQPEndpoint, _ others: [AMQPEndpoint] = []) {
        self.first = first
        self.others = others
    }

    package var all: [AMQPEndpoint] { [first] + others }

    /// The addresses without passwords, for logs.
    package var redacted: String { all.map(\.redacted).joined(separator: ",") }
}

extension AMQPEndpoints: CustomStringConvertible, CustomDebugStringConvertible {
    package var description: String { redacted }
    package var debugDescription: String { redacted }
}

extension AMQPEndpoints {
    /// Reads URLs with commas between them, each as ``AMQPEndpoint/init(parsing:)`` does.
    ///
    /// A comma ends a URL only when another follows: one in a password does not.
    ///
    /// - Throws: `.invalidURL`; the message never repeats a URL.
    package init(parsing text: String) throws(AMQPError) {
        let urls = Self.urls(text)
        first = try AMQPEndpoint(parsing: urls[0])
        var others: [AMQPEndpoint] = []
        for url in urls.dropFirst() { others.append(try AMQPEndpoint(parsing: url)) }
        self.others = others
    }

    /// At least one, which may be no URL.
    private static func urls(_ text: String) -> [String] {
        var urls: [String] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let trimmed = part.drop { $0 == " " }
            if let last = urls.indices.last, !isStart(trimmed) {
                urls[last] += "," + part
            } else {
                urls.append(String(trimmed))
            }
        }
        return urls
    }

    private static func isStart(_ text: Substring) -> Bool {
        ["amqp://", "amqps://"].contains { text.prefix($0.count).lowercased() == $0 }
    }
}
