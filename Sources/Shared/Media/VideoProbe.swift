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
    /// - Throws: `unreadable`, `noVideoStream`, `containerNotAllowed`, `unsupported` (all permanent); `readFailed`;
    ///   `cancelled`.
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
        guard avcodec_find_decoder(parameters.pointee.codec_id) != nil else {
            throw .unsupported("there is no decoder for \(codec)")
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
            audio: audio(of: input)
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
        let stream = input.video.pointee
        let rate = stream.avg_frame_rate.num > 0 ? stream.avg_frame_rate : stream.r_frame_rate
        guard rate.num > 0, rate.den > 0 else { return 0 }
        return Double(rate.num) / Double(rate.den)
    }

    private static func bitrate(of input: MediaInput, durationSeconds: Double) -> Int64 {
        if input.context.pointee.bit_rate > 0 { return input.context.pointee.bit_rate }
        guard durationSeconds > 0 else { return 0 }
        return Int64(exactly: (Double(input.fileSizeBytes) * 8 / durationSeconds).rounded()) ?? 0
    }

    private static func audio(of input: MediaInput) -> VideoMetadata.Audio? {
        guard let parameters = input.audio?.pointee.codecpar else { return nil }
        return VideoMetadata.Audio(
            codec: String(cString: avcodec_get_name(parameters.pointee.codec_id)),
            channels: Int(parameters.pointee.ch_layout.nb_channels),
            sampleRateHertz: Int(parameters.pointee.sample_rate)
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
