internal import CVips

/// The capabilities of this process's libvips, once ``ImageRuntime`` is started.
package enum ImageCapabilities {
    /// Such as `8.14.1`.
    package static var version: String { (Int32(0)..<3).map { "\(vips_version($0))" }.joined(separator: ".") }

    /// The version of libheif, such as `1.19.7`.
    package static var heifVersion: String { HEIFLibrary.version }

    /// - Parameter format: such as `png`; `heic` and `avif` need a decoder of libheif as well.
    package static func canLoad(_ format: String) -> Bool {
        guard ["heic", "avif"].contains(format) else { return hasOperation(format + "load_source") }
        return hasOperation("heifload_source") && HEIFLibrary.decodedFormats.contains(format)
    }

    /// - Parameter format: such as `webp`.
    package static func canSave(_ format: String) -> Bool { hasOperation(format + "save_buffer") }

    private static func hasOperation(_ name: String) -> Bool { vips_type_find("VipsOperation", name) != 0 }
}
