internal import CVips
internal import Logging

/// The pixels of a source at the size of its largest variant, and what was not as it should be.
struct DecodedImage: ~Copyable {
    var pixels: PixelBuffer
    let warnings: [ImageWarning]

    init(_ pixels: consuming PixelBuffer, warnings: [ImageWarning] = []) {
        self.pixels = pixels
        self.warnings = warnings
    }
}

extension ImageEngine {
    /// Decodes the source once, at the size of the plan's largest variant.
    func decode(
        _ file: borrowing InputFile,
        _ plan: ImagePlan,
        for largest: ImagePlan.Variant,
        _ watch: EvaluationWatch
    ) throws(ImageError) -> DecodedImage {
        let header = try file.load(InputFile.Options(), watch)
        try check(header, file.facts, outputPixels: Int64(largest.width) * Int64(largest.height))
        let size = header.uprightSize
        guard size == (plan.sourceWidth, plan.sourceHeight) else {
            throw ImageError(
                .inputChanged,
                "the image is \(size.width)×\(size.height) pixels, and the plan was made for "
                    + "\(plan.sourceWidth)×\(plan.sourceHeight)"
            )
        }
        let factor = min(
            Double(size.width) / Double(largest.width),
            Double(size.height) / Double(largest.height)
        )
        // Decoders reduce with a simpler filter than the resize that follows, so they leave it a factor of two. Without
        // that a zone plate of 12 megapixels gets moiré at 1080 (SSIM 0.91 instead of 0.99 against a full decode), for
        // a fifth less processor time.
        let options = InputFile.Options(reduction: file.reducesOnLoad(by: factor / 2) ? factor / 2 : 1)
        if file.facts.lacksEnd { return try decodeWithoutEnd(file, plan, largest, options, watch) }
        do throws(ImageError) {
            _ = VipsMessage.take()
            let pixels = try decode(file, plan, largest, options, watch)
            return DecodedImage(pixels, warnings: complaints(of: file))
        } catch  where error.code == .decodeFailed && policy.truncatedShare != nil {
            return try decodeInPart(file, plan, largest, options, watch, error)
        }
    }

    /// The complaints of a JPEG's decoder about data that it got over; others have none.
    private func complaints(of file: borrowing InputFile) -> [ImageWarning] {
        guard let words = VipsMessage.takeIfAny(), file.facts.jpeg != nil, words.contains("VipsJpeg") else { return [] }
        return [ImageWarning(.damagedData, "the decoder met bad data, and got over it: \(words)")]
    }

    /// Opens the source and renders it, without its ICC profile where that is of no use.
    func decode(
        _ file: borrowing InputFile,
        _ plan: ImagePlan,
        _ largest: ImagePlan.Variant,
        _ options: InputFile.Options,
        _ watch: EvaluationWatch
    ) throws(ImageError) -> PixelBuffer {
        let keepsAlpha = plan.variants.contains { $0.format != .jpeg }
        let picture = try file.load(options, watch)
        if picture.hasSamplesOfUnknownRange {
            let whole = try file.load(options, watch)
            try watch.following(whole) { () throws(ImageError) in try whole.checkRangeOfSamples() }
        }
        do throws(ImageError) {
            return try render(picture, file.facts, largest, keepsAlpha: keepsAlpha, usesProfile: true, watch)
        } catch  where picture.hasField(VIPS_META_ICC_NAME) && error.code == .decodeFailed {
            // A profile can pass the check of its header and still be of no use. The picture matters more.
            logger.debug("the embedded ICC profile could not be used", metadata: ["error": "\(error.message)"])
            let again = try file.load(options, watch)
            return try render(again, file.facts, largest, keepsAlpha: keepsAlpha, usesProfile: false, watch)
        }
    }

    private func render(
        _ source: borrowing VipsPicture,
        _ facts: SourceFacts,
        _ target: ImagePlan.Variant,
        keepsAlpha: Bool,
        usesProfile: Bool,
        _ watch: EvaluationWatch
    ) throws(ImageError) -> PixelBuffer {
        let pixels = try watch.following(source) { () throws(ImageError) -> PixelBuffer in
            var picture =
                usesProfile && !source.hasUnusableProfile ? try source.another() : try source.withoutProfile()
            picture = try picture.withBandsOfColour(facts.tiff)
            let isUsual = picture.sampleFormat == VIPS_FORMAT_UCHAR || picture.sampleFormat == VIPS_FORMAT_USHORT
            picture = try picture.withUsualSamples()
            if let colour = picture.codedColour(facts.colour) {
                return try picture.rendered(
                    from: colour,
                    width: target.width,
                    height: target.height,
                    keepsAlpha: keepsAlpha,
                    policy,
                    watch
                )
            }
            // CMYK first, as libvips would resize it by a profile of its own choice, and floating samples, whose linear
            // light 8 bits cannot hold; others when they are small.
            let hasProfile = picture.hasField(VIPS_META_ICC_NAME)
            if picture.interpretation == VIPS_INTERPRETATION_CMYK || !isUsual && hasProfile {
                picture = try picture.convertedToSRGB()
            }
            picture = try VipsPicture(
                cvips_thumbnail(picture.pointer, Int32(clamping: target.width), Int32(clamping: target.height)),
                "the image could not be decoded"
            )
            if picture.hasField(VIPS_META_ICC_NAME) { picture = try picture.convertedToSRGB() }
            picture = try picture.asSRGB8(keepsAlpha: keepsAlpha, over: policy.background)
            return try PixelBuffer(rendering: picture)
        }
        guard pixels.width == target.width, pixels.height == target.height else {
            throw ImageError(
                .encodeFailed,
                "\(target.fileName) came out as \(pixels.width)×\(pixels.height) pixels, "
                    + "not \(target.width)×\(target.height)"
            )
        }
        return pixels
    }
}

extension ImagePlan.Variant {
    fileprivate var pixelCount: Double { Double(width) * Double(height) }

    func isLarger(than other: ImagePlan.Variant) -> Bool { pixelCount > other.pixelCount }
}
