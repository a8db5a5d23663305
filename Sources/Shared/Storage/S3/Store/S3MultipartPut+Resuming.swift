internal import CrashPoints
internal import Digests
internal import HTTPClient
internal import JobModel

/// Uploads that an earlier run has left open.
extension S3MultipartPut {
    // MARK: - Of the job's record

    /// Goes on with an upload of the record, or begins one and notes it.
    func runNoted(in record: any UploadRecord) async throws -> S3ObjectHead {
        for id in try await record.open() {
            guard let head = try await goOn(with: id, record) else { continue }
            await giveUpAll(but: id, record)
            return head
        }
        return try await beginningAnew {
            let id = try await begin()
            CrashPoint.uploadBegun.cross()
            do { try await record.note(ByteText(id)) } catch {
                await abort(id)
                throw error
            }
            CrashPoint.uploadNoted.cross()
            do {
                let head = try await upload(Upload(id: id, parts: [:]))
                await giveUpAll(but: ByteText(id), record)
                return head
            } catch let failure as S3Failure where failure.isUploadGone {
                try await record.forget(ByteText(id))
                throw failure
            }
        }
    }

    /// - Returns: the object, when it is there now.
    private func goOn(with id: ByteText, _ record: any UploadRecord) async throws -> S3ObjectHead? {
        do {
            guard let parts = try await sureParts(of: id.string) else {
                try await giveUp(id, record)
                return nil
            }
            let head = try await upload(Upload(id: id.string, parts: parts))
            if put.attributes.agree(with: head) { return head }
            try await record.forget(id)
            return nil
        } catch let failure as S3Failure where failure.isUploadGone {
            try await record.forget(id)
            // Its worker may have died before it had the answer.
            return try await finishedObject()
        } catch let failure as S3Failure where failure.web == nil && !failure.isTransient {
            // It is not what it seemed to be.
            try await giveUp(id, record)
            return nil
        }
    }

    /// Aborts an upload of ours that is of no use. One that cannot be aborted now stays in the record.
    private func giveUp(_ id: ByteText, _ record: any UploadRecord) async throws {
        do {
            try await client.abortUpload(id.string, put.bucket, put.key)
        } catch is S3Failure {
            return
        }
        try await record.forget(id)
    }

    /// Aborts what is still in the record when the object is there. Whatever cannot be aborted is left to the sweep.
    private func giveUpAll(but done: ByteText, _ record: any UploadRecord) async {
        for id in (try? await record.open()) ?? [] where id != done { try? await giveUp(id, record) }
    }

    /// The object, when its checksum or its tag tells that it is the file already.
    private func finishedObject() async throws -> S3ObjectHead? {
        guard let head = try await client.head(put.bucket, put.key), head.sizeBytes == file.sizeBytes,
            put.attributes.agree(with: head),
            (head.sha256 ?? head.entityTag).map({ S3EntityTag.tells($0, partCount) }) == true
        else { return nil }
        var parts: [Done] = []
        for number in 1...partCount {
            let (offset, count) = range(number)
            let digests = try await file.digests(offset: offset, count: count, withMD5: head.sha256 == nil)
            let tag = digests.md5.map { Hexadecimal.text($0) } ?? ""
            let part = S3Part(number: number, sizeBytes: count, entityTag: tag)
            parts.append(Done(part: part, sha256: digests.sha256))
        }
        return Self.isObject(head, of: parts) ? head : nil
    }

    // MARK: - Of the store's list

    /// For a key under which nobody else uploads.
    func earlierUpload() async throws -> Upload? {
        let open = try await openUploads()
        if open.count == 1, let one = open.first {
            do {
                if let parts = try await sureParts(of: one.id), !parts.isEmpty {
                    return Upload(id: one.id, parts: parts)
                }
            } catch let failure as S3Failure where !failure.isTransient {}
        }
        for upload in open { try? await client.abortUpload(upload.id, put.bucket, put.key) }
        return nil
    }

    /// Open uploads of the key; none where a store does not list them, or we may not.
    func openUploads() async throws -> [S3OpenUpload] {
        do {
            let key = ByteText(put.key.rawValue)
            return try await client.listUploads(put.bucket, prefix: put.key.rawValue, of: key)
        } catch let failure as S3Failure where !failure.isTransient {
            return []
        }
    }

    // MARK: - Parts

    /// - Returns: nil unless all parts that the store has are of this file.
    private func sureParts(of upload: String) async throws -> [Int: Done]? {
        guard let listed = try await client.listParts(upload, put.bucket, put.key, atMost: partCount),
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
}
