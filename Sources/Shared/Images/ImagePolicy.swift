/// Which pictures are taken, and what is done with those that are not quite as they should be: configuration.
package struct ImagePolicy: Codable, Sendable, Equatable {
    package var formats: Set<SourceFormat>
    /// A camera's raw file is shown by the largest JPEG in it, if that has at least this share, 0…1, of the longer side
    /// of the sensor's picture; nil refuses all raw files.
    package var rawPreviewShare: Double?
    /// A picture that breaks off is taken if at least this share, 0…1, of its rows can be decoded; nil refuses it.
    package var truncatedShare: Double?
    /// Red, green and blue that a transparent picture is laid over where the output has no transparency.
    package var background: [UInt8]

    package init(
        formats: Set<SourceFormat> = SourceFormat.usual,
        rawPreviewShare: Double? = 0.9,
        truncatedShare: Double? = nil,
        background: [UInt8] = [255, 255, 255]
    ) {
        self.formats = formats
        self.rawPreviewShare = rawPreviewShare
        self.truncatedShare = truncatedShare
        self.background = background
    }

    package static let `default` = ImagePolicy()

    var problems: [String] {
        var problems: [String] = []
        if formats.isEmpty { problems.append("no format is accepted") }
        if background.count != 3 { problems.append("the background has \(background.count) values, and must have 3") }
        for (name, share) in [("preview of a raw file", rawPreviewShare), ("picture that breaks off", truncatedShare)] {
            if let share, !(0...1).contains(share) { problems.append("the share of a \(name) is \(share), not 0…1") }
        }
        return problems
    }
}
