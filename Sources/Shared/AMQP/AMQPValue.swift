/// A value in a message's headers or in a queue's arguments.
package enum AMQPValue: Sendable, Hashable {
    case bool(Bool)
    /// Every integer width of the protocol; an unsigned value above `Int64.max` is clamped.
    case int(Int64)
    /// Floating point numbers and decimals.
    case double(Double)
    /// A long string. Any bytes are one.
    case string(AMQPText)
    /// A byte array.
    case bytes([UInt8])
    /// Seconds since 1970.
    case timestamp(secondsSince1970: UInt64)
    case array([AMQPValue])
    case table([AMQPText: AMQPValue])
    case null
}

extension AMQPValue: ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
    ExpressibleByStringLiteral, ExpressibleByNilLiteral
{
    package init(booleanLiteral value: Bool) { self = .bool(value) }
    package init(integerLiteral value: Int64) { self = .int(value) }
    package init(floatLiteral value: Double) { self = .double(value) }
    package init(stringLiteral value: String) { self = .string(AMQPText(value)) }
    package init(nilLiteral: ()) { self = .null }
}

extension AMQPValue {
    package static func string(_ text: String) -> AMQPValue { .string(AMQPText(text)) }

    /// Tables nested deeper than this are neither sent nor handed out: recursion must end before the stack does.
    static let maximumDepth = 16

    /// The bytes of a table on the wire (AMQP 0-9-1, 4.2.5.5), or nil when a name is longer than 255 bytes, a value
    /// is nested too deep, or the size overflows.
    static func encodedSizeBytes(of table: [AMQPText: AMQPValue], depth: Int = 0) -> Int? {
        guard depth < maximumDepth else { return nil }
        return sum(table, from: 4) { name, value in
            guard name.bytes.count <= AMQPLimits.shortStringBytes, let size = value.encodedSizeBytes(depth: depth)
            else { return nil }
            return size + 1 + name.bytes.count
        }
    }

    private func encodedSizeBytes(depth: Int) -> Int? {
        switch self {
        case .bool: 2
        case .int, .double, .timestamp: 9
        case .null: 1
        case .string(let text): text.bytes.count + 5
        case .bytes(let bytes): bytes.count + 5
        case .table(let table): Self.encodedSizeBytes(of: table, depth: depth + 1).map { $0 + 1 }
        case .array(let values):
            depth + 1 < Self.maximumDepth
                ? Self.sum(values, from: 5) { $0.encodedSizeBytes(depth: depth + 1) } : nil
        }
    }

    private static func sum<Elements: Sequence>(
        _ elements: Elements,
        from start: Int,
        size: (Elements.Element) -> Int?
    ) -> Int? {
        var total = start
        for element in elements {
            guard let bytes = size(element) else { return nil }
            let (next, overflow) = total.addingReportingOverflow(bytes)
            guard !overflow else { return nil }
            total = next
        }
        return total
    }
}
