internal import Digests
internal import HTTPClient
internal import JobModel

/// A part of an object that a store has, or is to get.
struct S3Part: Sendable, Hashable {
    /// From 1 to 10,000.
    var number: Int
    var sizeBytes: Int64
    /// As the store gave it.
    var entityTag: String
    /// In base64; nil when the store does not tell.
    var sha256: String?
}

/// An upload of an object in parts that has neither been completed nor aborted.
struct S3OpenUpload: Sendable, Hashable {
    var key: ByteText
    var id: String
    /// nil when the store does not tell, or tells it in its own way.
    var initiated: UTCTime?
}

extension S3Client {
    /// Not tried again when the answer is lost: the store may have an upload then whose id nobody knows.
    ///
    /// - Parameter isRepeated: whether it is tried again when the store says that it could not do it.
    /// - Returns: the upload's id.
    func createUpload(
        _ bucket: String,
        _ key: ObjectKey,
        _ attributes: S3ObjectAttributes,
        hasChecksums: Bool,
        isRepeated: Bool = true
    ) async throws -> String {
        var request = S3Request(
            .post,
            "begin the upload of",
            bucket: bucket,
            key: key,
            query: ["uploads": ""],
            headers: attributes.headers
        )
        if hasChecksums { request.headers.add("x-amz-checksum-algorithm", "SHA256") }
        request.isRepeatable = false
        request.isRepeated = isRepeated
        let document = try await documented(request, "InitiateMultipartUploadResult")
        guard let id = document["UploadId"]?.string, !id.isEmpty, id.utf8.count <= 4096 else {
            throw Self.malformed("its answer has no upload id")
        }
        return id
    }

    func uploadPart(
        _ file: UploadFile,
        offset: Int64,
        count: Int64,
        number: Int,
        of upload: String,
        _ bucket: String,
        _ key: ObjectKey,
        sha256: [UInt8],
        hasChecksum: Bool,
        didSend: @escaping @Sendable (Int64) throws -> Void
    ) async throws -> S3Part {
        var request = S3Request(
            .put,
            "upload a part of",
            bucket: bucket,
            key: key,
            query: ["partNumber": "\(number)", "uploadId": upload],
            body: .file(descriptor: file.descriptor, offset: offset, count: count),
            payloadHash: Hexadecimal.text(sha256),
            timeouts: S3Request.transferTimeouts
        )
        if hasChecksum { request.headers.add("x-amz-checksum-sha256", Base64.text(sha256)) }
        request.didSend = didSend
        let response = try await withExtendedFile(file) { try await self.send(request) }
        guard let tag = response.text("etag"), tag.utf8.count <= 1024 else {
            throw Self.malformed("its answer has no ETag")
        }
        return S3Part(number: number, sizeBytes: count, entityTag: tag, sha256: Base64.text(sha256))
    }

    /// Makes one object of the parts.
    func completeUpload(
        _ upload: String,
        _ bucket: String,
        _ key: ObjectKey,
        _ parts: [S3Part],
        hasChecksums: Bool
    ) async throws {
        let lines = parts.map { part in
            "<Part><PartNumber>\(part.number)</PartNumber><ETag>\(Self.escaped(part.entityTag))</ETag>"
                + (hasChecksums ? part.sha256.map { "<ChecksumSHA256>\($0)</ChecksumSHA256>" } ?? "" : "") + "</Part>"
        }
        let text =
            "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">" + lines.joined()
            + "</CompleteMultipartUpload>"
        let body = Array(text.utf8)
        let request = S3Request(
            .post,
            "complete the upload of",
            bucket: bucket,
            key: key,
            query: ["uploadId": upload],
            headers: ["content-type": "application/xml"],
            body: .bytes(body),
            payloadHash: Hexadecimal.text(SHA256.digest(of: body)),
            timeouts: S3Request.patientTimeouts
        )
        _ = try await documented(request, "CompleteMultipartUploadResult")
    }

    /// - Parameter timeouts: shorter ones for somebody who is in a hurry.
    func abortUpload(
        _ upload: String,
        _ bucket: String,
        _ key: ObjectKey,
        timeouts: WebTimeouts = S3Request.shortTimeouts
    ) async throws {
        let request = S3Request(
            .delete,
            "abort the upload of",
            bucket: bucket,
            key: key,
            query: ["uploadId": upload],
            timeouts: timeouts
        )
        do {
            _ = try await send(request)
        } catch let failure as S3Failure where failure.isUploadGone {}
    }

    /// Sends a request that a document answers.
    ///
    /// - Throws: ``S3Failure`` as well for an error document in a response that claims success, and for one that is no
    ///   such document.
    func documented(_ request: S3Request, _ name: String) async throws -> XMLElement {
        try await sending(request) { response in
            let document: XMLElement
            do throws(XMLDocument.Problem) {
                document = try XMLDocument.root(of: response.body)
            } catch {
                throw Self.malformed("its answer is no document that can be read (\(error))")
            }
            if document.isNamed("Error") {
                let shown = (try? XMLDocument.root(of: self.withoutCredentials(response.body))) ?? document
                throw S3Failure(document: shown, status: response.status)
            }
            guard document.isNamed(name) else { throw Self.malformed("its answer is no \(name)") }
            return document
        }
    }

    /// An answer that cannot be used. It may go better later: a proxy may have answered.
    static func malformed(_ words: String) -> S3Failure {
        var failure = S3Failure()
        failure.status = 502
        failure.message = words
        return failure
    }

    private static func escaped(_ text: String) -> String {
        var escaped: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "&"): escaped += Array("&amp;".utf8)
            case UInt8(ascii: "<"): escaped += Array("&lt;".utf8)
            case UInt8(ascii: ">"): escaped += Array("&gt;".utf8)
            case UInt8(ascii: "\""): escaped += Array("&quot;".utf8)
            default: escaped.append(byte)
            }
        }
        return String(decoding: escaped, as: UTF8.self)
    }
}
