internal import Configuration
internal import FoundationEssentials
internal import Glibc
internal import JobModel

extension Settings {
    /// Reads the process's environment, and the file that its `CONFIG_FILE` names.
    ///
    /// - Throws: ``SettingsError`` with every problem there is.
    public static func fromEnvironment() throws(SettingsError) -> Settings {
        try load(ProcessInfo.processInfo.environment).settings
    }

    /// Reads an environment, and the file that its `CONFIG_FILE` names. What the environment sets, the file cannot change.
    ///
    /// - Parameter checks: what is known of values beyond this module.
    /// - Returns: the settings, and the variables of both that they were read from.
    /// - Throws: ``SettingsError`` with every problem there is.
    public static func load(
        _ environment: [String: String],
        checks: [SettingCheck] = []
    ) throws(SettingsError) -> (settings: Settings, variables: [String: String]) {
        let (variables, fileProblems) = read(environment)
        let problems = fileProblems + checks.compactMap { $0.problem(in: variables) }
        let settings: Settings
        do {
            settings = try from(variables)
        } catch {
            throw SettingsError(problems: problems + error.problems)
        }
        guard problems.isEmpty else { throw SettingsError(problems: problems) }
        return (settings, variables)
    }

    private static func read(
        _ environment: [String: String]
    ) -> (variables: [String: String], problems: [SettingsError.Problem]) {
        let path = environment[Keys.configurationFile.name] ?? ""
        let file = path.isEmpty ? ConfigurationFile() : ConfigurationFile(path: absolute(path))
        return (file.variables.merging(environment) { $1.isEmpty ? $0 : $1 }, file.problems)
    }

    /// What there is of a wrong configuration: as ``load(_:checks:)``, but keys whose values are wrong have their defaults, and lines
    /// of the file that are no settings are passed over.
    ///
    /// - Parameter needed: keys that must not be among the wrong ones.
    /// - Returns: nil when one is.
    public static func remains(of environment: [String: String], needing needed: Set<String> = []) -> Settings? {
        var variables = read(environment).variables
        // Each turn leaves out a key at least.
        for _ in 0...catalogue.count {
            do {
                return try from(variables)
            } catch {
                let wrong = Set(error.problems.map(\.key))
                guard wrong.isDisjoint(with: needed), !wrong.isDisjoint(with: variables.keys) else { return nil }
                for key in wrong { variables[key] = nil }
            }
        }
        return nil
    }

    /// Reads the given variables, as if they were the environment.
    public static func from(_ variables: [String: String]) throws(SettingsError) -> Settings {
        try Settings(ConfigReader(provider: EnvironmentVariablesProvider(environmentVariables: variables)))
    }

