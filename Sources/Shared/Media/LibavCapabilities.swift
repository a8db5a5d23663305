internal import CFFmpeg

/// The capabilities of this process's libav.
package enum LibavCapabilities {
    /// By library, such as `libavcodec`: `59.37.100`. Under `ffmpeg` the release that they belong to.
    package static var versions: [String: String] {
        [
            "ffmpeg": av_version_info().map { String(cString: $0) } ?? "unknown",
            "libavcodec": text(avcodec_version()),
            "libavformat": text(avformat_version()),
            "libavutil": text(avutil_version()),
            "libswscale": text(swscale_version()),
            "libswresample": text(swresample_version()),
        ]
    }

    package static func hasEncoder(_ name: String) -> Bool { avcodec_find_encoder_by_name(name) != nil }

    /// Whether there is a decoder for a codec of this name, whatever the decoder itself is called.
    package static func hasDecoder(_ codec: String) -> Bool {
        guard let descriptor = avcodec_descriptor_get_by_name(codec) else { return false }
        return avcodec_find_decoder(descriptor.pointee.id) != nil
    }

    /// As AV_VERSION_INT packs it.
    private static func text(_ version: UInt32) -> String {
        "\(version >> 16).\(version >> 8 & 0xFF).\(version & 0xFF)"
    }
}
