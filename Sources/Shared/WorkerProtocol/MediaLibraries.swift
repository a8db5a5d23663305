internal import FoundationEssentials

/// The media libraries as `stage-process --probe` finds them. The supervisor links none of them, so it asks.
package struct MediaLibraries: Sendable, Codable, Equatable {
    package static let option = "--probe"

    /// By name, such as `libavcodec`.
    package var versions: [String: String]
    /// The ones of ``wantedEncoders`` that are there; likewise below.
    package var encoders: [String]
    package var decoders: [String]
    package var imageLoaders: [String]
    package var imageSavers: [String]

    /// libav's names. Without one of these there are no outputs.
    package static let wantedEncoders = ["libx264", "aac", "mjpeg"]
    /// libav's names of the formats that cameras, phones and editors write.
    package static let wantedDecoders = [
        "h264", "hevc", "vp8", "vp9", "av1", "mpeg2video", "mpeg4", "prores", "mjpeg", "aac", "mp3", "opus", "vorbis",
        "flac", "pcm_s16le",
    ]
    /// libvips' names of operations, without `load`; `heic` and `avif` are the decoders of libheif.
    package static let wantedImageLoaders = ["jpeg", "png", "gif", "webp", "tiff", "heic", "avif", "heif"]
    /// The first version of libheif that reads the photos of iOS 18.
    package static let wantedHEIFVersion = "1.19"
    /// libvips' names of operations, without `save`.
    package static let wantedImageSavers = ["jpeg", "png", "webp"]

    package init(
        versions: [String: String],
        encoders: [String],
        decoders: [String],
        imageLoaders: [String],
        imageSavers: [String]
    ) {
        self.versions = versions
        self.encoders = encoders
        self.decoders = decoders
        self.imageLoaders = imageLoaders
        self.imageSavers = imageSavers
    }

    /// One line of JSON, with the line feed.
    package func line() -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        guard let bytes = try? encoder.encode(self) else { return [] }
        return [UInt8](bytes) + [UInt8(ascii: "\n")]
    }

    /// nil when the line is something else.
    package init?(line: some Sequence<UInt8>) {
        guard let found = try? JSONDecoder().decode(Self.self, from: Data(line)) else { return nil }
        self = found
    }
}
