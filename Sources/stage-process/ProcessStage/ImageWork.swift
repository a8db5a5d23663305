internal import Images
internal import JobModel
internal import Logging
internal import Settings
internal import StageRuntime
internal import TempFiles
internal import Threads

/// Variants of an image from one decode.
struct ImageWork: MediaWork {
    private let settings: Settings
    private let profile: ImageProfile

    init(_ settings: Settings, _ logger: Logger) throws {
        self.settings = settings
        profile = ImageProfile(settings)
        let threads = settings.codecThreads == 0 ? nil : Int(clamping: settings.codecThreads)
        try ImageRuntime.start(concurrency: threads, logger: logger)
    }

    func run(source: String, _ job: JobContext) async throws -> Ticket {
        let (engine, telemetry) = (
            ImageEngine(limits: profile.limits, policy: profile.policy, logger: job.logger), job.telemetry
        )
        let metadata = try await runBlocking { cancellation in
            try engine.probe(path: source, isCancelled: { cancellation.isCancelled })
        }
        let plan = ImagePlan(source: metadata, profile: profile)
        var keys: Set<ByteText> = []
        for variant in plan.variants where !keys.insert(ByteText(try key(job.ticket, variant).rawValue)).inserted {
            throw StageFailure(
                .permanent,
                code: "invalid_plan",
                "two outputs of the image would have one key; put {quality} and {ext} into IMAGE_KEY_TEMPLATE"
            )
        }
        let files = try await PlannedFiles.track(
            plan.variants.map { ($0.fileName, "image variant \($0.fileName)") },
            within: settings.diskBudget,
            job
        )
        let result = try await runBlocking { cancellation in
            try engine.run(
                plan,
                input: source,
                outputPath: { try files.pathToWrite($0) },
                willWrite: { try files.grow($0, to: $1) },
                progress: { telemetry.note(fraction: $0) },
                isCancelled: { cancellation.isCancelled }
            )
        }
        try await files.commit(result.outputs.map(\.fileName), job)
        var ticket = job.ticket
        ticket.metadata = json(metadata, of: job.ticket)
        for warning in result.warnings { ticket.warn(warning.code.rawValue, warning.message) }
        ticket.outputs = try zip(plan.variants, result.outputs).map { variant, made in
            var output = JobOutput(kind: .imageScaled, key: ByteText(try key(ticket, variant).rawValue))
            output.width = Int64(made.width)
            output.height = Int64(made.height)
            output.sizeBytes = made.sizeBytes
            output.mimeType = made.mimeType
            // Each name once, as clients and signed URLs tell outputs apart by it.
            let isExtra = variant.format != plan.variants[0].format
            output.quality = isExtra ? "\(made.quality)_\(variant.format.rawValue)" : made.quality
            output.localPath = ByteText(try files.path(made.fileName))
            output.codec = variant.format.rawValue
            return output
        }
        return ticket
    }

    private func key(_ ticket: Ticket, _ variant: ImagePlan.Variant) throws(ObjectKeyError) -> ObjectKey {
        try settings.imageKeyTemplate.key(
            ticket: ticket,
            quality: variant.quality,
            fileExtension: variant.format.fileExtension
        )
    }

    /// The ticket's `metadata`, added to what a producer may have put there.
    private func json(_ source: ImageMetadata, of ticket: Ticket) -> JSONFields {
        var metadata = ticket.metadata ?? JSONFields()
        metadata["width"] = .integer(Int64(source.width))
        metadata["height"] = .integer(Int64(source.height))
        metadata["fileSize"] = .integer(source.fileSizeBytes)
        metadata["mimeType"] = .string(source.mimeType)
        metadata["format"] = .string(source.format)
        metadata["colorSpace"] = .string(source.colorSpace)
        metadata["hasAlpha"] = .bool(source.hasAlpha)
        return metadata
    }
}

extension ImageProfile {
    fileprivate init(_ settings: Settings) {
        let share = { (percent: Int64) in Double(percent) / 100 }
        let colour = settings.imageBackground
        self.init(
            variants: settings.imageVariants.map { ImageProfile.Variant(quality: $0.quality, side: $0.side) },
            alphaFormat: settings.imageAlphaFormat == .webp ? .webp : .png,
            extraFormats: settings.imageExtraFormats.compactMap { OutputFormat(rawValue: $0.rawValue) },
            animationFormat: OutputFormat(rawValue: settings.imageAnimation.rawValue),
            encoding: ImageEncoding(
                jpegQuality: Int(clamping: settings.imageJPEGQuality),
                webpQuality: Int(clamping: settings.imageWebPQuality),
                avifQuality: Int(clamping: settings.imageAVIFQuality)
            ),
            limits: ImageLimits(
                maxPixels: settings.imageMaximumMegapixels * 1_000_000,
                maxMemoryBytes: settings.imageMaximumMemoryMebibytes << 20,
                maxFrames: Int(clamping: settings.imageAnimationMaximumFrames)
            ),
            policy: ImagePolicy(
                formats: Set(settings.imageFormats.compactMap { SourceFormat(rawValue: $0.rawValue) }),
                rawPreviewShare: share(settings.imageRawPreviewPercent),
                truncatedShare: settings.imageTruncated == .accept
                    ? share(settings.imageTruncatedMinimumPercent) : nil,
                background: [colour.red, colour.green, colour.blue]
            )
        )
    }
}
