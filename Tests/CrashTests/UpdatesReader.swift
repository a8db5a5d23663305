import Foundation
import JobModel
import Queues
import TestSupport
import Testing

/// `Tests/Readers/updates_reader.py`: another client of the broker, which checks the promises of updates.
struct UpdatesReader: Sendable {
    struct Summary: Decodable {
        struct Repeat: Decodable, Hashable {
            var job: String
            /// No death of the broker lies between the two deliveries.
            var sameConnection: Bool
            /// The broker says that it has delivered the second one before.
            var redelivered: Bool
        }

        var messages: Int
        var connections: Int
        var ends: [String: String]
        /// Jobs of messages that were not taken, one for each message.
        var refusals: [String]
        /// Terminal updates that came again, the same to the byte.
        var repeats: [Repeat]
        var repeatedProgress: Int
        var violations: [String]
    }

    private let process: ChildProcess
    private let directory: String

    /// Reads the updates of both kinds from now on.
    init(_ tree: TestTree, broker: String) throws {
        try self.init(MediaKind.allCases.map { tree.names.updates($0) }, broker: broker, tree.directory + "/reader")
    }

    /// - Parameter directory: for its results; made if it is not there.
    init(_ queues: [String], broker: String, _ directory: String) throws {
        self.directory = directory
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        let script = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Readers/updates_reader.py").path
        // Debian's own, which finds Debian's pika.
        process = try ChildProcess(
            "/usr/bin/python3",
            [script, broker, directory] + queues,
            environment: ProcessInfo.processInfo.environment,
            output: directory + "/output"
        )
    }

    /// The outcome of each job that has ended.
    var ends: [String: String] {
        let text = (try? String(contentsOfFile: directory + "/ends", encoding: .utf8)) ?? ""
        let pairs = text.split(separator: "\n").compactMap { line -> (String, String)? in
            let words = line.split(separator: "\t")
            return words.count == 2 ? (String(words[0]), String(words[1])) : nil
        }
        return Dictionary(pairs) { $1 }
    }

    /// Lets the reader read the rest, and ends it.
    ///
    /// - Throws: when it has written no results; its output is in the message.
    func stop() async throws -> Summary {
        process.send(SIGTERM)
        _ = await process.wait()
        guard let data = FileManager.default.contents(atPath: directory + "/summary.json") else {
            let said = (try? String(contentsOfFile: directory + "/output", encoding: .utf8)) ?? ""
            throw TestTree.Failure(description: "the reader of the updates wrote no summary: \(said.suffix(2000))")
        }
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(Summary.self, from: data)
    }
}
