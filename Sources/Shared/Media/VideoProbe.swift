import CFFmpeg
package import Logging

/// Reads the facts about a video file, without decoding it.
package enum VideoProbe {
    /// Blocks the caller's thread.
    ///
    /// - Parameters:
    ///   - path: a local file. Only this file is opened, whatever it refers to.
    ///   - logger: where libav's own lines go.
    ///   - isCancelled: asked at every read of the file and at every packet: be quick.
    /// - Throws: `unreadable`, `noVideoStream`, `containerNotAllowed`, `unsupported`, `encrypted`, `dolbyVision`,
    ///   `damaged` (all permanent); `readFailed`; `cancelled`.
    package static func probe(
        path: String,
        logger: Logger,
        isCancelled: @escaping @Sendable () -> Bool = { false }
    ) throws(MediaError) -> VideoMetadata {
        LibavLog.install(logger)
        return try metadata(of: MediaInput(path: path, state: RunState(isCancelled: isCancelled)))
    }

    /// Reads the packets too if the container does not know its duration, so the input is used up afterwards.
    static func metadata(of input: MediaInput) throws(MediaError) -> VideoMetadata {
        let stream = input.video.pointee
        guard let parameters = stream.codecpar else { throw .outOfMemory }
        let codec = String(cString: avcodec_get_name(parameters.pointee.codec_id))
        let coded = PictureSize(width: Int(parameters.pointee.width), height: Int(parameters.pointee.height))
        guard coded.width > 0, coded.height > 0 else {
            throw .damaged("the \(codec) stream has no picture that tells its size", 0)
        }
        guard PictureSize.sides.contains(coded.width), PictureSize.sides.contains(coded.height) else {
            throw .unsupported("the picture is \(coded.width)x\(coded.height) (\(codec))")
        }
        let orientation = Orientation(stream: input.video)
        let aspect = sampleAspectRatio(of: input)
        let shown = orientation.applied(to: coded.withSquarePixels(aspect))
        guard PictureSize.sides.contains(shown.width), PictureSize.sides.contains(shown.height) else {
            throw .unsupported("the picture is shown at \(shown.width)x\(shown.height)")
        }
        let duration = try DurationProbe.seconds(of: input)
        let format = AVPixelFormat(rawValue: parameters.pointee.format)
        return VideoMetadata(
            durationSeconds: duration,
            codec: codec,
            bitrateBitsPerSecond: bitrate(of: input, durationSeconds: duration),
            framerate: framerate(of: input),
            width: shown.width,
            height: shown.height,
            fileSizeBytes: input.fileSizeBytes,
            mimeType: Containers.mimeType(container: input.container, brand: input.brand),
            container: input.container,
            codedWidth: coded.width,
            codedHeight: coded.height,
            rotationDegrees: orientation.rotationDegrees,
            isMirrored: orientation.isMirrored,
            sampleAspectRatio: aspect,
            pixelFormat: av_get_pix_fmt_name(format).map { String(cString: $0) } ?? "unknown",
            profile: Stream(input.video)?.profileName,
            color: color(of: input),
            audio: audio(input.audio),
            undecodedAudio: input.audio == nil ? audio(input.undecodedAudio) : nil,
            tracks: input.tracks,
            hasUsableTimes: !input.pace.isInvented,
            hasAlpha: AlphaFlattener.isTransparent(format) || Stream(input.video)?.isTransparentVPx == true,
            warnings: input.warnings
        )
    }

    /// A ratio beyond 1:8 or 8:1 is damage, and counts as square.
    private static func sampleAspectRatio(of input: MediaInput) -> VideoMetadata.Ratio {
        let ratio = av_guess_sample_aspect_ratio(input.context, input.video, nil)
        let (width, height) = (Int64(ratio.num), Int64(ratio.den))
        guard width > 0, height > 0, width <= 8 * height, height <= 8 * width else { return VideoMetadata.Ratio(1, 1) }
        return VideoMetadata.Ratio(Int(width), Int(height))
    }

    private static func framerate(of input: MediaInput) -> Double {
        if let rate = input.pace.inventedRate { return Double(rate.num) / Double(max(rate.den, 1)) }
        let stream = input.video.pointee
        let rate = stream.avg_frame_rate.num > 0 ? stream.avg_frame_rate : stream.r_frame_rate
        guard rate.num > 0, rate.den > 0 else { return 0 }
        let average = Double(rate.num) / Double(rate.den)
        // A mean over a gap of hours says nothing.
        if average < 0.1, let observed = input.pace.observedHertz { return (observed * 1_000).rounded() / 1_000 }
        return average
    }

    private static func bitrate(of input: MediaInput, durationSeconds: Double) -> Int64 {
        if input.context.pointee.bit_rate > 0 { return input.context.pointee.bit_rate }
        guard durationSeconds > 0 else { return 0 }
        return Int64(exactly: (Double(input.fileSizeBytes) * 8 / durationSeconds).rounded()) ?? 0
    }

    private static func audio(_ stream: UnsafeMutablePointer<AVStream>?) -> VideoMetadata.Audio? {
        guard let stream = Stream(stream) else { return nil }
        return VideoMetadata.Audio(
            codec: stream.codecName,
            channels: Int(stream.parameters.pointee.ch_layout.nb_channels),
            sampleRateHertz: Int(stream.parameters.pointee.sample_rate)
        )
    }

    private static func color(of input: MediaInput) -> VideoMetadata.Color {
        guard let stream = Stream(input.video) else { return VideoMetadata.Color() }
        let color = SourceColor(parameters: stream.parameters.pointee, container: input.containerColors)
        return VideoMetadata.Color(
            transfer: color.transfer == AVCOL_TRC_UNSPECIFIED
                ? nil : av_color_transfer_name(color.transfer).map { String(cString: $0) },
            primaries: color.primaries == AVCOL_PRI_UNSPECIFIED
                ? nil : av_color_primaries_name(color.primaries).map { String(cString: $0) },
            matrix: color.matrix == AVCOL_SPC_UNSPECIFIED
                ? nil : av_color_space_name(color.matrix).map { String(cString: $0) },
            range: color.range == AVCOL_RANGE_UNSPECIFIED
                ? nil : av_color_range_name(color.range).map { String(cString: $0) },
            dolbyVisionProfile: DolbyVision(stream)?.profile
        )
    }
}

extension MediaInput {
    /// The container's brand, `qt  ` or `isom` for example; only the family of MP4 has one.
    fileprivate var brand: String? {
        guard let entry = av_dict_get(context.pointee.metadata, "major_brand", nil, 0) else { return nil }
        return String(cString: entry.pointee.value)
    }
}

extension PictureSize {
    /// The size with the width stretched or shrunk so that pixels are square.
    func withSquarePixels(_ ratio: VideoMetadata.Ratio) -> PictureSize {
        guard ratio.numerator > 0, ratio.denominator > 0, ratio.numerator != ratio.denominator else { return self }
        return PictureSize(
            width: max(1, (width * ratio.numerator + ratio.denominator / 2) / ratio.denominator),
            height: height
        )
    }
}

extension MediaError {
    fileprivate static func unsupported(_ cause: String) -> MediaError {
        MediaError(
            code: .unsupported,
            message:
                "\(cause); sides of \(PictureSize.sides) pixels and libav's codecs are supported: convert the file",
            isRetriable: false
        )
    }
}
