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
    /// Sound that cannot be decoded but may be copied; nil when there is sound that can.
    let undecodedAudio: UnsafeMutablePointer<AVStream>?
    let fileSizeBytes: Int64
    /// libav's name of the container.
    let container: String
    /// The container's words on the picture's colours, which libav replaces by those of the decoder.
    let containerColors: ContainerColors
    /// The times of the film's first packets.
    let pace: PicturePace
    let tracks: [VideoMetadata.Track]
    let warnings: [MediaWarning]
    private let file: InputFile
    private let held: HeldPackets

    /// - Parameter state: whom to ask whether to go on.
    init(path: String, state: RunState) throws(MediaError) {
        let file = try InputFile(path: path, state: state)
        container = try file.container()
        if container.contains("mp4") {
            let names = try SampleEntries.protectedNames(in: file)
            if !names.isEmpty { throw .encrypted(names.joined(separator: ", ")) }
        }
        var opened = try OpenedInput(file, container: container)
        var look = StreamLook()
        let wanted = Self.wanted(of: opened.context)
        try look.look(for: wanted) { packet throws(MediaError) in
            packet.clear()
            try file.checkpoint()
            let status = av_read_frame(opened.context, packet.pointer)
            try file.checkpoint()
            if status < 0, let number = file.diskErrorNumber { throw .diskFailed(number, status) }
            return status
        }
        let film = try Self.film(opened.context, look, container)
        let sound = Self.sound(opened.context, with: film)
        pace = PicturePace(film: film, look: look, sound: sound.used)
        tracks = Self.tracks(opened.context, film: film, sound: sound, look: look)
        warnings = Self.warnings(film: film, sound: sound, pace: pace)
        let (filmIndex, soundIndex) = (Int32(film.index), sound.used.map { Int32($0.index) })
        let undecodedIndex = sound.undecoded.map { Int32($0.index) }
        // More was read than can be kept: from the beginning once more.
        if look.held.isIncomplete {
            opened = try OpenedInput(file.rewound(), container: container)
            held = HeldPackets()
        } else {
            held = look.held
        }
        let context = opened.release()
        guard let video = shim_stream(context, filmIndex) else {
            var owned: UnsafeMutablePointer<AVFormatContext>? = context
            avformat_close_input(&owned)
            throw .damaged("its streams change while they are read", 0)
        }
        self.video = video
        audio = soundIndex.flatMap { shim_stream(context, $0) }
        undecodedAudio = undecodedIndex.flatMap { shim_stream(context, $0) }
        self.context = context
        self.file = file
        containerColors = opened.colors[Int(filmIndex)] ?? ContainerColors()
        fileSizeBytes = file.sizeBytes
        for index in 0..<Int32(clamping: context.pointee.nb_streams) {
            guard let stream = shim_stream(context, index), !isUsed(index) else { continue }
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
            if !held.take(into: packet) {
                let status = av_read_frame(context, packet.pointer)
                guard status >= 0 else { return status }
            }
            if isUsed(packet.pointer.pointee.stream_index) { return 0 }
        }
    }

    /// The stream of a packet that `read` gave.
    func stream(of packet: borrowing Packet) -> UnsafeMutablePointer<AVStream>? {
        shim_stream(context, packet.pointer.pointee.stream_index)
    }

    /// The error number of a disk that failed under us, if it did; bad content is another matter.
    var diskErrorNumber: Int32? { file.diskErrorNumber }

    private func isUsed(_ index: Int32) -> Bool {
        index == video.pointee.index || index == audio?.pointee.index || index == undecodedAudio?.pointee.index
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

    static func unreadable(_ code: Int32, _ lines: [String], _ file: InputFile) -> MediaError {
        if code == shim_error_exit { return .cancelled }
        // Demuxers say "input/output error" of damaged content too; only the file itself knows about its disk.
        if let number = file.diskErrorNumber { return .diskFailed(number, code) }
        var lines = lines
        // Memory is bounded by us, and a header that asks for more than any file needs is a lie.
        if code == shim_error(ENOMEM) {
            lines.append("its headers ask for more than \(OpenedInput.maximumAllocationBytes >> 20) MiB or 64 streams")
        }
        let details = lines.isEmpty ? "" : " (\(lines.joined(separator: "; ")))"
        return MediaError(
            code: .unreadable,
            message: "the file cannot be opened as video: \(words(for: code))\(details); "
                + "it is damaged or incomplete, so provide it again",
            isRetriable: false,
            libavCode: code
        )
    }
}
