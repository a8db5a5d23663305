/// An argument of an existing queue that differs from the declaration of today.
package struct QueueDifference: Sendable, Hashable, CustomStringConvertible {
    package var argument: String
    /// The value as the broker writes it; nil for none. A part that the broker cut off is missing.
    package var wanted: String?
    package var found: String?

    package init(argument: String, wanted: String?, found: String?) {
        self.argument = argument
        self.wanted = wanted
        self.found = found
    }

    /// `x-queue-type is not set instead of quorum`.
    package var description: String { "\(argument) is \(Self.words(found)) instead of \(Self.words(wanted))" }

    private static func words(_ value: String?) -> String {
        guard let value else { return "not set" }
        return value.isEmpty ? "empty" : value
    }
}

extension QueueDifference {
    /// Reads RabbitMQ's 406: `inequivalent arg 'x' for queue …: received the value '1' of type 'long' but current is
    /// none`. If the queue has a long name, the end of the text is cut off.
    ///
    /// - Returns: the difference, and whether the text has the whole value that was found.
    static func parse(_ text: String, wanted: AMQPValue?) -> (difference: QueueDifference, isWhole: Bool)? {
        guard let name = text.firstRange(of: "inequivalent arg '").map({ text[$0.upperBound...] }),
            let end = name.firstIndex(of: "'")
        else { return nil }
        let current = text.firstRange(of: " but current is ").map { value(text[$0.upperBound...]) }
        let difference = QueueDifference(
            argument: String(name[..<end]),
            wanted: wanted?.text,
            found: current?.text
        )
        return (difference, current?.isWhole ?? false)
    }

    /// The text between the first two quotes that belong together; nil for `none`.
    private static func value(_ text: Substring) -> (text: String?, isWhole: Bool) {
        guard !text.hasPrefix("none") else { return (nil, true) }
        guard let start = text.firstIndex(of: "'") else { return (nil, false) }
        let rest = text[text.index(after: start)...]
        let end = rest.firstRange(of: "' of type")?.lowerBound ?? rest.lastIndex(of: "'")
        return end.map { (String(rest[..<$0]), true) } ?? (String(rest), false)
    }
}

extension AMQPClient {
    /// The differences between an existing queue and its declaration. The broker tells one difference at a time, so
    /// each is adopted until the broker accepts the declaration.
    ///
    /// - Parameter other: another way in which the queue may have been declared, which supplies values that the broker
    ///   cut off.
    /// - Returns: all differences, or those up to one that the broker's answer does not tell enough of.
    /// - Throws: as ``declare(_:)``; `.preconditionFailed` when the broker's answer is not understood at all.
    package func differences(
        of queue: AMQPQueue,
        otherwise other: AMQPQueue? = nil
    ) async throws(AMQPError) -> [QueueDifference] {
        var found: [QueueDifference] = []
        var candidate = queue
        while true {
            do {
                try await declare(candidate)
                return found + Self.untold(queue, found)
            } catch {
                guard error.code == .preconditionFailed else { throw error }
                let name = QueueDifference.parse(error.message, wanted: nil)?.difference.argument ?? ""
                guard let answer = QueueDifference.parse(error.message, wanted: queue.arguments[AMQPText(name)]),
                    !found.contains(where: { $0.argument == name })
                else {
                    if found.isEmpty { throw error }
                    return found + Self.untold(queue, found)
                }
                var difference = answer.difference
                let value =
                    answer.isWhole ? difference.found.map(AMQPValue.init(text:)) : other?.arguments[AMQPText(name)]
                difference.found = value?.text ?? difference.found
                found.append(difference)
                candidate.arguments[AMQPText(name)] = value
            }
        }
    }

    /// The arguments that a queue lacks because it is no quorum queue. The broker does not report them: it compares
    /// only arguments that such a queue can have.
    private static func untold(_ queue: AMQPQueue, _ found: [QueueDifference]) -> [QueueDifference] {
        guard found.contains(where: { $0.argument == "x-queue-type" && $0.wanted == "quorum" }) else { return [] }
        return ["x-dead-letter-strategy", "x-delivery-limit"].compactMap { name in
            guard let wanted = queue.arguments[AMQPText(name)], !found.contains(where: { $0.argument == name }) else {
                return nil
            }
            return QueueDifference(argument: name, wanted: wanted.text, found: nil)
        }
    }
}

extension AMQPValue {
    /// A value of an argument as RabbitMQ writes it.
    fileprivate init(text: String) { self = Int64(text).map { .int($0) } ?? .string(text) }

    fileprivate var text: String {
        switch self {
        case .string(let text): text.description
        case .int(let number): "\(number)"
        default: "\(self)"
        }
    }
}
