internal import Glibc
internal import JobModel

/// How a worker's process is started.
struct WorkerLaunch: Sendable {
    /// Where the stages' executables are: beside the supervisor's.
    var executablesDirectory: String
    var environment: [String: String]
    /// Read end of the pipe whose end-of-file tells a worker that the supervisor is gone.
    var lifeline: CInt

    static let statusDescriptor: CInt = 3
    static let lifelineDescriptor: CInt = 4
    /// Log lines go to our own standard output; text that a worker writes to its own two streams is captured.
    static let logDescriptor: CInt = 5

    func request(_ pool: PoolName, worker: String) -> SpawnRequest {
        SpawnRequest(
            executable: "\(executablesDirectory)/stage-\(pool.stage.rawValue)",
            arguments: [
                "--kind", pool.kind.rawValue, "--name", worker, "--status-fd", "\(Self.statusDescriptor)",
                "--lifeline-fd", "\(Self.lifelineDescriptor)", "--log-fd", "\(Self.logDescriptor)",
            ],
            environment: environment(of: pool.stage),
            descriptors: [Self.lifelineDescriptor: lifeline, Self.logDescriptor: STDOUT_FILENO]
        )
    }

    /// The keys of the object store go only to those that read from it, write to it or remove from it. Processing reads
    /// media that anybody may have made; it needs them while files are spilled to a bucket.
    private func environment(of stage: Stage) -> [String: String] {
        switch stage {
        case .download, .upload, .cleanup: return environment
        case .process:
            if SourceURL.scheme(environment["SPILL_URL"] ?? "") == "s3" { return environment }
            return environment.filter { !$0.key.utf8.starts(with: "AWS_".utf8) }
        }
    }
}
