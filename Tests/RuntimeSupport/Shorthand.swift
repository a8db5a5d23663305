import AMQP
import JobModel

/// Words of the journal.
enum Shorthand {
    /// `→process 6 a1 failed`: to which queue, with which hop, with which attempt if it is not 0, with which outcome if
    /// there is one; `update download_complete` for what clients hear, `refusal used_id` for a refused message.
    static func publish(_ name: String, _ message: AMQPMessage) -> String {
        let fields = (try? JSONFields(parsing: message.body)) ?? JSONFields()
        let queue = queue(name)
        if queue == "updates" {
            if fields["refused"] != nil { return "refusal \(text(fields["error_code"]))" }
            return "update \(text(fields["current_step"]))"
        }
        var words = ["→\(queue)", text(fields["hop"])]
        let attempt = text(fields["attempt"])
        if attempt != "0" { words.append("a\(attempt)") }
        if fields["outcome"] != nil { words.append(text(fields["outcome"])) }
        if message.type == "watch" { words.append("watch") }
        return words.joined(separator: " ")
    }

    /// `process` for `video.processing.processing`, `process.retry.1000ms` for its queue of that delay.
    static func queue(_ name: String) -> String {
        for kind in MediaKind.allCases {
            let prefix = "\(kind.rawValue).processing."
            guard name.hasPrefix(prefix) else { continue }
            let rest = name.dropFirst(prefix.count)
            return rest.hasPrefix("processing") ? "process" + rest.dropFirst("processing".count) : String(rest)
        }
        return name
    }

    private static func text(_ value: RawJSON?) -> String {
        value?.textValue?.string ?? value?.clampedInteger.map(String.init) ?? "-"
    }
}
