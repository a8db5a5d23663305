internal import CVips

extension VipsPicture {
    /// Width and height in pixels once the EXIF orientation is applied.
    var uprightSize: (width: Int, height: Int) {
        vips_image_get_orientation_swap(pointer) != 0 ? (height, width) : (width, height)
    }

    /// A second picture of the same pixels.
    func another() throws(ImageError) -> VipsPicture {
        try VipsPicture(cvips_copy(pointer), "the image could not be copied")
    }

    /// Whether any pixel is not fully opaque. Decodes everything if there is an alpha channel.
    func hasTransparentPixels() throws(ImageError) -> Bool {
        guard hasAlpha, bandCount > 1 else { return false }
        let what = "the image could not be decoded"
        let alpha = try VipsPicture(cvips_extract_bands(pointer, Int32(clamping: bandCount - 1), 1), what)
        var least = 0.0
        guard cvips_min(alpha.pointer, &least) == 0 else { throw VipsMessage.error(.decodeFailed, what) }
        // Half a step of eight bits: 10-bit alpha that was widened to 16 bits does not quite reach the maximum.
        return least < maxAlpha * (254.5 / 255)
    }

    /// Converts to sRGB by the embedded profile, or CMYK without one by libvips' own; with black point compensation,
    /// without which black ink becomes grey.
    func convertedToSRGB() throws(ImageError) -> VipsPicture {
        let converted = try VipsPicture(
            cvips_icc_to_srgb(pointer, "cmyk"),
            "the image could not be converted from \(colorSpace) to sRGB"
        )
        return try converted.withoutProfile()
    }

    /// Whatever the pixels are, as 8-bit sRGB with 3 bands, or 4 where alpha is to be kept and there is one.
    ///
    /// - Parameter background: red, green and blue, where alpha is there and not kept.
    func asSRGB8(keepsAlpha: Bool, over background: [UInt8]) throws(ImageError) -> VipsPicture {
        let what = "the image's colours could not be converted from \(colorSpace) to sRGB"
        var picture = try another()
        if picture.interpretation != VIPS_INTERPRETATION_sRGB {
            picture = try VipsPicture(cvips_colourspace(picture.pointer, VIPS_INTERPRETATION_sRGB), what)
        }
        picture = try VipsPicture(cvips_cast_uchar(picture.pointer), what)
        guard picture.bandCount >= 3 else {
            throw ImageError(.decodeFailed, "\(what): it has \(picture.bandCount) bands")
        }
        if picture.bandCount > 4 {
            picture = try VipsPicture(cvips_extract_bands(picture.pointer, 0, 4), what)
        }
        if picture.bandCount == 4, !keepsAlpha {
            picture = try VipsPicture(cvips_flatten(picture.pointer, background), what)
        }
        return picture
    }
}
