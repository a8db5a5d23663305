internal import CrashPoints
internal import Digests
internal import Files
internal import JobModel
internal import Settings
internal import Synchronization
internal import Threads

extension S3Store {
    package func put(
        _ object: NewObject,
        didWrite: @escaping @Sendable (Int64) throws -> Void
    ) async throws -> PublishedObject {
        let key = try location.fullKey(object.key)
        let file: UploadFile
        let head: S3ObjectHead
        do {
            file = try await OwnThread.run { () throws(FileSystemError) in try UploadFile(object.content) }
            let put = S3Put(
                store: self,
                key: key,
                file: file,
                attributes: attributes(object),
                uploads: object.uploads,
                progress: UploadProgress(didWrite)
            )
            head = try await failing("put", key) { try await put.run() }
        } catch let error as FileSystemError {
            throw StorageError(
                code: .ioFailure,
                message: "cannot publish the object `\(object.key)`: \(error.description.shown)",
                verdict: error.isRetriable ? .transient : .permanent,
                underlying: error
            )
        }
        return PublishedObject(
            sizeBytes: file.sizeBytes,
            location: S3Location.url(bucket: location.bucket, key),
            validator: head.entityTag.map { SourceValidator($0) }
        )
    }

    func attributes(_ object: NewObject?) -> S3ObjectAttributes {
        var metadata = object?.metadata ?? [:]
        metadata[Self.ownerName] = object?.owner
        return S3ObjectAttributes(
            contentType: object?.contentType,
            cacheControl: settings.cacheControl,
            encryption: settings.encryption,
            encryptionKeyID: settings.encryptionKeyID,
            storageClass: settings.storageClass,
            accessControl: settings.accessControl,
            metadata: metadata
        )
    }
}

/// The bytes of a file that a store has got so far, over all its parts. They never become fewer.
final class UploadProgress: Sendable {
    private let state = Mutex((parts: [Int: Int64](), told: Int64(-1)))
    private let didWrite: @Sendable (Int64) throws -> Void

    init(_ didWrite: @escaping @Sendable (Int64) throws -> Void) { self.didWrite = didWrite }

    /// - Throws: what the one who listens throws. He is called by one part at a time, or he would hear of fewer bytes
    ///   after more.
    func note(part: Int, _ bytes: Int64) throws {
        try state.withLock { state in
            state.parts[part] = bytes
            let total = state.parts.values.reduce(0, &+)
            guard total > state.told else { return }
            state.told = total
            try didWrite(total)
        }
    }
}

/// The putting of one file.
struct S3Put: Sendable {
    let store: S3Store
    let key: ObjectKey
    let file: UploadFile
    let attributes: S3ObjectAttributes
    /// As ``NewObject/uploads``.
    let uploads: (any UploadRecord)?
    let progress: UploadProgress
    let trace = S3PutTrace()

    var client: S3Client { store.client }
    var bucket: String { store.location.bucket }

    /// - Returns: the object that the store keeps now.
    /// - Throws: ``S3Failure``, ``StorageError``, ``FileSystemError``, `CancellationError`, or what the progress
    ///   throws.
    func run() async throws -> S3ObjectHead {
        // Whoever has enough ends it before anything is sent, even of an empty file.
        try progress.note(part: 0, 0)
        do {
            return try await tryingChecksums { hasChecksums in
                if file.sizeBytes <= store.settings.multipartThresholdBytes {
                    return try await putWhole(hasChecksum: hasChecksums)
                } else {
                    return try await S3MultipartPut(put: self, hasChecksums: hasChecksums).run()
                }
            }
        } catch var error as StorageError {
            // It may be of a request that came after.
            error.leavesNothing = error.leavesNothing && trace.hasNothing
            throw error
        }
    }

    /// Some stores refuse the checksums of 2022. Then the object goes without one, and the store is asked for none
    /// again.
    func tryingChecksums<R>(_ body: (Bool) async throws -> R) async throws -> R {
        guard client.takesChecksums else { return try await body(false) }
        do {
            return try await body(true)
        } catch let failure as S3Failure where failure.isUnsupported {
            // When this fails as well, the checksum was not to blame.
            let result = try await body(false)
            client.noteTakesNoChecksums()
            return result
        }
    }

    private func putWhole(hasChecksum: Bool) async throws -> S3ObjectHead {
        let sha256 = try await file.digests(offset: 0, count: file.sizeBytes).sha256
        CrashPoint.objectWritten.cross()
        try await trace.noting {
            try await client.put(file, bucket, key, attributes, sha256: sha256, hasChecksum: hasChecksum) {
                [progress] bytes in
                try progress.note(part: 0, bytes)
            }
        }
        let head = try await readBack(sha256: Base64.text(sha256))
        CrashPoint.objectLinked.cross()
        return head
    }

    /// Looks at the object that the store keeps now.
    ///
    /// - Parameter sha256: as the store tells it, where it tells one.
    /// - Throws: ``StorageError`` with the code `object_incomplete` when it is not the file, or when its size cannot be
    ///   learned.
    func readBack(sha256: String) async throws -> S3ObjectHead {
        guard var head = try await client.head(bucket, key) else {
            throw incomplete("the store has no such object after it took it")
        }
        if head.sizeBytes == nil { head.sizeBytes = try await client.size(bucket, key) }
        guard let size = head.sizeBytes else { throw incomplete("the store does not tell its size") }
        if size != file.sizeBytes { throw incomplete("the store keeps \(size) bytes of \(file.sizeBytes)") }
        if let found = head.sha256, !found.utf8.elementsEqual(sha256.utf8) {
            throw incomplete("the store's checksum is not the file's")
        }
        return head
    }

    func incomplete(_ words: String) -> StorageError {
        StorageError(
            code: .incomplete,
            message:
                "the object `\(key)` in \(store.description) is not what was put: \(words); somebody else may have "
                + "put another one at the same time",
            verdict: .transient
        )
    }
}
