internal import CVips
internal import Files
import Glibc

/// A source image that is open for reading, and known to be a regular file of an accepted format.
struct InputFile: ~Copyable {
    private let source: SourceBytes
    private let isCancelled: @Sendable () -> Bool
    let facts: SourceFacts

    var sizeBytes: Int64 { Int64(source.count) }
    var format: SourceFormat { facts.format }

    /// - Parameter watch: asked at the reads of the file.
    /// - Throws: ``ImageError`` with `inputUnreadable`, `emptyInput` or `unsupportedFormat`.
    init(path: String, _ policy: ImagePolicy, _ watch: EvaluationWatch) throws(ImageError) {
        // Without O_NONBLOCK, opening a FIFO would wait for a writer for ever.
        let opened = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard opened >= 0 else { throw SourceBytes.unreadable(path, errno) }
        do throws(ImageError) {
            let bytes = SourceBytes(descriptor: opened, count: try Self.size(opened, path))
            facts = try SourceFacts(bytes, policy)
            source = bytes
        } catch {
            close(opened)
            throw error
        }
        isCancelled = watch.isCancelled
    }

    deinit { close(source.descriptor) }

    private static func size(_ descriptor: Int32, _ path: String) throws(ImageError) -> Int {
        guard let status = FileStatus(descriptor: descriptor) else { throw SourceBytes.unreadable(path, errno) }
        guard status.kind == .file else {
            throw ImageError(.inputUnreadable, "\(path) is not a regular file")
        }
        guard status.sizeBytes > 0 else { throw ImageError(.emptyInput, "the image file is empty (0 bytes)") }
        return Int(clamping: status.sizeBytes)
    }

    /// How a picture is opened.
    struct Options {
        /// How many times smaller the picture may be made while decoding, where the format can (JPEG by 2, 4 or 8; WebP
        /// by any factor). Others come in full size.
        var reduction = 1.0
        /// The damage that ends decoding. Bad data that a decoder gets over is accepted, as browsers do.
        var failsOn = VIPS_FAIL_ON_ERROR
        /// Whether an end mark is put behind the last byte, for a JPEG that has none.
        var addsEnd = false
        /// Frames of an animation, one below the other.
        var frames = 1
    }

    /// Opens the picture: its header is read and its pixels are not, except where the format leaves no choice.
    ///
    /// - Throws: ``ImageError``; with `inputUnreadable` where the file could not be read to its end.
    func load(_ options: Options, _ watch: EvaluationWatch) throws(ImageError) -> VipsPicture {
        try watch.checkCancellation()
        let reader = InterruptibleSource(
            source,
            window: facts.window,
            suffix: options.addsEnd ? [0xFF, 0xD9] : [],
            held: try held(),
            failure: watch.readFailure,
            isCancelled: isCancelled
        )
        guard let reader, let source = reader.vipsSource() else {
            throw SourceBytes.unreadable("the image", errno == 0 ? EMFILE : errno)
        }
        // A picture keeps its own reference.
        defer { g_object_unref(source) }
        return try watch.interruptible { () throws(ImageError) in
            do throws(ImageError) {
                let picture = try VipsPicture(decoded(source, options), "the image could not be decoded")
                setOrientation(of: picture)
                return picture
            } catch {
                throw advised(error)
            }
        }
    }

    private static let mostHeldBytes = 1 << 29

    /// The file's bytes, where a read that fails would end the process: libheif 1.19 asserts that reads of what is
    /// there succeed, and one that is cancelled does not.
    private func held() throws(ImageError) -> [UInt8]? {
        guard format == .heif else { return nil }
        guard source.count <= Self.mostHeldBytes else {
            throw ImageError(
                .limitExceeded,
                "the file has \(source.count) bytes, and a HEIC or AVIF file may have \(Self.mostHeldBytes)"
            )
        }
        return try source.read(at: 0, source.count)
    }

    private func decoded(
        _ source: UnsafeMutablePointer<VipsSource>,
        _ options: Options
    ) -> UnsafeMutablePointer<VipsImage>? {
        let fail = options.failsOn
        let reduction = options.reduction
        return switch format {
        case .jpeg, .raw:
            cvips_load_jpeg(source, reduction >= 8 ? 8 : reduction >= 4 ? 4 : reduction >= 2 ? 2 : 1, fail)
        case .webp:
            cvips_load_webp(source, reduction > 1 ? 1 / reduction : 1, Int32(clamping: options.frames), fail)
        case .gif: cvips_load_gif(source, Int32(clamping: options.frames), fail)
        case .png: cvips_load_png(source, fail)
        case .tiff: cvips_load_tiff(source, fail)
        case .heif: cvips_load_heif(source, fail)
        case .jxl: cvips_load_jxl(source, fail)
        case .jp2: cvips_load_jp2(source, fail)
        case .svg: cvips_load_svg(source, fail)
        case .pnm: cvips_load_pnm(source, fail)
        }
    }

    /// The orientation that is to be applied, where libvips' field is not the one.
    private func setOrientation(of picture: borrowing VipsPicture) {
        switch format {
        // libjxl has turned the pixels already.
        case .jxl: vips_image_remove(picture.pointer, VIPS_META_ORIENTATION)
        case .raw:
            guard let orientation = facts.orientation, !picture.hasField(VIPS_META_ORIENTATION) else { return }
            vips_image_set_int(picture.pointer, VIPS_META_ORIENTATION, Int32(orientation))
        default: break
        }
    }

    /// The error with the remedy in it, where the host's libheif is at fault.
    private func advised(_ error: ImageError) -> ImageError {
        guard format == .heif, error.code == .decodeFailed,
            let remedy = HEIFLibrary.remedy(for: error.message, version: HEIFLibrary.version)
        else { return error }
        return ImageError(error.code, "\(error.message); \(remedy)")
    }

    /// Whether ``Options/reduction`` gives a smaller picture.
    func reducesOnLoad(by reduction: Double) -> Bool {
        switch format {
        case .jpeg, .raw: reduction >= 2
        case .webp: reduction > 1
        default: false
        }
    }
}
