import Foundation
import Testing

@testable import Settings

struct ConfigurationFileTests {
    @Test("Lines are KEY=VALUE, comments or blank; values keep what is inside them")
    func lines() throws {
        let text = """
            # comment
            PORT=0

              LOG_LEVEL = debug\t
            QUEUE_PREFIX=a=b #c
            RABBITMQ_URL=
            """
        let expected = ["PORT": "0", "LOG_LEVEL": "debug", "QUEUE_PREFIX": "a=b #c", "RABBITMQ_URL": ""]
        #expect(ConfigurationFile(parsing: text).variables == expected)
        #expect(ConfigurationFile(parsing: text).problems == [])
        let dos = ConfigurationFile(parsing: "PORT=1\r\nWORKERS=\r\n")
        #expect(dos.variables == ["PORT": "1", "WORKERS": ""] && dos.problems == [])
    }

    @Test("Every wrong line is told, with its number")
    func problems() {
        let file = ConfigurationFile(parsing: "PORT=1\nnonsense\nPROT=2\nPORT=3\nCONFIG_FILE=/x")
        #expect(file.problems.allSatisfy { $0.key == "CONFIG_FILE" })
        #expect(
            file.problems.map(\.message) == [
                "line 2 is not KEY=VALUE",
                "line 3: `PROT` is no key that a file can set; `supervisor settings` lists them",
                "line 4: PORT is set a second time",
                "line 5: `CONFIG_FILE` is no key that a file can set; `supervisor settings` lists them",
            ]
        )
    }

    @Test("A line that was meant otherwise is not repeated: it may hold a password")
    func secrets() {
        let file = ConfigurationFile(parsing: "RABBITMQ_URL: amqp://me:hidden@host?heartbeat=10")
        #expect(
            file.problems.map(\.message) == [
                "line 1: what is before `=` is no key that a file can set; `supervisor settings` lists them"
            ]
        )
    }

    @Test("Of a wrong configuration the rest can be had, unless it is needed whole")
    func remains() throws {
        try withFile("nonsense\nSTATE_DIR=/srv/state\nDRAIN_SECONDS=-1\nQUEUE_TYPE=round\n") { path in
            let environment = ["CONFIG_FILE": path, "WORKERS": "many", "QUEUE_PREFIX": "x."]
            let settings = try #require(Settings.remains(of: environment))
            #expect((settings.stateDirectory, settings.queuePrefix, settings.drainSeconds) == ("/srv/state", "x.", 30))
            #expect(Settings.remains(of: environment, needing: ["QUEUE_PREFIX"]) != nil)
            #expect(Settings.remains(of: environment, needing: ["QUEUE_TYPE"]) == nil)
        }
    }

    @Test("Wrong lines and wrong values are told together")
    func together() throws {
        try withFile("nonsense\nDRAIN_SECONDS=-1\n") { path in
            #expect { try Settings.load(["CONFIG_FILE": path, "PORT": "x"]) } throws: { error in
                (error as? SettingsError)?.problems.map(\.key) == ["CONFIG_FILE", "PORT", "DRAIN_SECONDS"]
            }
        }
    }

    private func withFile(_ text: String, _ body: (String) throws -> Void) throws {
        let path = NSTemporaryDirectory() + "configuration-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try Data(text.utf8).write(to: URL(filePath: path))
        try body(path)
    }

    @Test("The environment wins over the file, unless it sets a key to nothing")
    func precedence() throws {
        try withFile("PORT=1\nDRAIN_SECONDS=2\nMAX_STARTS=3\n") { path in
            let environment = ["CONFIG_FILE": path, "PORT": "4", "MAX_STARTS": "", "HOME": "/"]
            let (settings, variables) = try Settings.load(environment)
            #expect(variables["HOME"] == "/")
            #expect((settings.port, settings.drainSeconds, settings.maximumStarts) == (4, 2, 3))
        }
    }

    @Test(
        "A file that is not there is a problem of its key; without the key none is read",
        arguments: [
            ("/nowhere/f", "cannot open /nowhere/f: No such file or directory (errno 2)"),
            ("/tmp", "cannot read /tmp: Is a directory (errno 21)"),
        ]
    )
    func missing(path: String, message: String) throws {
        let problem = SettingsError.Problem(key: "CONFIG_FILE", message: message)
        #expect(throws: SettingsError(problems: [problem])) { try Settings.load(["CONFIG_FILE": path]) }
        #expect(try Settings.load(["PORT": "1", "CONFIG_FILE": ""]).variables.count == 2)
    }
}
