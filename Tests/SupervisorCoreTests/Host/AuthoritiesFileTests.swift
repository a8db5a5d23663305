import Foundation
import Glibc
import Synchronization
import TestSupport
import Testing

@testable import SupervisorCore

@Suite("The file of authorities")
struct AuthoritiesFileTests {
    private let scratch = Scratch()

    @Test("is one that can be read and has a certificate; else it is told what it is")
    func problems() throws {
        let text = "comment\r\n-----BEGIN CERTIFICATE-----\r\nAAAA\r\n-----END CERTIFICATE-----\r\n"
        let good = try scratch.file("good.pem", Array(text.utf8))
        #expect(AuthoritiesFile.problem(good) == nil)
        let trusted = try scratch.file("trusted.pem", Array("-----BEGIN TRUSTED CERTIFICATE-----\n".utf8))
        #expect(AuthoritiesFile.problem(trusted) == nil)
        let key = try scratch.file("key.pem", Array("-----BEGIN PRIVATE KEY-----\n".utf8))
        #expect(AuthoritiesFile.problem(key) == "\(key) has no certificate in PEM")
        let empty = try scratch.file("empty.pem", [])
        #expect(AuthoritiesFile.problem(empty) == "\(empty) has no certificate in PEM")
        #expect(AuthoritiesFile.problem(scratch.path) == "\(scratch.path) is no file")
        let gone = scratch.path + "/gone.pem"
        #expect(AuthoritiesFile.problem(gone)?.hasPrefix("\(gone) cannot be opened: No such file") == true)
        // Nobody waits for a writer.
        #expect(mkfifo(scratch.path + "/pipe", 0o600) == 0)
        #expect(AuthoritiesFile.problem(scratch.path + "/pipe") == "\(scratch.path)/pipe is no file")
    }

    @Test("that hangs is told as such, is looked at once, and is well when it is back")
    func hangs() async throws {
        let looks = Mutex(0)
        let back = DispatchSemaphore(value: 0)
        let watch = AuthoritiesWatch(patience: .milliseconds(50)) { _ in
            let number = looks.withLock { looks in
                looks += 1
                return looks
            }
            if number == 1 { back.wait() }
            return number == 3 ? "it is gone" : nil
        }
        #expect(await watch.problem(nil) == nil && looks.withLock { $0 } == 0)
        for _ in 1...3 { #expect(await watch.problem("/ca.pem") == "/ca.pem is on a file system that does not answer") }
        // Another one is not told by what is known of this.
        #expect(await watch.problem("/other.pem") == nil)
        #expect(looks.withLock { $0 } == 1)
        back.signal()
        try await eventually("it is back") { await watch.problem("/ca.pem") == nil }
        #expect(await watch.problem("/ca.pem") == "it is gone" && looks.withLock { $0 } == 3)
    }
}
