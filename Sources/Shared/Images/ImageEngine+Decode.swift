internal import CVips
internal import Logging

extension ImageEngine {
    /// Decodes the source once, at the size of the plan's largest variant.
    func decode(
        _ file: borrowing InputFile,
        _ plan: ImagePlan,
        for largest: ImagePlan.Variant,
        _ watch: EvaluationWatch
    ) throws(ImageError) -> PixelBuffer {
        var picture = try file.load(watch)
        try limits.check(width: picture.width, height: picture.height)
        let size = picture.uprightSize
        guard size == (plan.sourceWidth, plan.sourceHeight) else {
            throw ImageError(
                .inputChanged,
                "the image is \(size.width)×\(size.height) pixels, and the plan was made for "
                    + "\(plan.sourceWidth)×\(plan.sourceHeight)"
            )
        }
        let keepsAlpha = plan.variants.contains { $0.format != .jpeg }
        let factor = min(
            Double(size.width) / Double(largest.width),
            Double(size.height) / Double(largest.height)
        )
        // Decoders reduce with a simpler filter than the resize that follows, so they leave it a factor of two. Without
        // that a zone plate of 12 megapixels gets moiré at 1080 (SSIM 0.91 instead of 0.99 against a full decode), for
        // a fifth less processor time.
        let reduction = factor / 2
        if file.reducesOnLoad(by: reduction) { picture = try file.load(reducedAtMost: reduction, watch) }

        let mayHaveBadProfile = picture.hasField(VIPS_META_ICC_NAME)
        do throws(ImageError) {
            return try render(picture, largest, keepsAlpha: keepsAlpha, usesProfile: true, watch)
        } catch  where mayHaveBadProfile && error.code == .decodeFailed {
            // A profile can pass the check of its header and still be of no use. The picture matters more.
            logger.debug("the embedded ICC profile could not be used", metadata: ["error": "\(error.message)"])
            picture = try file.load(reducedAtMost: reduction, watch)
            return try render(picture, largest, keepsAlpha: keepsAlpha, usesProfile: false, watch)
        }
    }

    private func render(
        _ source: borrowing VipsPicture,
        _ target: ImagePlan.Variant,
        keepsAlpha: Bool,
        usesProfile: Bool,
        _ watch: EvaluationWatch
    ) throws(ImageError) -> PixelBuffer {
        let pixels = try watch.following(source) { () throws(ImageError) -> PixelBuffer in
            var picture =
                usesProfile && !source.hasUnusableProfile ? try source.another() : try source.withoutProfile()
            // CMYK first, as libvips would resize it by a profile of its own choice; others when they are small.
            if picture.interpretation == VIPS_INTERPRETATION_CMYK { picture = try picture.convertedToSRGB() }
            picture = try VipsPicture(
                cvips_thumbnail(picture.pointer, Int32(clamping: target.width), Int32(clamping: target.height)),
                "the image could not be decoded"
            )
            if picture.hasField(VIPS_META_ICC_NAME) { picture = try picture.convertedToSRGB() }
            picture = try picture.asSRGB8(keepsAlpha: keepsAlpha)
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

extension InputFile {
    /// Whether ``load(reducedAtMost:)`` gives a smaller picture for `reduction`.
    func reducesOnLoad(by reduction: Double) -> Bool {
        switch format {
        case .jpeg: reduction >= 2
        case .webp: reduction > 1
        case .png, .gif, .tiff, .heif: false
        }
    }
}

extension ImagePlan.Variant {
    fileprivate var pixelCount: Double { Double(width) * Double(height) }

    func isLarger(than other: ImagePlan.Variant) -> Bool { pixelCount > other.pixelCount }

    func hasSamePixels(as other: ImagePlan.Variant) -> Bool {
        width == other.width && height == other.height && format == other.format
    }
}
