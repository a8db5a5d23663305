internal import CHEIF
internal import CVips
import Glibc

/// Decoded pixels in memory: 8-bit sRGB, `height × width × bandCount` bytes without padding, 3 bands, or 4 with
/// unassociated alpha. Nothing else of the source survives in it, so no metadata can reach an output.
struct PixelBuffer: ~Copyable {
    private let bytes: UnsafeMutableRawPointer
    private let byteCount: Int
    let width: Int
    let height: Int
    let bandCount: Int

    /// Computes the pixels of `picture`, which has to be 8-bit sRGB already.
    init(rendering picture: borrowing VipsPicture) throws(ImageError) {
        var count = 0
        guard let bytes = vips_image_write_to_memory(picture.pointer, &count) else {
            throw VipsMessage.error(.decodeFailed, "the image could not be decoded")
        }
        self.bytes = bytes
        byteCount = count
        width = picture.width
        height = picture.height
        bandCount = picture.bandCount
    }

    /// Converts the pixels of `picture`, 3 or 4 bands of 16 bits, to 8-bit sRGB. When `isCancelled` says so, they are
    /// not complete.
    init(
        converting picture: borrowing VipsPicture,
        by map: ToneMap,
        isCancelled: () -> Bool
    ) throws(ImageError) {
        var count = 0
        guard let wide = vips_image_write_to_memory(picture.pointer, &count) else {
            throw VipsMessage.error(.decodeFailed, "the image could not be decoded")
        }
        defer { g_free(wide) }
        let samples = UnsafeBufferPointer(start: wide.assumingMemoryBound(to: UInt16.self), count: count / 2)
        guard let bytes = g_try_malloc(gsize(samples.count)) else {
            throw ImageError(.outOfMemory, "the image could not be decoded: out of memory", isRetriable: true)
        }
        let target = UnsafeMutableBufferPointer(
            start: bytes.bindMemory(to: UInt8.self, capacity: samples.count),
            count: samples.count
        )
        map.convert(samples, bands: picture.bandCount, into: target, isCancelled: isCancelled)
        self.bytes = bytes
        byteCount = samples.count
        width = picture.width
        height = picture.height
        bandCount = picture.bandCount
    }

    deinit { g_free(bytes) }

    func withBytes<T>(_ body: (UnsafeRawBufferPointer) -> T) -> T {
        body(UnsafeRawBufferPointer(start: bytes, count: byteCount))
    }

    /// Lends the pixels as a picture, which reads them in place and must therefore not leave `body`.
    func withPicture<T: ~Copyable>(
        _ body: (borrowing VipsPicture) throws(ImageError) -> T
    ) throws(ImageError) -> T {
        let what = "the decoded pixels could not be used"
        let raw = try VipsPicture(
            vips_image_new_from_memory(
                bytes,
                byteCount,
                Int32(clamping: width),
                Int32(clamping: height),
                Int32(clamping: bandCount),
                VIPS_FORMAT_UCHAR
            ),
            what
        )
        let picture = try VipsPicture(cvips_copy_as(raw.pointer, VIPS_INTERPRETATION_sRGB), what)
        return try body(picture)
    }

    private func withFollowedPicture<T: ~Copyable>(
        _ watch: EvaluationWatch,
        _ body: (borrowing VipsPicture) throws(ImageError) -> T
    ) throws(ImageError) -> T {
        try withPicture { picture throws(ImageError) in
            try watch.following(picture) { () throws(ImageError) in try body(picture) }
        }
    }

    /// The same picture at another size.
    func resized(width: Int, height: Int, _ watch: EvaluationWatch) throws(ImageError) -> PixelBuffer {
        try withFollowedPicture(watch) { picture throws(ImageError) in
            let small = try VipsPicture(
                cvips_thumbnail(picture.pointer, Int32(clamping: width), Int32(clamping: height)),
                "the image could not be resized to \(width)×\(height)",
                orThrow: .encodeFailed
            )
            // Premultiplying by alpha makes the pixels float.
            let whole = try VipsPicture(cvips_cast_uchar(small.pointer), "the image could not be resized")
            return try PixelBuffer(rendering: whole)
        }
    }

    /// The picture as a complete file of `format`, which holds pixels and nothing else.
    func encoded(
        as format: OutputFormat,
        _ settings: ImageEncoding,
        over background: [UInt8],
        _ watch: EvaluationWatch
    ) throws(ImageError) -> [UInt8] {
        if format == .avif { return try encodedAsAVIF(settings, watch) }
        return try withFollowedPicture(watch) { whole throws(ImageError) in
            let what = "the image could not be encoded as \(format.mimeType)"
            let isFlat = format == .jpeg && bandCount == 4
            let picture = try VipsPicture(
                isFlat ? cvips_flatten(whole.pointer, background) : cvips_copy(whole.pointer),
                what,
                orThrow: .encodeFailed
            )
            var bytes: UnsafeMutableRawPointer?
            var count = 0
            let status =
                switch format {
                case .jpeg: cvips_save_jpeg(picture.pointer, Int32(clamping: settings.jpegQuality), &bytes, &count)
                case .png: cvips_save_png(picture.pointer, Int32(clamping: settings.pngCompression), &bytes, &count)
                case .webp: cvips_save_webp(picture.pointer, Int32(clamping: settings.webpQuality), &bytes, &count)
                case .gif: cvips_save_gif(picture.pointer, &bytes, &count)
                case .avif: Int32(-1)
                }
            guard status == 0, let bytes else {
                throw VipsMessage.error(.encodeFailed, what)
            }
            defer { g_free(bytes) }
            let file = Array(UnsafeRawBufferPointer(start: bytes, count: count))
            return format == .webp ? try WebPContainer.withoutMetadata(file) : file
        }
    }

    private func encodedAsAVIF(_ settings: ImageEncoding, _ watch: EvaluationWatch) throws(ImageError) -> [UInt8] {
        try watch.checkCancellation()
        var file = cheif_file()
        let words = cheif_encode_avif(
            bytes.assumingMemoryBound(to: UInt8.self),
            Int32(clamping: width),
            Int32(clamping: height),
            Int32(clamping: bandCount),
            Int32(clamping: settings.avifQuality),
            Int32(clamping: settings.avifSpeed),
            &file
        )
        defer { free(file.bytes) }
        if let words {
            throw ImageError(
                .encodeFailed,
                "the image could not be encoded as image/avif: libheif: \(String(cString: words)); "
                    + "its encoder is in libheif-plugin-aomenc"
            )
        }
        return Array(UnsafeBufferPointer(start: file.bytes, count: file.count))
    }
}
