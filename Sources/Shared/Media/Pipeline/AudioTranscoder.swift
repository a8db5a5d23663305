import CFFmpeg

/// The sound of a source as one AAC stream that starts at zero: encoded once, delivered to every output.
///
/// Times are kept by counting samples. Where the source's times run away from the count, silence is put in or samples
/// are left out, so that sound and picture stay together. Owned by one thread.
final class AudioTranscoder {
    /// Smaller differences come from rounded container times and are left alone, in seconds.
    private static let tolerated = 0.015
    /// Larger ones are put right at once; those between are, too, where they come from one step, or else within a
    /// second by stretching or shrinking the sound.
    private static let longestDrift = 0.1
    /// Two frames of the codec with the longest ones.
    private static let maximumPadding: Int32 = 4_096

    let encoder: AudioEncoder
    private let decoder: StreamDecoder
    private let resampler: Resampler
    private let fifo: OpaquePointer
    private let timeline: Timeline
    private let streamBase: AVRational
    private let state: RunState
    private let deliver: (UnsafeMutablePointer<AVPacket>) throws(MediaError) -> Void
    /// Samples per channel that have gone into the queue, and those that have gone on to the encoder.
    private var queuedSamples: Int64 = 0
    private var encodedSamples: Int64 = 0
    /// The time at which the next frame of the source is expected, and the count of samples until which the sound is
    /// being stretched or shrunk; at the encoder's rate.
    private var expected: Int64?
    private var compensatedUntil: Int64 = 0
    /// Frames of a format that cannot be converted.
    private(set) var refusedFrames = 0
    /// The end of the sound by the container, in samples per channel; nil when it gives none.
    private let statedEnd: Int64?
    /// Samples that stay in the queue until the end is known, so that the codec's padding can be cut off.
    private let heldBackSamples: Int32

    init(
        stream: UnsafeMutablePointer<AVStream>,
        encoder: AudioEncoder,
        timeline: Timeline,
        state: RunState,
        deliver: @escaping (UnsafeMutablePointer<AVPacket>) throws(MediaError) -> Void
    ) throws(MediaError) {
        self.encoder = encoder
        decoder = try StreamDecoder(stream: stream, threads: 1)
        resampler = Resampler(encoder: encoder)
        self.timeline = timeline
        self.state = state
        streamBase = stream.pointee.time_base
        statedEnd = Self.statedEnd(of: stream, timeline: timeline, sampleRate: encoder.sampleRate)
        heldBackSamples = statedEnd == nil ? 0 : Self.maximumPadding
        self.deliver = deliver
        let channels = encoder.context.pointee.ch_layout.nb_channels
        guard let fifo = av_audio_fifo_alloc(encoder.context.pointee.sample_fmt, channels, encoder.frameSize * 4) else {
            throw .outOfMemory
        }
        self.fifo = fifo
    }

    deinit {
        av_audio_fifo_free(fifo)
    }

    var errorCount: Int { decoder.errorCount + refusedFrames }
    /// Samples per channel that the encoder has got.
    var madeSamples: Int64 { encodedSamples }

    func transcode(_ packet: borrowing Packet) throws(MediaError) {
        try decoder.decode(packet) { frame throws(MediaError) in try take(frame) }
    }

    func finish() throws(MediaError) {
        try decoder.flush { frame throws(MediaError) in try take(frame) }
        try drainResampler()
        let padding = queuedSamples - (statedEnd ?? queuedSamples)
        let isPadding = padding > 0 && padding <= Int64(min(Self.maximumPadding, av_audio_fifo_size(fifo)))
        try encode(keeping: isPadding ? Int32(padding) : 0, isLast: true)
        try encoder.encode(nil, deliver: deliver)
    }

    /// A codec pads its last frame; the container tells where the sound really ends. It is believed only about
    /// as much as a padding can be.
    private static func statedEnd(
        of stream: UnsafePointer<AVStream>,
        timeline: Timeline,
        sampleRate: Int32
    ) -> Int64? {
        let (start, duration) = (stream.pointee.start_time, stream.pointee.duration)
        // Only an index of samples is that exact.
        guard stream.pointee.nb_frames > 0 else { return nil }
        guard start != shim_nopts, duration != shim_nopts, duration > 0 else { return nil }
        let (end, overflow) = start.addingReportingOverflow(duration)
        guard !overflow else { return nil }
        return timeline.ticks(end, in: stream.pointee.time_base, to: AVRational(num: 1, den: sampleRate))
    }

