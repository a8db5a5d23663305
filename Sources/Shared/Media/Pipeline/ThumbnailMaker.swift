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
    private var next = 0
    private(set) var outputs: [VideoResult.Output] = []

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
        guard next < thumbnails.count, thumbnails[next].timeSeconds <= seconds + tolerance else { return }
        let covering = scaled.filter { $0.size.covers(size) }.min { $0.size.area < $1.size.area }
        let picture = if let covering { covering } else { try scaler.scale(source) }
        try encoder.encode(picture, time: Int64(next)) { bytes throws(MediaError) in
            while next < thumbnails.count, thumbnails[next].timeSeconds <= seconds + tolerance {
                try write(bytes, as: thumbnails[next], seconds: seconds)
                next += 1
            }
        }
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
        outputs.append(
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
