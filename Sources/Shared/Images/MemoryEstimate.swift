internal import CVips

/// The memory that one picture takes while it is decoded and reduced, by its header: what its decoder holds at once,
/// and the pixels of the largest output. Measured with the libraries of Debian 12; docs/pictures.md has the table.
struct MemoryEstimate: Sendable, Equatable {
    /// Bytes of all samples as they are stored: width × height × bands × bytes of a sample.
    private(set) var sampleBytes: Int64
    /// Bytes in memory at once.
    private(set) var bytes: Int64
    /// The picture's claims: `16383×16383 pixels × 4 bands × 1 byte`.
    private(set) var shape: String
    /// Why it takes as much.
    private(set) var cause: String

    /// An animation whose frames are all held, of the source and of one variant.
    init(width: Int, height: Int, bands: Int, frames: Int, outputPixels: Int64) {
        let pixels = Self.product(Int64(width), Int64(height))
        shape = "\(width)×\(height) pixels × \(bands) bands × \(frames) frames"
        cause = "the frames of an animation are held together"
        sampleBytes = Self.product(Self.product(pixels, Int64(bands)), Int64(frames))
        let outputs = Self.product(Self.product(outputPixels, Int64(bands)), Int64(frames))
        bytes = Self.sum(Self.sum(sampleBytes, outputs), Self.product(pixels, 8))
    }

    /// - Parameter outputPixels: of the largest output, for which the file is opened.
    init(_ picture: borrowing VipsPicture, _ facts: SourceFacts, outputPixels: Int64 = 0) {
        let (width, height, bands) = (Int64(picture.width), Int64(picture.height), Int64(picture.bandCount))
        let pixels = Self.product(width, height)
        let sample = Int64(max(1, picture.sampleBytes))
        shape = "\(width)×\(height) pixels × \(bands) bands × \(sample) byte\(sample == 1 ? "" : "s")"
        sampleBytes = Self.product(pixels, Self.product(bands, sample))
        let rows = Self.product(Self.product(width, bands), sample * 256)
        let held: Int64
        (held, cause) = Self.held(facts, picture, pixels, sampleBytes)
        bytes = Self.sum(Self.sum(held, rows), Self.product(outputPixels, 8))
    }

    /// What the decoder holds of the whole picture.
    private static func held(
        _ facts: SourceFacts,
        _ picture: borrowing VipsPicture,
        _ pixels: Int64,
        _ sampleBytes: Int64
    ) -> (Int64, String) {
        switch facts.format {
        case .jpeg, .raw:
            let bytes = facts.jpeg?.coefficientBytes ?? 0
            return (bytes, bytes > 0 ? "its scans are decoded together" : "it is decoded row by row")
        case .png:
            return facts.isInterlaced
                ? (sampleBytes, "an interlaced PNG is decoded as a whole") : (0, "it is decoded row by row")
        case .webp: return (product(pixels, 8), "a WebP is decoded as a whole")
        case .gif: return (product(pixels, 8), "a GIF is decoded as a whole")
        case .heif:
            // The planes of the codec and of libheif. Those of HEVC come in tiles, those of AV1 mostly do not.
            let planes: Int64 = picture.stringField("heif-compression") == "av1" ? 5 : 2
            return (
                sum(product(pixels, planes * Int64(picture.sampleBytes)), sampleBytes),
                "HEIC and AVIF are decoded as a whole"
            )
        case .jxl: return (sum(product(pixels, 12), sampleBytes), "a JPEG XL is decoded as a whole")
        case .jp2: return (sum(product(pixels, 12), sampleBytes), "a JPEG 2000 is decoded as a whole")
        case .svg, .pnm: return (0, "it is decoded row by row")
        case .tiff: return (tiffRows(facts.tiff, picture), "its strips or tiles are decoded one by one")
        }
    }

    /// Bytes of a row of tiles, or of a strip.
    private static func tiffRows(_ tiff: TIFFStructure.Directory?, _ picture: borrowing VipsPicture) -> Int64 {
        let row = product(product(Int64(picture.width), Int64(picture.bandCount)), Int64(picture.sampleBytes))
        let tall =
            tiff?.number(TIFFStructure.Tag.tileHeight) ?? tiff?.number(TIFFStructure.Tag.rowsPerStrip) ?? picture.height
        return product(row, Int64(clamping: min(max(tall, 1), picture.height)))
    }

    private static func product(_ left: Int64, _ right: Int64) -> Int64 {
        let (value, overflow) = left.multipliedReportingOverflow(by: right)
        return overflow ? .max : value
    }

    private static func sum(_ left: Int64, _ right: Int64) -> Int64 {
        let (value, overflow) = left.addingReportingOverflow(right)
        return overflow ? .max : value
    }
}
