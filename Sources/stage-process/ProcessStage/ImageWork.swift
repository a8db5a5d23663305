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
        profile = ImageProfile(
            variants: settings.imageVariants.map { ImageProfile.Variant(quality: $0.quality, side: $0.side) },
            alphaFormat: settings.imageAlphaFormat == .webp ? .webp : .png,
            encoding: ImageEncoding(jpegQuality: Int(clamping: settings.imageJPEGQuality)),
            limits: ImageLimits(maxPixels: settings.imageMaximumMegapixels * 1_000_000)
        )
        let threads = settings.codecThreads == 0 ? nil : Int(clamping: settings.codecThreads)
        try ImageRuntime.start(concurrency: threads, logger: logger)
    }

    func run(source: String, _ job: JobContext) async throws -> Ticket {
        let (engine, telemetry) = (ImageEngine(limits: profile.limits, logger: job.logger), job.telemetry)
        let metadata = try await runBlocking { cancellation in
            try engine.probe(path: source, isCancelled: { cancellation.isCancelled })
        }
        let plan = ImagePlan(source: metadata, profile: profile)
        for variant in plan.variants { _ = try key(job.ticket, variant) }
        let files = try await PlannedFiles.track(
            plan.variants.map { ($0.fileName, "image variant \($0.quality)") },
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
        ticket.outputs = try zip(plan.variants, result.outputs).map { variant, made in
            var output = JobOutput(kind: .imageScaled, key: ByteText(try key(ticket, variant).rawValue))
            output.width = Int64(made.width)
            output.height = Int64(made.height)
            output.sizeBytes = made.sizeBytes
            output.mimeType = made.mimeType
            output.quality = made.quality
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
