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
    /// In the profile's order. A source smaller than a variant's side yields that variant in the source's size.
    package var variants: [Variant]
    package var encoding: ImageEncoding

    package init(source: ImageMetadata, profile: ImageProfile) {
        let format = source.hasTransparency ? profile.alphaFormat : profile.opaqueFormat
        sourceWidth = source.width
        sourceHeight = source.height
        encoding = profile.encoding
        variants = profile.variants.map { variant in
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
