internal import CVips
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
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw unreadable(path, errno) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw ImageError(.inputUnreadable, "\(path) is not a regular file")
        }
        guard status.st_size > 0 else { throw ImageError(.emptyInput, "the image file is empty (0 bytes)") }
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
        return (Int64(status.st_size), format)
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
    /// - Parameter reduction: how many times smaller the picture may be made while decoding, where the format can
    ///   (JPEG by 2, 4 or 8; WebP by any factor). Others come in full size.
    func load(reducedAtMost reduction: Double = 1) throws(ImageError) -> VipsPicture {
        let what = "the image could not be decoded"
        // The descriptor's offset is shared with every source made from it.
        guard lseek(descriptor, 0, SEEK_SET) == 0 else { throw Self.unreadable("the image", errno) }
        guard let source = vips_source_new_from_descriptor(descriptor) else {
            throw VipsMessage.error(.inputUnreadable, what)
        }
        // A picture keeps its own reference.
        defer { g_object_unref(source) }
        let created =
            switch format {
            case .jpeg: cvips_load_jpeg(source, reduction >= 8 ? 8 : reduction >= 4 ? 4 : reduction >= 2 ? 2 : 1)
            case .webp: cvips_load_webp(source, reduction > 1 ? 1 / reduction : 1)
            case .png: cvips_load_png(source)
            case .gif: cvips_load_gif(source)
            case .tiff: cvips_load_tiff(source)
            case .heif: cvips_load_heif(source)
            }
        return try VipsPicture(created, what)
    }
}
