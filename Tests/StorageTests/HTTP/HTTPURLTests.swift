import Testing

@testable import Storage

@Suite("URLs of sources by HTTP")
struct HTTPURLTests {
    @Test(
        "are sent as they are, without their fragment",
        arguments: [
            ("https://host.example/a%20b.mp4?x=1&y=%2F#top", "https://host.example/a%20b.mp4?x=1&y=%2F"),
            ("HTTPS://Host.Example", "https://Host.Example/"), ("http://h:8080?q", "http://h:8080/?q"),
            ("https://[2606:4700::1111]:8443/", "https://[2606:4700::1111]:8443/"),
            ("https://8.8.8.8/a/../b//c", "https://8.8.8.8/a/../b//c"), ("https://my_bucket.s3.example/@:x", nil),
            ("https://xn--bcher-kva.example/", nil), ("https://1e100.net/", nil),
        ] as [(String, String?)]
    )
    func plain(text: String, sent: String?) throws {
        let url = try HTTPURL(text)
        #expect(String(decoding: url.bytes, as: UTF8.self) == sent ?? text)
    }

    @Test("have a host, a port and a path")
    func parts() throws {
        let url = try HTTPURL("https://Host.Example:8443/a?b?c")
        #expect(url.host == .name(Array("host.example".utf8)) && url.port == 8443 && url.hostText == "host.example")
        #expect(url.path == Array("/a".utf8) && url.query == Array("b?c".utf8))
        #expect(try HTTPURL("https://host/").port == 443)
        #expect(try HTTPURL("http://host/").port == 80)
        #expect(try HTTPURL("https://A.example/x").hasSameOrigin(as: HTTPURL("https://a.example:443/y")))
        #expect(try !HTTPURL("https://a.example/x").hasSameOrigin(as: HTTPURL("https://a.example:8443/x")))
    }

    @Test(
        "are refused when two readers could read them in two ways",
        arguments: [
            "https://", "https:///x", "https://:443/", "https:host", "//host/x", "ftp://host/x", "https//host", "",
            "https://host:/x", "https://host:0/", "https://host:65536/", "https://host:99999/", "https://host:22/",
            "https://host:25/", "https://host:+80/", "https://host:8080x/", "https://host:80:80/", "https://ho st/",
            "https://host/a b", "https://host/\u{0}", "https://host/\r\nX: y", "https://host/é",
            "https://bücher.example/",
            "https://host\\@other/", "https://host/\\x", "https://a..b/", "https://.a/", "https://a./",
            "https://a%2eb/",
            "https://127.1/", "https://0x7f.0.0.1/", "https://0177.0.0.1/", "https://2130706433/",
            "https://0x7f000001/",
            "https://127.0.0.1./", "https://127.0.0.1.2/", "https://1.2.3.256/", "https://01.2.3.4/", "https://[::1/",
            "https://[::1]x/", "https://[1.2.3.4]/", "https://[fe80::1%25eth0]/", "https://[]/", "https://::1/",
            "https://a,b/", "https://a;b/", "https://a$b/", "https://host\u{FF0E}example/", "https://\u{24DB}ocalhost/",
            "https://" + String(repeating: "a", count: 64) + ".example/",
            "https://h/" + String(repeating: "a", count: 8192),
        ]
    )
    func refused(text: String) {
        #expect { try HTTPURL(text) } throws: { ($0 as? StorageError)?.code == .invalidURL }
    }

    @Test("are refused with a user name, of which nothing is told")
    func user() {
        for text in ["https://me:hunter2@host/", "https://hunter2@host/", "https://8.8.8.8@127.0.0.1/hunter?hunter2"] {
            #expect { try HTTPURL(text) } throws: { error in
                (error as? StorageError)?.code == .notAllowed && !"\(error)".contains("hunter2")
            }
        }
    }

    @Test(
        "lead where a Location says, by RFC 3986",
        arguments: [
            ("/x/y", "https://h:8443/x/y"), ("y?z", "https://h:8443/a/y?z"), ("../y", "https://h:8443/y"),
            ("./y/./z/..", "https://h:8443/a/y/"), ("?z", "https://h:8443/a/b?z"), ("", "https://h:8443/a/b?q"),
            ("//other/x", "https://other/x"), ("https://other.example?x#f", "https://other.example/?x"),
            ("../../../../y", "https://h:8443/y"), ("y:z/w", nil), ("/y:z", "https://h:8443/y:z"),
            ("#f", "https://h:8443/a/b?q"), ("HTTPS://o/", "https://o/"), ("http://h:8443/x", nil),
            ("file:///etc/passwd", nil), ("gopher://h/x", nil), ("//u:p@h/", nil), ("javascript:x", nil),
            ("//127.1/", nil), ("/a\u{7F}b", nil), ("https://", nil),
        ] as [(String, String?)]
    )
    func redirects(location: String, target: String?) throws {
        let url = try HTTPURL("https://h:8443/a/b?q")
        let found = try? url.redirected(to: Array(location.utf8))
        #expect(found.map { String(decoding: $0.bytes, as: UTF8.self) } == target)
    }
}