    private init(_ config: ConfigReader) throws(SettingsError) {
        var reader = SettingsReader(config)
        configurationFile = reader.optionalText(Keys.configurationFile).map { Self.absolute($0) }
        temporaryDirectory = Self.absolute(reader.text(Keys.temporaryDirectory, default: "/tmp"))
        stateDirectory = Self.absolute(reader.text(Keys.stateDirectory, default: "state"))
        storageURL = reader.text(Keys.storageURL, default: "file://" + Self.absolute("media-output"))
        brokerURL = reader.optionalText(Keys.brokerURL)
        fileSourceRoots = reader.text(Keys.fileSourceRoots, default: brokerURL == nil ? "/" : "")
            .split(separator: ":").map { Self.absolute(String($0)) }
        maximumSourceBytes = reader.integer(Keys.maximumSourceBytes, default: 53_687_091_200, in: 1...(1 << 62))
        cleanupIntervalHours = reader.number(Keys.cleanupIntervalHours, default: 6, in: 0.01...8760)
        orphanGraceMinutes = reader.number(Keys.orphanGraceMinutes, default: 60, in: 0...525_600)
        jobRetentionHours = reader.number(Keys.jobRetentionHours, default: 168, in: 1...87_600)
        jobMaximumAgeHours = reader.number(Keys.jobMaximumAgeHours, default: 24, in: 0.001...87_600)
        temporaryMaximumBytes = reader.integer(Keys.temporaryMaximumBytes, default: 0, in: 0...(1 << 62))
        temporaryMinimumFreeBytes = reader.integer(
            Keys.temporaryMinimumFreeBytes,
            default: 134_217_728,
            in: 0...(1 << 62)
        )
        temporaryExpansionFactor = reader.number(Keys.temporaryExpansionFactor, default: 3, in: 1...1000)
        compressAfterMinutes = reader.number(Keys.compressAfterMinutes, default: 0, in: 0...525_600)
        shutdownCleanup = reader.choice(Keys.shutdownCleanup, default: .resume)
        alertWebhook = reader.optionalParsed(Keys.alertWebhookURL, WebhookURL.init)
        alertPercent = reader.number(Keys.alertPercent, default: 90, in: 1...100)
        queuePrefix =
            reader.parsed(Keys.queuePrefix, default: "") { (text) throws(SettingsReader.ParseFailure) in
                guard text.utf8.count <= 64 else { throw .init(message: "it is longer than 64 characters") }
                return text
            } ?? ""
        reconnectMaximumSeconds = reader.number(Keys.reconnectMaximumSeconds, default: 30, in: 0.1...3600)
        queueType = reader.choice(Keys.queueType, default: .classic)
        queueDeliveryLimit = reader.integer(Keys.queueDeliveryLimit, default: 20, in: 4...1_000_000)
        queueMaximumPriority = reader.integer(Keys.queueMaximumPriority, default: 0, in: 0...9)
        if queueType == .quorum, queueMaximumPriority > 0 {
            reader.refuse(Keys.queueMaximumPriority, "quorum queues have no priorities; leave it out, or QUEUE_TYPE")
        }
        nodeID = reader.optionalParsed(Keys.nodeID, Self.node)
        maximumUpdates = reader.integer(Keys.maximumUpdates, default: 100_000, in: 0...(1 << 31))
        longWorkSeconds = reader.number(Keys.longWorkSeconds, default: 1200, in: 1...86_400)
        progressIntervalSeconds = reader.number(Keys.progressIntervalSeconds, default: 5, in: 0.1...3600)
        runAs = reader.optionalParsed(Keys.runAs, RunAs.init)
        httpAddress = reader.parsed(Keys.httpAddress, default: "127.0.0.1", HTTPAddress.parse) ?? "127.0.0.1"
        httpHosts = reader.parsed(Keys.httpHosts, default: "", HTTPAddress.names) ?? []
        apiToken = reader.optionalParsed(Keys.apiToken, HTTPAddress.token)
        if !HTTPAddress.isLoopback(httpAddress), apiToken == nil {
            reader.refuse(Keys.httpAddress, "other machines could connect; set API_TOKEN, or a loopback address")
        }
        port = Int(reader.integer(Keys.port, default: 8044, in: 0...65_535))
        workers = reader.parsed(Keys.workers, default: "", WorkerCounts.init(parsing:)) ?? WorkerCounts()
        drainSeconds = reader.number(Keys.drainSeconds, default: 30, in: 0...86_400)
        heartbeatTimeoutSeconds = reader.number(Keys.heartbeatTimeoutSeconds, default: 25, in: 1...3600)
        stallSeconds = reader.number(Keys.stallSeconds, default: 600, in: 0...604_800)
        let maximumAttempts = reader.integer(Keys.maximumAttempts, default: 5, in: AttemptLimits.range)
        attemptLimits =
            reader.parsed(Keys.stageMaximumAttempts, default: "") { (text) throws(SettingsReader.ParseFailure) in
                try AttemptLimits(parsing: text, common: maximumAttempts)
            } ?? AttemptLimits(maximumAttempts)
        maximumStarts = reader.integer(Keys.maximumStarts, default: 3, in: 1...100)
        logLevel = reader.choice(Keys.logLevel, default: .info)
        logFormat = reader.choice(Keys.logFormat, default: .text)
        temporaryFileLog = reader.choice(Keys.temporaryFileLog, default: .each)
        logMaximumBytes = reader.integer(Keys.logMaximumBytes, default: 52_428_800, in: 0...(1 << 62))
        logKeep = reader.integer(Keys.logKeep, default: 5, in: 1...1000)
        logDirectory = Self.absolute(reader.text(Keys.logDirectory, default: "logs"))
        videoLadder = reader.parsed(Keys.videoLadder, default: Keys.videoLadder.defaultText, Self.ladder) ?? []
        videoPreset =
            reader.parsed(Keys.videoPreset, default: "veryfast") { (text) throws(SettingsReader.ParseFailure) in
                guard Self.presets.contains(text) else {
                    throw .init(message: "`\(text)` is none of \(Self.presets.joined(separator: ", "))")
                }
                return text
            } ?? "veryfast"
        videoCRF = reader.integer(Keys.videoCRF, default: 23, in: 1...51)
        audioKilobitsPerSecond = reader.integer(Keys.audioKilobits, default: 128, in: 32...512)
        keepsOriginal = reader.flag(Keys.keepsOriginal, default: true)
        codecThreads = reader.integer(Keys.codecThreads, default: 0, in: 0...64)
        thumbnailIntervalSeconds = reader.number(Keys.thumbnailInterval, default: 15, in: 0.1...86_400)
        thumbnailSide = reader.integer(Keys.thumbnailSide, default: 720, in: 16...8192)
        imageVariants = reader.parsed(Keys.imageVariants, default: Keys.imageVariants.defaultText, Self.variants) ?? []
        imageJPEGQuality = reader.integer(Keys.imageJPEGQuality, default: 82, in: 1...100)
        imageAlphaFormat = reader.choice(Keys.imageAlphaFormat, default: .png)
        imageMaximumMegapixels = reader.integer(Keys.imageMegapixels, default: 268, in: 1...10_000)
        let videoKey = reader.parsed(Keys.videoKey, default: Keys.videoKey.defaultText, KeyTemplate.init)
        let thumbnailKey = reader.parsed(Keys.thumbnailKey, default: Keys.thumbnailKey.defaultText, KeyTemplate.init)
        let imageKey = reader.parsed(Keys.imageKey, default: Keys.imageKey.defaultText, KeyTemplate.init)
        effective = reader.effective
        secrets = reader.secrets
        guard reader.problems.isEmpty, let videoKey, let thumbnailKey, let imageKey else {
            throw SettingsError(problems: reader.problems)
        }
        videoKeyTemplate = videoKey
        thumbnailKeyTemplate = thumbnailKey
        imageKeyTemplate = imageKey
    }

