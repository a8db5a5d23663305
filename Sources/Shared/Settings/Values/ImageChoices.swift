extension Settings {
    package enum AlphaFormat: String, Sendable, CaseIterable {
        case png
        case webp
    }

    package enum ExtraImageFormat: String, Sendable, CaseIterable {
        case webp
        case avif
    }

    package enum ImageAnimation: String, Sendable, CaseIterable {
        case first
        case webp
        case gif
    }

    package enum TruncatedPolicy: String, Sendable, CaseIterable {
        case refuse
        case accept
    }

    /// Formats of images that can be read.
    package enum ImageFormat: String, Sendable, CaseIterable {
        case jpeg, png, gif, webp, tiff, heif, jxl, raw, jp2, svg, pnm

        package static let usual: [ImageFormat] = [.jpeg, .png, .gif, .webp, .tiff, .heif, .jxl, .raw]
    }

    /// A colour of sRGB.
    package struct Colour: Sendable, Hashable {
        package var red: UInt8
        package var green: UInt8
        package var blue: UInt8

        package static let white = Colour(red: 255, green: 255, blue: 255)

        static var format: SettingFormat<Colour> {
            SettingFormat(
                type: "RRGGBB",
                range: "hexadecimal, 000000 to ffffff",
                text: { colour in
                    [colour.red, colour.green, colour.blue].map { (value: UInt8) -> String in
                        let digits = String(value, radix: 16)
                        return value < 16 ? "0" + digits : digits
                    }.joined()
                },
                parse: { (text) throws(SettingsReader.ParseFailure) in
                    let digits = text.hasPrefix("#") ? String(text.dropFirst()) : text
                    guard digits.utf8.count == 6, digits.utf8.allSatisfy({ $0 != UInt8(ascii: "+") }),
                        let value = UInt32(digits, radix: 16)
                    else { throw .init(message: "`\(text)` is no colour, such as ffffff for white") }
                    return Colour(
                        red: UInt8(truncatingIfNeeded: value >> 16),
                        green: UInt8(truncatingIfNeeded: value >> 8),
                        blue: UInt8(truncatingIfNeeded: value)
                    )
                }
            )
        }
    }
}

extension SettingFormat {
    /// Some of the words of a type, with `,` or spaces between; none for an empty text.
    static func words<Word: RawRepresentable & CaseIterable & Sendable & Hashable>() -> Self
    where Value == [Word], Word.RawValue == String {
        let known = Word.allCases.map(\.rawValue).joined(separator: ", ")
        return SettingFormat(
            type: "words, `,` between",
            range: known,
            text: { $0.isEmpty ? nil : $0.map(\.rawValue).joined(separator: ",") },
            parse: { (text) throws(SettingsReader.ParseFailure) in
                var words: [Word] = []
                for part in S3Settings.words(of: text) {
                    guard let word = Word(rawValue: part.lowercased()) else {
                        throw .init(message: "`\(part)` is none of \(known)")
                    }
                    if !words.contains(word) { words.append(word) }
                }
                return words
            }
        )
    }
}
