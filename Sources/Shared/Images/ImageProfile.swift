internal import Text

/// The variants that are made of an image, and their encoding: configuration.
package struct ImageProfile: Codable, Sendable, Equatable {
    package struct Variant: Codable, Sendable, Equatable {
        /// Names the output, for example `720p`.
        package var quality: String
        /// Side in pixels of the square that the variant is fitted inside. Never enlarged.
        package var side: Int

        package init(quality: String, side: Int) {
            self.quality = quality
            self.side = side
        }
    }

    package var variants: [Variant]
    /// Format of the variants of a picture without transparency.
    package var opaqueFormat: OutputFormat
    /// Format of the variants of a picture with transparency. PNG by default, which every client shows; WebP is several
    /// times smaller. JPEG lays the picture over white.
    package var alphaFormat: OutputFormat
    /// Formats that every variant is made in as well.
    package var extraFormats: [OutputFormat]
    /// Format of the variants of an animation, which then stay one; nil makes variants of its first frame.
    package var animationFormat: OutputFormat?
    package var encoding: ImageEncoding
    package var limits: ImageLimits
    package var policy: ImagePolicy

    package init(
        variants: [Variant],
        opaqueFormat: OutputFormat = .jpeg,
        alphaFormat: OutputFormat = .png,
        extraFormats: [OutputFormat] = [],
        animationFormat: OutputFormat? = nil,
        encoding: ImageEncoding = ImageEncoding(),
        limits: ImageLimits = .default,
        policy: ImagePolicy = .default
    ) {
        self.variants = variants
        self.opaqueFormat = opaqueFormat
        self.alphaFormat = alphaFormat
        self.extraFormats = extraFormats
        self.animationFormat = animationFormat
        self.encoding = encoding
        self.limits = limits
        self.policy = policy
    }

    /// The outputs that clients of the service expect: four variants, JPEG, or PNG where there is transparency.
    package static let `default` = ImageProfile(variants: [
        Variant(quality: "180p", side: 180),
        Variant(quality: "360p", side: 360),
        Variant(quality: "720p", side: 720),
        Variant(quality: "1080p", side: 1_080),
    ])

    /// The mistakes in this profile, one sentence each; empty when it can be used.
    package var problems: [String] {
        var problems: [String] = []
        if variants.isEmpty { problems.append("there are no variants") }
        for variant in variants {
            if !FileName.isPlain(variant.quality) {
                problems.append("the quality \"\(variant.quality)\" is not 1–64 letters, digits, '.', '_' or '-'")
            }
            let maxSide = ([opaqueFormat, alphaFormat] + extraFormats).map(\.maxSide).min() ?? 1
            if !(1...maxSide).contains(variant.side) {
                problems.append(
                    "the side of \"\(variant.quality)\" is \(variant.side), and must be 1…\(maxSide) pixels"
                )
            }
        }
        if Set(variants.map(\.quality)).count != variants.count { problems.append("two variants have one quality") }
        if limits.maxPixels < 1 { problems.append("the limit of pixels is \(limits.maxPixels), and must be 1 or more") }
        if limits.maxSide < 1 { problems.append("the limit of a side is \(limits.maxSide), and must be 1 or more") }
        if let animationFormat, ![.webp, .gif].contains(animationFormat) {
            problems.append("animations cannot be \(animationFormat.rawValue)")
        }
        if limits.maxMemoryBytes < 1 {
            problems.append("the limit of memory is \(limits.maxMemoryBytes), and must be 1 or more")
        }
        return problems + policy.problems + encoding.problems
    }
}

/// Settings of the encoders.
package struct ImageEncoding: Codable, Sendable, Equatable {
    /// 1…100. 82 by default.
    package var jpegQuality: Int
    /// 1…100, of the colours; alpha is always exact. 82 by default.
    package var webpQuality: Int
    /// Deflate level 0…9. 6 by default.
    package var pngCompression: Int
    /// 1…100. 60 by default, which looks as JPEG does at 82.
    package var avifQuality: Int
    /// 0…9, the fastest. 7 by default: a variant of 1080 pixels takes about half a second.
    package var avifSpeed: Int

    package init(
        jpegQuality: Int = 82,
        webpQuality: Int = 82,
        pngCompression: Int = 6,
        avifQuality: Int = 60,
        avifSpeed: Int = 7
    ) {
        self.jpegQuality = jpegQuality
        self.webpQuality = webpQuality
        self.pngCompression = pngCompression
        self.avifQuality = avifQuality
        self.avifSpeed = avifSpeed
    }

    var problems: [String] {
        var problems: [String] = []
        if !(1...100).contains(jpegQuality) { problems.append("the JPEG quality is \(jpegQuality), and must be 1…100") }
        if !(1...100).contains(webpQuality) { problems.append("the WebP quality is \(webpQuality), and must be 1…100") }
        if !(0...9).contains(pngCompression) {
            problems.append("the PNG compression is \(pngCompression), and must be 0…9")
        }
        if !(1...100).contains(avifQuality) { problems.append("the AVIF quality is \(avifQuality), and must be 1…100") }
        if !(0...9).contains(avifSpeed) { problems.append("the AVIF speed is \(avifSpeed), and must be 0…9") }
        return problems
    }
}

enum FileName {
    /// Whether `name` can be used as a file name anywhere, as it is.
    static func isPlain(_ name: String) -> Bool {
        (1...64).contains(name.utf8.count) && !name.hasPrefix(".")
            && name.utf8.allSatisfy { $0.isPlainInNames || $0 == UInt8(ascii: ".") }
    }
}
