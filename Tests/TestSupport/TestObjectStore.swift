import Foundation
import Synchronization

/// An S3 store that tests talk to, which `scripts/bootstrap tests` installs.
///
/// One of each kind is started per test process, with the first test that asks, and ends with it however that ends. It
/// has one bucket; each test has a prefix of its own. Other clients look at it: `s5cmd`, and boto3 by ``python(_:_:)``.
package final class TestObjectStore: Sendable {
    /// Stores that have nothing in common but the API.
    package enum Kind: String, Sendable, CaseIterable {
        case seaweed
        /// OpenStack Swift with its s3api, by `Tests/Servers/swift_store.py`. It knows no `x-amz-checksum-…`.
        case swift
    }

    package static let bucket = "media"
    package static let accessKey = "test:access-key"
    package static let secretKey = "test-secret-key"
    /// May read and list at most, and write nothing.
    package static let readerKey = "test:reader-key"
    package static let readerSecret = "test-reader-secret"

    package let kind: Kind
    package let port: UInt16
    package let directory: String
    private let shell: PipedProcess

    private static let starting = Dictionary(
        uniqueKeysWithValues: Kind.allCases.map { kind in (kind, LazyTask { try await TestObjectStore(kind) }) }
    )
    private static let running = Mutex<[TestObjectStore]>([])

    /// The store of this test process. The first call takes some seconds.
    package static func shared(_ kind: Kind = .seaweed) async throws -> TestObjectStore {
        guard let starting = starting[kind] else { throw ChildProcess.Failure(description: "no store \(kind)") }
        return try await starting.value
    }

    package var endpoint: String { "http://127.0.0.1:\(port)" }

    /// - Parameter port: of a proxy before the store; nil for the store itself.
    package func url(_ prefix: String, port: Int? = nil) -> String {
        "s3://\(Self.bucket)/\(prefix)?endpoint=http://127.0.0.1:\(port ?? Int(self.port))&region=us-east-1"
    }

    /// Credentials as processes and other clients find them.
    package static var environment: [String: String] {
        [
            "AWS_ACCESS_KEY_ID": accessKey, "AWS_SECRET_ACCESS_KEY": secretKey, "AWS_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        ]
    }

    /// A prefix that no other test has.
    package static func uniquePrefix(_ purpose: String = "test") -> String {
        "\(purpose)-\(UUID().uuidString.lowercased())"
    }

    /// The project's directory.
    private static let root =
        URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path

    /// The directory of programs that were installed for the tests.
    private static let tools = root + "/.build-tools/python/bin"

    /// A store of its own.
    ///
    /// - Parameters:
    ///   - command: in place of the server.
    ///   - limit: to the time until it answers.
    /// - Throws: ``ChildProcess/Failure`` with the server's own words when it does not start. Nothing is left then.
    package init(_ kind: Kind, command: [String]? = nil, within limit: Duration = .seconds(60)) async throws {
        self.kind = kind
        directory = try ScratchDirectory.make("test-store")
        port = try FreePort.find()
        let server =
            switch (command, kind) {
            case (let command?, _): command
            case (nil, .seaweed): try Self.seaweed(in: directory, port: port)
            case (nil, .swift): try Self.swift(in: directory, port: port)
            }
        // Killed when the test process is gone, which is the other end of its input. Nothing of it stays then.
        let script = """
            directory=$1; shift
            "$@" </dev/null >>"$directory/log" 2>&1 &
            echo $!
            read -r line
            kill -KILL $!
            wait $!
            rm -rf -- "$directory"
            """
        shell = try PipedProcess(
            "/bin/sh",
            ["-c", script, "sh", directory] + server,
            environment: ["PATH": "/usr/bin:/bin", "HOME": directory, "GOMAXPROCS": "2"]
        )
        Self.running.withLock { $0.append(self) }
        atexit { TestObjectStore.stop() }
        do {
            guard let line = await shell.line(withinMilliseconds: 10_000), let process = pid_t(line) else {
                throw ChildProcess.Failure(description: "the shell that runs it says nothing")
            }
            try await waitForBucket(process, within: limit)
        } catch {
            let said = (try? String(contentsOfFile: directory + "/log", encoding: .utf8)) ?? ""
            end()
            throw ChildProcess.Failure(description: "the store \(kind) does not start: \(error)\n\(said.suffix(4000))")
        }
    }

    private func waitForBucket(_ process: pid_t, within limit: Duration) async throws {
        try await eventually("the store has a bucket", within: limit) {
            guard FreePort.isTaken(self.port) else {
                // The shell waits for it only at its own end.
                let status = FileManager.default.contents(atPath: "/proc/\(process)/stat") ?? Data()
                if status.isEmpty || String(decoding: status, as: UTF8.self).contains(") Z ") {
                    throw ChildProcess.Failure(description: "its process has ended")
                }
                return false
            }
            return (try? await self.s5cmd("mb", "s3://\(Self.bucket)")) != nil
        }
    }

    /// Ends it, with all that it keeps.
    package func end() { shell.end(withinMilliseconds: 10_000) }

    /// The command that runs SeaweedFS.
    private static func seaweed(in directory: String, port: UInt16) throws -> [String] {
        let executable = tools + "/weed"
        guard FileManager.default.isExecutableFile(atPath: executable) else {
            throw ChildProcess.Failure(description: "there is no \(executable); run `make bootstrap-tests` first")
        }
        try FileManager.default.createDirectory(atPath: directory + "/data", withIntermediateDirectories: true)
        let identities = """
            {"identities": [
              {"name": "all", "credentials": [{"accessKey": "\(Self.accessKey)", "secretKey": "\(Self.secretKey)"}],
               "actions": ["Admin", "Read", "Write", "List", "Tagging"]},
              {"name": "reader",
               "credentials": [{"accessKey": "\(Self.readerKey)", "secretKey": "\(Self.readerSecret)"}],
               "actions": ["Read", "List"]}]}
            """
        try Data(identities.utf8).write(to: URL(filePath: directory + "/s3.json"))
        var arguments = [
            executable, "server", "-dir=\(directory)/data", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3",
            "-s3.port=\(port)", "-s3.config=\(directory)/s3.json", "-volume.max=100", "-master.volumeSizeLimitMB=512",
            "-master.volumePreallocate=false", "-s3.port.iceberg=0", "-s3.port.lance=0",
        ]
        // Without them, gRPC would take ports that are 10,000 higher, which nobody has looked at.
        for name in [
            "master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port", "filer.port.grpc",
            "s3.port.grpc",
        ] {
            arguments.append("-\(name)=\(try FreePort.find())")
        }
        return arguments
    }

    /// The command that runs Swift, with the Python that Debian's packages are for.
    private static func swift(in directory: String, port: UInt16) throws -> [String] {
        guard FileManager.default.fileExists(atPath: "/usr/lib/python3/dist-packages/swift") else {
            throw ChildProcess.Failure(description: "there is no python3-swift; run `make bootstrap-tests` first")
        }
        return [
            "/usr/bin/python3", "-W", "ignore", root + "/Tests/Servers/swift_store.py", directory, "\(port)",
            "\(accessKey)=\(secretKey)", "\(readerKey)=\(readerSecret)",
        ]
    }

    /// Runs when the test process exits.
    private static func stop() {
        let stores = running.withLock { running in
            defer { running = [] }
            return running
        }
        for store in stores { store.end() }
    }

    // MARK: - Other clients

    private static var clientEnvironment: [String: String] {
        environment.merging(["PATH": "/usr/bin:/bin", "HOME": "/nonexistent"]) { $1 }
    }

    /// Runs s5cmd and returns its output.
    @discardableResult
    package func s5cmd(_ arguments: String...) async throws -> String {
        try await ChildProcess.run(
            Self.tools + "/s5cmd",
            ["--endpoint-url", endpoint] + arguments,
            environment: Self.clientEnvironment
        )
    }

    /// The bytes of an object, by s5cmd; nil when there is none.
    package func object(_ key: String) async throws -> [UInt8]? {
        let file = NSTemporaryDirectory() + "object-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: file) }
        do {
            try await s5cmd("cp", "--raw", "s3://\(Self.bucket)/\(key)", file)
        } catch let failure as ChildProcess.Failure where failure.description.contains("404") {
            return nil
        }
        return try Array(Data(contentsOf: URL(filePath: file)))
    }

    /// Puts a file by s5cmd.
    package func put(_ file: String, _ key: String) async throws {
        try await s5cmd("cp", file, "s3://\(Self.bucket)/\(key)")
    }

    /// Runs a program of Python that has boto3, with `s3` as its client, `bucket` as the bucket and `arguments`;
    /// returns its output.
    @discardableResult
    package func python(_ program: String, _ arguments: String...) async throws -> String {
        let start = """
            import sys, json, boto3
            from botocore.config import Config
            arguments, bucket = sys.argv[1:], "\(Self.bucket)"
            s3 = boto3.client("s3", endpoint_url="\(endpoint)", config=Config(s3={"addressing_style": "path"}))

            """
        return try await ChildProcess.run(
            Self.tools + "/python",
            ["-c", start + program] + arguments,
            environment: Self.clientEnvironment
        )
    }

    /// A program of Python that has botocore, without a store.
    @discardableResult
    package static func python(_ program: String, _ arguments: String...) async throws -> String {
        try await ChildProcess.run(tools + "/python", ["-c", program] + arguments, environment: clientEnvironment)
    }

    /// The keys beneath a prefix that ends with a slash.
    package func keys(_ prefix: String) async throws -> [String] {
        let text = try await python(
            "print(json.dumps([o['Key'] for o in s3.list_objects_v2(Bucket=bucket, Prefix=arguments[0])"
                + ".get('Contents', [])]))",
            prefix
        )
        return try JSONDecoder().decode([String].self, from: Data(text.utf8))
    }

    /// Uploads in parts that are open beneath a prefix: their keys.
    package func openUploads(_ prefix: String) async throws -> [String] {
        let text = try await python(
            "print(json.dumps([u['Key'] for u in s3.list_multipart_uploads(Bucket=bucket, Prefix=arguments[0])"
                + ".get('Uploads', [])]))",
            prefix
        )
        return try JSONDecoder().decode([String].self, from: Data(text.utf8))
    }
}

/// Work that begins with the first one who asks for its value.
private final class LazyTask<Value: Sendable>: Sendable {
    private let body: @Sendable () async throws -> Value
    private let task = Mutex<Task<Value, any Error>?>(nil)

    init(_ body: @escaping @Sendable () async throws -> Value) { self.body = body }

    var value: Value {
        get async throws {
            let running = task.withLock { task in
                let running = task ?? Task { [body] in try await body() }
                task = running
                return running
            }
            return try await running.value
        }
    }
}
