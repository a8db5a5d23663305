import Glibc

/// libheif, which libvips reads HEIC and AVIF with: its version, and the decoders that it finds as plug-ins.
///
/// Asked by name in the loaded library, as libvips brings it as a module of its own and the product links none.
enum HEIFLibrary {
    /// The first version that reads the photos of iOS 18 (a `tmap` item beside the picture).
    static let neededVersion = [1, 19]

    /// Such as `1.19.7`; nil where libheif is not installed.
    static var version: String? {
        withLibrary { library in
            guard let symbol = dlsym(library, "heif_get_version") else { return nil }
            typealias Version = @convention(c) () -> UnsafePointer<CChar>?
            return unsafeBitCast(symbol, to: Version.self)().map { String(cString: $0) }
        }
    }

    /// The formats that a decoder is there for: `heic`, `avif`.
    static var decodedFormats: [String] {
        // heif_compression_format of libheif's heif.h.
        [("heic", Int32(1)), ("avif", 4)].filter { hasDecoder($0.1) }.map(\.0)
    }

    private static func hasDecoder(_ compression: Int32) -> Bool {
        withLibrary { library in
            guard let symbol = dlsym(library, "heif_have_decoder_for_format") else { return nil }
            typealias HasDecoder = @convention(c) (Int32) -> Int32
            return unsafeBitCast(symbol, to: HasDecoder.self)(compression) != 0
        } ?? false
    }

    private static func withLibrary<T>(_ body: (UnsafeMutableRawPointer) -> T?) -> T? {
        guard let library = dlopen("libheif.so.1", RTLD_LAZY | RTLD_LOCAL) else { return nil }
        defer { dlclose(library) }
        return body(library)
    }

    /// The remedy for a picture that libheif has refused with `words`, where its own version or a plug-in that is not
    /// there may be the cause; nil where the picture is.
    static func remedy(for words: String, version: String?) -> String? {
        let installing =
            "install libheif1, libheif-plugin-libde265 and libheif-plugin-dav1d from bookworm-backports "
            + "(`scripts/bootstrap run` does) and send the job again"
        if words.contains("Unsupported codec") || words.contains("No decoding plugin") {
            return "libheif has no decoder for it: \(installing)"
        }
        guard let version else { return "libheif is not installed: \(installing)" }
        let parts = version.split(separator: ".").map { Int($0) ?? 0 }
        guard parts.lexicographicallyPrecedes(neededVersion) else { return nil }
        return "this host has libheif \(version), and photos of iOS 18 and later need libheif 1.19: \(installing)"
    }
}
