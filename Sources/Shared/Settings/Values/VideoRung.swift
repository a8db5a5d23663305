extension Settings {
    /// A rendition's box and its ceiling.
    package struct VideoRung: Sendable, Hashable {
        package var quality: String
        package var width: Int
        package var height: Int
        package var bitrateBitsPerSecond: Int64
    }
}

extension Settings.VideoRung {
    static var ladderFormat: SettingFormat<[Self]> {
        SettingFormat(
            type: "QUALITY=WIDTHxHEIGHT@KBITS, `,` between",
            range: "16 to 8192 pixels, 1 to 16 rungs",
            text: { rungs in
                rungs.map { "\($0.quality)=\($0.width)x\($0.height)@\($0.bitrateBitsPerSecond / 1000)" }
                    .joined(separator: ",")
            },
            parse: ladder
        )
    }

    private static func ladder(_ text: String) throws(SettingsReader.ParseFailure) -> [Self] {
        var rungs: [Self] = []
        for part in text.split(separator: ",") {
            let failure = SettingsReader.ParseFailure(
                message: "`\(part)` is not QUALITY=WIDTHxHEIGHT@KBITS, such as 360p=640x360@800"
            )
            let (quality, rest) = try Quality.assignment(part, failure)
            let numbers = rest.split(whereSeparator: { $0 == "x" || $0 == "@" }).map { Int($0) ?? -1 }
            guard numbers.count == 3, (16...8192).contains(numbers[0]), (16...8192).contains(numbers[1]),
                (1...1_000_000).contains(numbers[2])
            else { throw failure }
            let bitrate = Int64(numbers[2]) * 1000
            rungs.append(
                Self(quality: quality, width: numbers[0], height: numbers[1], bitrateBitsPerSecond: bitrate)
            )
        }
        return try Quality.distinct(rungs, \.quality)
    }
}
