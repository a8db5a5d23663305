import CFFmpeg

/// Makes the planned thumbnails from the pictures that pass by. Owned by the scaling thread.
final class ThumbnailMaker {
    private let thumbnails: [MediaPlan.Thumbnail]
    private let size: PictureSize
    private let encoder: JPEGEncoder
    /// From the source, for sizes that no rendition covers.
    private let scaler: SourceScaler
    private let base: AVRational
    private let state: RunState
    private let skipsBlank: Bool
    /// The first planned time that has not come, and the first planned file that is not made: fewer pictures than
    /// planned times make fewer files.
    private var nextTime = 0
    private var nextFile = 0
    /// The first thumbnail while it shows one colour only: written if nothing better comes.
    private var blank: (bytes: [UInt8], seconds: Double)?
    private var made: [VideoResult.Output] = []

    /// In the plan's order.
    var outputs: [VideoResult.Output] { made.sorted { ($0.index ?? 0) < ($1.index ?? 0) } }

    /// Nil when none are planned.
    init?(
        plan: MediaPlan,
        orientation: Orientation,
        colors: ColorTags,
        base: AVRational,
        state: RunState
    ) throws(MediaError) {
        guard let first = plan.thumbnails.first else { return nil }
        thumbnails = plan.thumbnails
        size = PictureSize(width: first.width, height: first.height)
        encoder = try JPEGEncoder(size: size, quality: plan.encoding.jpegQuality, colors: colors)
        scaler = try SourceScaler(target: size, orientation: orientation, colors: colors)
        skipsBlank = plan.encoding.skipsBlankThumbnail
        self.base = base
        self.state = state
    }

    /// Writes the thumbnails that are due at this picture.
    ///
    /// - Parameters:
    ///   - source: as it is stored.
    ///   - scaled: upright pictures that were made of it; the smallest that is large enough is used.
    func take(source: Frame, scaled: [Frame]) throws(MediaError) {
        let seconds = Timeline.seconds(source.ticks, base)
        // Half a tick of tolerance: times in the plan are decimal, times in the file are multiples of a tick.
        let tolerance = Timeline.seconds(1, base) / 2
        let isDue = nextTime < thumbnails.count && thumbnails[nextTime].timeSeconds <= seconds + tolerance
        guard isDue || blank != nil else { return }
        let isBlank = skipsBlank && nextFile <= 1 ? try isBlank(source, scaled) : false
        if !isDue {
            guard !isBlank else { return }
            blank = nil
            return try encode(source, scaled, as: thumbnails[0], seconds)
        }
        // A picture that stands for longer than the interval is one thumbnail.
        while nextTime < thumbnails.count, thumbnails[nextTime].timeSeconds <= seconds + tolerance { nextTime += 1 }
        let thumbnail = thumbnails[nextFile]
        nextFile += 1
        guard thumbnail.index == 0, isBlank else { return try encode(source, scaled, as: thumbnail, seconds) }
        try encoder.encode(try picture(source, scaled)) { bytes throws(MediaError) in
            blank = (Array(bytes), seconds)
        }
    }

    /// The film is over.
    func finish() throws(MediaError) {
        guard let blank, let first = thumbnails.first else { return }
        self.blank = nil
        let result = blank.bytes.withUnsafeBytes { bytes -> Result<Void, MediaError> in
            Result { () throws(MediaError) in try write(bytes, as: first, seconds: blank.seconds) }
        }
        try result.get()
    }

    private func encode(
        _ source: Frame,
        _ scaled: [Frame],
        as thumbnail: MediaPlan.Thumbnail,
        _ seconds: Double
    ) throws(MediaError) {
        try encoder.encode(try picture(source, scaled)) { bytes throws(MediaError) in
            try write(bytes, as: thumbnail, seconds: seconds)
        }
    }

    private func picture(_ source: Frame, _ scaled: [Frame]) throws(MediaError) -> Frame {
        let covering = scaled.filter { $0.size.covers(size) }.min { $0.size.area < $1.size.area }
        return if let covering { covering } else { try scaler.scale(source) }
    }

    private func isBlank(_ source: Frame, _ scaled: [Frame]) throws(MediaError) -> Bool {
        if let smallest = scaled.min(by: { $0.size.area < $1.size.area }) { return BlankPicture.isBlank(smallest) }
        return BlankPicture.isBlank(try scaler.scale(source))
    }

    private func write(
        _ bytes: UnsafeRawBufferPointer,
        as thumbnail: MediaPlan.Thumbnail,
        seconds: Double
    ) throws(MediaError) {
        try state.checkpoint()
        let path = try state.path(for: thumbnail.fileName)
        try state.allowGrowth(of: thumbnail.fileName, to: Int64(bytes.count))
        try FileWriter.write(bytes, to: path, fileName: thumbnail.fileName)
        state.report(fileName: thumbnail.fileName, totalBytes: Int64(bytes.count))
        made.append(
            VideoResult.Output(
                kind: .thumbnail,
                fileName: thumbnail.fileName,
                quality: nil,
                width: size.width,
                height: size.height,
                sizeBytes: Int64(bytes.count),
                codec: "mjpeg",
                mimeType: "image/jpeg",
                durationSeconds: nil,
                index: thumbnail.index,
                timestampSeconds: seconds
            )
        )
    }
}
