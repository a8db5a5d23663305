import Foundation
import JobModel
import Queues
import Settings
import Testing

@Suite("Settings")
struct SettingsTests {
    @Test("have the documented defaults")
    func defaults() throws {
        let settings = try Settings.from([:])
        #expect(settings.temporaryDirectory == "/tmp")
        #expect(settings.port == 8044)
        #expect(settings.cleanupIntervalHours == 6)
        #expect(settings.brokerURL == nil)
        #expect(settings.storageURL.hasPrefix("file:///"))
        #expect(settings.fileSourceRoots == ["/"])
        #expect(settings.videoLadder.map(\.quality) == ["360p", "540p", "720p"])
        #expect(settings.videoLadder.map(\.bitrateBitsPerSecond) == [800_000, 1_500_000, 2_500_000])
        #expect(settings.imageVariants.map(\.side) == [180, 360, 720, 1080])
        #expect(PoolName.all.allSatisfy { settings.workers[$0] == 1 })
        #expect(PoolName.all.count == 8)
    }

    @Test("name queues by prefix, type and host")
    func queues() throws {
        let settings = try Settings.from([
            "QUEUE_PREFIX": "p.", "QUEUE_TYPE": "quorum", "QUEUE_DELIVERY_LIMIT": "9", "NODE_ID": "Host_1-a",
        ])
        #expect(settings.queueType == .quorum && settings.queueDeliveryLimit == 9)
        #expect(settings.queueNames == QueueNames(prefix: "p.", node: "Host_1-a"))
        #expect(settings.nodeName == "Host_1-a")
        let plain = try Settings.from([:])
        #expect(plain.queueType == .classic && plain.queueNames == QueueNames() && plain.nodeName == HostName.current)
        for wrong in ["a.b", "a b", "ä", "a/b", String(repeating: "a", count: 65)] {
            let error = #expect(throws: SettingsError.self) { try Settings.from(["NODE_ID": wrong]) }
            #expect(error?.problems.map(\.key) == ["NODE_ID"], "\(wrong)")
        }
        for wrong in ["mirrored", "stream"] {
            let error = #expect(throws: SettingsError.self) { try Settings.from(["QUEUE_TYPE": wrong]) }
            #expect(error?.problems.map(\.key) == ["QUEUE_TYPE"])
        }
    }

