import AMQP
import Files
import Foundation
import JobModel
import Queues
import Settings
import TempFiles
import TestSupport
import Testing
import WorkerProtocol

@testable import SupervisorCore

@Suite("The doctor")
struct DoctorTests {
    private let scratch = Scratch()

    private static let sound = KernelFeatures(
        release: "6.1.0",
        hasOpenat2: true,
        hasProcessDescriptors: true,
        hasFileDescriptionLocks: true,
        hasParentDeathSignal: true,
        landlockVersion: 3
    )

    @Test("A kernel that lacks what files and processes depend on is a failure; without Landlock jobs still go on")
    func kernel() {
        #expect(KernelChecks.findings(Self.sound).allSatisfy { $0.verdict == .ok && $0.advice == nil })
        var kernel = Self.sound
        kernel.hasOpenat2 = false
        kernel.landlockVersion = nil
        let bad = KernelChecks.findings(kernel).filter { $0.verdict != .ok }
        #expect(bad.map(\.check) == ["kernel.openat2", "kernel.landlock"])
        #expect(bad.map(\.verdict) == [.failure, .warning])
        #expect(bad.allSatisfy { $0.advice != nil })
    }

    @Test("The kernel of this machine has all that the other tests use")
    func thisKernel() {
        let kernel = KernelFeatures.present()
        #expect(kernel.hasOpenat2 && kernel.hasProcessDescriptors && kernel.hasFileDescriptionLocks)
        #expect(kernel.hasParentDeathSignal)
    }

    @Test("Directories of DESTINATION_PREFIXES are looked at; one that cannot be made is a failure")
    func destinations() throws {
        let file = try scratch.file("file", [])
        let settings = try Settings.from(["DESTINATION_PREFIXES": "file://\(scratch.path)/out file://\(file)/out"])
        let found = DirectoryChecks(settings: settings).findings().filter { $0.check == "destination" }
        #expect(found.map(\.verdict) == [.ok, .failure])
        #expect(found.last?.advice?.contains("DESTINATION_PREFIXES") == true)
    }

    struct Room: Sendable {
        var free: Int64
        var used = 50.0
        var budget: Int64 = 0
        var verdict: Finding.Verdict
    }

    @Test(
        "Space: too little for any job fails; an alert, or a budget beyond the disk, warns",
        arguments: [
            Room(free: 1000, verdict: .ok), Room(free: 100, verdict: .failure), Room(free: 101, verdict: .ok),
            Room(free: 1000, used: 90, verdict: .warning), Room(free: 1000, budget: 10_000, verdict: .ok),
            Room(free: 1000, budget: 10_001, verdict: .warning),
        ]
    )
    func space(room: Room) {
        let finding = DirectoryChecks.space(
            FileSystemSpace(freeBytes: room.free, totalBytes: 10_000, usedPercent: room.used),
            minimumFreeBytes: 100,
            maximumBytes: room.budget,
            alertPercent: 90
        )
        #expect(finding.verdict == room.verdict)
    }

    @Test("A network file system fails, memory warns, a disk is fine")
    func fileSystem() {
        func verdict(_ identity: FileSystemIdentity?) -> Finding.Verdict {
            DirectoryChecks.fileSystem(identity, path: "/x").verdict
        }
        #expect(verdict(FileSystemIdentity(type: "nfs4", networkName: "NFS")) == .failure)
        #expect(verdict(FileSystemIdentity(type: "tmpfs")) == .warning)
        #expect(verdict(FileSystemIdentity(type: "ext4")) == .ok)
        #expect(verdict(nil) == .warning)
    }

    @Test("A directory that is missing will be made; one that cannot be is a failure that names the setting")
    func directories() throws {
        let missing = DirectoryChecks.writable("x", scratch.path + "/a/b", setting: "LOG_DIR")
        #expect(missing == .ok("x", scratch.path + "/a/b will be made"))
        #expect(!FileManager.default.fileExists(atPath: scratch.path + "/a"))
        let file = try scratch.file("file", [])
        let blocked = DirectoryChecks.writable("x", file + "/logs", setting: "LOG_DIR")
        #expect(blocked.verdict == .failure)
        #expect(blocked.advice?.contains("LOG_DIR") == true)
    }

