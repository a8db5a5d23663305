import CFFmpeg
import Glibc

/// One MP4 file that is being written, with its index moved to the front at the end.
///
/// Sendable because everything that `write` and `finish` touch is touched under `lock` only; streams are added before
/// other threads know of the output.
final class MP4Output: @unchecked Sendable {
    let fileName: String
    private let context: UnsafeMutablePointer<AVFormatContext>
    private let state: RunState
    private let lock = ThreadLock()
    private let scratch: Packet
    private var interleaver = PacketInterleaver()
    private var file: OutputFile?
    private var lanes: [Lane] = []
    private var reportedBytes: Int64 = 0
    private static let reportStepBytes: Int64 = 1 << 20

    /// What is known of one stream.
    private struct Lane {
        /// Copied packets may be such as MP4 cannot hold; those of our encoders may not.
        var isCopy: Bool
        var lastDecodeTime = shim_nopts
        /// How far times are moved so that no step is longer than MP4 can store.
        var shift: Int64 = 0
        var refused = 0
        var lastRefusal: Int32 = 0
    }

    init(fileName: String, state: RunState) throws(MediaError) {
        var context: UnsafeMutablePointer<AVFormatContext>?
        let status = avformat_alloc_output_context2(&context, nil, "mp4", nil)
        guard status >= 0, let context else { throw .libav(status, doing: "preparing \(fileName)") }
        self.context = context
        self.fileName = fileName
        self.state = state
        context.pointee.interrupt_callback = state.interruptCallback
        do {
            scratch = try Packet()
        } catch {
            avformat_free_context(context)
            throw error
        }
    }

    deinit {
        context.pointee.pb = nil
        avformat_free_context(context)
    }

    /// A stream of packets that an encoder of ours makes. Returns its index.
    ///
    /// - Parameter source: its records of spherical and stereoscopic pictures hold for the outputs too.
    func addStream(
        encoder: UnsafePointer<AVCodecContext>,
        shapeOf source: UnsafePointer<AVStream>? = nil
    ) throws(MediaError) -> Int {
        let stream = try newStream(isCopy: false)
        var status = avcodec_parameters_from_context(stream.pointee.codecpar, encoder)
        guard status >= 0 else { throw .libav(status, doing: "describing a stream of \(fileName)") }
        for type in source == nil ? [] : [AV_PKT_DATA_SPHERICAL, AV_PKT_DATA_STEREO3D] {
            var size = 0
            guard let source, let data = shim_stream_side_data(source, type, &size) else { continue }
            status = shim_stream_add_side_data(stream, type, data, size)
            guard status >= 0 else { throw .libav(status, doing: "describing a stream of \(fileName)") }
            context.pointee.strict_std_compliance = FF_COMPLIANCE_UNOFFICIAL
        }
        stream.pointee.time_base = encoder.pointee.time_base
        stream.pointee.avg_frame_rate = encoder.pointee.framerate
        stream.pointee.sample_aspect_ratio = encoder.pointee.sample_aspect_ratio
        return Int(stream.pointee.index)
    }

    /// A stream of packets that come from the source as they are, with rotation and other side data. Returns its index.
    func addStream(copyOf source: UnsafePointer<AVStream>) throws(MediaError) -> Int {
        let stream = try newStream(isCopy: true)
        guard let parameters = stream.pointee.codecpar else { throw .outOfMemory }
        // Records of spherical, stereoscopic and Dolby Vision pictures are written at this strictness only.
        context.pointee.strict_std_compliance = FF_COMPLIANCE_UNOFFICIAL
        var status = avcodec_parameters_copy(parameters, source.pointee.codecpar)
        if status >= 0 { status = shim_copy_side_data(stream, source) }
        guard status >= 0 else { throw .libav(status, doing: "describing a stream of \(fileName)") }
        // The tags of other containers mean nothing in MP4. Apple's players accept HEVC only with the tag hvc1.
        let isHEVC = parameters.pointee.codec_id == AV_CODEC_ID_HEVC
        parameters.pointee.codec_tag = isHEVC ? Self.tag("hvc1") : 0
        stream.pointee.time_base = source.pointee.time_base
        stream.pointee.avg_frame_rate = source.pointee.avg_frame_rate
        stream.pointee.sample_aspect_ratio = source.pointee.sample_aspect_ratio
        return Int(stream.pointee.index)
    }

    /// Creates the file. All streams must have been added.
    func open(path: String) throws(MediaError) {
        let file = try OutputFile(path: path, fileName: fileName, state: state)
        self.file = file
        context.pointee.pb = file.context
        context.pointee.flags |= AVFMT_FLAG_CUSTOM_IO
        let status = avformat_write_header(context, nil)
        interleaver.start(
            (0..<Int32(lanes.count)).map { shim_stream(context, $0)?.pointee.time_base ?? AVRational(num: 1, den: 1) }
        )
        guard status >= 0 else { throw file.refusal ?? .write(status, fileName: fileName) }
    }

