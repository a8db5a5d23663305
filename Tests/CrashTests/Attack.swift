import AMQP
import Foundation
import JobModel
import TestSupport

/// A message that once did harm, by the row of the review that found it.
struct Attack: Sendable {
    var row: Int
    var name: String
    /// One or several, which are sent one after the other.
    var messages: @Sendable (HostileTree) -> [HostileMessage]

    static let all =
        properties + copies + [long] + marks + markedWords + numbers + limits + manifests + metadata + [kinds]

    private init(_ row: Int, _ name: String, _ messages: @escaping @Sendable (HostileTree) -> [HostileMessage]) {
        (self.row, self.name, self.messages) = (row, name, messages)
    }

    /// One message to the queue of a stage.
    private init(
        _ row: Int,
        _ name: String,
        _ stage: Stage = .download,
        _ make: @escaping @Sendable (HostileTree) -> AMQPMessage
    ) {
        self.init(row, name) { tree in
            [HostileMessage(name, to: tree.queue(stage), make(tree), kind: HostileTree.kind)]
        }
    }

    /// A job whose object is missing, with more fields.
    private static func job(_ fields: [(name: [UInt8], value: [UInt8])]) -> AMQPMessage {
        let own: [(name: [UInt8], value: [UInt8])] = [
            (RawJSON.text("id"), RawJSON.text(UUID().uuidString)), (RawJSON.text("mediaId"), RawJSON.text("m")),
            (RawJSON.text("mediaType"), RawJSON.text("IMAGE")), (RawJSON.text("s3Key"), RawJSON.text("none")),
        ]
        return AMQPMessage(body: RawJSON.object(own + fields))
    }

    // MARK: - 1: properties that are no text

    private static let properties = Stage.allCases.map { stage in
        Attack(1, "properties of any bytes, to \(stage)") { tree in
            let raw = { AMQPText(bytes: [UInt8](repeating: 0xFF, count: $0)) }
            let messages = [
                AMQPMessage(body: Array("a".utf8), contentType: raw(90)),
                AMQPMessage(body: Array("b".utf8), messageID: raw(255)),
                AMQPMessage(body: Array("c".utf8), correlationID: raw(255), type: raw(255)),
                AMQPMessage(body: Array("d".utf8), headers: [raw(255): .string(raw(255))]),
                AMQPMessage(body: Array("e".utf8), headers: ["x": .string(raw(60_000))]),
            ]
            return messages.map { HostileMessage("properties", to: tree.queue(stage), $0, kind: HostileTree.kind) }
        }
    }

    // MARK: - 2: headers that route

    private static let copies = ["CC", "BCC"].flatMap { header in
        Stage.allCases.map { stage in
            Attack(2, "\(header), to \(stage)", stage) { tree in
                AMQPMessage(
                    body: Array("\(header) \(stage)".utf8),
                    headers: [AMQPText(header): .array([.string(tree.queue(stage))])]
                )
            }
        }
    }

    // MARK: - 6: bodies beyond what a job may have

    private static let long = Attack(6, "a long body") { tree in
        [9, 17].map { mebibytes in
            let body = [UInt8](repeating: UInt8(mebibytes), count: mebibytes << 20)
            return HostileMessage("long", to: tree.queue(.download), AMQPMessage(body: body), kind: HostileTree.kind)
        }
    }

    // MARK: - 3: text that takes long to normalise

    private static let marks = [0, 1].map { place in
        Attack(3, "combining marks in a \(place == 0 ? "name" : "value")") { _ in
            let text = String(repeating: "\u{301}", count: 120_000) + String(repeating: "\u{316}", count: 120_000)
            let name = place == 0 ? "e" + text : "metadata"
            let value = place == 0 ? Array("1".utf8) : RawJSON.object([(RawJSON.text("k" + text), RawJSON.text(text))])
            return job([(RawJSON.text(name), value)])
        }
    }

    /// Words that are looked up among those that are known.
    private static let markedWords = ["mediaType", "node", "stage", "outcome", "type", "outputs"].map { field in
        Attack(3, "combining marks as \(field)") { _ in
            let marks = String(repeating: "\u{301}", count: 120_000) + String(repeating: "\u{316}", count: 120_000)
            let text = RawJSON.text(marks)
            let output = RawJSON.array([RawJSON.object([(RawJSON.text("type"), text)])])
            return job([(RawJSON.text(field), field == "outputs" ? output : text)])
        }
    }

    // MARK: - 4: numbers that grow

    private static let numbers = [200_000, 840_000].map { count in
        Attack(4, "\(count) numbers that are longer when written again") { _ in
            job([(RawJSON.text("pad"), RawJSON.array([[UInt8]](repeating: Array("1e19".utf8), count: count)))])
        }
    }

    // MARK: - 5: at a limit

    private static let limits =
        ["hop", "attempt", "downloads", "redrives"].map { counter in
            Attack(5, "the last \(counter)") { _ in job([(RawJSON.text(counter), Array("1000000000".utf8))]) }
        }
        + [(Ticket.maximumEntryBytes, false), (Ticket.maximumBytes, true), (8 << 20, false)].map { limit, isForged in
            Attack(5, "nearly \(limit) bytes\(isForged ? ", as if a stage had sent it" : "")") { _ in
                let forged = isForged ? [(name: RawJSON.text("transfer"), value: RawJSON.text("t"))] : []
                let body = job(forged).body.count + 20
                let padding = [UInt8](repeating: UInt8(ascii: "x"), count: limit - body)
                return job(forged + [(RawJSON.text("pad"), RawJSON.text(padding))])
            }
        }

    // MARK: - 7: manifests

    private static let manifests = [20_000, 100_000].flatMap { count in
        ["/etc/passwd", "source", "outputs/a"].map { path in
            Attack(7, "\(count) times \(path) in the manifest") { _ in
                let entry = RawJSON.object([(RawJSON.text("path"), RawJSON.text(path))])
                return job([(RawJSON.text("tempFiles"), RawJSON.array([[UInt8]](repeating: entry, count: count)))])
            }
        }
    }

    // MARK: - 8: what travels with every update

    private static let metadata = [1_000_000, 2_000_000].map { bytes in
        Attack(8, "metadata of \(bytes) bytes") { tree in
            let text = [UInt8](repeating: UInt8(ascii: "x"), count: bytes)
            let source = "file://\(tree.tree.directory)/sources/photo.jpg"
            return job([
                (RawJSON.text("metadata"), RawJSON.object([(RawJSON.text("k"), RawJSON.text(text))])),
                (RawJSON.text("source"), RawJSON.text(source)),
            ])
        }
    }

    // MARK: - 10: two kinds of messages in one

    private static let kinds = Attack(10, "a job with a request's type") { _ in
        job([(RawJSON.text("type"), RawJSON.text("a_processing_request"))])
    }
}
