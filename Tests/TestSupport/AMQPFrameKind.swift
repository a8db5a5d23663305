/// The kind of a frame of AMQP 0-9-1.
package struct AMQPFrameKind: Hashable, Sendable, CustomStringConvertible {
    /// 1 method, 2 content header, 3 body, 8 heartbeat; 0 the eight bytes that open a connection.
    package var type: UInt8
    /// The class id and the method id of a method frame.
    package var classID: UInt16 = 0
    package var methodID: UInt16 = 0

    package init(type: UInt8) { self.type = type }

    package init(_ classID: UInt16, _ methodID: UInt16) {
        type = 1
        self.classID = classID
        self.methodID = methodID
    }

    package var description: String {
        switch type {
        case 0: "greeting"
        case 1: "method \(classID).\(methodID)"
        case 2: "header"
        case 3: "body"
        case 8: "heartbeat"
        default: "type \(type)"
        }
    }

    package static let greeting = AMQPFrameKind(type: 0)
    package static let header = AMQPFrameKind(type: 2)
    package static let body = AMQPFrameKind(type: 3)
    package static let heartbeat = AMQPFrameKind(type: 8)
}

/// Bytes of one direction, taken apart into frames.
struct AMQPFrameParser {
    private static let greeting = Array("AMQP".utf8)
    private var bytes: [UInt8] = []

    mutating func add(_ more: some Sequence<UInt8>) { bytes += more }

    /// The next frame that is complete, with all its bytes.
    mutating func next() -> (kind: AMQPFrameKind, bytes: [UInt8])? {
        if bytes.starts(with: Self.greeting) {
            return bytes.count < 8 ? nil : (.greeting, take(8))
        }
        guard bytes.count >= 7 else { return nil }
        let size = bytes[3..<7].reduce(0) { $0 << 8 | Int($1) }
        guard bytes.count >= size + 8 else { return nil }
        var kind = AMQPFrameKind(type: bytes[0])
        if kind.type == 1, size >= 4 {
            kind.classID = UInt16(bytes[7]) << 8 | UInt16(bytes[8])
            kind.methodID = UInt16(bytes[9]) << 8 | UInt16(bytes[10])
        }
        return (kind, take(size + 8))
    }

    private mutating func take(_ count: Int) -> [UInt8] {
        defer { bytes.removeFirst(count) }
        return Array(bytes[..<count])
    }
}