    @Test("A clock that is unset or unattended, and few open files, are told")
    func host() {
        #expect(HostChecks.clock(isSynchronized: true, secondsSince1970: 1_800_000_000).verdict == .ok)
        #expect(HostChecks.clock(isSynchronized: false, secondsSince1970: 1_800_000_000).verdict == .warning)
        #expect(HostChecks.clock(isSynchronized: true, secondsSince1970: 100).verdict == .failure)
        #expect(HostChecks.openFiles(limit: 1024, workers: 8).verdict == .ok)
        #expect(HostChecks.openFiles(limit: 1024, workers: 65).verdict == .warning)
    }

    @Test("The port: taken, free, any, or the running tree's")
    func port() async throws {
        #expect(HostChecks.port(0, running: nil).verdict == .ok)
        let url = try await AMQPEndpoint(parsing: TestBroker.url())
        #expect(HostChecks.port(Int(url.port), running: nil).verdict == .failure)
        let running = RunFile(pid: 1, port: 8044, brokerURL: "", startedAt: "", version: "")
        #expect(HostChecks.port(Int(url.port), running: running).verdict == .ok)
    }

    @Test("Of a port that is taken it is said who has it; of another user's tree, that it is most likely that one")
    func portOwner() async throws {
        let tree = FakeTree()
        try await tree.serving { port in
            let finding = HostChecks.port(port, running: nil)
            let name = try String(contentsOfFile: "/proc/self/comm", encoding: .utf8).split(separator: "\n").first ?? ""
            #expect(finding.verdict == .failure)
            #expect(finding.message == "127.0.0.1:\(port): it is taken by \(name) (process \(getpid()))")
            #expect(finding.advice == "set PORT to a free port, or to 0 for any")
            let theirs = HostChecks.port(port, running: nil, stranger: geteuid())
            #expect(theirs.verdict == .warning && theirs.message.hasSuffix("most likely the supervisor of that user"))
            #expect(HostChecks.port(port, running: nil, stranger: geteuid() + 1).verdict == .failure)
        }
        #expect(HostChecks.port(1, address: "192.0.2.1", running: nil).advice == "correct HTTP_ADDRESS")
    }

    @Test("A listening socket that a child has as well is its opener's")
    func portOfParent() async throws {
        let tree = FakeTree()
        try await tree.serving { port in
            // The HTTP server's socket is not closed on exec.
            let child = try ChildProcess(
                "/bin/sleep",
                ["600"],
                environment: [:],
                output: "/dev/null",
                inheritsDescriptors: true
            )
            let owner = PortOwner.find(port, among: [child.processID, getpid()])
            let alone = PortOwner.find(port, among: [child.processID])
            child.send(SIGKILL)
            _ = await child.wait()
            #expect(alone?.program?.processID == child.processID)
            #expect(owner?.program?.processID == getpid())
        }
    }

    @Test("What the media libraries lack is named: without an encoder jobs fail, without a decoder some sources do")
    func media() {
        var libraries = MediaLibraries(
            versions: ["libvips": "8.14.1"],
            encoders: MediaLibraries.wantedEncoders,
            decoders: MediaLibraries.wantedDecoders,
            imageLoaders: MediaLibraries.wantedImageLoaders,
            imageSavers: MediaLibraries.wantedImageSavers
        )
        #expect(MediaChecks.findings(libraries).allSatisfy { $0.verdict == .ok })
        libraries.encoders.removeFirst()
        libraries.imageLoaders.removeLast()
        let bad = MediaChecks.findings(libraries).filter { $0.verdict != .ok }
        #expect(bad.map(\.verdict) == [.failure, .warning])
        #expect(bad.map { $0.message.contains("libx264") || $0.message.contains("heif") } == [true, true])
    }

    @Test("A libheif that cannot read the photos of iOS 18 is a warning", arguments: ["1.15.1", "1.19.7", "1.20"])
    func libheif(version: String) {
        let libraries = MediaLibraries(
            versions: ["libheif": version],
            encoders: MediaLibraries.wantedEncoders,
            decoders: MediaLibraries.wantedDecoders,
            imageLoaders: MediaLibraries.wantedImageLoaders,
            imageSavers: MediaLibraries.wantedImageSavers
        )
        let found = MediaChecks.findings(libraries).filter { $0.check == "media.libheif" }
        #expect(found.map(\.verdict) == [version == "1.15.1" ? .warning : .ok])
        #expect(found.allSatisfy { $0.message.contains(version) })
    }