    private static func absolute(_ path: String) -> String {
        if path.hasPrefix("/") { return path }
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        guard getcwd(&buffer, buffer.count) != nil else { return path }
        let current = String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return current + "/" + (path.hasPrefix("./") ? String(path.dropFirst(2)) : path)
    }

    /// A part of a queue's name, in which dots separate what this is one of.
    private static func node(_ text: String) throws(SettingsReader.ParseFailure) -> String {
        guard QueueNames.isNode(text) else {
            throw .init(message: "it may have 1 to 64 letters from a to z, digits, `-` and `_`")
        }
        return text
    }

    private static func ladder(_ text: String) throws(SettingsReader.ParseFailure) -> [VideoRung] {
        var rungs: [VideoRung] = []
        for part in text.split(separator: ",") {
            let failure = SettingsReader.ParseFailure(
                message: "`\(part)` is not QUALITY=WIDTHxHEIGHT@KBITS, such as 360p=640x360@800"
            )
            let (quality, rest) = try assignment(part, failure)
            let numbers = rest.split(whereSeparator: { $0 == "x" || $0 == "@" }).map { Int($0) ?? -1 }
            guard numbers.count == 3, (16...8192).contains(numbers[0]), (16...8192).contains(numbers[1]),
                (1...1_000_000).contains(numbers[2])
            else { throw failure }
            let bitrate = Int64(numbers[2]) * 1000
            rungs.append(
                VideoRung(quality: quality, width: numbers[0], height: numbers[1], bitrateBitsPerSecond: bitrate)
            )
        }
        return try distinct(rungs, \.quality)
    }

    private static func variants(_ text: String) throws(SettingsReader.ParseFailure) -> [ImageVariant] {
        var variants: [ImageVariant] = []
        for part in text.split(separator: ",") {
            let failure = SettingsReader.ParseFailure(message: "`\(part)` is not QUALITY=SIDE, such as 360p=360")
            let (quality, rest) = try assignment(part, failure)
            guard let side = Int(rest), (1...16_384).contains(side) else { throw failure }
            variants.append(ImageVariant(quality: quality, side: side))
        }
        return try distinct(variants, \.quality)
    }

    /// Qualities name files, so they are plain words.
    private static func assignment(
        _ part: Substring,
        _ failure: SettingsReader.ParseFailure
    ) throws(SettingsReader.ParseFailure) -> (String, Substring) {
        guard let equals = part.firstIndex(of: "=") else { throw failure }
        let quality = part[..<equals].trimmed
        guard !quality.isEmpty, quality != "original",
            quality.utf8.allSatisfy({ (48...57).contains($0) || (97...122).contains($0 | 0x20) || $0 == 45 || $0 == 95 }
            )
        else { throw failure }
        return (quality, part[part.index(after: equals)...])
    }

    private static func distinct<T>(
        _ values: [T],
        _ quality: (T) -> String
    ) throws(SettingsReader.ParseFailure) -> [T] {
        guard (1...16).contains(values.count) else { throw .init(message: "it needs 1 to 16 entries") }
        guard Set(values.map(quality)).count == values.count else { throw .init(message: "a quality is named twice") }
        return values
    }
}

/// What the value of one key has to be besides what ``Settings`` itself looks at.
public struct SettingCheck: Sendable {
    private let name: String
    private let complaint: @Sendable (String) -> String?

    /// - Parameter complaint: what is wrong with a value that is set, which it must not repeat if that may be secret.
    public init(_ name: String, _ complaint: @escaping @Sendable (String) -> String?) {
        self.name = name
        self.complaint = complaint
    }

    fileprivate func problem(in variables: [String: String]) -> SettingsError.Problem? {
        guard let value = variables[name], !value.isEmpty, let message = complaint(value) else { return nil }
        return SettingsError.Problem(key: name, message: message)
    }
}