    @Test("report all problems at once, each with its key")
    func problems() {
        let variables = [
            "PORT": "70000", "CLEANUP_INTERVAL_HOURS": "soon", "LOG_LEVEL": "loud", "VIDEO_ORIGINAL": "perhaps",
            "WORKERS": "process.audio=2", "VIDEO_LADDER": "360p=640@800", "IMAGE_VARIANTS": "a=1,a=2",
            "VIDEO_PRESET": "warp", "VIDEO_KEY_TEMPLATE": "{quality}.mp4", "IMAGE_KEY_TEMPLATE": "{mediaId}{x}",
            "MAX_ATTEMPTS": "0",
        ]
        #expect { try Settings.from(variables) } throws: { error in
            guard let error = error as? SettingsError else { return false }
            return Set(error.problems.map(\.key)) == Set(variables.keys)
        }
    }

    @Test("are shown without the passwords of URLs")
    func passwords() throws {
        let settings = try Settings.from([
            "STORAGE_URL": "s3://AKIA:se/cret@media", "S3_SOURCE_BUCKETS": "a s3://AKIA:secret@b?region=x",
        ])
        let shown = Dictionary(uniqueKeysWithValues: settings.effective.map { ($0.name, $0.value) })
        #expect(shown["STORAGE_URL"] == "s3://AKIA:***@media")
        #expect(shown["S3_SOURCE_BUCKETS"] == "a s3://AKIA:***@b?region=x")
    }

    @Test("treat an empty variable as unset")
    func empty() throws {
        #expect(try Settings.from(["RABBITMQ_URL": "", "PORT": ""]).port == 8044)
    }

    @Test("take a webhook only as a URL that can be called, and repeat none of it in an error")
    func webhook() throws {
        let webhook = try Settings.from(["ALERT_WEBHOOK_URL": "HTTPS://hooks.example:8443/T0/hunter2?k=v"]).alertWebhook
        #expect(webhook?.origin == "https://hooks.example:8443")
        #expect(try Settings.from(["ALERT_WEBHOOK_URL": "http://[::1]:80/x"]).alertWebhook?.origin == "http://[::1]:80")
        #expect(try Settings.from([:]).alertWebhook == nil)
        for text in [
            "hunter2", "ftp://hunter2/", "http://", "http:///hunter2", "https://a b/hunter2", "https://me:hunter2@h/",
        ] {
            #expect { try Settings.from(["ALERT_WEBHOOK_URL": text]) } throws: { error in
                "\(error)".contains("ALERT_WEBHOOK_URL") && !"\(error)".contains("hunter2")
            }
        }
    }

    @Test("never show a secret")
    func secrets() throws {
        let settings = try Settings.from(["RABBITMQ_URL": "amqp://me:hunter2@broker/"])
        #expect(settings.brokerURL == "amqp://me:hunter2@broker/")
        #expect(!settings.effective.contains { $0.value.contains("hunter2") })
        #expect(settings.fileSourceRoots.isEmpty)
    }

    @Test(
        "let other machines connect only with a token",
        arguments: [
            (["HTTP_ADDRESS": "127.0.0.2"], true), (["HTTP_ADDRESS": "::1"], true),
            (["HTTP_ADDRESS": "0.0.0.0"], false), (["HTTP_ADDRESS": "192.0.2.1"], false),
            (["HTTP_ADDRESS": "0.0.0.0", "API_TOKEN": "0123456789abcdef"], true),
            (["HTTP_ADDRESS": "0.0.0.0", "API_TOKEN": "short"], false), (["HTTP_ADDRESS": "example.org"], false),
            (["API_TOKEN": "0123456789 abcdef"], false), (["HTTP_HOSTS": "a.example, B.example"], true),
            (["HTTP_HOSTS": "http://a.example"], false),
        ]
    )
    func exposure(variables: [String: String], isValid: Bool) {
        do {
            let settings = try Settings.from(variables)
            #expect(isValid)
            #expect(!settings.effective.contains { $0.value.contains("0123456789abcdef") })
        } catch {
            #expect(!isValid)
            #expect(!"\(error)".contains("short"))
        }
    }

    @Test(
        "of sources by HTTP name hosts and networks",
        arguments: [
            (["SOURCE_ALLOWED_NETWORKS": "10.1.0.0/16, fd12::/32,192.0.2.7"], true),
            (["SOURCE_ALLOWED_NETWORKS": "10.1.0.1/16"], false), (["SOURCE_ALLOWED_NETWORKS": "inner"], false),
            (["SOURCE_ALLOWED_HOSTS": "A.example, *.b.example,192.0.2.7"], true),
            (["SOURCE_ALLOWED_HOSTS": "https://a.example"], false), (["SOURCE_DENIED_HOSTS": "a.*.example"], false),
            (["SOURCE_DENIED_HOSTS": "*."], false), (["ALLOW_HTTP": "1"], true), (["ALLOW_HTTP": "perhaps"], false),
            (["SOURCE_TOTAL_SECONDS": "0", "SOURCE_MIN_BYTES_PER_SECOND": "0"], true),
            (["SOURCE_IDLE_SECONDS": "0"], false),
        ]
    )
    func webSources(variables: [String: String], isValid: Bool) {
        #expect(((try? Settings.from(variables)) != nil) == isValid)
    }

    @Test("know every key that they read")
    func catalogue() throws {
        let read = Set(
            try Settings.from([
                "RABBITMQ_URL": "amqp://h/", "ALERT_WEBHOOK_URL": "http://h/", "API_TOKEN": "0123456789abcdef",
                "CONFIG_FILE": "/f", "RUN_AS": "media", "NODE_ID": "n", "TLS_CA_FILE": "/f",
                "S3_CACHE_CONTROL": "no-cache", "S3_SSE": "aws:kms", "S3_SSE_KMS_KEY_ID": "k",
                "S3_STORAGE_CLASS": "STANDARD_IA", "S3_ACL": "private", "S3_EVENTS_QUEUE": "q",
                "S3_SOURCE_BUCKETS": "b", "SPILL_URL": "file:///spill",
            ]).effective.map(\.name)
        )
        #expect(read == Set(Settings.catalogue.map(\.name)))
        #expect(Set(Settings.catalogue.map(\.name)).count == Settings.catalogue.count)
    }

    @Test("have defaults that could be set, each as it is shown")
    func defaultsAsText() throws {
        let shown = try Settings.from([:]).effective.filter { !$0.value.isEmpty }
        #expect(shown.count > 45)
        for (name, value) in shown {
            let again = try Settings.from([name: value]).effective.first { $0.name == name }
            #expect(again?.value == value)
        }
    }

    @Test("can be asked of their group")
    func groups() throws {
        let settings = try Settings.from(["PORT": "1", "SOURCE_MAX_BYTES": "2"])
        #expect(settings.http.port == 1 && settings.port == 1 && settings.storage.maximumSourceBytes == 2)
    }

    @Test(
        "count workers by pool",
        arguments: [
            ("process.video=2,download.image=0", true), ("", true), ("process.video=65", false), ("process=2", false),
            ("process.video", false), ("process.video=-1", false),
        ]
    )
    func workers(text: String, isValid: Bool) {
        #expect(((try? Settings.from(["WORKERS": text])) != nil) == isValid)
    }

    @Test("refuse priorities with queues that have none")
    func priorities() throws {
        #expect(try Settings.from(["QUEUE_MAX_PRIORITY": "9"]).queueMaximumPriority == 9)
        #expect(throws: SettingsError.self) { try Settings.from(["QUEUE_MAX_PRIORITY": "10"]) }
        #expect {
            try Settings.from(["QUEUE_MAX_PRIORITY": "9", "QUEUE_TYPE": "quorum"])
        } throws: { error in
            (error as? SettingsError)?.problems.map(\.key) == ["QUEUE_MAX_PRIORITY"]
        }
    }

    @Test("limit the attempts of single stages")
    func attempts() throws {
        let limits = try Settings.from(["MAX_ATTEMPTS": "4", "STAGE_MAX_ATTEMPTS": "download=8, upload=10"])
            .attemptLimits
        #expect(Stage.allCases.map { limits[$0] } == [8, 4, 10, 4])
        #expect(try Settings.from([:]).attemptLimits == AttemptLimits(5))
        for text in ["download", "download=0", "download=101", "cook=1", "upload=1,upload=1"] {
            #expect(throws: SettingsError.self) { try Settings.from(["STAGE_MAX_ATTEMPTS": text]) }
        }
    }

    @Test("read a ladder")
    func ladder() throws {
        let settings = try Settings.from(["VIDEO_LADDER": "sd=640x360@500, hd=1920x1080@6000"])
        #expect(settings.videoLadder.map(\.quality) == ["sd", "hd"])
        #expect(settings.videoLadder.last?.width == 1920)
    }
}

