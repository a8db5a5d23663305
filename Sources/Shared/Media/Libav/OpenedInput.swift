import CFFmpeg

/// An opened demuxer whose streams are known, before any is chosen. Closes it, unless it was released.
final class OpenedInput {
    /// One bound for pictures, wherever they are decoded: while a file is opened, and later. More is refused before
    /// memory is taken for it.
    static let maximumPixels: Int64 = 8_192 * 8_192
    /// The most that libav may allocate at once: a picture of that size with four 16-bit components, and its margins.
    static let maximumAllocationBytes = 640 << 20
    /// Streams of a file beyond this many are not looked at.
    private static let maximumStreams = 64

    let context: UnsafeMutablePointer<AVFormatContext>
    /// By stream: the colours that the container tells.
    let colors: [Int: ContainerColors]
    private var isOwned = true

    init(_ file: InputFile, container: String) throws(MediaError) {
        av_max_alloc(Self.maximumAllocationBytes)
        let context = try Self.open(file)
        self.context = context
        colors = Dictionary(
            uniqueKeysWithValues: context.allStreams.map { ($0.index, ContainerColors($0.parameters.pointee)) }
        )
        // From here on `deinit` closes it.
        let (status, lines) = try LibavLog.capturing { () throws(MediaError) in
            shim_find_stream_info(context, "\(Self.maximumPixels)")
        }
        // An interrupted look may have found enough all the same, or take its interruption for the end of the file.
        try file.checkpoint()
        guard status >= 0 else { throw MediaError.unreadable(status, lines, file) }
    }

    deinit {
        guard isOwned else { return }
        var context: UnsafeMutablePointer<AVFormatContext>? = context
        avformat_close_input(&context)
    }

    /// Hands the demuxer to the caller, who closes it.
    func release() -> UnsafeMutablePointer<AVFormatContext> {
        isOwned = false
        return context
    }

    private static func open(_ file: InputFile) throws(MediaError) -> UnsafeMutablePointer<AVFormatContext> {
        guard let context = avformat_alloc_context() else { throw .outOfMemory }
        context.pointee.pb = file.pointer
        context.pointee.interrupt_callback = file.interrupt
        context.pointee.max_streams = Int32(maximumStreams)
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
}

/// The colours that a container tells of a picture.
struct ContainerColors: Equatable {
    var matrix = AVCOL_SPC_UNSPECIFIED
    var primaries = AVCOL_PRI_UNSPECIFIED
    var transfer = AVCOL_TRC_UNSPECIFIED
    var range = AVCOL_RANGE_UNSPECIFIED

    init() {}

    init(_ parameters: AVCodecParameters) {
        matrix = parameters.color_space
        primaries = parameters.color_primaries
        transfer = parameters.color_trc
        range = parameters.color_range
    }
}
