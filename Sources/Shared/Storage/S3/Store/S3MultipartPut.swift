internal import CrashPoints
internal import Digests
internal import HTTPClient
internal import JobModel
internal import Settings

/// The putting of one file in parts.
///
/// An upload that an earlier run has left open under the key is gone on with when all that the store has of it is known
/// to be of this very file: a part's SHA-256, or its ETag when that is the MD5 of the file's bytes at its place.
/// Anything else is aborted, and the upload begins anew.
struct S3MultipartPut: Sendable {
    /// S3 takes no more.
    private static let maximumParts: Int64 = 10_000
    private static let mebibyte: Int64 = 1 << 20
    private static let beginnings = 3
    /// For the abort of an upload whose job has been cancelled.
    private static let hurriedTimeouts = WebTimeouts(
        connect: .seconds(1),
        idle: .seconds(1),
        total: .milliseconds(1500)
    )

    let put: S3Put
    let hasChecksums: Bool

    private var client: S3Client { put.client }
    private var file: UploadFile { put.file }

    /// Bytes of each part but the last: as set, or more for a file that would have too many.
    static func partBytes(of sizeBytes: Int64, setting: Int64) -> Int64 {
        let needed = (max(sizeBytes, 1) - 1) / maximumParts + 1
        return max(setting, (needed - 1) / mebibyte * mebibyte + mebibyte)
    }

    private var partBytes: Int64 {
        Self.partBytes(of: file.sizeBytes, setting: put.store.settings.partBytes)
    }

    private var partCount: Int { Int((max(file.sizeBytes, 1) - 1) / partBytes) + 1 }

    private func range(_ number: Int) -> (offset: Int64, count: Int64) {
        let offset = Int64(number - 1) * partBytes
        return (offset, min(partBytes, file.sizeBytes - offset))
    }

    /// - Returns: the object that the store keeps now.
    func run() async throws -> S3ObjectHead {
        if let earlier = try await earlierUpload() {
            do {
                let head = try await upload(earlier)
                if put.attributes.agree(with: head) { return head }
            } catch let failure as S3Failure where !failure.isTransient {
                // It is not what it seemed to be.
            }
        }
        return try await upload(Upload(id: try await begin(), parts: [:]))
    }

    private func begin() async throws -> String {
        var tries = 1
        while true {
            do {
                return try await client.createUpload(put.bucket, put.key, put.attributes, hasChecksums: hasChecksums)
            } catch let failure as S3Failure where failure.web != nil && failure.isTransient && tries < Self.beginnings
            {
                tries += 1
                // The store may have begun one whose id was lost on the way.
                for upload in try await openUploads() { try? await client.abortUpload(upload.id, put.bucket, put.key) }
            }
        }
    }

    private struct Upload {
        var id: String
        /// By number.
        var parts: [Int: Done]
    }

    /// A part that the store has.
    private struct Done: Sendable {
        var part: S3Part
        /// 32 bytes, of our file.
        var sha256: [UInt8]
    }

    // MARK: - Going on

    private func earlierUpload() async throws -> Upload? {
        let open = try await openUploads()
        if open.count == 1, let one = open.first, let parts = try await sureParts(of: one.id) {
            return Upload(id: one.id, parts: parts)
        }
        for upload in open { try? await client.abortUpload(upload.id, put.bucket, put.key) }
        return nil
    }

    /// Open uploads of the key; none where a store does not list them, or we may not.
    private func openUploads() async throws -> [S3OpenUpload] {
        do {
            let key = ByteText(put.key.rawValue)
            return try await client.listUploads(put.bucket, prefix: put.key.rawValue).filter { $0.key == key }
        } catch let failure as S3Failure where !failure.isTransient {
            return []
        }
    }