    private func take(_ frame: Frame) throws(MediaError) {
        try state.checkpoint()
        let (count, rate) = (frame.pointer.pointee.nb_samples, frame.pointer.pointee.sample_rate)
        guard count > 0, StreamChoice.sampleRates.contains(Int(rate)),
            StreamChoice.channels.contains(Int(frame.pointer.pointee.ch_layout.nb_channels))
        else {
            refusedFrames += 1
            return
        }
        if !resampler.isPrepared(for: frame) { try drainResampler() }
        var excess = try align(frame)
        if !resampler.isPrepared(for: frame) { try resampler.prepare(for: frame) }
        var start: Int32 = 0
        while start < count {
            try state.checkpoint()
            let end = min(count, start + rate)
            defer { start = end }
            guard let converted = try resampler.convert(frame, start..<end) else { continue }
            let skipped = min(excess, Int64(converted.pointer.pointee.nb_samples))
            excess -= skipped
            try queue(converted, skipping: skipped)
            try encode(keeping: heldBackSamples, isLast: false)
        }
    }

    /// Fills a gap before `frame` with silence. Returns how many samples of it come too early and are left out.
    private func align(_ frame: Frame) throws(MediaError) -> Int64 {
        let rate = AVRational(num: 1, den: encoder.sampleRate)
        let time = frame.pointer.pointee.best_effort_timestamp
        guard let target = timeline.ticks(time, in: streamBase, to: rate) else { return 0 }
        let step = target - (expected ?? target)
        let samples = Int64(frame.pointer.pointee.nb_samples) * Int64(encoder.sampleRate)
        expected = target + samples / Int64(frame.pointer.pointee.sample_rate)
        let done = queuedSamples + resampler.delay
        let difference = target - done
        // The start is exact; later on small differences are the container's rounding.
        let tolerated = queuedSamples == 0 ? 0 : Int64(Double(encoder.sampleRate) * Self.tolerated)
        guard abs(difference) > tolerated else { return 0 }
        let isDrift = abs(step) <= tolerated && abs(difference) <= Int64(Double(encoder.sampleRate) * Self.longestDrift)
        if queuedSamples > 0, isDrift {
            if done >= compensatedUntil, resampler.isPrepared(for: frame) {
                resampler.compensate(Int32(difference))
                compensatedUntil = done + Int64(encoder.sampleRate)
            }
            return 0
        }
        compensatedUntil = 0
        guard difference > 0 else { return -difference }
        try drainResampler()
        try queueSilence(target - queuedSamples)
        return 0
    }

    private func queueSilence(_ count: Int64) throws(MediaError) {
        var remaining = count
        let channels = encoder.context.pointee.ch_layout.nb_channels
        while remaining > 0 {
            try state.checkpoint()
            let part = Int32(min(remaining, Int64(encoder.frameSize)))
            let silence = try resampler.samples(part)
            av_samples_set_silence(
                silence.pointer.pointee.extended_data,
                0,
                part,
                channels,
                encoder.context.pointee.sample_fmt
            )
            try queue(silence, skipping: 0)
            try encode(keeping: heldBackSamples, isLast: false)
            remaining -= Int64(part)
        }
    }

    private func drainResampler() throws(MediaError) {
        while let rest = try resampler.convert(nil) { try queue(rest, skipping: 0) }
        resampler.reset()
    }

    private func queue(_ frame: Frame, skipping excess: Int64) throws(MediaError) {
        let count = frame.pointer.pointee.nb_samples
        let skipped = Int32(min(excess, Int64(count)))
        guard skipped < count else { return }
        if skipped > 0 {
            // Only the start of a queue can be dropped, so the samples to keep are moved to the start of the frame.
            let channels = encoder.context.pointee.ch_layout.nb_channels
            let planes = frame.pointer.pointee.extended_data
            let status = av_samples_copy(
                planes,
                planes,
                0,
                skipped,
                count - skipped,
                channels,
                encoder.context.pointee.sample_fmt
            )
            guard status >= 0 else { throw .libav(status, doing: "cutting sound") }
        }
        let written = shim_fifo_write(fifo, frame.pointer, count - skipped)
        guard written == count - skipped else { throw .libav(written, doing: "queueing sound") }
        queuedSamples += Int64(written)
    }

    private func encode(keeping kept: Int32, isLast: Bool) throws(MediaError) {
        while true {
            let available = av_audio_fifo_size(fifo) - kept
            guard available >= encoder.frameSize || (isLast && available > 0) else { return }
            let count = min(available, encoder.frameSize)
            let frame = try resampler.samples(count)
            let read = shim_fifo_read(fifo, frame.pointer, count)
            guard read == count else { throw .libav(read, doing: "queueing sound") }
            frame.pointer.pointee.pts = encodedSamples
            encodedSamples += Int64(count)
            try encoder.encode(frame, deliver: deliver)
        }
    }
}
