internal import CVips

/// Pictures of other samples than whole numbers of 8 or 16 bits, and of more bands than have a colour.
extension VipsPicture {
    var sampleFormat: VipsBandFormat { vips_image_get_format(pointer) }
    /// Bytes of one sample.
    var sampleBytes: Int { Int(vips_format_sizeof(sampleFormat)) }

    /// Bands of colour: 1 for grey, 4 for CMYK, 3 for others that have as many.
    private var colourBandCount: Int {
        switch interpretation {
        case VIPS_INTERPRETATION_B_W, VIPS_INTERPRETATION_GREY16: 1
        case VIPS_INTERPRETATION_CMYK: 4
        default: bandCount < 3 ? 1 : 3
        }
    }

    /// The bands that count: those of colour, which come first, and one of alpha where there is one.
    ///
    /// - Parameter tiff: the fields of a TIFF, whose `ExtraSamples` says whether the first band behind the colours is
    ///   alpha (1, 2) or something else (0).
    func withBandsOfColour(_ tiff: TIFFStructure.Directory?) throws(ImageError) -> VipsPicture {
        let colours = colourBandCount
        guard bandCount > colours + 1 else { return try another() }
        let extra = tiff?.number(TIFFStructure.Tag.extraSamples) ?? 0
        let kept = colours + (extra == 1 || extra == 2 ? 1 : 0)
        return try VipsPicture(
            cvips_extract_bands(pointer, 0, Int32(clamping: kept)),
            "the image's bands of colour could not be taken out"
        )
    }

    /// Whether ``withUsualSamples()`` needs to know how large the samples are.
    var hasSamplesOfUnknownRange: Bool {
        isFloat
            && [
                VIPS_INTERPRETATION_scRGB, VIPS_INTERPRETATION_sRGB, VIPS_INTERPRETATION_RGB,
                VIPS_INTERPRETATION_MULTIBAND, VIPS_INTERPRETATION_B_W, VIPS_INTERPRETATION_RGB16,
                VIPS_INTERPRETATION_GREY16,
            ].contains(interpretation)
    }

    private var isFloat: Bool { sampleFormat == VIPS_FORMAT_FLOAT || sampleFormat == VIPS_FORMAT_DOUBLE }

    /// The brightest light that floating samples may have; 1 is white, and highlights above it become white.
    private static let mostLight = 64.0

    /// - Throws: ``ImageError/Code/unsupportedFormat`` where the samples are of another range than light from 0 to 1.
    func checkRangeOfSamples() throws(ImageError) {
        let what = "the image could not be decoded"
        let colours = try VipsPicture(cvips_extract_bands(pointer, 0, Int32(clamping: colourBandCount)), what)
        var most = 0.0
        guard cvips_max(colours.pointer, &most) == 0 else { throw VipsMessage.error(.decodeFailed, what) }
        guard most <= Self.mostLight else {
            throw ImageError(
                .unsupportedFormat,
                "the image has floating samples up to \(most), and only light from 0 to 1 (white) can be shown; "
                    + "save it with whole numbers of 8 or 16 bits"
            )
        }
    }

    /// The same picture with samples of 8 or 16 bits: 32-bit numbers by their range, floating ones as linear light, of
    /// which 1 is white, and alpha from 0 to 1. libvips 8.14 would clip all of them to 255, and alpha to 1 of 255.
    ///
    /// - Throws: ``ImageError/Code/unsupportedFormat`` for samples whose range nobody knows.
    func withUsualSamples() throws(ImageError) -> VipsPicture {
        switch sampleFormat {
        case VIPS_FORMAT_UCHAR, VIPS_FORMAT_USHORT: return try another()
        case VIPS_FORMAT_UINT: return try sixteenBits(scale: 1 / 65_537)
        case VIPS_FORMAT_FLOAT, VIPS_FORMAT_DOUBLE:
            if !hasSamplesOfUnknownRange { return try another() }
            // A profile says what the numbers mean, and is applied later.
            if hasField(VIPS_META_ICC_NAME), !hasUnusableProfile { return try sixteenBits(scale: 65_535) }
            return try fromLinearLight()
        default:
            // LabS has signed numbers by definition.
            if interpretation == VIPS_INTERPRETATION_LABS || interpretation == VIPS_INTERPRETATION_LABQ {
                return try another()
            }
            throw ImageError(
                .unsupportedFormat,
                "the image has samples of a kind whose range is not known (\(formatName)); save it with whole numbers "
                    + "of 8 or 16 bits"
            )
        }
    }

    /// libvips' short name of the sample format, for example `int`.
    private var formatName: String {
        vips_enum_nick(vips_band_format_get_type(), Int32(truncatingIfNeeded: sampleFormat.rawValue))
            .map { String(cString: $0) } ?? "unknown"
    }

    private func sixteenBits(scale: Double) throws(ImageError) -> VipsPicture {
        let what = "the image could not be brought to 16 bits"
        let scaled = try VipsPicture(cvips_linear(pointer, scale, 0), what)
        let whole = try VipsPicture(cvips_cast_ushort(scaled.pointer), what)
        let space = bandCount < 3 ? VIPS_INTERPRETATION_GREY16 : VIPS_INTERPRETATION_RGB16
        return try VipsPicture(cvips_copy_as(whole.pointer, space), what)
    }

    private func fromLinearLight() throws(ImageError) -> VipsPicture {
        let what = "the image's light could not be brought to 16 bits"
        let count = colourBandCount
        let colours = try VipsPicture(cvips_extract_bands(pointer, 0, Int32(clamping: count)), what)
        let three = try VipsPicture(count == 1 ? cvips_three_bands(colours.pointer) : cvips_copy(colours.pointer), what)
        let light = try VipsPicture(cvips_copy_as(three.pointer, VIPS_INTERPRETATION_scRGB), what)
        let shown = try VipsPicture(cvips_colourspace(light.pointer, VIPS_INTERPRETATION_RGB16), what)
        guard bandCount > count else { return shown }
        let alpha = try VipsPicture(cvips_extract_bands(pointer, Int32(clamping: count), 1), what)
        let scaled = try VipsPicture(cvips_linear(alpha.pointer, 65_535, 0), what)
        let whole = try VipsPicture(cvips_cast_ushort(scaled.pointer), what)
        return try VipsPicture(cvips_join_bands(shown.pointer, whole.pointer), what)
    }
}
