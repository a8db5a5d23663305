/// Which files are made of one image: every name, size and format, decided before any pixel is touched.
///
/// A pure value. It can be stored, logged, and handed to another process, which needs nothing else to carry it out.
package struct ImagePlan: Codable, Sendable, Equatable {
    package struct Variant: Codable, Sendable, Equatable {
        /// For example `720p`.
        package var quality: String
        /// For example `720p.jpg`; unique within the plan.
        package var fileName: String
        /// Exact width in pixels of the file that is written.
        package var width: Int
        /// Exact height in pixels of the file that is written.
        package var height: Int
        package var format: OutputFormat

        package init(quality: String, fileName: String, width: Int, height: Int, format: OutputFormat) {
            self.quality = quality
            self.fileName = fileName
            self.width = width
            self.height = height
            self.format = format
        }
    }

    /// Upright width in pixels of the source.
    package var sourceWidth: Int
    /// Upright height in pixels of the source.
    package var sourceHeight: Int
    /// In the profile's order, for each format all of them. A source smaller than a variant's side yields that variant
    /// in the source's size.
    package var variants: [Variant]
    package var encoding: ImageEncoding
    /// Pictures in every variant: 1, or the frames of an animation.
    package var frames: Int
    /// What is left out, and no reason to refuse the picture.
    package var warnings: [ImageWarning]

    package init(source: ImageMetadata, profile: ImageProfile) {
        let animation = Self.animation(source, profile)
        (frames, warnings) = (animation.frames, animation.warnings)
        let still = source.hasTransparency ? profile.alphaFormat : profile.opaqueFormat
        let format = frames > 1 ? profile.animationFormat ?? still : still
        sourceWidth = source.width
        sourceHeight = source.height
        encoding = profile.encoding
        let extras = frames > 1 ? [] : profile.extraFormats.filter { $0 != format }
        variants = ([format] + extras).flatMap { format in
            profile.variants.map { variant in
                let (width, height) = Self.fit(width: source.width, height: source.height, insideSquareOf: variant.side)
                return Variant(
                    quality: variant.quality,
                    fileName: "\(variant.quality).\(format.fileExtension)",
                    width: width,
                    height: height,
                    format: format
                )
            }
        }
    }

    /// The frames that are kept of an animation: all, or the first where there are too many of them.
    private static func animation(
        _ source: ImageMetadata,
        _ profile: ImageProfile
    ) -> (frames: Int, warnings: [ImageWarning]) {
        guard profile.animationFormat != nil, source.pageCount > 1, ["gif", "webp"].contains(source.format) else {
            return (1, [])
        }
        let sides = profile.variants.map { fit(width: source.width, height: source.height, insideSquareOf: $0.side) }
        let estimate = MemoryEstimate(
            width: source.width,
            height: source.height,
            bands: 4,
            frames: source.pageCount,
            outputPixels: sides.map { Int64($0.width) * Int64($0.height) }.max() ?? 0
        )
        let limits = profile.limits
        guard source.pageCount <= limits.maxFrames, estimate.bytes <= limits.maxMemoryBytes else {
            let words =
                "the animation of \(source.pageCount) frames is shown by its first: at most \(limits.maxFrames) frames "
                + "(IMAGE_ANIMATION_MAX_FRAMES) and \(limits.maxMemoryBytes >> 20) MB of memory (IMAGE_MAX_MEMORY_MB) "
                + "are allowed"
            return (1, [ImageWarning(.firstFrameOnly, words)])
        }
        return (source.pageCount, [])
    }

    /// The size of a `width` × `height` picture fitted inside a square: the aspect is kept to the nearest pixel, no
    /// side is less than 1, and nothing is enlarged.
    static func fit(width: Int, height: Int, insideSquareOf side: Int) -> (width: Int, height: Int) {
        let width = max(1, width)
        let height = max(1, height)
        let side = max(1, side)
        guard max(width, height) > side else { return (width, height) }
        if width >= height {
            return (side, scaled(height, by: side, over: width))
        }
        return (scaled(width, by: side, over: height), side)
    }

    /// `value × numerator ÷ denominator`, rounded half up; `value ≤ denominator`, so the result is 1…`numerator`.
    private static func scaled(_ value: Int, by numerator: Int, over denominator: Int) -> Int {
        let product = value.multipliedFullWidth(by: numerator)
        let (quotient, remainder) = denominator.dividingFullWidth(product)
        return max(1, remainder >= denominator - remainder ? quotient + 1 : quotient)
    }

    /// - Throws: ``ImageError/Code/invalidPlan`` for a plan that was not made by ``init(source:profile:)`` and cannot
    ///   be carried out.
    func check() throws(ImageError) {
        var problems = encoding.problems
        if variants.isEmpty { problems.append("there are no variants") }
        if frames < 1 || frames > 1 && variants.contains(where: { ![.webp, .gif].contains($0.format) }) {
            problems.append("there are \(frames) frames")
        }
        for variant in variants {
            if !FileName.isPlain(variant.fileName) {
                problems.append("\"\(variant.fileName)\" is not a plain file name")
            }
            let sides = 1...variant.format.maxSide
            if !sides.contains(variant.width) || !sides.contains(variant.height) {
                problems.append("\"\(variant.fileName)\" would be \(variant.width)×\(variant.height) pixels")
            }
        }
        if Set(variants.map(\.fileName)).count != variants.count { problems.append("two outputs have one file name") }
        guard problems.isEmpty else {
            throw ImageError(.invalidPlan, "the image plan is invalid: " + problems.joined(separator: "; "))
        }
    }
}
