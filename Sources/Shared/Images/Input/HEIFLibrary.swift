internal import CHEIF

/// libheif, which libvips reads HEIC and AVIF with: its version, and the decoders that it finds as plug-ins.
enum HEIFLibrary {
    /// The first version that reads the photos of iOS 18 (a `tmap` item beside the picture).
    static let neededVersion = [1, 19]

    /// Such as `1.19.7`.
    static var version: String { heif_get_version().map { String(cString: $0) } ?? "unknown" }

    /// The formats that a decoder is there for: `heic`, `avif`.
    static var decodedFormats: [String] {
        [("heic", heif_compression_HEVC), ("avif", heif_compression_AV1)]
            .filter { heif_have_decoder_for_format($0.1) != 0 }.map(\.0)
    }

    /// The remedy for a picture that libheif has refused with `words`, where its own version or a plug-in that is not
    /// there may be the cause; nil where the picture is.
    static func remedy(for words: String, version: String) -> String? {
        let installing =
            "install libheif1, libheif-plugin-libde265 and libheif-plugin-dav1d from bookworm-backports "
            + "(`scripts/bootstrap run` does) and send the job again"
        if words.contains("Unsupported codec") || words.contains("No decoding plugin") {
            return "libheif has no decoder for it: \(installing)"
        }
        let parts = version.split(separator: ".").map { Int($0) ?? 0 }
        guard parts.lexicographicallyPrecedes(neededVersion) else { return nil }
        return "if it is a photo of iOS 18 or later, it needs libheif 1.19, and this host has \(version): \(installing)"
    }
}
