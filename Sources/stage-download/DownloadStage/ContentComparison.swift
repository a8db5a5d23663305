internal import Digests
internal import StageRuntime
internal import Storage

/// Compares a source with what its server and its job say of it.
struct ContentComparison {
    private var own: [(expected: SourceChecksum, running: RunningDigest)] = []
    private var job: (expected: [UInt8], running: RunningDigest)?

    /// - Parameters:
    ///   - checksums: by the server. Those that this system cannot compute are left out.
    ///   - digest: the SHA-256 that the job asks for.
    init(_ checksums: [SourceChecksum], _ digest: [UInt8]?) {
        for checksum in checksums where !own.contains(where: { $0.expected == checksum }) {
            if let running = RunningDigest(checksum.algorithm.kind) { own.append((checksum, running)) }
        }
        if let digest, let running = RunningDigest(.sha256) { job = (digest, running) }
    }

    /// Nothing is said, so no byte needs to be looked at.
    var isEmpty: Bool { own.isEmpty && job == nil }

    func update(_ piece: UnsafeRawBufferPointer) {
        for (_, running) in own { running.update(piece) }
        job?.running.update(piece)
    }

    /// Once all bytes are there.
    ///
    /// - Throws: `StageFailure`.
    func finish() throws(StageFailure) {
        for (expected, running) in own where running.finish() != expected.value {
            throw StageFailure(
                .transient,
                code: "source_damaged",
                "the source came with other bytes than its \(expected.algorithm.rawValue) by its own server says; it "
                    + "is brought again"
            )
        }
        if let job, job.running.finish() != job.expected {
            throw StageFailure(
                .permanent,
                code: "source_mismatch",
                "the source is not the one that the job's `sha256` names; send the job again with that of the source"
            )
        }
    }
}

extension SourceChecksum.Algorithm {
    fileprivate var kind: RunningDigest.Kind {
        switch self {
        case .md5: .md5
        case .sha1: .sha1
        case .sha256: .sha256
        case .crc32: .crc32
        case .crc32c: .crc32c
        }
    }
}
