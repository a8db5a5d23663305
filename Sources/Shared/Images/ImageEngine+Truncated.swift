internal import CVips

/// Files that break off, or seem to.
extension ImageEngine {
    /// Decodes a JPEG without an end mark: with one put behind it, which is all that some programs leave out; then, if
    /// data is missing as well, as far as ``ImagePolicy/truncatedShare`` allows.
    func decodeWithoutEnd(
        _ file: borrowing InputFile,
        _ plan: ImagePlan,
        _ largest: ImagePlan.Variant,
        _ options: InputFile.Options,
        _ watch: EvaluationWatch
    ) throws(ImageError) -> DecodedImage {
        var strict = options
        strict.addsEnd = true
        // A decoder that comes to the mark too early only warns.
        strict.failsOn = VIPS_FAIL_ON_WARNING
        do throws(ImageError) {
            let pixels = try decode(file, plan, largest, strict, watch)
            let warning = ImageWarning(.endMarkMissing, "the end mark of the JPEG is missing, and nothing else")
            return DecodedImage(pixels, warnings: [warning])
        } catch  where error.code == .decodeFailed {
            _ = VipsMessage.take()
        }
        do throws(ImageError) {
            // Data that goes on for longer than the picture needs no end mark.
            return DecodedImage(try decode(file, plan, largest, options, watch))
        } catch  where error.code == .decodeFailed {
            return try decodeInPart(file, plan, largest, options, watch, error)
        }
    }

    /// Decodes what there is of a picture that breaks off; the rest is as the decoder leaves it: grey in a JPEG, black
    /// or transparent in others.
    ///
    /// - Parameter failure: of the attempt to decode all of it; thrown again where too little is there.
    func decodeInPart(
        _ file: borrowing InputFile,
        _ plan: ImagePlan,
        _ largest: ImagePlan.Variant,
        _ options: InputFile.Options,
        _ watch: EvaluationWatch,
        _ failure: ImageError
    ) throws(ImageError) -> DecodedImage {
        let share = try decodableShare(file, watch)
        _ = VipsMessage.take()
        let words = breakingOff(file.facts.jpeg, share)
        guard let least = policy.truncatedShare else {
            throw ImageError(
                failure.code,
                "\(failure.message); \(words), and IMAGE_TRUNCATED refuses such a picture"
            )
        }
        guard share >= least, share > 0 else {
            let needed = Int((least * 100).rounded())
            throw ImageError(
                failure.code,
                "\(failure.message); \(words), and at least \(needed) % are needed (IMAGE_TRUNCATED_MIN_PERCENT)"
            )
        }
        var tolerant = options
        tolerant.addsEnd = file.facts.lacksEnd
        tolerant.failsOn = VIPS_FAIL_ON_NONE
        let pixels = try decode(file, plan, largest, tolerant, watch)
        let warning = ImageWarning(.pictureIncomplete, "the picture is not complete: \(words)")
        return DecodedImage(pixels, warnings: [warning])
    }

    private func breakingOff(_ jpeg: JPEGStructure?, _ share: Double) -> String {
        guard let jpeg, jpeg.isProgressive else { return "it breaks off after \(Int(share * 100)) % of its rows" }
        return jpeg.coversWholePicture
            ? "it breaks off after its first scans, which show all of it, less sharp"
            : "it breaks off in its first scans"
    }

    /// The share of the rows, 0…1, that can be decoded.
    private func decodableShare(_ file: borrowing InputFile, _ watch: EvaluationWatch) throws(ImageError) -> Double {
        if let jpeg = file.facts.jpeg, jpeg.isProgressive { return jpeg.coversWholePicture ? 1 : 0 }
        switch file.format {
        case .jpeg, .raw, .png, .tiff:
            let picture = try file.load(InputFile.Options(), watch)
            let rows = try picture.decodableRows(watch)
            return Double(rows) / Double(max(picture.height, 1))
        // Their decoders give a whole picture or none.
        default: return 0
        }
    }
}
