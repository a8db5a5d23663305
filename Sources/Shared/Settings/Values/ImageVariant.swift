extension Settings {
    package struct ImageVariant: Sendable, Hashable {
        package var quality: String
        /// The side of the square that the variant fits in, in pixels.
        package var side: Int
    }
}

extension Settings.ImageVariant {
    static var variantsFormat: SettingFormat<[Self]> {
        SettingFormat(
            type: "QUALITY=SIDE, `,` between",
            range: "1 to 16384 pixels, 1 to 16 variants",
            text: { variants in variants.map { "\($0.quality)=\($0.side)" }.joined(separator: ",") },
            parse: variants
        )
    }

    private static func variants(_ text: String) throws(SettingsReader.ParseFailure) -> [Self] {
        var variants: [Self] = []
        for part in text.split(separator: ",") {
            let failure = SettingsReader.ParseFailure(message: "`\(part)` is not QUALITY=SIDE, such as 360p=360")
            let (quality, rest) = try Quality.assignment(part, failure)
            guard let side = Int(rest), (1...16_384).contains(side) else { throw failure }
            variants.append(Self(quality: quality, side: side))
        }
        return try Quality.distinct(variants, \.quality)
    }
}
