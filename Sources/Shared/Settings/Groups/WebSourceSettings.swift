/// Sources that are read by HTTP: from where, and how long it may take.
package struct WebSourceSettings: SettingsGroup {
    package static let section = "Sources by HTTP"

    /// Whether `http:` URLs are read as well.
    package let allowsHTTP: Bool
    /// Empty: any but the denied ones.
    package let allowedHosts: [HostPattern]
    package let deniedHosts: [HostPattern]
    /// Networks that are reached although they are not public.
    package let allowedNetworks: [NetworkRange]
    /// PEM; nil: the system's authorities alone.
    package let authoritiesFile: String?
    package let connectSeconds: Double
    package let firstByteSeconds: Double
    package let idleSeconds: Double
    /// 0: no limit.
    package let totalSeconds: Double
    /// Over `idleSeconds`. 0: no limit.
    package let minimumBytesPerSecond: Int64
    /// Ranges of one source that are read at a time.
    package let parallelRanges: Int
    package let parallelMinimumBytes: Int64

    package init(_ read: SettingsReader) {
        allowsHTTP = read(
            SettingKey(
                "ALLOW_HTTP",
                .flag,
                default: false,
                isReloadable: true,
                "Whether sources and `uploadUrls` may be `http:` URLs, which anybody on the way can read and change. "
                    + "Redirects from `https:` to `http:` are refused all the same."
            )
        )
        allowedHosts = read(
            SettingKey(
                "SOURCE_ALLOWED_HOSTS",
                HostPattern.listFormat,
                default: [],
                documented: "none: any host",
                isReloadable: true,
                "The only hosts that sources are read from, redirects included. `*.media.example` are all hosts "
                    + "beneath that name, and not the name itself. Holds for `uploadUrls` as well."
            )
        )
        deniedHosts = read(
            SettingKey(
                "SOURCE_DENIED_HOSTS",
                HostPattern.listFormat,
                default: [],
                documented: "none",
                isReloadable: true,
                "Hosts that no source is read from, whatever SOURCE_ALLOWED_HOSTS says. Holds for `uploadUrls` as well."
            )
        )
        allowedNetworks = read(
            SettingKey(
                "SOURCE_ALLOWED_NETWORKS",
                NetworkRange.listFormat,
                default: [],
                documented: "none",
                isReloadable: true,
                "Networks that sources may be read from although they are not public, such as 10.1.0.0/16 for a store "
                    + "inside. The address that gives a cloud's machine its credentials must be named by itself. Holds "
                    + "for `uploadUrls` as well: a network that is read from may be written to by them."
            )
        )
        authoritiesFile = read(
            SettingKey(
                "TLS_CA_FILE",
                .optional(.path),
                default: nil,
                documented: "none",
                isReloadable: true,
                "Certificates of authorities in PEM that sources by `https:` may have theirs from, besides those in "
                    + "the system's directory."
            )
        )
        func seconds(_ name: String, _ range: ClosedRange<Double>, zero: String? = nil, _ value: Double, _ text: String)
            -> Double
        {
            read(
                SettingKey(
                    name,
                    .number(range, zero: zero),
                    unit: "seconds",
                    default: value,
                    isReloadable: true,
                    text
                )
            )
        }
        connectSeconds = seconds(
            "SOURCE_CONNECT_SECONDS",
            0.1...600,
            10,
            "Longest time for the lookup of a source's host, the connection and its TLS together."
        )
        firstByteSeconds = seconds(
            "SOURCE_FIRST_BYTE_SECONDS",
            0.1...3600,
            60,
            "Longest time from there to the end of the response's header."
        )
        idleSeconds = seconds(
            "SOURCE_IDLE_SECONDS",
            0.1...3600,
            30,
            "Longest time in which nothing comes of a source."
        )
        totalSeconds = seconds(
            "SOURCE_TOTAL_SECONDS",
            0...604_800,
            zero: "no limit",
            21_600,
            "Longest time for a whole source in one attempt, with all reconnections. What has come by then is kept for "
                + "the next attempt."
        )
        minimumBytesPerSecond = read(
            SettingKey(
                "SOURCE_MIN_BYTES_PER_SECOND",
                .integer(0...(1 << 40), zero: "no limit"),
                unit: "bytes/s",
                default: 1024,
                isReloadable: true,
                "What must come of a source on average over SOURCE_IDLE_SECONDS. A slower one is interrupted."
            )
        )
        parallelRanges = read(
            SettingKey(
                "SOURCE_PARALLEL_RANGES",
                .integer(1...16),
                default: 1,
                isReloadable: true,
                "Ranges of one large source, by HTTP or in a bucket, that are read at a time. More than 1 gains where "
                    + "the way to the server is long or each connection has its limit, and takes 8 MiB of memory for "
                    + "each further one."
            )
        )
        parallelMinimumBytes = read(
            SettingKey(
                "SOURCE_PARALLEL_MIN_BYTES",
                .integer(0...(1 << 50)),
                unit: "bytes",
                default: 67_108_864,
                isReloadable: true,
                "Smaller sources come on one connection."
            )
        )
    }
}
