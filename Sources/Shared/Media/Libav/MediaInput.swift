import CFFmpeg
import Glibc

/// An opened source file: its demuxer and the streams that are used. Owned by one thread.
///
/// A class because libav keeps a pointer to the run's state for interrupts, and that must stay alive as long.
final class MediaInput {
    let context: UnsafeMutablePointer<AVFormatContext>
    let video: UnsafeMutablePointer<AVStream>
    /// Nil when there is no sound, or none that can be decoded.
    let audio: UnsafeMutablePointer<AVStream>?
    let fileSizeBytes: Int64
    /// libav's name of the container.
    let container: String
    private let file: InputFile

    /// - Parameter state: whom to ask whether to go on.
    init(path: String, state: RunState) throws(MediaError) {
        let file = try InputFile(path: path, state: state)
        let name = try file.container()
        let context = try Self.open(file, container: name)
        var owned: UnsafeMutablePointer<AVFormatContext>? = context
        do throws(MediaError) {
            let (status, lines) = try LibavLog.capturing { () throws(MediaError) in
                avformat_find_stream_info(context, nil)
            }
            // An interrupted look may have found enough all the same, or take its interruption for the end of the file.
            try file.checkpoint()
            guard status >= 0 else { throw MediaError.unreadable(status, lines, file) }
            guard let video = Self.findVideo(context) else { throw MediaError.noVideoStream(context) }
            self.video = video
        } catch {
            avformat_close_input(&owned)
            throw error
        }
        audio = Self.findAudio(context, relatedTo: video)
        self.context = context
        self.file = file
        container = name
        fileSizeBytes = file.sizeBytes
        for index in 0..<Int32(clamping: context.pointee.nb_streams) {
            guard let stream = shim_stream(context, index), stream != video, stream != audio else { continue }
            stream.pointee.discard = AVDISCARD_ALL
        }
    }

    deinit {
        var context: UnsafeMutablePointer<AVFormatContext>? = context
        avformat_close_input(&context)
    }

    func checkpoint() throws(MediaError) { try file.checkpoint() }

    /// The next packet of the used streams into `packet`, or libav's error code.
    func read(into packet: borrowing Packet) -> Int32 {
        while true {
            packet.clear()
            if file.shouldStop { return shim_error_exit }
            let status = av_read_frame(context, packet.pointer)
            guard status >= 0 else { return status }
            let index = packet.pointer.pointee.stream_index
            if index == video.pointee.index || index == audio?.pointee.index { return 0 }
        }
    }

    /// The error number of a disk that failed under us, if it did; bad content is another matter.
    var diskErrorNumber: Int32? { file.diskErrorNumber }

    private static func open(
        _ file: InputFile,
        container: String
    ) throws(MediaError) -> UnsafeMutablePointer<AVFormatContext> {
        guard let context = avformat_alloc_context() else { throw .outOfMemory }
        context.pointee.pb = file.pointer
        context.pointee.interrupt_callback = file.interrupt
        var owned: UnsafeMutablePointer<AVFormatContext>? = context
        var options: OpaquePointer?
        defer { av_dict_free(&options) }
        av_dict_set(&options, "protocol_whitelist", "file", 0)
        av_dict_set(&options, "format_whitelist", Containers.allowed.joined(separator: ","), 0)
        let (status, lines) = try LibavLog.capturing { () throws(MediaError) in
            // Frees the context when it fails. The name is only for messages; the bytes come from `file`.
            avformat_open_input(&owned, "", file.format, &options)
        }
        guard status >= 0, let opened = owned else {
            try file.checkpoint()
            throw .unreadable(status, lines, file)
        }
        return opened
    }

    /// The moving picture: the default one, the largest, the first. Cover images are none.
    private static func findVideo(
        _ context: UnsafeMutablePointer<AVFormatContext>
    ) -> UnsafeMutablePointer<AVStream>? {
        var best: (stream: UnsafeMutablePointer<AVStream>, isDefault: Bool, area: Int64)?
        for index in 0..<Int32(clamping: context.pointee.nb_streams) {
            guard let stream = shim_stream(context, index), let parameters = stream.pointee.codecpar,
                parameters.pointee.codec_type == AVMEDIA_TYPE_VIDEO,
                stream.pointee.disposition & (AV_DISPOSITION_ATTACHED_PIC | AV_DISPOSITION_TIMED_THUMBNAILS) == 0
            else { continue }
            let isDefault = stream.pointee.disposition & AV_DISPOSITION_DEFAULT != 0
            let area = Int64(parameters.pointee.width) * Int64(parameters.pointee.height)
            guard let current = best else {
                best = (stream, isDefault, area)
                continue
            }
            if (isDefault && !current.isDefault) || (isDefault == current.isDefault && area > current.area) {
                best = (stream, isDefault, area)
            }
        }
        return best?.stream
    }

    private static func findAudio(
        _ context: UnsafeMutablePointer<AVFormatContext>,
        relatedTo video: UnsafeMutablePointer<AVStream>
    ) -> UnsafeMutablePointer<AVStream>? {
        let index = av_find_best_stream(context, AVMEDIA_TYPE_AUDIO, -1, video.pointee.index, nil, 0)
        guard let stream = shim_stream(context, index), let parameters = stream.pointee.codecpar,
            parameters.pointee.sample_rate > 0, parameters.pointee.ch_layout.nb_channels > 0,
            avcodec_find_decoder(parameters.pointee.codec_id) != nil
        else { return nil }
        return stream
    }
}

extension MediaError {
    static func diskFailed(_ number: Int32, _ code: Int32) -> MediaError {
        MediaError(
            code: .readFailed,
            message: "reading the source failed: \(words(for: shim_error(number))); check the disk",
            isRetriable: true,
            libavCode: code,
            errorNumber: number
        )
    }

    fileprivate static func unreadable(_ code: Int32, _ lines: [String], _ file: InputFile) -> MediaError {
        if code == shim_error_exit { return .cancelled }
        if code == shim_error(ENOMEM) { return .outOfMemory }
        // Demuxers say "input/output error" of damaged content too; only the file itself knows about its disk.
        if let number = file.diskErrorNumber { return .diskFailed(number, code) }
        let details = lines.isEmpty ? "" : " (\(lines.joined(separator: "; ")))"
        return MediaError(
            code: .unreadable,
            message: "the file cannot be opened as video: \(words(for: code))\(details); "
                + "it is damaged or incomplete, so provide it again",
            isRetriable: false,
            libavCode: code
        )
    }

    fileprivate static func noVideoStream(_ context: UnsafeMutablePointer<AVFormatContext>) -> MediaError {
        var kinds: [String] = []
        for index in 0..<min(8, Int32(clamping: context.pointee.nb_streams)) {
            guard let parameters = shim_stream(context, index)?.pointee.codecpar else { continue }
            let kind = av_get_media_type_string(parameters.pointee.codec_type).map { String(cString: $0) } ?? "unknown"
            kinds.append("\(kind) \(String(cString: avcodec_get_name(parameters.pointee.codec_id)))")
        }
        return MediaError(
            code: .noVideoStream,
            message: "no video stream: the file has \(kinds.isEmpty ? "no streams" : kinds.joined(separator: ", ")); "
                + "provide a file with moving pictures",
            isRetriable: false,
            libavCode: shim_error_stream_not_found
        )
    }
}
