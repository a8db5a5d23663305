internal import Digests
internal import HTTPClient
internal import JobModel

/// A store's facts of an object.
struct S3ObjectHead: Sendable {
    var sizeBytes: Int64?
    /// Opaque: it is an MD5 for some objects of some stores.
    var entityTag: String?
    /// The SHA-256 of the object in base64, or for one of several parts that of their digests, with `-` and their
    /// number.
    var sha256: String?
    var contentType: String?
    var encryption: String?
    /// Of ``S3Store/ownerName``.
    var owner: String?

    init(_ response: S3Response) {
        sizeBytes = response.contentLength
        entityTag = response.text("etag")
        sha256 = response.text("x-amz-checksum-sha256")
        contentType = response.text("content-type")
        encryption = response.text("x-amz-server-side-encryption")
        owner = response.text("x-amz-meta-\(S3Store.ownerName)")
    }
}

/// How a new object is stored, as header fields that PutObject and CreateMultipartUpload have in common.
struct S3ObjectAttributes: Sendable, Hashable {
    var contentType: String?
    var cacheControl: String?
    var encryption: String?
    var encryptionKeyID: String?
    var storageClass: String?
    var accessControl: String?
    var metadata: [String: String] = [:]

    var headers: WebHeaders {
        let fields = [
            ("content-type", contentType), ("cache-control", cacheControl),
            ("x-amz-server-side-encryption", encryption),
            ("x-amz-server-side-encryption-aws-kms-key-id", encryptionKeyID), ("x-amz-storage-class", storageClass),
            ("x-amz-acl", accessControl),
        ]
        var headers = WebHeaders()
        for case (let name, let value?) in fields { headers.add(name, value) }
        for (name, value) in metadata.sorted(by: { $0.key < $1.key }) { headers.add("x-amz-meta-\(name)", value) }
        return headers
    }

    /// Whether a stored object has these attributes, as far as the store tells.
    func agree(with head: S3ObjectHead) -> Bool {
        func isSame(_ wanted: String?, _ found: String?) -> Bool {
            guard let wanted, let found else { return true }
            return wanted.utf8.elementsEqual(found.utf8)
        }
        return isSame(contentType, head.contentType) && isSame(encryption, head.encryption)
            && isSame(metadata[S3Store.ownerName], head.owner)
    }
}

extension S3Client {
    /// - Returns: nil when there is no object under the key.
    /// - Throws: as ``send(_:)``.
    func head(_ bucket: String, _ key: ObjectKey) async throws -> S3ObjectHead? {
        let request = S3Request(
            .head,
            "look at",
            bucket: bucket,
            key: key,
            headers: takesChecksums ? ["x-amz-checksum-mode": "ENABLED"] : [:]
        )
        do {
            return S3ObjectHead(try await send(request))
        } catch let failure as S3Failure where failure.web == nil && failure.code.isEmpty {
            // The response to HEAD has no document that says why.
            guard let reason = try await explanation(of: request) else {
                // It has passed.
                return S3ObjectHead(try await send(request))
            }
            if reason.isNotFound { return nil }
            throw reason
        }
    }

    /// The size of an object, for a store that leaves it out of its answer to HEAD (RFC 9110, 9.3.2, allows that).
    ///
    /// - Returns: nil when the store does not tell.
    func size(_ bucket: String, _ key: ObjectKey) async throws -> Int64? {
        let request = S3Request(.get, "look at", bucket: bucket, key: key, headers: ["range": "bytes=0-0"])
        do {
            let response = try await send(request)
            guard response.status == 206 else { return response.status == 200 ? response.contentLength : nil }
            return response.headers["content-range"].flatMap(Self.wholeSize)
        } catch let failure as S3Failure where failure.status == 416 {
            // Only an empty object has no first byte.
            return 0
        } catch let failure as S3Failure where failure.isNotFound || failure.web?.code == .bodyTooLarge {
            return nil
        }
    }

    /// The size that `bytes 0-0/SIZE` tells (RFC 9110, 14.4).
    private static func wholeSize(_ contentRange: [UInt8]) -> Int64? {
        let prefix = "bytes 0-0/".utf8
        guard contentRange.starts(with: prefix) else { return nil }
        return Int64(String(decoding: contentRange.dropFirst(prefix.count), as: UTF8.self)).flatMap {
            $0 > 0 ? $0 : nil
        }
    }

    private func explanation(of request: S3Request) async throws -> S3Failure? {
        var get = request
        get.method = .get
        get.headers = ["range": "bytes=0-0"]
        do {
            _ = try await send(get)
            return nil
        } catch let failure as S3Failure {
            return failure
        }
    }

    /// Stores a whole file as one object.
    ///
    /// - Parameter sha256: of the file, 32 bytes.
    func put(
        _ file: UploadFile,
        _ bucket: String,
        _ key: ObjectKey,
        _ attributes: S3ObjectAttributes,
        sha256: [UInt8],
        hasChecksum: Bool,
        didSend: @escaping @Sendable (Int64) throws -> Void
    ) async throws {
        var request = S3Request(
            .put,
            "put",
            bucket: bucket,
            key: key,
            headers: attributes.headers,
            body: .file(descriptor: file.descriptor, offset: 0, count: file.sizeBytes),
            payloadHash: Hexadecimal.text(sha256),
            timeouts: S3Request.transferTimeouts
        )
        if hasChecksum { request.headers.add("x-amz-checksum-sha256", Base64.text(sha256)) }
        request.didSend = didSend
        _ = try await withExtendedFile(file) { try await self.send(request) }
    }

    func delete(_ bucket: String, _ key: ObjectKey) async throws {
        _ = try await send(S3Request(.delete, "delete", bucket: bucket, key: key))
    }

    /// Keeps the descriptor open for as long as `body` takes.
    func withExtendedFile<R>(_ file: UploadFile, _ body: () async throws -> R) async throws -> R {
        defer { withExtendedLifetime(file) {} }
        return try await body()
    }

    /// Keys that begin with a prefix, in the order of their bytes.
    ///
    /// - Parameter continuation: of the page before.
    func list(
        _ bucket: String,
        prefix: String,
        continuation: String? = nil,
        maximum: Int = 1000
    ) async throws -> (keys: [String], next: String?) {
        var query: S3Query = ["list-type": "2", "prefix": prefix, "max-keys": "\(maximum)", "encoding-type": "url"]
        query["continuation-token"] = continuation
        let document = try await documented(S3Request(.get, "list", bucket: bucket, query: query), "ListBucketResult")
        let isEncoded = document["EncodingType"]?.string == "url"
        return (
            document.children("Contents").compactMap { $0["Key"].flatMap { Self.text($0, isEncoded: isEncoded) } },
            document["IsTruncated"]?.string == "true" ? document["NextContinuationToken"]?.string : nil
        )
    }
}