    /// Writes a packet, which stays the caller's.
    ///
    /// - Parameters:
    ///   - base: the time base of the packet's times.
    ///   - zero: the packet's time that becomes zero.
    func write(
        _ packet: UnsafePointer<AVPacket>,
        stream index: Int,
        base: AVRational,
        zero: Int64 = 0
    ) throws(MediaError) {
        try lock.withLock { () throws(MediaError) in
            guard let stream = shim_stream(context, Int32(index)), lanes.indices.contains(index) else {
                throw .libav(shim_error_stream_not_found, doing: "writing \(fileName)")
            }
            let status = av_packet_ref(scratch.pointer, packet)
            guard status >= 0 else { throw .libav(status, doing: "writing \(fileName)") }
            scratch.pointer.pointee.stream_index = Int32(index)
            scratch.pointer.pointee.pos = -1
            if scratch.pointer.pointee.pts != shim_nopts { scratch.pointer.pointee.pts &-= zero }
            if scratch.pointer.pointee.dts != shim_nopts { scratch.pointer.pointee.dts &-= zero }
            av_packet_rescale_ts(scratch.pointer, base, stream.pointee.time_base)
            makeMonotonic(&lanes[index])
            try interleaver.append(scratch)
            try writeDue(isEnd: false)
        }
        try reportGrowth()
    }

    /// The size of the file so far, without what is still in buffers.
    var writtenBytes: Int64 { (try? lock.withLock { () throws(MediaError) in file?.sizeBytes }) ?? 0 }

    /// Packets of a copied stream that the muxer has refused.
    func refusals(ofStream index: Int) -> (count: Int, lastCode: Int32) {
        guard lanes.indices.contains(index) else { return (0, 0) }
        return (lanes[index].refused, lanes[index].lastRefusal)
    }

    /// Writes the remaining packets and the index, moves the index to the front, and closes the file. Returns its size
    /// in bytes.
    ///
    /// - Parameter progress: gets the number of bytes that were moved since the last call.
    func finish(progress: @escaping (Int64) -> Void = { _ in }) throws(MediaError) -> Int64 {
        let size = try lock.withLock { () throws(MediaError) -> Int64 in
            try writeDue(isEnd: true)
            let status = av_write_trailer(context)
            context.pointee.pb = nil
            guard let file = file.take() else { throw .write(shim_error(EBADF), fileName: fileName) }
            guard status >= 0 else { throw file.refusal ?? .write(status, fileName: fileName) }
            try file.flush()
            try FastStart(file: file, progress: progress).run()
            return try file.close()
        }
        state.report(fileName: fileName, totalBytes: size)
        return size
    }

    private func writeDue(isEnd: Bool) throws(MediaError) {
        while interleaver.take(into: scratch, isEnd: isEnd) {
            let index = Int(scratch.pointer.pointee.stream_index)
            let status = av_write_frame(context, scratch.pointer)
            scratch.clear()
            guard status < 0 else { continue }
            if let refusal = file?.refusal { throw refusal }
            let error = MediaError.write(status, fileName: fileName)
            guard error.code == .internalFailure, lanes.indices.contains(index), lanes[index].isCopy else {
                throw error
            }
            lanes[index].refused += 1
            lanes[index].lastRefusal = status
        }
    }

    /// MP4 requires decode times that increase, by steps of 31 bits at most; those of damaged sources do not always.
    private func makeMonotonic(_ lane: inout Lane) {
        let packet = scratch.pointer
        if packet.pointee.dts != shim_nopts { packet.pointee.dts &-= lane.shift }
        if packet.pointee.pts != shim_nopts { packet.pointee.pts &-= lane.shift }
        let last = lane.lastDecodeTime
        if last != shim_nopts, packet.pointee.dts != shim_nopts {
            let step = packet.pointee.dts &- last
            if step <= 0 {
                packet.pointee.dts = last + 1
                if packet.pointee.pts != shim_nopts { packet.pointee.pts = max(packet.pointee.pts, last + 1) }
            } else if step > Self.longestStep {
                let excess = step - Self.longestStep
                lane.shift &+= excess
                packet.pointee.dts -= excess
                if packet.pointee.pts != shim_nopts { packet.pointee.pts &-= excess }
            }
        }
        packet.pointee.duration = min(max(packet.pointee.duration, 0), Self.longestStep)
        if packet.pointee.dts != shim_nopts { lane.lastDecodeTime = packet.pointee.dts }
    }

    /// The longest step between two packets that fits the index, in ticks.
    private static let longestStep = Int64(Int32.max) - 1

    private func reportGrowth() throws(MediaError) {
        let bytes = try lock.withLock { () throws(MediaError) -> Int64? in
            let bytes = avio_tell(context.pointee.pb)
            guard bytes - reportedBytes >= Self.reportStepBytes else { return nil }
            reportedBytes = bytes
            return bytes
        }
        if let bytes { state.report(fileName: fileName, totalBytes: bytes) }
    }

    private func newStream(isCopy: Bool) throws(MediaError) -> UnsafeMutablePointer<AVStream> {
        guard let stream = avformat_new_stream(context, nil) else { throw .outOfMemory }
        lanes.append(Lane(isCopy: isCopy))
        return stream
    }

    private static func tag(_ name: StaticString) -> UInt32 {
        name.withUTF8Buffer { $0.reversed().reduce(0) { $0 << 8 | UInt32($1) } }
    }
}
