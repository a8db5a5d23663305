internal import CVips

extension VipsPicture {
    /// The colours by code points, if the pixels have to be converted by them: from the container, or from a profile
    /// that has them.
    func codedColour(_ container: CodedColour?) -> CodedColour? {
        guard bandCount >= 3, interpretation == VIPS_INTERPRETATION_sRGB || interpretation == VIPS_INTERPRETATION_RGB16,
            sampleFormat == VIPS_FORMAT_UCHAR || sampleFormat == VIPS_FORMAT_USHORT
        else { return nil }
        if let container { return container.isSRGB ? nil : container }
        guard let profile = blobField(VIPS_META_ICC_NAME), let found = ICCProfile.codedColour(profile), found.isHDR
        else { return nil }
        return found
    }

    /// The significant bits of a sample, which are its upper ones where it has 16.
    private var bitDepth: Int {
        var depth: Int32 = 0
        if hasField("heif-bitdepth"), vips_image_get_int(pointer, "heif-bitdepth", &depth) == 0, depth > 8, depth <= 16
        {
            return Int(depth)
        }
        return sampleFormat == VIPS_FORMAT_UCHAR ? 8 : 16
    }

    /// The picture in 8-bit sRGB at exactly `width` × `height` upright pixels, converted from `colour`.
    func rendered(
        from colour: CodedColour,
        width: Int,
        height: Int,
        keepsAlpha: Bool,
        _ policy: ImagePolicy,
        _ watch: EvaluationWatch
    ) throws(ImageError) -> PixelBuffer {
        let what = "the image could not be decoded"
        let depth = bitDepth
        var picture = try VipsPicture(cvips_copy(pointer), what)
        if sampleFormat == VIPS_FORMAT_UCHAR {
            let wide = try VipsPicture(cvips_linear(picture.pointer, 256, 0), what)
            let whole = try VipsPicture(cvips_cast_ushort(wide.pointer), what)
            picture = try VipsPicture(cvips_copy_as(whole.pointer, VIPS_INTERPRETATION_RGB16), what)
        }
        if picture.bandCount > 4 { picture = try VipsPicture(cvips_extract_bands(picture.pointer, 0, 4), what) }
        let isTurned = vips_image_get_orientation_swap(pointer) != 0
        picture = try picture.resizedCoded(
            width: isTurned ? height : width,
            height: isTurned ? width : height
        )
        if picture.orientation != 1 {
            // In memory, as columns of a picture that is decoded row by row cannot be read.
            let still = try VipsPicture(vips_image_copy_memory(picture.pointer), what)
            picture = try VipsPicture(cvips_autorot(still.pointer), what)
        }
        let pixels = try PixelBuffer(
            converting: picture,
            by: ToneMap(colour, bitDepth: depth),
            isCancelled: watch.isCancelled
        )
        try watch.checkCancellation()
        guard pixels.bandCount == 4, !keepsAlpha else { return pixels }
        return try pixels.withPicture { picture throws(ImageError) in
            try PixelBuffer(rendering: VipsPicture(cvips_flatten(picture.pointer, policy.background), what))
        }
    }

    private func resizedCoded(width target: Int, height targetHeight: Int) throws(ImageError) -> VipsPicture {
        let what = "the image could not be resized"
        if (width, height) == (target, targetHeight) { return try another() }
        let (across, down) = (Double(target) / Double(width), Double(targetHeight) / Double(height))
        guard bandCount == 4 else { return try VipsPicture(cvips_resize(pointer, across, down), what) }
        // So that pixels that nobody sees do not colour their neighbours.
        let weighted = try VipsPicture(cvips_premultiply(pointer, 65_535), what)
        let small = try VipsPicture(cvips_resize(weighted.pointer, across, down), what)
        let plain = try VipsPicture(cvips_unpremultiply(small.pointer, 65_535), what)
        return try VipsPicture(cvips_cast_ushort(plain.pointer), what)
    }
}