@Suite("A key template")
struct KeyTemplateTests {
    @Test("fills in each placeholder once")
    func filling() throws {
        let settings = try Settings.from(["VIDEO_KEY_TEMPLATE": "{userId}/{mediaId}/{quality}-{index}.{ext}"])
        var ticket = Ticket(id: "j", mediaID: "{quality}", kind: .video)
        ticket.userID = "u"
        let key = try settings.videoKeyTemplate.key(ticket: ticket, quality: "360p", index: 3, fileExtension: "mp4")
        #expect(key.rawValue == "u/{quality}/360p-3.mp4")
    }

    @Test("refuses values that make no key")
    func refusal() throws {
        let settings = try Settings.from([:])
        let ticket = Ticket(id: "j", mediaID: ByteText(String(repeating: "x", count: 1024)), kind: .video)
        #expect(throws: ObjectKeyError.self) { try settings.videoKeyTemplate.key(ticket: ticket, quality: "360p") }
    }

    @Test("of the result index has no part that differs between outputs, is that of no output, and can be off")
    func resultKey() throws {
        let template = try Settings.from(["RESULT_KEY": "{kind}/{mediaId}.json"]).resultKeyTemplate
        let key = try template?.key(ticket: Ticket(id: "j", mediaID: "m", kind: .image))
        #expect(key?.rawValue == "image/m.json")
        #expect(try Settings.from([:]).resultKeyTemplate?.description == "{mediaId}/result.json")
        #expect(try Settings.from(["RESULT_KEY": "off"]).resultKeyTemplate == nil)
        let wrong = [
            ["RESULT_KEY": "{mediaId}/{quality}.json"], ["RESULT_KEY": "result.json"],
            ["RESULT_KEY": "{mediaId}/x", "IMAGE_KEY_TEMPLATE": "{mediaId}/x"],
        ]
        for variables in wrong {
            #expect { try Settings.from(variables) } throws: { error in
                (error as? SettingsError)?.problems.map(\.key) == ["RESULT_KEY"]
            }
        }
    }

    @Test("is read by bytes: a mark on a brace hides none")
    func marks() throws {
        let settings = try Settings.from(["VIDEO_KEY_TEMPLATE": "{mediaId}\u{301}.{ext}"])
        let ticket = Ticket(id: "j", mediaID: "m", kind: .video)
        let key = try settings.videoKeyTemplate.key(ticket: ticket, fileExtension: "mp4")
        #expect(Array(key.rawValue.utf8) == Array("m\u{301}.mp4".utf8))
    }
}

@Suite("The configuration page")
struct ConfigurationPageTests {
    @Test("is what the code says; if not, run `supervisor settings --markdown > docs/configuration.md`")
    func upToDate() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let page = try String(contentsOf: root.appending(path: "docs/configuration.md"), encoding: .utf8)
        #expect(page == Settings.referencePage)
    }
}
