import HTTPClient
import Settings
import Storage
import Synchronization
import TestSupport
import Testing

@Suite("URLs that lead inside", .timeLimit(.minutes(5)))
struct HostileURLTests {
    /// `PORT` is that of a listener on 127.0.0.1.
    private static let literal = [
        "http://127.0.0.1:PORT/", "http://127.0.0.2:PORT/", "http://127.255.255.254:PORT/", "http://0.0.0.0:PORT/",
        "http://0.1.2.3:PORT/", "http://[::1]:PORT/", "http://[::]:PORT/", "http://[0:0:0:0:0:0:0:1]:PORT/",
        "http://[::ffff:127.0.0.1]:PORT/", "http://[::ffff:7f00:1]:PORT/", "http://[::127.0.0.1]:PORT/",
        "http://[::7f00:1]:PORT/", "http://[64:ff9b::127.0.0.1]:PORT/", "http://[64:ff9b::7f00:1]:PORT/",
        "http://[64:ff9b:1::7f00:1]:PORT/", "http://[2002:7f00:1::]:PORT/", "http://[2001:0:7f00:1::]:PORT/",
        "http://[fe80::1]:PORT/", "http://[fc00::1]:PORT/", "http://[fd00:ec2::254]/latest/", "http://[ff02::1]:PORT/",
        "http://[2001:db8::1]/", "http://[100::1]/", "http://[5f00::1]/", "http://10.0.0.1/", "http://172.16.0.1/",
        "http://172.31.255.255/", "http://192.168.0.1/", "http://100.64.0.1/", "http://169.254.169.254/latest/",
        "http://169.254.170.2/v2/credentials", "http://100.100.100.200/latest/", "http://168.63.129.16/machine",
        "http://192.0.0.192/", "http://192.0.2.1/", "http://198.18.0.1/", "http://198.51.100.1/",
        "http://203.0.113.1/", "http://224.0.0.1/", "http://240.0.0.1/", "http://255.255.255.255/",
        "https://127.0.0.1:PORT/", "https://[::1]:PORT/",
    ]
    private static let odd = [
        "http://2130706433:PORT/", "http://017700000001:PORT/", "http://0x7f000001:PORT/", "http://0x7F.0.0.1:PORT/",
        "http://0177.0.0.1:PORT/", "http://127.1:PORT/", "http://127.0.1:PORT/", "http://127.0.0.1.:PORT/",
        "http://0:PORT/", "http://00.0.0.0:PORT/", "http://127.0.0.01:PORT/", "http://127.0.0.0x1:PORT/",
        "http://127.0x0.1:PORT/", "http://%31%32%37.0.0.1:PORT/", "http://127%2e0%2e0%2e1:PORT/",
        "http://127\u{3002}0\u{3002}0\u{3002}1:PORT/", "http://\u{FF11}27.0.0.1:PORT/", "http://\u{2460}27.0.0.1/",
        "http://[::1%25lo]:PORT/", "http://[::1%lo]:PORT/", "http://::1:PORT/", "http://[127.0.0.1]:PORT/",
        "http://[::ffff:0x7f.0.0.1]:PORT/", "http://user@127.0.0.1:PORT/", "http://user:pw@127.0.0.1:PORT/",
        "http://8.8.8.8@127.0.0.1:PORT/", "http://127.0.0.1:PORT@8.8.8.8/", "http://8.8.8.8\\@127.0.0.1:PORT/",
        "http://127.0.0.1\\.example:PORT/", "http://\\127.0.0.1:PORT/", "http://8.8.8.8#@127.0.0.1:PORT\u{0}",
        "http://127.0.0.1:PORT\t/", "http://127.0.0.1 :PORT/", "http://127.0.0.1\r\n:PORT/", "http:\\\\127.0.0.1:PORT/",
        "http:///127.0.0.1:PORT/", "http://127.0.0.1:PORT:80/", "http://127.0.0.1:-1/", "http://127.0.0.1:0/",
        "http://127.0.0.1:22/", "http://127.0.0.1:6553700/", "http://127.0.0.1:%38%30/", "http:127.0.0.1:PORT/",
        "http://b\u{FC}cher.example/", "http://\u{430}pple.example/", "http://a\u{200B}b.example/", "http://.:PORT/",
        "http://localhost.:PORT/", "http://local host:PORT/", "http://" + String(repeating: "1", count: 300) + "/",
        "gopher://127.0.0.1:PORT/", "ftp://127.0.0.1:PORT/", "dict://127.0.0.1:PORT/", "ldap://127.0.0.1:PORT/",
        "file://127.0.0.1/etc/passwd", "jar:http://127.0.0.1:PORT/", "javascript:x", "data:text/plain,x",
    ]
    /// Names, and the addresses that they have.
    private static let names = [
        ("localhost", ["127.0.0.1"]), ("LOCALHOST", ["127.0.0.1"]), ("inner.example", ["127.0.0.1"]),
        ("127.0.0.1.nip.example", ["127.0.0.1"]), ("six.example", ["::1"]), ("any.example", ["0.0.0.0"]),
        ("mapped.example", ["::ffff:127.0.0.1"]), ("compatible.example", ["::127.0.0.1"]),
        ("metadata.google.internal", ["169.254.169.254"]), ("private.example", ["10.0.0.1", "192.168.0.1"]),
        ("both.example", ["127.0.0.1", "::1"]), ("nat64.example", ["64:ff9b::7f00:1"]),
        ("tunnel.example", ["2002:7f00:1::"]), ("xn--bcher-kva.example", ["127.0.0.1"]),
        ("link.example", ["fe80::1", "169.254.1.1"]), ("cgnat.example", ["100.64.0.1"]),
    ]

