internal import CVips

/// Animations that stay animations.
extension ImageEngine {
    /// Makes every variant of a plan for an animation: all frames are decoded into memory, and each is resized by
    /// itself, so that none bleeds into its neighbour. Times of frames and the number of repeats are kept.
    func runAnimation(
        _ plan: ImagePlan,
        _ file: borrowing InputFile,
        _ watch: EvaluationWatch,
        _ write: (_ index: Int, _ made: [UInt8]) throws(ImageError) -> Void
    ) throws(ImageError) {
        let what = "the animation could not be decoded"
        let picture = try file.load(InputFile.Options(frames: plan.frames), watch)
        let frameHeight = Int(vips_image_get_page_height(picture.pointer))
        guard picture.uprightSize.width == plan.sourceWidth, frameHeight == plan.sourceHeight,
            picture.height == frameHeight * plan.frames
        else {
            throw ImageError(.inputChanged, "the animation is not the one that the plan was made for")
        }
        let most = plan.variants.map { Int64($0.width) * Int64($0.height) }.max() ?? 0
        try limits.check(
            MemoryEstimate(
                width: picture.width,
                height: frameHeight,
                bands: 4,
                frames: plan.frames,
                outputPixels: most
            )
        )
        let timing = FrameTiming(picture)
        let whole = try watch.following(picture) { () throws(ImageError) -> PixelBuffer in
            var shown = picture.hasUnusableProfile ? try picture.withoutProfile() : try picture.another()
            if shown.hasField(VIPS_META_ICC_NAME) { shown = try shown.convertedToSRGB() }
            return try PixelBuffer(rendering: shown.asSRGB8(keepsAlpha: true, over: policy.background))
        }
        for index in plan.variants.indices {
            let variant = plan.variants[index]
            try watch.checkCancellation()
            let small = try whole.withPicture { all throws(ImageError) in
                var frames = PixelBuffer.Frames(width: variant.width, height: variant.height, bands: whole.bandCount)
                for frame in 0..<plan.frames {
                    try watch.checkCancellation()
                    let one = try VipsPicture(
                        cvips_crop(
                            all.pointer,
                            0,
                            Int32(clamping: frame * frameHeight),
                            Int32(clamping: all.width),
                            Int32(clamping: frameHeight)
                        ),
                        what
                    )
                    try frames.append(
                        PixelBuffer(rendering: one).resized(
                            width: variant.width,
                            height: variant.height,
                            watch
                        )
                    )
                }
                return frames
            }
            try write(index, try small.encoded(as: variant.format, plan.encoding, timing, watch))
        }
    }
}

/// When the frames of an animation are shown.
struct FrameTiming {
    /// Milliseconds for each frame; empty where the file says nothing.
    let delays: [Int32]
    /// 0 for ever.
    let loop: Int32

    init(_ picture: borrowing VipsPicture) {
        var times: UnsafeMutablePointer<Int32>?
        var count: Int32 = 0
        if picture.hasField("delay"), vips_image_get_array_int(picture.pointer, "delay", &times, &count) == 0,
            let times
        {
            delays = Array(UnsafeBufferPointer(start: times, count: Int(count)))
        } else {
            delays = []
        }
        var repeats: Int32 = 0
        if picture.hasField("loop") { vips_image_get_int(picture.pointer, "loop", &repeats) }
        loop = max(0, repeats)
    }
}

extension PixelBuffer {
    /// Frames of one size, one below the other.
    struct Frames {
        private let width: Int
        private let height: Int
        private let bands: Int
        private var bytes: [UInt8] = []

        init(width: Int, height: Int, bands: Int) { (self.width, self.height, self.bands) = (width, height, bands) }

        mutating func append(_ frame: borrowing PixelBuffer) throws(ImageError) {
            guard frame.width == width, frame.height == height, frame.bandCount == bands else {
                throw ImageError(.encodeFailed, "a frame came out as \(frame.width)×\(frame.height) pixels")
            }
            frame.withBytes { bytes.append(contentsOf: $0) }
        }

        func encoded(
            as format: OutputFormat,
            _ settings: ImageEncoding,
            _ timing: FrameTiming,
            _ watch: EvaluationWatch
        ) throws(ImageError) -> [UInt8] {
            let what = "the animation could not be encoded as \(format.mimeType)"
            let count = bytes.count / max(width * height * bands, 1)
            let result: Result<[UInt8], ImageError> = bytes.withUnsafeBytes { pixels in
                do throws(ImageError) {
                    let raw = try VipsPicture(
                        vips_image_new_from_memory(
                            pixels.baseAddress,
                            pixels.count,
                            Int32(clamping: width),
                            Int32(clamping: height * count),
                            Int32(clamping: bands),
                            VIPS_FORMAT_UCHAR
                        ),
                        what
                    )
                    let picture = try VipsPicture(cvips_copy_as(raw.pointer, VIPS_INTERPRETATION_sRGB), what)
                    vips_image_set_int(picture.pointer, VIPS_META_PAGE_HEIGHT, Int32(clamping: height))
                    vips_image_set_int(picture.pointer, "loop", timing.loop)
                    if !timing.delays.isEmpty {
                        vips_image_set_array_int(
                            picture.pointer,
                            "delay",
                            timing.delays,
                            Int32(clamping: timing.delays.count)
                        )
                    }
                    return .success(try save(picture, format, settings, watch, what))
                } catch {
                    return .failure(error)
                }
            }
            return try result.get()
        }

        private func save(
            _ picture: borrowing VipsPicture,
            _ format: OutputFormat,
            _ settings: ImageEncoding,
            _ watch: EvaluationWatch,
            _ what: String
        ) throws(ImageError) -> [UInt8] {
            var file: UnsafeMutableRawPointer?
            var size = 0
            let status = try watch.following(picture) { () throws(ImageError) in
                format == .gif
                    ? cvips_save_gif(picture.pointer, &file, &size)
                    : cvips_save_webp(picture.pointer, Int32(clamping: settings.webpQuality), &file, &size)
            }
            guard status == 0, let file else {
                try watch.checkCancellation()
                throw VipsMessage.error(.encodeFailed, what)
            }
            defer { g_free(file) }
            let made = Array(UnsafeRawBufferPointer(start: file, count: size))
            return format == .webp ? try WebPContainer.withoutMetadata(made) : made
        }
    }
}
