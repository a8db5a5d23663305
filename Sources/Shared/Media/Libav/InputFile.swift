import CFFmpeg
internal import Files
import Glibc

/// The bytes of a source: one local, regular file, and the container that it looks like. No other file is ever opened.
final class InputFile {
    let pointer: UnsafeMutablePointer<AVIOContext>
    let sizeBytes: Int64
    private(set) var format: UnsafePointer<AVInputFormat>?
    private let state: RunState

    init(path: String, state: RunState) throws(MediaError) {
        guard let status = FileStatus(path: path) else { throw .cannotRead(path, errno) }
        guard status.kind == .file else {
            throw MediaError(
                code: .readFailed,
                message: "\(path) is not a regular file; give the path of a video file",
                isRetriable: false
            )
        }
        guard status.sizeBytes > 0 else {
            throw MediaError(
                code: .unreadable,
                message: "the file is empty (0 bytes); provide it again",
                isRetriable: false,
                libavCode: shim_error_eof
            )
        }
        var options: OpaquePointer?
        defer { av_dict_free(&options) }
        av_dict_set(&options, "protocol_whitelist", "file", 0)
        var pointer: UnsafeMutablePointer<AVIOContext>?
        var interrupt = state.interruptCallback
        // The scheme is spelled out so that a colon in a name is never taken for another one.
        let code = avio_open2(&pointer, "file:\(path)", AVIO_FLAG_READ, &interrupt, &options)
        guard code >= 0, let pointer else {
            try state.checkpoint()
            throw code == shim_error_exit ? .cancelled : .cannotRead(path, shim_errno(code))
        }
        self.pointer = pointer
        self.state = state
        sizeBytes = status.sizeBytes
    }

    deinit {
        var pointer: UnsafeMutablePointer<AVIOContext>? = pointer
        avio_closep(&pointer)
    }

    var interrupt: AVIOInterruptCB { state.interruptCallback }

    /// - Throws: `cancelled`, whatever libav makes of a read that was interrupted.
    func checkpoint() throws(MediaError) { try state.checkpoint() }

    var shouldStop: Bool { state.shouldStop }

    /// The same file, read from its beginning once more.
    func rewound() throws(MediaError) -> InputFile {
        let position = avio_seek(pointer, 0, SEEK_SET)
        guard position == 0 else {
            try checkpoint()
            throw .diskFailed(MediaError.errorNumber(in: Int32(clamping: position)) ?? EIO, Int32(clamping: position))
        }
        return self
    }

    /// The error number of a disk that failed, if it did.
    var diskErrorNumber: Int32? {
        let code = pointer.pointee.error
        return code < 0 && code != shim_error_eof ? MediaError.errorNumber(in: code) : nil
    }

    /// Recognises the container by content alone (a file name proves nothing) and refuses those not on the list.
    func container() throws(MediaError) -> String {
        var format: UnsafePointer<AVInputFormat>?
        let status = av_probe_input_buffer2(pointer, &format, "", nil, 0, 0)
        try checkpoint()
        guard status >= 0, let format, let name = format.pointee.name.map({ String(cString: $0) }) else {
            throw MediaError(
                code: .unreadable,
                message: "the content is no known video container: \(MediaError.words(for: status)); "
                    + "provide a video file, for example MP4",
                isRetriable: false,
                libavCode: status
            )
        }
        if Containers.isStillImage(name) {
            throw MediaError(
                code: .noVideoStream,
                message: "no video stream: the file is a still image (\(name)); submit it as an image",
                isRetriable: false
            )
        }
        guard Containers.isAllowed(name) else {
            throw MediaError(
                code: .containerNotAllowed,
                message: "the container \"\(name)\" is not accepted: it is no self-contained video file; "
                    + "provide one, for example MP4",
                isRetriable: false
            )
        }
        self.format = format
        return name
    }
}

extension MediaError {
    fileprivate static func cannotRead(_ path: String, _ number: Int32) -> MediaError {
        let isLasting = [ENOENT, ENOTDIR, EACCES, ELOOP, ENAMETOOLONG].contains(number)
        return MediaError(
            code: .readFailed,
            message:
                "\(path) cannot be opened: \(words(for: shim_error(number))); check that it exists and is readable",
            isRetriable: !isLasting,
            errorNumber: number
        )
    }
}
