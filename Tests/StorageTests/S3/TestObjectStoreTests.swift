import Foundation
import TestSupport
import Testing

@Suite("The S3 stores of the tests", .timeLimit(.minutes(5)))
struct TestObjectStoreTests {
    private func failure(_ command: [String], within limit: Duration) async -> String? {
        do {
            _ = try await TestObjectStore(.swift, command: command, within: limit)
            return nil
        } catch { return "\(error)" }
    }

    @Test("say why they do not start, as soon as their process has ended")
    func ended() async throws {
        // It would be waited for longer than this test may take.
        let said = await failure(["/bin/sh", "-c", "echo no module named swift >&2; exit 3"], within: .seconds(3600))
        #expect(said?.contains("no module named swift") == true && said?.contains("has ended") == true)
    }

    @Test("are not waited for without end, and leave nothing when they do not answer")
    func silent() async throws {
        let mark = "\(Int.random(in: 1_000_000...9_999_999))"
        let said = await failure(["/bin/sh", "-c", "echo $HOME; exec sleep \(mark)"], within: .milliseconds(500))
        #expect(said?.contains("still not") == true)
        let directory = try #require(said?.split(separator: "\n").first { $0.hasPrefix("/tmp/") }.map(String.init))
        #expect(!FileManager.default.fileExists(atPath: directory))
        #expect(try await ChildProcess.run("ps", ["-e", "-o", "args"]).contains("sleep \(mark)") == false)
    }

    @Test("end with all that they keep", arguments: TestObjectStore.Kind.allCases)
    func end(_ kind: TestObjectStore.Kind) async throws {
        let store = try await TestObjectStore(kind)
        #expect(try await store.keys("") == [])
        store.end()
        #expect(!FreePort.isTaken(store.port))
        #expect(!FileManager.default.fileExists(atPath: store.directory))
        #expect(try await ChildProcess.run("ps", ["-e", "-o", "args"]).contains(store.directory) == false)
    }
}
