import CFFmpeg

/// Finds the length of a source: from its container, or else by a scan of all packets.
enum DurationProbe {
    /// The length in seconds. Reads the input to its end when it has to scan.
    static func seconds(of input: MediaInput) throws(MediaError) -> Double {
        let context = input.context.pointee
        let isGuess = context.duration_estimation_method == AVFMT_DURATION_FROM_BITRATE
        if context.duration != shim_nopts, context.duration > 0, !isGuess {
            let stated = Timeline.seconds(context.duration, Timeline.microseconds)
            if stated <= Timeline.maximumSeconds { return stated }
        }
        return try scan(input)
    }

    private static func scan(_ input: MediaInput) throws(MediaError) -> Double {
        let packet = try Packet()
        var timeline = DiscontinuityFilter(context: input.context)
        var first: Double?
        var last = 0.0
        var pictures = 0
        var timedPictures = 0
        var failures = 0
        while failures < SourceReader.maximumFailures {
            try input.checkpoint()
            let status = input.read(into: packet)
            if status == shim_error_eof { break }
            if status == shim_error(ENOMEM) { throw .outOfMemory }
            guard status >= 0 else {
                failures += 1
                continue
            }
            failures = 0
            let isPicture = packet.pointer.pointee.stream_index == input.video.pointee.index
            let stream = isPicture ? input.video : input.audio
            guard let base = stream?.pointee.time_base else { continue }
            if isPicture { pictures += 1 }
            timeline.apply(to: packet, base: base)
            let time =
                packet.pointer.pointee.pts != shim_nopts ? packet.pointer.pointee.pts : packet.pointer.pointee.dts
            guard time != shim_nopts else { continue }
            if isPicture { timedPictures += 1 }
            let start = Timeline.seconds(time, base)
            let end = start + Timeline.seconds(max(0, packet.pointer.pointee.duration), base)
            guard abs(end - (first ?? end)) <= Timeline.maximumSeconds else { continue }
            first = min(first ?? start, start)
            last = max(last, end)
        }
        // A raw stream has times for only some of its pictures; then the number of pictures tells the length better.
        if let first, last > first, timedPictures * 2 >= pictures { return last - first }
        return max(Double(pictures) / (rate(of: input) ?? 25), 0.001)
    }

    private static func rate(of input: MediaInput) -> Double? {
        let rate = input.video.pointee.avg_frame_rate
        let other = input.video.pointee.r_frame_rate
        if rate.num > 0, rate.den > 0 { return Double(rate.num) / Double(rate.den) }
        if other.num > 0, other.den > 0 { return Double(other.num) / Double(other.den) }
        return nil
    }
}
