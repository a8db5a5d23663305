internal import JobModel

/// Where sources come from and outputs go. Each source and store has its own part here.
package struct StorageSettings: SettingsGroup {
    package static let section = "Files"

    /// The object store of sources by key and of outputs.
    package let storageURL: String
    /// Directories that a `file:` source may lie in.
    package let fileSourceRoots: [String]
    /// `file:` and `s3:` URLs beneath which a job may have its outputs put.
    package let destinationPrefixes: [String]
    package let maximumSourceBytes: Int64
    /// By HTTP and from buckets, in each process; 0: no limit.
    package let maximumSourceBytesPerSecond: Int64
    /// Into buckets and to upload URLs, in each process; 0: no limit.
    package let maximumUploadBytesPerSecond: Int64
    package let webSources: WebSourceSettings
    package var s3: S3Settings

    package init(_ read: SettingsReader) {
        storageURL = read(
            SettingKey(
                "STORAGE_URL",
                .url,
                default: "file://" + Path.absolute("media-output"),
                documented: "`file://` and `./media-output` made absolute",
                isReloadable: true,
                "The object store: sources are read from it by key, outputs are written to it. A directory "
                    + "(`file:///srv/media`), or a bucket (`s3://bucket/prefix?endpoint=…&region=…&style=path`)."
            )
        )
        fileSourceRoots = read(
            SettingKey(
                "FILE_SOURCE_ROOTS",
                Self.paths,
                default: read.isSet(BrokerSettings.urlName) ? [] : ["/"],
                documented: "`/` with the private broker, else none",
                isReloadable: true,
                "Directories that a `file:` source of a job may lie in. With the private broker only the owner of "
                    + "STATE_DIR can submit jobs, who can read those files anyway; on a shared broker anyone who can "
                    + "publish could."
            )
        )
        destinationPrefixes = read(
            SettingKey(
                "DESTINATION_PREFIXES",
                S3Settings.words,
                default: [],
                documented: "none",
                isReloadable: true,
                "Where a job may have its outputs put by `destination`, at these URLs and beneath them: "
                    + "`s3://bucket/prefix` at the store's endpoint and with its credentials, "
                    + "`file:///srv/media/other` on this host. Without any, `destination` is refused."
            )
        )
        let isBucket = SourceURL.scheme(storageURL) == "s3"
        if !isBucket, destinationPrefixes.contains(where: { SourceURL.scheme($0) == "s3" }) {
            read.refuse(
                "DESTINATION_PREFIXES",
                "a bucket has the endpoint and the credentials of STORAGE_URL, which is none; leave it out, or set "
                    + "STORAGE_URL to a bucket"
            )
        }
        maximumSourceBytes = read(
            SettingKey(
                "SOURCE_MAX_BYTES",
                .integer(1...(1 << 62)),
                unit: "bytes",
                default: 53_687_091_200,
                isReloadable: true,
                "A larger source fails its job."
            )
        )
        maximumSourceBytesPerSecond = Self.bandwidth(
            read,
            "SOURCE_MAX_BYTES_PER_SECOND",
            "The most that each worker takes in a second, over all its sources by HTTP and objects from buckets."
        )
        maximumUploadBytesPerSecond = Self.bandwidth(
            read,
            "UPLOAD_MAX_BYTES_PER_SECOND",
            "The most that each worker sends to buckets and upload URLs in a second, over all objects and parts."
        )
        webSources = read.load(WebSourceSettings.self)
        s3 = S3Settings(read)
    }

    /// With less, the pieces of transfers that run side by side would be too far apart for many servers.
    private static let leastBandwidth: Int64 = 65_536

    private static func bandwidth(_ read: SettingsReader, _ name: String, _ text: String) -> Int64 {
        let value = read(
            SettingKey(
                name,
                .integer(0...Int64(1 << 40), zero: "no limit"),
                unit: "bytes/s",
                default: 0,
                isReloadable: true,
                text + " At least \(leastBandwidth)."
            )
        )
        if (1..<leastBandwidth).contains(value) { read.refuse(name, "it must be 0 or at least \(leastBandwidth)") }
        return value
    }

    private static var paths: SettingFormat<[String]> {
        SettingFormat(
            type: "paths, `:` between",
            text: { $0.joined(separator: ":") },
            parse: { (text) throws(SettingsReader.ParseFailure) in
                text.split(separator: ":").map { Path.absolute(String($0)) }
            }
        )
    }
}
