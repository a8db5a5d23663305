internal import CVips

/// The capabilities of this process's libvips, once ``ImageRuntime`` is started.
package enum ImageCapabilities {
    /// Such as `8.14.1`.
    package static var version: String { (Int32(0)..<3).map { "\(vips_version($0))" }.joined(separator: ".") }

    /// - Parameter format: such as `heif`.
    package static func canLoad(_ format: String) -> Bool { hasOperation(format + "load_source") }

    /// - Parameter format: such as `webp`.
    package static func canSave(_ format: String) -> Bool { hasOperation(format + "save_buffer") }

    private static func hasOperation(_ name: String) -> Bool { vips_type_find("VipsOperation", name) != 0 }
}
