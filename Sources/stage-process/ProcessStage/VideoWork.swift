internal import JobModel
internal import Logging
internal import Media
internal import Settings
internal import StageRuntime
internal import TempFiles
internal import Threads

/// Renditions, the original and thumbnails from one decode.
struct VideoWork: MediaWork {
    private let settings: Settings
    private let profile: VideoProfile

    init(_ settings: Settings) {
        self.settings = settings
        profile = VideoProfile(
            ladder: settings.videoLadder.map {
                VideoProfile.Rung(
                    quality: $0.quality,
                    width: $0.width,
                    height: $0.height,
                    bitrateBitsPerSecond: Int(clamping: $0.bitrateBitsPerSecond)
                )
            },
            crf: Int(clamping: settings.videoCRF),
            preset: settings.videoPreset,
            audioBitrateBitsPerSecond: Int(clamping: settings.audioKilobitsPerSecond) * 1000,
            includeOriginal: settings.keepsOriginal,
            thumbnails: VideoProfile.Thumbnails(
                intervalSeconds: settings.thumbnailIntervalSeconds,
                maxWidth: Int(clamping: settings.thumbnailSide),
                maxHeight: Int(clamping: settings.thumbnailSide),
                skipsBlank: settings.skipsBlankThumbnail
            ),
            maximumFramerate: settings.highestFramerate,
            deinterlaces: settings.deinterlaces
        )
    }

    func run(source: String, _ job: JobContext) async throws -> Ticket {
        let (logger, telemetry) = (job.logger, job.telemetry)
        let metadata = try await runBlocking { cancellation in
            try VideoProbe.probe(path: source, logger: logger, isCancelled: { cancellation.isCancelled })
        }
        var profile = profile
        if !job.ticket.wantsThumbnails { profile.thumbnails = nil }
        let plan = try MediaPlan(source: metadata, profile: profile)
        // Before an hour of encoding, not after it.
        for rendition in plan.renditions { _ = try key(job.ticket, quality: rendition.quality) }
        let files = try await PlannedFiles.track(
            plan.fileNames.map { ($0, "video output \($0)") },
            within: settings.diskBudget,
            job
        )
        let threads = settings.codecThreads
        let workers = settings.workers[PoolName(stage: .process, kind: .video)]
        let engine = VideoEngine(
            plan: plan,
            logger: logger,
            threads: threads == 0
                ? .automatic(besideWorkers: workers)
                : VideoEngine.Threads(decoder: Int(clamping: threads), encoder: Int(clamping: threads))
        )
        let result = try await runBlocking { cancellation in
            try engine.run(
                input: source,
                callbacks: VideoEngine.Callbacks(
                    outputPath: { try files.pathToWrite($0) },
                    willGrow: { try files.grow($0, to: $1) },
                    progress: { telemetry.note(fraction: $0) },
                    onWrite: { name, bytes in
                        if let file = files.file(name) { telemetry.note(bytes: bytes, of: file) }
                    },
                    isCancelled: { cancellation.isCancelled }
                )
            )
        }
        if result.decodeErrors > 0 || result.isTruncated {
            logger.warning(
                "the source is damaged; what could be decoded was used",
                metadata: [
                    "decode.errors": "\(result.decodeErrors)", "decode.frames": "\(result.decodedFrames)",
                    "source.truncated": "\(result.isTruncated)",
                ]
            )
        }
        try await files.commit(result.outputs.map(\.fileName), job)
        var ticket = job.ticket
        ticket.metadata = json(result.metadata, of: job.ticket)
        ticket.outputs = try result.outputs.map { try output($0, ticket, files) }
        ticket.warnings = []
        for warning in result.warnings { ticket.warn(warning.code.rawValue, warning.message) }
        return ticket
    }

    private func key(_ ticket: Ticket, quality: String) throws(ObjectKeyError) -> ObjectKey {
        try settings.videoKeyTemplate.key(ticket: ticket, quality: quality, fileExtension: "mp4")
    }

    private func output(_ made: VideoResult.Output, _ ticket: Ticket, _ files: PlannedFiles) throws -> JobOutput {
        var output: JobOutput
        switch made.kind {
        case .rendition:
            output = JobOutput(kind: .scaled, key: ByteText(try key(ticket, quality: made.quality ?? "").rawValue))
        case .original:
            output = JobOutput(
                kind: .original,
                key: ByteText(try key(ticket, quality: MediaPlan.originalQuality).rawValue)
            )
        case .thumbnail:
            let template = settings.thumbnailKeyTemplate
            output = JobOutput(
                kind: .thumbnail,
                key: ByteText(
                    try template.key(ticket: ticket, index: made.index ?? 0, fileExtension: "jpg").rawValue
                )
            )
        }
        output.width = Int64(made.width)
        output.height = Int64(made.height)
        output.sizeBytes = made.sizeBytes
        output.mimeType = made.mimeType
        output.quality = made.kind == .original ? MediaPlan.originalQuality : made.quality
        output.localPath = ByteText(try files.path(made.fileName))
        output.codec = made.codec
        output.profile = made.profile
        output.pixelFormat = made.pixelFormat
        output.transfer = made.transfer
        output.durationSeconds = made.durationSeconds
        output.timestampSeconds = made.timestampSeconds
        return output
    }

    /// The ticket's `metadata`, added to what a producer may have put there.
    private func json(_ source: VideoMetadata, of ticket: Ticket) -> JSONFields {
        var metadata = ticket.metadata ?? JSONFields()
        metadata["duration"] = .double(source.durationSeconds)
        metadata["codec"] = .string(source.codec)
        metadata["bitrate"] = .integer(source.bitrateBitsPerSecond)
        metadata["framerate"] = .double(source.framerate)
        metadata["resolution"] = .string(source.resolution)
        metadata["width"] = .integer(Int64(source.width))
        metadata["height"] = .integer(Int64(source.height))
        metadata["fileSize"] = .integer(source.fileSizeBytes)
        metadata["mimeType"] = .string(source.mimeType)
        metadata["pixelFormat"] = .string(source.pixelFormat)
        if let profile = source.profile { metadata["profile"] = .string(profile) }
        if let transfer = source.color.transfer { metadata["transfer"] = .string(transfer) }
        if source.hasAlpha { metadata["hasAlpha"] = .bool(true) }
        if source.tracks.contains(where: { !$0.isUsed }) { metadata["tracks"] = .array(source.tracks.map(track)) }
        return metadata
    }

    private func track(_ track: VideoMetadata.Track) -> JSONFields {
        var fields: JSONFields = [
            "index": .integer(Int64(track.index)), "kind": .string(track.kind), "codec": .string(track.codec),
            "default": .bool(track.isDefault), "used": .bool(track.isUsed),
        ]
        if let language = track.language { fields["language"] = .string(language) }
        if let note = track.note { fields["note"] = .string(note) }
        return fields
    }
}