    private func refusal(_ url: String, _ settings: StorageSettings) async -> StorageError? {
        do {
            let source: any Source
            do {
                source = try Sources(settings).source(url)
            } catch { return error }
            do throws(StorageError) { try await source.checkAllowed() } catch { return error }
            _ = try await source.fetch(FetchRequest(limitBytes: .max), into: ByteCollector())
            return nil
        } catch { return error as? StorageError }
    }

    @Test("are refused before anybody is asked, however the address is written")
    func literals() async throws {
        let listener = try LoopbackServer { _ in }
        defer { listener.stop() }
        let settings = try Settings.from(["ALLOW_HTTP": "1"]).storage
        #expect(Self.literal.count + Self.odd.count >= 80)
        for url in Self.literal + Self.odd {
            let url = url.replacing("PORT", with: "\(listener.port)")
            let error = await refusal(url, settings)
            #expect(error.map { [.notAllowed, .invalidURL].contains($0.code) } == true, "\(url): \(error as Any)")
            #expect(error?.verdict == .permanent && error?.message.isEmpty == false, "\(url)")
        }
        #expect(listener.connections == 0)
    }

    @Test("are refused at the socket, whatever their names are found to be", arguments: Self.names)
    func lookups(name: String, addresses: [String]) async throws {
        let listener = try LoopbackServer { _ in }
        defer { listener.stop() }
        let settings = try Settings.from(["ALLOW_HTTP": "1"]).storage.webSources
        let client = WebClient(resolver: { _ in addresses })
        let source = HTTPSource(url: "http://\(name):\(listener.port)/x", settings, client: client)
        await #expect {
            try await source.probe()
        } throws: { error in
            let error = error as? StorageError
            return error?.code == .notAllowed && error?.message.contains("SOURCE_ALLOWED_NETWORKS") == true
        }
        #expect(listener.connections == 0)
    }

    @Test("reach a listener when the operator allows its network, so that these tests could fail")
    func control() async throws {
        let origin = try FaultyOrigin([1, 2, 3])
        defer { origin.stop() }
        let client = WebClient(resolver: { _ in ["127.0.0.1"] })
        let url = "http://inner.example:\(origin.port)/whole"
        let source = HTTPSource(url: url, try webSettings().webSources, client: client)
        #expect(try await source.probe().sizeBytes == 3)
        #expect(origin.connections == 1)
    }

    @Test("are refused when a second lookup leads elsewhere than the first")
    func rebinding() async throws {
        let content = [UInt8](repeating: 7, count: 100_000)
        let origin = try FaultyOrigin(content)
        defer { origin.stop() }
        let lookups = Atomic(0)
        let client = WebClient(resolver: { _ in
            lookups.add(1, ordering: .relaxed).oldValue == 0 ? ["127.0.0.1"] : ["127.0.0.2"]
        })
        let settings = try webSettings(["SOURCE_ALLOWED_NETWORKS": "127.0.0.1"]).webSources
        let url = "http://inner.example:\(origin.port)/cut-length-once"
        let source = HTTPSource(url: url, settings, client: client)
        await #expect {
            try await source.fetch(FetchRequest(limitBytes: .max), into: ByteCollector())
        } throws: { ($0 as? StorageError)?.code == .notAllowed }
        #expect(lookups.load(ordering: .relaxed) == 2 && origin.connections == 1)
    }

    @Test(
        "are refused behind a redirect",
        arguments: ["/to-file", "/to-metadata", "/to-user", "/to-nowhere"]
    )
    func redirects(path: String) async throws {
        let origin = try FaultyOrigin([1])
        defer { origin.stop() }
        let error = try await origin.failure(path)
        #expect(error.map { [.notAllowed, .invalidURL].contains($0.code) } == true, "\(error as Any)")
        #expect(error?.message.contains("hunter2") == false)
        #expect(origin.connections == 1)
    }

    @Test("are refused by host, scheme and port where the operator says so")
    func hosts() async throws {
        func code(_ url: String, _ variables: [String: String]) async throws -> StorageError.Code? {
            let settings = try Settings.from(variables).storage
            do throws(StorageError) {
                try await HTTPSource(url: url, settings).checkAllowed()
                return nil
            } catch { return error.code }
        }
        #expect(try await code("https://a.example/", [:]) == nil)
        #expect(try await code("http://a.example/", [:]) == .notAllowed)
        #expect(try await code("http://a.example/", ["ALLOW_HTTP": "1"]) == nil)
        let allowed = ["SOURCE_ALLOWED_HOSTS": "A.example,*.b.example"]
        for (url, isAllowed) in [
            ("https://a.EXAMPLE/", true), ("https://x.b.example/", true), ("https://b.example/", false),
            ("https://xb.example/", false), ("https://x.a.example/", false), ("https://8.8.8.8/", false),
        ] {
            #expect(try await (code(url, allowed) == nil) == isAllowed, "\(url)")
        }
        let denied = ["SOURCE_DENIED_HOSTS": "*.a.example,b.example", "SOURCE_ALLOWED_HOSTS": "b.example,x.a.example"]
        for url in ["https://x.a.example/", "https://b.example:8443/"] {
            #expect(try await code(url, denied) == .notAllowed, "\(url)")
        }
    }
}
