internal import Glibc
internal import Images
internal import Media
internal import WorkerProtocol

/// `stage-process --probe`: says what the media libraries can do, for `supervisor doctor`.
enum LibraryProbe {
    /// Writes one line of JSON to standard output.
    ///
    /// - Returns: the exit status: 0, or 1 with the reason on standard error.
    static func run() -> CInt {
        do throws(ImageError) {
            try ImageRuntime.start()
        } catch {
            put(Array((error.message + "\n").utf8), STDERR_FILENO)
            return 1
        }
        var versions = LibavCapabilities.versions
        versions["libvips"] = ImageCapabilities.version
        versions["libheif"] = ImageCapabilities.heifVersion
        let libraries = MediaLibraries(
            versions: versions,
            encoders: MediaLibraries.wantedEncoders.filter(LibavCapabilities.hasEncoder),
            decoders: MediaLibraries.wantedDecoders.filter(LibavCapabilities.hasDecoder),
            imageLoaders: MediaLibraries.wantedImageLoaders.filter(ImageCapabilities.canLoad),
            imageSavers: MediaLibraries.wantedImageSavers.filter(ImageCapabilities.canSave)
        )
        put(libraries.line(), STDOUT_FILENO)
        return 0
    }

    private static func put(_ bytes: [UInt8], _ descriptor: CInt) {
        _ = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
    }
}
