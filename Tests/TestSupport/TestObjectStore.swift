import Foundation
import Synchronization

/// The S3 store that tests talk to: SeaweedFS, which `scripts/bootstrap tests` installs.
///
/// One is started per test process, with the first test that asks, and ends with it however that ends. It has one
/// bucket; each test has a prefix of its own. Other clients look at it: `s5cmd`, and boto3 by ``python(_:_:)``.
package final class TestObjectStore: Sendable {
    package static let bucket = "media"
    package static let accessKey = "test-access-key"
    package static let secretKey = "test-secret-key"
    /// May read and list, and write nothing.
    package static let readerKey = "test-reader-key"
    package static let readerSecret = "test-reader-secret"

    package let port: UInt16
    private let directory: String
    private let shell: PipedProcess

    private static let starting = Task { try await TestObjectStore() }
    private static let running = Mutex<TestObjectStore?>(nil)

    /// The store of this test process. The first call takes some seconds.
    package static func shared() async throws -> TestObjectStore { try await starting.value }

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

    /// The directory of programs that were installed for the tests.
    private static let tools =
        URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path + "/.build-tools/python/bin"

    private init() async throws {
        let executable = Self.tools + "/weed"
        guard FileManager.default.isExecutableFile(atPath: executable) else {
            throw ChildProcess.Failure(description: "there is no \(executable); run `make bootstrap-tests` first")
        }
        directory = try ScratchDirectory.make("test-store")
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
        port = try FreePort.find()
        var arguments = [
            "server", "-dir=\(directory)/data", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3",
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
        // Killed when the test process is gone, which is the other end of its input.
        let script = """
            output=$1; shift
            "$@" </dev/null >>"$output" 2>&1 &
            echo $!
            read -r line
            kill -KILL $!
            wait $!
            """
        shell = try PipedProcess(
            "/bin/sh",
            ["-c", script, "sh", directory + "/log", executable] + arguments,
            environment: ["PATH": "/usr/bin:/bin", "HOME": directory, "GOMAXPROCS": "2"]
        )
        Self.running.withLock { $0 = self }
        atexit { TestObjectStore.stop() }
        do {
            try await eventually("the store has a bucket", within: .seconds(60)) {
                guard FreePort.isTaken(self.port) else { return false }
                return (try? await self.s5cmd("mb", "s3://\(Self.bucket)")) != nil
            }
        } catch {
            let said = (try? String(contentsOfFile: directory + "/log", encoding: .utf8)) ?? ""
            throw ChildProcess.Failure(description: "SeaweedFS does not start: \(error)\n\(said.suffix(4000))")
        }
    }

    /// Runs when the test process exits.
    private static func stop() {
        guard let store = running.withLock({ $0 }) else { return }
        store.shell.end(withinMilliseconds: 10_000)
        try? FileManager.default.removeItem(atPath: store.directory)
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
