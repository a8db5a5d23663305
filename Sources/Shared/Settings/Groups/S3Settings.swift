/// How objects are put into a store that speaks the API of S3, and from where they may be read. `STORAGE_URL` says
/// where the store is.
package struct S3Settings: SettingsGroup {
    package static let section = "Files"

    /// Buckets that a job's `s3:` source may name besides the store's own: names, or `s3:` URLs without a key.
    package var sourceBuckets: [String] = []
    /// A larger file is put in parts.
    package var multipartThresholdBytes: Int64 = defaultThresholdBytes
    package var partBytes: Int64 = defaultPartBytes
    package var parallelParts = defaultParallelParts
    package var parallelOutputs = defaultParallelOutputs
    package var cacheControl: String?
    package var encryption: String?
    package var encryptionKeyID: String?
    package var storageClass: String?
    package var accessControl: String?

    private static let defaultThresholdBytes: Int64 = 33_554_432
    private static let defaultPartBytes: Int64 = 16_777_216
    private static let defaultParallelParts = 4
    private static let defaultParallelOutputs = 8
    /// Sizes that S3 takes for a part or a whole.
    private static let sizes: ClosedRange<Int64> = 5_242_880...5_368_709_120

    /// The defaults.
    package init() {}

    package init(_ read: SettingsReader) {
        sourceBuckets = read(
            SettingKey(
                "S3_SOURCE_BUCKETS",
                Self.words,
                default: [],
                documented: "none",
                isReloadable: true,
                "Buckets that an `s3:` source of a job may name besides that of STORAGE_URL. A name stands for a "
                    + "bucket at the store's endpoint, `s3://bucket?endpoint=…&region=…` for one elsewhere."
            )
        )
        readSizes(read)
        readAttributes(read)
    }

    private mutating func readSizes(_ read: SettingsReader) {
        multipartThresholdBytes = read(
            SettingKey(
                "S3_MULTIPART_THRESHOLD_BYTES",
                .integer(Self.sizes),
                unit: "bytes",
                default: Self.defaultThresholdBytes,
                isReloadable: true,
                "A larger output is uploaded in parts."
            )
        )
        partBytes = read(
            SettingKey(
                "S3_PART_BYTES",
                .integer(Self.sizes),
                unit: "bytes",
                default: Self.defaultPartBytes,
                isReloadable: true,
                "Size of a part. A file that would have more than 10,000 parts has larger ones."
            )
        )
        parallelParts = read(
            SettingKey(
                "S3_PARALLEL_PARTS",
                .integer(1...16),
                default: Self.defaultParallelParts,
                isReloadable: true,
                "Parts of a file that a worker uploads at a time."
            )
        )
        parallelOutputs = read(
            SettingKey(
                "UPLOAD_PARALLEL",
                .integer(1...16),
                default: Self.defaultParallelOutputs,
                isReloadable: true,
                "Outputs of a job that a worker puts into a bucket at a time. A directory gets one after the other."
            )
        )
    }

    private mutating func readAttributes(_ read: SettingsReader) {
        cacheControl = read(
            SettingKey(
                "S3_CACHE_CONTROL",
                .optional(Self.headerValue),
                default: nil,
                documented: "none",
                isReloadable: true,
                "`Cache-Control` of outputs, such as `public, max-age=31536000, immutable`."
            )
        )
        encryption = read(
            SettingKey(
                "S3_SSE",
                .optional(.word(of: ["AES256", "aws:kms", "aws:kms:dsse"])),
                default: nil,
                documented: "none",
                isReloadable: true,
                "Encryption of outputs by the store. Without it the bucket's own setting decides."
            )
        )
        encryptionKeyID = read(
            SettingKey(
                "S3_SSE_KMS_KEY_ID",
                .optional(Self.headerValue),
                default: nil,
                documented: "none",
                isReloadable: true,
                "Key of KMS for S3_SSE=aws:kms: an id, or an ARN."
            )
        )
        if encryptionKeyID != nil, encryption?.utf8.starts(with: "aws:kms".utf8) != true {
            read.refuse("S3_SSE_KMS_KEY_ID", "it needs S3_SSE=aws:kms or aws:kms:dsse")
        }
        storageClass = read(
            SettingKey(
                "S3_STORAGE_CLASS",
                .optional(Self.headerValue),
                default: nil,
                documented: "none",
                isReloadable: true,
                "Storage class of outputs, such as `STANDARD_IA`."
            )
        )
        accessControl = read(
            SettingKey(
                "S3_ACL",
                .optional(
                    .word(of: [
                        "private", "public-read", "public-read-write", "authenticated-read", "aws-exec-read",
                        "bucket-owner-read", "bucket-owner-full-control",
                    ])
                ),
                default: nil,
                documented: "none",
                isReloadable: true,
                "Canned access list of outputs. Buckets of today have none, and refuse it."
            )
        )
    }

    private static var headerValue: SettingFormat<String> {
        .text { text in
            text.utf8.allSatisfy { (0x20...0x7E).contains($0) } && text.utf8.count <= 1024
                ? nil : "it has a character that no header field may have, or more than 1024"
        }
    }

    static var words: SettingFormat<[String]> {
        SettingFormat(
            type: "words, space between",
            text: { $0.joined(separator: " ") },
            parse: { (text) throws(SettingsReader.ParseFailure) in words(of: text) }
        )
    }

    /// The words of a text of this kind; commas part them as well.
    package static func words(of text: String) -> [String] {
        text.utf8.split(whereSeparator: { $0 == 0x20 || $0 == 0x2C }).map { String(decoding: $0, as: UTF8.self) }
    }
}