    /// - Returns: nil unless the store has parts, and all are of this file.
    private func sureParts(of upload: String) async throws -> [Int: Done]? {
        let listed: [S3Part]
        do {
            listed = try await client.listParts(upload, put.bucket, put.key)
        } catch let failure as S3Failure where !failure.isTransient {
            return nil
        }
        guard !listed.isEmpty, listed.count <= partCount,
            listed.allSatisfy({ $0.number <= partCount && $0.sizeBytes == range($0.number).count })
        else { return nil }
        var parts: [Int: Done] = [:]
        for var part in listed {
            let (offset, count) = range(part.number)
            let digests = try await file.digests(offset: offset, count: count, withMD5: part.sha256 == nil)
            let own = Base64.text(digests.sha256)
            guard Self.isSame(part, own, md5: digests.md5) else { return nil }
            part.sha256 = own
            parts[part.number] = Done(part: part, sha256: digests.sha256)
        }
        return parts
    }

    private static func isSame(_ part: S3Part, _ sha256: String, md5: [UInt8]?) -> Bool {
        if let told = part.sha256 { return told.utf8.elementsEqual(sha256.utf8) }
        guard let md5 else { return false }
        return S3EntityTag.digits(part.entityTag) == Hexadecimal.text(md5)
    }

    // MARK: - Uploading

    /// Uploads the parts that are missing, and makes an object of all. An upload that fails is aborted.
    private func upload(_ upload: Upload) async throws -> S3ObjectHead {
        do {
            let parts = try await missingParts(of: upload)
            CrashPoint.objectWritten.cross()
            let head = try await complete(upload.id, parts)
            CrashPoint.objectLinked.cross()
            return head
        } catch {
            await abort(upload.id)
            throw error
        }
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
        let whole = "\(Base64.text(SHA256.digest(of: parts.flatMap(\.sha256))))-\(parts.count)"
        do {
            try await client.completeUpload(
                upload,
                put.bucket,
                put.key,
                parts.map(\.part),
                hasChecksums: hasChecksums
            )
        } catch let failure as S3Failure where failure.isNoSuchUpload {
            // The answer to an earlier try was lost: then the object is there, and is ours.
            let head = try await client.head(put.bucket, put.key)
            let isOurs =
                head?.sha256.map { $0.utf8.elementsEqual(whole.utf8) }
                ?? head?.entityTag.map { S3EntityTag.isOf(parts.map(\.part), $0) } ?? false
            guard isOurs else { throw put.incomplete("somebody has ended its upload") }
        }
        return try await put.readBack(sha256: whole)
    }

    /// Gives the parts back, also when the task is cancelled. A store that does not answer now keeps them until the
    /// next run of the job, or until a rule of the bucket ends the upload.
    private func abort(_ upload: String) async {
        let timeouts = Task.isCancelled ? Self.hurriedTimeouts : S3Request.shortTimeouts
        await Task { try? await client.abortUpload(upload, put.bucket, put.key, timeouts: timeouts) }.value
    }
}

/// Entity tags that are known to be digests. All others are opaque.
enum S3EntityTag {
    /// The digits of a tag, without its quotation marks, in lower case.
    static func digits(_ tag: String) -> String {
        let quote = UInt8(ascii: "\"")
        return String(
            decoding: tag.utf8.filter { $0 != quote }.map { (65...70).contains($0) ? $0 | 0x20 : $0 },
            as: UTF8.self
        )
    }

    /// Whether an object's tag is the MD5 of the MD5s of its parts, with `-` and their number.
    static func isOf(_ parts: [S3Part], _ tag: String) -> Bool {
        guard var whole = MD5() else { return false }
        for part in parts {
            guard let bytes = bytes(digits(part.entityTag)) else { return false }
            whole.update(bytes.span.bytes)
        }
        return digits(tag) == "\(Hexadecimal.text(whole.finish()))-\(parts.count)"
    }

    private static func bytes(_ digits: String) -> [UInt8]? {
        let digits = Array(digits.utf8)
        guard digits.count == 32 else { return nil }
        var bytes: [UInt8] = []
        for start in stride(from: 0, to: 32, by: 2) {
            let pair = String(decoding: digits[start..<start + 2], as: UTF8.self)
            guard let byte = UInt8(pair, radix: 16) else { return nil }
            bytes.append(byte)
        }
        return bytes
    }
}
