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
    private var file: OutputFile?
    private var lastDecodeTimes: [Int64]
    private var reportedBytes: Int64 = 0
    private static let reportStepBytes: Int64 = 1 << 20

    init(fileName: String, state: RunState) throws(MediaError) {
        var context: UnsafeMutablePointer<AVFormatContext>?
        let status = avformat_alloc_output_context2(&context, nil, "mp4", nil)
        guard status >= 0, let context else { throw .libav(status, doing: "preparing \(fileName)") }
        self.context = context
        self.fileName = fileName
        self.state = state
        lastDecodeTimes = []
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
    func addStream(encoder: UnsafePointer<AVCodecContext>) throws(MediaError) -> Int {
        let stream = try newStream()
        let status = avcodec_parameters_from_context(stream.pointee.codecpar, encoder)
        guard status >= 0 else { throw .libav(status, doing: "describing a stream of \(fileName)") }
        stream.pointee.time_base = encoder.pointee.time_base
        stream.pointee.avg_frame_rate = encoder.pointee.framerate
        stream.pointee.sample_aspect_ratio = encoder.pointee.sample_aspect_ratio
        return Int(stream.pointee.index)
    }

    /// A stream of packets that come from the source as they are, with rotation and other side data. Returns its index.
    func addStream(copyOf source: UnsafePointer<AVStream>) throws(MediaError) -> Int {
        let stream = try newStream()
        guard let parameters = stream.pointee.codecpar else { throw .outOfMemory }
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
        // The muxer opens the file again under this name to move the index to the front.
        context.pointee.url = av_strdup("file:\(path)")
        var headerOptions: OpaquePointer?
        defer { av_dict_free(&headerOptions) }
        av_dict_set(&headerOptions, "movflags", "+faststart", 0)
        let status = avformat_write_header(context, &headerOptions)
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
            guard let stream = shim_stream(context, Int32(index)), lastDecodeTimes.indices.contains(index) else {
                throw .libav(shim_error_stream_not_found, doing: "writing \(fileName)")
            }
            var status = av_packet_ref(scratch.pointer, packet)
            guard status >= 0 else { throw .libav(status, doing: "writing \(fileName)") }
            scratch.pointer.pointee.stream_index = Int32(index)
            scratch.pointer.pointee.pos = -1
            if scratch.pointer.pointee.pts != shim_nopts { scratch.pointer.pointee.pts &-= zero }
            if scratch.pointer.pointee.dts != shim_nopts { scratch.pointer.pointee.dts &-= zero }
            av_packet_rescale_ts(scratch.pointer, base, stream.pointee.time_base)
            makeMonotonic(&lastDecodeTimes[index])
            status = av_interleaved_write_frame(context, scratch.pointer)
            guard status >= 0 else { throw file?.refusal ?? .write(status, fileName: fileName) }
        }
        try reportGrowth()
    }

    /// Writes the remaining packets and the index, and closes the file. Returns its size in bytes.
    func finish() throws(MediaError) -> Int64 {
        let size = try lock.withLock { () throws(MediaError) -> Int64 in
            let status = av_write_trailer(context)
            context.pointee.pb = nil
            guard let file = file.take() else { throw .write(shim_error(EBADF), fileName: fileName) }
            guard status >= 0 else { throw file.refusal ?? .write(status, fileName: fileName) }
            let size = try file.close()
            return size
        }
        state.report(fileName: fileName, totalBytes: size)
        return size
    }

    /// MP4 requires decode times that increase; those of damaged sources do not always.
    private func makeMonotonic(_ last: inout Int64) {
        let packet = scratch.pointer
        if last != shim_nopts, packet.pointee.dts != shim_nopts, packet.pointee.dts <= last {
            packet.pointee.dts = last + 1
            if packet.pointee.pts != shim_nopts { packet.pointee.pts = max(packet.pointee.pts, last + 1) }
        }
        if packet.pointee.dts != shim_nopts { last = packet.pointee.dts }
    }

    private func reportGrowth() throws(MediaError) {
        let bytes = try lock.withLock { () throws(MediaError) -> Int64? in
            let bytes = avio_tell(context.pointee.pb)
            guard bytes - reportedBytes >= Self.reportStepBytes else { return nil }
            reportedBytes = bytes
            return bytes
        }
        if let bytes { state.report(fileName: fileName, totalBytes: bytes) }
    }

    private func newStream() throws(MediaError) -> UnsafeMutablePointer<AVStream> {
        guard let stream = avformat_new_stream(context, nil) else { throw .outOfMemory }
        lastDecodeTimes.append(shim_nopts)
        return stream
    }

    private static func tag(_ name: StaticString) -> UInt32 {
        name.withUTF8Buffer { $0.reversed().reduce(0) { $0 << 8 | UInt32($1) } }
    }
}