    @Test("A broker other than RabbitMQ, or an old one, is a warning")
    func brokerVersion() {
        func verdict(_ product: String, _ version: String) -> Finding.Verdict {
            BrokerChecks.version(BrokerIdentity(product: product, version: version)).verdict
        }
        #expect(verdict("RabbitMQ", "3.10.8") == .ok)
        #expect(verdict("RabbitMQ", "4.0") == .ok)
        #expect(verdict("RabbitMQ", "3.7.28") == .warning)
        #expect(verdict("RabbitMQ", "") == .warning)
        #expect(verdict("LavinMQ", "2.0.0") == .warning)
    }

    @Test(
        "LONG_WORK_SECONDS has to be a minute less than the broker's consumer_timeout; jobs may take any time",
        arguments: [
            (false, 1200, Finding.Verdict.ok, "1200"), (false, 1740, .ok, "1740"), (false, 1740.5, .warning, "1740.5"),
            (true, 1741, .ok, "1741"), (true, 86_340, .ok, "86340"), (true, 86_341, .warning, "86341"),
        ]
    )
    func consumerTimeout(isPrivate: Bool, longWork: Double, verdict: Finding.Verdict, text: String) {
        let finding = BrokerChecks.consumerTimeout(isPrivate: isPrivate, longWorkSeconds: longWork)
        #expect(finding.verdict == verdict)
        #expect(finding.message.hasPrefix("a day") == isPrivate)
        #expect(finding.message.contains("LONG_WORK_SECONDS=\(text) "))
        #expect((finding.advice == nil) == (verdict == .ok))
    }

    @Test("What the running tree has set otherwise is named once, by whatever path a directory is reached")
    func otherSettings() async throws {
        let url = "amqp://u:hidden@broker"
        let variables = [
            "TEMP_DIR": scratch.path, "RABBITMQ_URL": url, "FILE_SOURCE_ROOTS": "/a", "STATE_DIR": "/s", "PORT": "0",
        ]
        let settings = try Settings.from(variables)
        var tree = await FakeTree().info()
        tree.broker.isPrivate = false
        tree.workspace = scratch.path + "/./media-processor"
        tree.fileSourceRoots = ["/a"]
        tree.configuration = Dictionary(uniqueKeysWithValues: settings.effective.map { ($0.name, $0.value) })
        let running = RunFile(pid: 1, port: 1, brokerURL: url, startedAt: "", version: "")
        func findings(_ change: (inout [String: String]) -> Void) throws -> [Finding] {
            var changed = variables
            change(&changed)
            return TreeChecks(settings: try .from(changed), running: running, tree: tree).findings()
        }
        #expect(try findings { _ in } == [])
        #expect(try findings { $0["STATE_DIR"] = "/other" } == [])
        let found = try findings {
            $0["TEMP_DIR"] = "/elsewhere"
            $0["STORAGE_URL"] = "file:///elsewhere"
            $0["RABBITMQ_URL"] = "amqp://u:other@broker"
            $0["FILE_SOURCE_ROOTS"] = "/b"
            $0["PORT"] = nil
        }
        #expect(found.map(\.check) == ["settings"] && found.first?.verdict == .warning)
        let names = "FILE_SOURCE_ROOTS, PORT, RABBITMQ_URL, STORAGE_URL, TEMP_DIR"
        #expect(found.first?.message == "the running supervisor has other settings: \(names)")
        // For a tree with a private broker, only the absence of a URL is compared.
        tree.broker.isPrivate = true
        tree.configuration["RABBITMQ_URL"] = nil
        #expect(try findings { $0["RABBITMQ_URL"] = nil } == [])
        #expect(try findings { _ in }.first?.message.hasSuffix(": RABBITMQ_URL") == true)
    }

