import Foundation
import Testing

/// The rooms of the supervisor are folders of one module, so no compiler checks which may use which: this does.
@Suite("The supervisor's rooms")
struct RoomsTests {
    private static let root =
        URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path + "/Sources/supervisor/SupervisorCore/"

    /// The folders from the floor up: a file may use types of its own folder and of those before it.
    private static let order = [
        "Run", "Host", "Supervision/Pools", "Supervision/Systemd", "Supervision/Broker", "Maintenance", "ControlAPI",
        "Supervision/Tree", "CommandLine",
    ]

    /// The commands that a tree consists of: `run`, and the guard of the private broker. No other one reaches into
    /// Supervision.
    private static let doors: Set = ["RunCommand.swift", "PrivateBrokerCommand.swift"]

    /// Types that a file outside of its room may use all the same: the doctor knows where a private broker's programs
    /// are.
    private static let exceptions: Set = ["BrokerChecks.swift BrokerNode"]

    private struct Source {
        var path: String
        /// The place of its folder in the order; nil when it is in none.
        var level: Int?
        /// Words of the code that begin with a capital letter and name no part of another type.
        var words: Set<String>
        /// Types that other files can use.
        var types: [String]

        var name: String { String(path.split(separator: "/").last ?? "") }
    }

    private static func sources(_ root: String) throws -> [Source] {
        try FileManager.default.subpathsOfDirectory(atPath: root).filter { $0.hasSuffix(".swift") }.map { path in
            let text = try String(contentsOfFile: root + path, encoding: .utf8)
            let code = text.replacing(/\/\/.*/, with: "").replacing(/"""[\s\S]*?"""/, with: "")
                .replacing(/"(?:\\.|[^"\\\n])*"/, with: "")
            let types = code.matches(
                of: /\n(?:package |final |nonisolated )*(?:struct|class|enum|actor|protocol) ([A-Z]\w*)/
            )
            let nested = code.matches(of: /\n +(?:\w+ )*(?:struct|class|enum|typealias) ([A-Z]\w*)/)
            return Source(
                path: path,
                level: order.firstIndex { path.hasPrefix($0 + "/") },
                words: Set(code.matches(of: /(?:^|[^.\w])([A-Z]\w*)/).map { String($0.output.1) })
                    .subtracting(nested.map { String($0.output.1) }),
                types: types.map { String($0.output.1) }
            )
        }
    }

    /// Uses of types from rooms further up.
    private static func breaches(_ sources: [Source]) -> [String] {
        let declared = Dictionary(
            sources.flatMap { source in source.types.map { ($0, source) } },
            uniquingKeysWith: { first, _ in first }
        )
        let supervision = Set(order.indices.filter { order[$0].hasPrefix("Supervision/") })
        return sources.flatMap { source in
            source.words.sorted().compactMap { word -> String? in
                guard let level = source.level, let used = declared[word]?.level, used != level,
                    !exceptions.contains("\(source.name) \(word)")
                else { return nil }
                let isShortcut =
                    order[level] == "CommandLine" && supervision.contains(used)
                    && !doors.contains(source.name)
                return used > level || isShortcut ? "\(source.path) uses \(word) of \(order[used])" : nil
            }
        }
    }

    @Test("use only rooms beneath them, and commands reach the tree by HTTP")
    func directions() throws {
        let sources = try Self.sources(Self.root)
        #expect(sources.count > 150)
        #expect(Self.breaches(sources) == [])
    }

    @Test("stand in folders that have a place")
    func places() throws {
        #expect(try Self.sources(Self.root).filter { $0.level == nil }.map(\.path) == [])
    }

    @Test("are told apart by this test")
    func planted() throws {
        let scratch = Scratch()
        let files = [
            "Host/Floor.swift": "\nstruct Floor { var tree: Tree }\n",
            "Supervision/Tree/Tree.swift": "\nactor Tree {}\n",
            "CommandLine/Call.swift": "\n/// Tree.\nstruct Call { var tree: Tree; var floor: Floor }\n",
            "CommandLine/RunCommand.swift": "\nstruct RunCommand { var tree: Tree }\n",
        ]
        for (name, text) in files {
            let file = URL(filePath: scratch.path + "/" + name)
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(),
                withIntermediateDirectories: true
            )
            try Data(text.utf8).write(to: file)
        }
        let found = Self.breaches(try Self.sources(scratch.path + "/"))
        #expect(
            found.sorted() == [
                "CommandLine/Call.swift uses Tree of Supervision/Tree",
                "Host/Floor.swift uses Tree of Supervision/Tree",
            ]
        )
    }
}
