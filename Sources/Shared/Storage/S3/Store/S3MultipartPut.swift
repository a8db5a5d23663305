internal import CrashPoints
internal import Digests
internal import HTTPClient
internal import JobModel
internal import Settings

/// The putting of one file in parts.
///
/// An upload that was left open is gone on with when all that the store has of it is known to be of this very file: a
/// part's SHA-256, or its ETag when that is the MD5 of the file's bytes at its place. Anything else is aborted, and the
/// upload begins anew.
///
/// With a record of the job's uploads, these alone are looked at, and one that does not succeed now stays open for the
/// job's next try; whoever ends the job aborts it. Without a record nobody else uploads under the key: open uploads are
/// found by the store's list, and one that fails is aborted at once.
struct S3MultipartPut: Sendable {
    /// S3 takes no more.
    private static let maximumParts: Int64 = 10_000
    private static let mebibyte: Int64 = 1 << 20
    /// Requests that begin one upload, and uploads that are begun for one object at a time.
    private static let beginnings = 3
    /// For the abort of an upload whose job has been cancelled, with all its tries.
    private static let hurriedAbort = Duration.milliseconds(1500)

    let put: S3Put
    let hasChecksums: Bool

    var client: S3Client { put.client }
    var file: UploadFile { put.file }

    /// Bytes of each part but the last: as set, or more for a file that would have too many.
    static func partBytes(of sizeBytes: Int64, setting: Int64) -> Int64 {
        let needed = (max(sizeBytes, 1) - 1) / maximumParts + 1
        return needed <= setting ? setting : (needed - 1) / mebibyte * mebibyte + mebibyte
    }

    private var partBytes: Int64 {
        Self.partBytes(of: file.sizeBytes, setting: put.store.settings.partBytes)
    }

    var partCount: Int { Int((max(file.sizeBytes, 1) - 1) / partBytes) + 1 }

    func range(_ number: Int) -> (offset: Int64, count: Int64) {
        let offset = Int64(number - 1) * partBytes
        return (offset, min(partBytes, file.sizeBytes - offset))
    }

    struct Upload {
        var id: String
        /// By number.
        var parts: [Int: Done]
    }

    /// A part that the store has.
    struct Done: Sendable {
        var part: S3Part
        /// 32 bytes, of our file.
        var sha256: [UInt8]
    }

    /// - Returns: the object that the store keeps now.
    func run() async throws -> S3ObjectHead {
        if let record = put.uploads { return try await runNoted(in: record) }
        if let earlier = try await earlierUpload() {
            do {
                let head = try await uploadOrAbort(earlier)
                if put.attributes.agree(with: head) { return head }
            } catch let failure as S3Failure where !failure.isTransient {
                // It is not what it seemed to be.
            }
        }
        return try await beginningAnew { try await uploadOrAbort(Upload(id: try await begin(), parts: [:])) }
    }

    /// Runs `body` again when somebody has ended its upload, which it has begun itself.
    func beginningAnew<R>(_ body: () async throws -> R) async throws -> R {
        for _ in 1..<Self.beginnings {
            do { return try await body() } catch let failure as S3Failure where failure.isUploadGone {}
        }
        do { return try await body() } catch let failure as S3Failure where failure.isUploadGone {
            throw put.incomplete("somebody has ended its upload, \(Self.beginnings) times in a row")
        }
    }

    func begin() async throws -> String {
        var tries = 1
        while true {
            do {
                return try await put.trace.noting {
                    try await client.createUpload(
                        put.bucket,
                        put.key,
                        put.attributes,
                        hasChecksums: hasChecksums,
                        isRepeated: false
                    )
                }
            } catch let failure as S3Failure
                where failure.isTransient && !failure.isSkewed && tries < Self.beginnings
                && failure.retryAfter ?? .zero <= .seconds(5)
            {
                tries += 1
                try await Task.sleep(for: failure.retryAfter ?? .milliseconds(Int.random(in: 100...500)))
                // The store may have begun one whose id was lost on the way. Where others upload as well, nobody knows
                // which it is; it has no parts, and the sweep finds it.
                guard put.uploads == nil else { continue }
                for upload in try await openUploads() { try? await client.abortUpload(upload.id, put.bucket, put.key) }
            }
        }
    }