    @Test("Without a broker's programs a private one cannot be started")
    func privateBroker() {
        #expect(BrokerChecks.privateBroker(programs: [scratch.path + "/none"]).verdict == .failure)
        #expect(BrokerChecks.privateBroker().message.contains("a private RabbitMQ 3."))
    }

    // MARK: - The command

    private func run(_ arguments: [String], _ more: [String: String]) async throws -> (ChildProcess.Exit, String) {
        let output = scratch.path + "/output-\(UUID().uuidString)"
        let child = try ChildProcess(
            BuiltExecutable.path("supervisor"),
            ["doctor"] + arguments,
            environment: [
                "PATH": "/usr/bin:/bin", "TEMP_DIR": scratch.path, "STATE_DIR": scratch.path + "/state", "PORT": "0",
                "LOG_DIR": scratch.path + "/logs", "STORAGE_URL": "file://" + scratch.path + "/store",
                "TEMP_ALERT_PERCENT": "100",
            ].merging(more) { $1 },
            output: output
        )
        let exit = await child.wait()
        return (exit, try String(contentsOfFile: output, encoding: .utf8))
    }

    @Test("On a real broker it tells the version, finds a queue with other arguments, and makes none")
    func realBroker() async throws {
        let prefix = "dr.\(UUID().uuidString.prefix(8).lowercased())."
        let names = QueueNames(prefix: prefix)
        let queue = names.work(.video, .download)
        try await withTestClient { client in
            try await client.declare(AMQPQueue(queue, arguments: ["x-message-ttl": 60_000]))
            let (exit, output) = try await run(
                ["--json"],
                ["RABBITMQ_URL": try await TestBroker.url(), "QUEUE_PREFIX": prefix]
            )
            let report = try JSONText.decode(DoctorReport.self, from: Array(output.utf8))
            #expect(exit == .status(0))
            #expect(report.verdict == .warning)
            func finding(_ check: String) -> Finding? { report.findings.first { $0.check == check } }
            #expect(finding("broker")?.message.hasPrefix("RabbitMQ 3.") == true)
            #expect(finding("broker.queue")?.message.hasPrefix(queue) == true)
            #expect(finding("broker.consumer-timeout")?.message.contains("do not tell") == true)
            #expect(finding("media.libav")?.verdict == .ok)
            #expect(finding("media.encoders")?.message.contains("libx264") == true)
            #expect(finding("media.image-loaders")?.verdict == .ok)
            #expect(!output.contains(try await TestBroker.endpoint().password))
            #expect(try await client.messageCount(queue: names.work(.video, .upload)) == nil)
            _ = try await client.delete(queue: queue)
        }
        #expect(!FileManager.default.fileExists(atPath: scratch.path + "/media-processor"))
        #expect(!FileManager.default.fileExists(atPath: scratch.path + "/state"))
    }

    @Test("A supervisor that does not answer, and one that is starting, are told")
    func silentTree() async throws {
        let state = scratch.path + "/state"
        #expect(mkdir(state, 0o700) == 0)
        let more = ["RABBITMQ_URL": "amqp://u@127.0.0.1:1"]
        do {
            let lock = try ProcessLock(state + "/supervisor.lock")
            let (_, output) = try await run([], more)
            #expect(output.contains("  process \(getpid()) is starting or ending\n"), "\(output)")
            withExtendedLifetime(lock) {}
        }
        try RunFile(pid: getpid(), port: 1, brokerURL: more["RABBITMQ_URL"] ?? "", startedAt: "", version: "")
            .write(stateDirectory: state)
        let (_, output) = try await run([], more)
        let words = "could not be compared with the running supervisor's: nobody answers on 127.0.0.1:1\n"
        #expect(output.contains(words), "\(output)")
    }

    @Test("A broker that is away is a failure with what to do, and exit status 1")
    func noBroker() async throws {
        let (exit, output) = try await run([], ["RABBITMQ_URL": "amqp://u:hidden@127.0.0.1:1"])
        #expect(exit == .status(1))
        #expect(output.contains("failure  broker  "))
        #expect(output.contains(": Connection refused; "))
        #expect(output.contains("→ start it, or correct host and port in RABBITMQ_URL"))
        #expect(!output.contains("hidden"))
        #expect(!output.contains("\u{1B}"))
    }
}
