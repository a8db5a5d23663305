internal import CVips
internal import Files
import Glibc

/// A source image that is open for reading, and known to be a regular file of an accepted format.
struct InputFile: ~Copyable {
    private let descriptor: Int32
    let sizeBytes: Int64
    let format: SourceFormat

    /// - Throws: ``ImageError`` with `inputUnreadable`, `emptyInput` or `unsupportedFormat`.
    init(path: String) throws(ImageError) {
        // Without O_NONBLOCK, opening a FIFO would wait for a writer for ever.
        let opened = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard opened >= 0 else { throw Self.unreadable(path, errno) }
        do throws(ImageError) {
            (sizeBytes, format) = try Self.inspect(opened, path)
        } catch {
            close(opened)
            throw error
        }
        descriptor = opened
    }

    deinit { close(descriptor) }

    private static func inspect(_ descriptor: Int32, _ path: String) throws(ImageError) -> (Int64, SourceFormat) {
        guard let status = FileStatus(descriptor: descriptor) else { throw unreadable(path, errno) }
        guard status.kind == .file else {
            throw ImageError(.inputUnreadable, "\(path) is not a regular file")
        }
        guard status.sizeBytes > 0 else { throw ImageError(.emptyInput, "the image file is empty (0 bytes)") }
        var first = [UInt8](repeating: 0, count: SourceFormat.sniffedByteCount)
        let count = first.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, $0.count, 0) }
        guard count >= 0 else { throw unreadable(path, errno) }
        first.removeLast(first.count - count)
        guard let format = SourceFormat(firstBytes: first) else {
            throw ImageError(
                .unsupportedFormat,
                "the file is \(SourceFormat.describeUnsupported(first)); accepted are \(SourceFormat.accepted)"
            )
        }
        return (status.sizeBytes, format)
    }

    private static func unreadable(_ path: String, _ code: Int32) -> ImageError {
        ImageError(
            .inputUnreadable,
            "\(path) could not be read: \(String(cString: strerror(code)))",
            isRetriable: true,
            systemError: code
        )
    }

    /// Opens the picture: its header is read and its pixels are not, except where the format leaves no choice.
    ///
    /// - Parameters:
    ///   - reduction: how many times smaller the picture may be made while decoding, where the format can (JPEG by 2, 4
    ///     or 8; WebP by any factor). Others come in full size.
    ///   - watch: asked at the reads of those formats that are read in pieces.
    func load(reducedAtMost reduction: Double = 1, _ watch: EvaluationWatch) throws(ImageError) -> VipsPicture {
        try watch.checkCancellation()
        let source = try source(watch)
        // A picture keeps its own reference.
        defer { g_object_unref(source) }
        return try watch.interruptible { () throws(ImageError) in
            try VipsPicture(decoded(source, reduction), "the image could not be decoded")
        }
    }

    private func source(_ watch: EvaluationWatch) throws(ImageError) -> UnsafeMutablePointer<VipsSource> {
        switch format {
        case .webp, .gif:
            // Their decoders map the whole file, which only a descriptor allows; from anything else it would be copied.
            // The descriptor's offset is shared with every source made from it.
            guard lseek(descriptor, 0, SEEK_SET) == 0 else { throw Self.unreadable("the image", errno) }
            if let source = vips_source_new_from_descriptor(descriptor) { return source }
        case .jpeg, .png, .tiff, .heif:
            let source = InterruptibleSource.make(reading: descriptor, isCancelled: watch.isCancelled)
            if let source { return source }
        }
        throw VipsMessage.error(.inputUnreadable, "the image could not be decoded")
    }

    private func decoded(
        _ source: UnsafeMutablePointer<VipsSource>,
        _ reduction: Double
    ) -> UnsafeMutablePointer<VipsImage>? {
        switch format {
        case .jpeg: cvips_load_jpeg(source, reduction >= 8 ? 8 : reduction >= 4 ? 4 : reduction >= 2 ? 2 : 1)
        case .webp: cvips_load_webp(source, reduction > 1 ? 1 / reduction : 1)
        case .png: cvips_load_png(source)
        case .gif: cvips_load_gif(source)
        case .tiff: cvips_load_tiff(source)
        case .heif: cvips_load_heif(source)
        }
    }
}
