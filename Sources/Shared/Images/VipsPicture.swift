internal import CVips

/// The one owner of one reference to a `VipsImage`: pixels that are computed when somebody asks for them.
struct VipsPicture: ~Copyable {
    let pointer: UnsafeMutablePointer<VipsImage>

    /// Takes over the reference that a libvips operation returned.
    ///
    /// - Throws: libvips' reason with `code` where the operation returned `NULL`.
    init(
        _ created: UnsafeMutablePointer<VipsImage>?,
        _ what: String,
        orThrow code: ImageError.Code = .decodeFailed
    ) throws(ImageError) {
        guard let created else { throw VipsMessage.error(code, what) }
        pointer = created
    }

    deinit { g_object_unref(pointer) }

    var width: Int { Int(vips_image_get_width(pointer)) }
    var height: Int { Int(vips_image_get_height(pointer)) }
    var bandCount: Int { Int(vips_image_get_bands(pointer)) }
    var interpretation: VipsInterpretation { vips_image_get_interpretation(pointer) }
    var hasAlpha: Bool { vips_image_hasalpha(pointer) != 0 }
    var orientation: Int { Int(vips_image_get_orientation(pointer)) }
    var pageCount: Int { Int(vips_image_get_n_pages(pointer)) }

    /// libvips' short name of ``interpretation``, for example `srgb`.
    var colorSpace: String {
        vips_enum_nick(vips_interpretation_get_type(), Int32(truncatingIfNeeded: interpretation.rawValue))
            .map { String(cString: $0) } ?? "unknown"
    }

    /// The value that stands for fully opaque, by libvips' convention for the colour space.
    var maxAlpha: Double {
        switch interpretation {
        case VIPS_INTERPRETATION_GREY16, VIPS_INTERPRETATION_RGB16: 65_535
        case VIPS_INTERPRETATION_scRGB: 1
        default: 255
        }
    }

    func hasField(_ name: String) -> Bool { vips_image_get_typeof(pointer, name) != 0 }

    func stringField(_ name: String) -> String? {
        var text: UnsafePointer<CChar>?
        guard hasField(name), vips_image_get_string(pointer, name, &text) == 0, let text else { return nil }
        return String(cString: text)
    }

    func blobField(_ name: String) -> [UInt8]? {
        var bytes: UnsafeRawPointer?
        var count = 0
        guard hasField(name), vips_image_get_blob(pointer, name, &bytes, &count) == 0, let bytes else { return nil }
        return Array(UnsafeRawBufferPointer(start: bytes, count: count))
    }

    /// How many of the first rows can be decoded: all of them, unless the file breaks off.
    func decodableRows(_ watch: EvaluationWatch) throws(ImageError) -> Int {
        guard let region = vips_region_new(pointer) else { throw VipsMessage.error(.decodeFailed, "no rows") }
        defer { g_object_unref(region) }
        var row = 0
        while row < height {
            try watch.checkCancellation()
            let count = min(8, height - row)
            var rows = VipsRect(
                left: 0,
                top: Int32(clamping: row),
                width: Int32(clamping: width),
                height: Int32(clamping: count)
            )
            if vips_region_prepare(region, &rows) != 0 { return row }
            row += count
        }
        return row
    }

    /// Whether an embedded ICC profile is there that cannot be used with these pixels.
    var hasUnusableProfile: Bool {
        var bytes: UnsafeRawPointer?
        var count = 0
        guard hasField(VIPS_META_ICC_NAME),
            vips_image_get_blob(pointer, VIPS_META_ICC_NAME, &bytes, &count) == 0
        else { return false }
        return vips_icc_is_compatible_profile(pointer, bytes, count) == 0
    }

    /// The same pixels without the embedded ICC profile.
    func withoutProfile() throws(ImageError) -> VipsPicture {
        let copy = try VipsPicture(cvips_copy(pointer), "the image could not be copied")
        vips_image_remove(copy.pointer, VIPS_META_ICC_NAME)
        return copy
    }

    /// Stops the computation of these pixels as soon as possible; it then fails.
    func kill() { vips_image_set_kill(pointer, 1) }
}
