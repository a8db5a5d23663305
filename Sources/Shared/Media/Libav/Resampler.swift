import CFFmpeg

/// Converts decoded sound to the encoder's format: rate, layout, planar floating point. A source may change its format
/// on the way. Owned by one thread.
final class Resampler {
    private let encoder: AudioEncoder
    private var context: OpaquePointer?
    private var sourceRate: Int32 = 0
    private var sourceFormat: Int32 = -1
    private var sourceLayout = AVChannelLayout()

    init(encoder: AudioEncoder) {
        self.encoder = encoder
    }

    deinit {
        swr_free(&context)
        av_channel_layout_uninit(&sourceLayout)
    }

    /// Samples that are inside, at the encoder's rate.
    var delay: Int64 {
        context.map { swr_get_delay($0, Int64(encoder.sampleRate)) } ?? 0
    }

    func isPrepared(for frame: Frame) -> Bool {
        guard context != nil, sourceRate == frame.pointer.pointee.sample_rate,
            sourceFormat == frame.pointer.pointee.format
        else { return false }
        return av_channel_layout_compare(&sourceLayout, &frame.pointer.pointee.ch_layout) == 0
    }

    /// After it was drained, a resampler cannot go on.
    func reset() {
        swr_free(&context)
    }

    /// Gets ready for sound in the format of `frame`. Samples inside are lost: drain before.
    func prepare(for frame: Frame) throws(MediaError) {
        var opened = open(for: frame, mixesByHand: false)
        // libswresample knows how to mix common layouts only: 9, 10, 12 or 20 channels without names are none.
        if opened < 0 { opened = open(for: frame, mixesByHand: true) }
        guard opened >= 0 else {
            swr_free(&context)
            throw .libav(opened, doing: "preparing to convert sound")
        }
        sourceRate = frame.pointer.pointee.sample_rate
        sourceFormat = frame.pointer.pointee.format
        let copied = av_channel_layout_copy(&sourceLayout, &frame.pointer.pointee.ch_layout)
        guard copied >= 0 else { throw .libav(copied, doing: "preparing to convert sound") }
    }

    private func open(for frame: Frame, mixesByHand: Bool) -> Int32 {
        swr_free(&context)
        let status = swr_alloc_set_opts2(
            &context,
            &encoder.context.pointee.ch_layout,
            encoder.context.pointee.sample_fmt,
            encoder.sampleRate,
            &frame.pointer.pointee.ch_layout,
            AVSampleFormat(rawValue: frame.pointer.pointee.format),
            frame.pointer.pointee.sample_rate,
            0,
            nil
        )
        guard status >= 0, let context else { return status }
        if mixesByHand {
            let outputs = Int(encoder.context.pointee.ch_layout.nb_channels)
            let matrix = Self.mix(from: Int(frame.pointer.pointee.ch_layout.nb_channels), to: outputs)
            let status = swr_set_matrix(context, matrix, frame.pointer.pointee.ch_layout.nb_channels)
            guard status >= 0 else { return status }
        }
        return swr_init(context)
    }

    /// `outputs × inputs` gains. Channels without a place go left and right in turn, at equal power.
    static func mix(from inputs: Int, to outputs: Int) -> [Double] {
        let perOutput = Double((inputs + outputs - 1) / max(outputs, 1))
        var matrix = [Double](repeating: 0, count: inputs * outputs)
        for input in 0..<inputs { matrix[input % outputs * inputs + input] = 1 / perOutput.squareRoot() }
        return matrix
    }

    /// Stretches or shrinks the sound that follows, by so many samples within a second.
    func compensate(_ samples: Int32) {
        guard let context else { return }
        _ = swr_set_compensation(context, samples, encoder.sampleRate)
    }

    /// - Parameters:
    ///   - source: nil to get the samples that are still inside.
    ///   - range: of its samples; a second of them at most, as a frame may hold any number.
    /// - Returns: nil when nothing came out.
    func convert(_ source: Frame?, _ range: Range<Int32> = 0..<0) throws(MediaError) -> Frame? {
        guard let context else { return nil }
        let count = Int32(range.count)
        let capacity = swr_get_out_samples(context, count)
        guard capacity >= 0 else { throw .libav(capacity, doing: "converting sound") }
        let result = try samples(max(capacity, 32))
        let made =
            if let source {
                shim_resample_slice(context, result.pointer, max(capacity, 32), source.pointer, range.lowerBound, count)
            } else {
                shim_resample(context, result.pointer, max(capacity, 32), nil)
            }
        guard made >= 0 else { throw .libav(made, doing: "converting sound") }
        result.pointer.pointee.nb_samples = made
        return made > 0 ? result : nil
    }

    /// A frame for so many samples per channel, with undefined content.
    func samples(_ count: Int32) throws(MediaError) -> Frame {
        let frame = try Frame()
        frame.pointer.pointee.nb_samples = count
        frame.pointer.pointee.format = encoder.context.pointee.sample_fmt.rawValue
        frame.pointer.pointee.sample_rate = encoder.sampleRate
        var status = av_channel_layout_copy(&frame.pointer.pointee.ch_layout, &encoder.context.pointee.ch_layout)
        if status >= 0 { status = av_frame_get_buffer(frame.pointer, 0) }
        guard status >= 0 else { throw .libav(status, doing: "taking memory for sound") }
        return frame
    }
}