    // MARK: - Uploading

    private func uploadOrAbort(_ upload: Upload) async throws -> S3ObjectHead {
        do { return try await self.upload(upload) } catch {
            await abort(upload.id)
            throw error
        }
    }

    /// Uploads the parts that are missing, and makes an object of all.
    func upload(_ upload: Upload) async throws -> S3ObjectHead {
        let parts = try await missingParts(of: upload)
        CrashPoint.objectWritten.cross()
        let head = try await complete(upload.id, parts)
        CrashPoint.objectLinked.cross()
        return head
    }

    private func missingParts(of upload: Upload) async throws -> [Done] {
        var parts = upload.parts
        for (number, done) in parts { try put.progress.note(part: number, done.part.sizeBytes) }
        var missing = (1...partCount).filter { parts[$0] == nil }.makeIterator()
        try await withThrowingTaskGroup(of: Done.self) { group in
            for _ in 0..<max(put.store.settings.parallelParts, 1) {
                if let number = missing.next() { group.addTask { try await uploadPart(number, of: upload.id) } }
            }
            while let done = try await group.next() {
                parts[done.part.number] = done
                if let number = missing.next() { group.addTask { try await uploadPart(number, of: upload.id) } }
            }
        }
        return parts.values.sorted { $0.part.number < $1.part.number }
    }

    private func uploadPart(_ number: Int, of upload: String) async throws -> Done {
        let (offset, count) = range(number)
        let sha256 = try await file.digests(offset: offset, count: count).sha256
        let part = try await client.uploadPart(
            file,
            offset: offset,
            count: count,
            number: number,
            of: upload,
            put.bucket,
            put.key,
            sha256: sha256,
            hasChecksum: hasChecksums
        ) { [progress = put.progress] bytes in try progress.note(part: number, bytes) }
        return Done(part: part, sha256: sha256)
    }

    private func complete(_ upload: String, _ parts: [Done]) async throws -> S3ObjectHead {
        do {
            try await completeTryingChecksums(upload, parts.map(\.part))
        } catch let failure as S3Failure where failure.isUploadGone {
            // The answer to an earlier try was lost: then the object is there, and is ours.
            guard let head = try await client.head(put.bucket, put.key), Self.isObject(head, of: parts) else {
                throw failure
            }
        }
        return try await put.readBack(sha256: Self.checksum(of: parts))
    }

    /// Some stores take parts with checksums, and refuse a list with them. The parts need not go again for that.
    private func completeTryingChecksums(_ upload: String, _ parts: [S3Part]) async throws {
        func complete(_ hasChecksums: Bool) async throws {
            try await client.completeUpload(upload, put.bucket, put.key, parts, hasChecksums: hasChecksums)
        }
        if hasChecksums { try await put.tryingChecksums(complete) } else { try await complete(false) }
    }

    /// As a store tells the checksum of an object of several parts.
    private static func checksum(of parts: [Done]) -> String {
        "\(Base64.text(SHA256.digest(of: parts.flatMap(\.sha256))))-\(parts.count)"
    }

    /// Whether an object is known to be made of these parts.
    static func isObject(_ head: S3ObjectHead, of parts: [Done]) -> Bool {
        if let told = head.sha256 { return told.utf8.elementsEqual(checksum(of: parts).utf8) }
        return head.entityTag.map { S3EntityTag.isOf(parts.map(\.part), $0) } ?? false
    }

    /// Gives the parts back, also when the task is cancelled. A store that does not answer now keeps them.
    func abort(_ upload: String) async {
        let abort = Task { try? await client.abortUpload(upload, put.bucket, put.key) }
        let hurry = Task.isCancelled
        let end = Task {
            guard hurry else { return }
            try await Task.sleep(for: Self.hurriedAbort)
            abort.cancel()
        }
        await abort.value
        end.cancel()
    }
}
