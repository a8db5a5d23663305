internal import CVips
package import Logging
internal import Threads

/// Inspects images and makes their variants with libvips.
///
/// Every call blocks for as long as the work takes, so it belongs on a thread of its own. Calls may run at the same
/// time on different threads; memory is safe, but libvips' error text is shared, and a message may then carry another
/// image's words too.
package struct ImageEngine: Sendable {
    let limits: ImageLimits
    let policy: ImagePolicy
    let logger: Logger

    package init(
        limits: ImageLimits = .default,
        policy: ImagePolicy = .default,
        logger: Logger = Logger(label: "images")
    ) {
        self.limits = limits
        self.policy = policy
        self.logger = logger
    }

    /// Reads the facts about the image at `path`.
    ///
    /// Reads the header only, unless there is an alpha channel: then every pixel is decoded once to see whether the
    /// channel says anything (``ImageMetadata/hasTransparency``). So a damaged file may pass here and fail in
    /// ``run(_:input:outputPath:willWrite:progress:isCancelled:)``.
    ///
    /// - Throws: ``ImageError`` with code `inputUnreadable` (retriable), `emptyInput`, `unsupportedFormat`,
    ///   `limitExceeded`, `decodeFailed`, `outOfMemory` (retriable), `cancelled` or `runtimeUnavailable`.
    package func probe(
        path: String,
        isCancelled: @escaping @Sendable () -> Bool = { false }
    ) throws(ImageError) -> ImageMetadata {
        try ImageRuntime.start()
        return try Self.onVips { () throws(ImageError) in
            let watch = EvaluationWatch(limits: limits, progress: { _ in }, isCancelled: isCancelled)
            let input = try InputFile(path: path, policy, watch)
            let picture = try input.load(InputFile.Options(), watch)
            try check(picture, input.facts)
            let hasTransparency = try hasTransparency(picture, input, watch)
            let size = picture.uprightSize
            let names = input.format.names(heifCompression: picture.stringField("heif-compression"))
            return ImageMetadata(
                width: size.width,
                height: size.height,
                fileSizeBytes: input.sizeBytes,
                mimeType: input.facts.raw?.mimeType ?? names.mimeType,
                format: input.facts.raw?.kind.lowercased() ?? names.format,
                colorSpace: picture.colorSpace,
                hasAlpha: try picture.withBandsOfColour(input.facts.tiff).hasAlpha,
                hasTransparency: hasTransparency,
                orientation: picture.orientation,
                pageCount: picture.pageCount,
                warnings: input.facts.warnings
            )
        }
    }

    private func hasTransparency(
        _ picture: borrowing VipsPicture,
        _ input: borrowing InputFile,
        _ watch: EvaluationWatch
    ) throws(ImageError) -> Bool {
        do throws(ImageError) {
            return try watch.following(picture) { () throws(ImageError) in
                try picture.withBandsOfColour(input.facts.tiff).withUsualSamples().hasTransparentPixels()
            }
        } catch  where error.code == .decodeFailed && policy.truncatedShare != nil {
            // Whether so little may be shown is decided when it is decoded.
            return true
        }
    }

    /// - Throws: ``ImageError/Code/limitExceeded``.
    func check(
        _ picture: borrowing VipsPicture,
        _ facts: SourceFacts,
        outputPixels: Int64 = 0
    ) throws(ImageError) {
        try limits.check(width: picture.width, height: picture.height)
        try limits.check(MemoryEstimate(picture, facts, outputPixels: outputPixels))
    }

    /// Makes every variant of `plan` from the image at `input`: upright, in sRGB, without any metadata.
    ///
    /// The source is decoded once, as small as the largest variant allows; each smaller variant is made from the next
    /// larger one in memory. An animation or a multi-page file yields its first frame or page. The same input and plan
    /// give the same bytes with the same versions of the libraries.
    ///
    /// A file that breaks off is refused rather than shown in part, as that is the mark of an incomplete upload, unless
    /// ``ImagePolicy/truncatedShare`` allows it. A JPEG that lacks only its end mark is taken with a warning. Bad data
    /// in the middle that the decoder gets over is accepted, as browsers do, and so are bytes after the end.
    ///
    /// - Parameters:
    ///   - input: path of the image that the plan's metadata came from.
    ///   - outputPath: called with a variant's file name before that file is created; returns the path to write to. An
    ///     existing file is replaced. A file that was begun when the call fails is left to the caller.
    ///   - willWrite: asked with a variant's file name and its size in bytes before that file is made. An error that it
    ///     throws ends the run with `outputRefused`, and the file is not made.
    ///   - progress: called with 0…1, never less than before, possibly on another thread.
    ///   - isCancelled: asked at every row and at every read of the file, possibly on another thread. WebP, GIF and
    ///     JPEG XL are decoded, and each tile of HEIC and AVIF, in one piece that cannot be interrupted.
    /// - Throws: ``ImageError`` with the codes of ``probe(path:isCancelled:)``, or `inputChanged`, `invalidPlan`,
    ///   `encodeFailed`, `outputRefused` (retriable) or `writeFailed` (retriable).
    package func run(
        _ plan: ImagePlan,
        input: String,
        outputPath: (_ fileName: String) throws -> String,
        willWrite: (_ fileName: String, _ sizeBytes: Int64) throws -> Void = { _, _ in },
        progress: @escaping @Sendable (_ fraction: Double) -> Void = { _ in },
        isCancelled: @escaping @Sendable () -> Bool = { false }
    ) throws(ImageError) -> ImageResult {
        try plan.check()
        try ImageRuntime.start()
        let meter = ProgressMeter(report: progress)
        let watch = EvaluationWatch(
            limits: limits,
            progress: { meter.advance(to: $0 * Self.decodingShare) },
            isCancelled: isCancelled
        )
        return try Self.onVips { () throws(ImageError) in
            try watch.checkCancellation()
            let order = plan.variants.indices.sorted { plan.variants[$0].isLarger(than: plan.variants[$1]) }
            guard let first = order.first else { throw ImageError(.invalidPlan, "the image plan has no variants") }
            let file = try InputFile(path: input, policy, watch)
            if plan.frames > 1 {
                return try runAnimation(plan, file, watch, meter, outputPath, willWrite)
            }
            var decoded = try decode(file, plan, for: plan.variants[first], watch)
            meter.advance(to: Self.decodingShare)

            // A small source gives several variants of one size, which are the same file.
            var encoded: [OutputFormat: [UInt8]] = [:]
            var outputs: [Int: ImageResult.Output] = [:]
            for index in order {
                try watch.checkCancellation()
                let variant = plan.variants[index]
                if decoded.pixels.width != variant.width || decoded.pixels.height != variant.height {
                    decoded.pixels = try decoded.pixels.resized(width: variant.width, height: variant.height, watch)
                    encoded = [:]
                }
                let made: [UInt8]
                if let before = encoded[variant.format] {
                    made = before
                } else {
                    made = try decoded.pixels.encoded(
                        as: variant.format,
                        plan.encoding,
                        over: policy.background,
                        watch
                    )
                    encoded[variant.format] = made
                }
                outputs[index] = try write(made, variant, watch, outputPath, willWrite)
                let share = Double(outputs.count) / Double(order.count)
                meter.advance(to: Self.decodingShare + share * (1 - Self.decodingShare))
            }
            return ImageResult(
                outputs: plan.variants.indices.compactMap { outputs[$0] },
                warnings: file.facts.warnings + plan.warnings + decoded.warnings
            )
        }
    }

    private func runAnimation(
        _ plan: ImagePlan,
        _ file: borrowing InputFile,
        _ watch: EvaluationWatch,
        _ meter: ProgressMeter,
        _ outputPath: (String) throws -> String,
        _ willWrite: (String, Int64) throws -> Void
    ) throws(ImageError) -> ImageResult {
        var outputs: [ImageResult.Output] = []
        try runAnimation(plan, file, watch) { (index, made) throws(ImageError) in
            outputs.append(try write(made, plan.variants[index], watch, outputPath, willWrite))
            let share = Double(outputs.count) / Double(plan.variants.count)
            meter.advance(to: Self.decodingShare + share * (1 - Self.decodingShare))
        }
        return ImageResult(outputs: outputs, warnings: file.facts.warnings + plan.warnings)
    }

    /// Runs libvips on the caller's thread, under a name that its own threads begin with.
    private static func onVips<T>(_ body: () throws(ImageError) -> T) throws(ImageError) -> T {
        try ThreadName.with("image") { () throws(ImageError) in try VipsMessage.withFreshBuffer(body) }
    }
    /// The part of the time that decoding and making the largest variant takes, roughly.
    private static let decodingShare = 0.7

    private func write(
        _ file: [UInt8],
        _ variant: ImagePlan.Variant,
        _ watch: EvaluationWatch,
        _ outputPath: (String) throws -> String,
        _ willWrite: (String, Int64) throws -> Void
    ) throws(ImageError) -> ImageResult.Output {
        let path: String
        do {
            path = try outputPath(variant.fileName)
            try willWrite(variant.fileName, Int64(file.count))
        } catch {
            throw ImageError(
                .outputRefused,
                "the output \(variant.fileName) was refused: \(error)",
                isRetriable: true,
                underlying: error
            )
        }
        try OutputFile.write(file, to: path, watch)
        return ImageResult.Output(
            quality: variant.quality,
            fileName: variant.fileName,
            path: path,
            width: variant.width,
            height: variant.height,
            sizeBytes: Int64(file.count),
            mimeType: variant.format.mimeType
        )
    }
}
