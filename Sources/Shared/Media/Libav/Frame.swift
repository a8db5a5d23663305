import CFFmpeg

/// One owned AVFrame: a picture or a run of samples.
///
/// Sendable because a frame is written by one thread only, before it is handed to a queue; from then on every thread
/// only reads it, and libav's reference counts of the data behind it are atomic.
final class Frame: @unchecked Sendable {
    let pointer: UnsafeMutablePointer<AVFrame>

    init() throws(MediaError) {
        guard let pointer = av_frame_alloc() else { throw .outOfMemory }
        self.pointer = pointer
    }

    deinit {
        var pointer: UnsafeMutablePointer<AVFrame>? = pointer
        av_frame_free(&pointer)
    }

    var size: PictureSize {
        PictureSize(width: Int(pointer.pointee.width), height: Int(pointer.pointee.height))
    }

    /// Presentation time in the time base that the pipeline agreed on.
    var ticks: Int64 { pointer.pointee.pts }

    /// Takes over time, duration and kind of a picture that this one is made of.
    func copyTimes(of source: Frame) {
        pointer.pointee.pts = source.pointer.pointee.pts
        shim_set_frame_duration(pointer, shim_frame_duration(source.pointer))
        pointer.pointee.pict_type = source.pointer.pointee.pict_type
    }
}

/// Pictures of one size and format, whose memory is used again once all references are gone.
final class FramePool {
    private let pool: OpaquePointer
    private let size: PictureSize
    private let format: AVPixelFormat
    /// Rows start at multiples of this: the widest vectors that the scaler and x264 use.
    private static let alignment: Int32 = 64

    init(size: PictureSize, format: AVPixelFormat) throws(MediaError) {
        let bytes = av_image_get_buffer_size(format, Int32(size.width), Int32(size.height), Self.alignment)
        guard bytes > 0 else { throw .libav(bytes, doing: "laying out a \(size.width)x\(size.height) picture") }
        // The scaler's vector code may write a little past the last row.
        guard let pool = av_buffer_pool_init(Int(bytes) + 1_024, nil) else { throw .outOfMemory }
        self.pool = pool
        self.size = size
        self.format = format
    }

    deinit {
        // Frames that are still in use keep the pool's memory alive until they are gone.
        var pool: OpaquePointer? = pool
        av_buffer_pool_uninit(&pool)
    }

    /// A picture with undefined content.
    func take() throws(MediaError) -> Frame {
        let frame = try Frame()
        frame.pointer.pointee.width = Int32(size.width)
        frame.pointer.pointee.height = Int32(size.height)
        frame.pointer.pointee.format = format.rawValue
        guard let buffer = av_buffer_pool_get(pool) else { throw .outOfMemory }
        let status = shim_frame_fill(frame.pointer, buffer, Self.alignment)
        guard status >= 0 else { throw .libav(status, doing: "laying out a picture") }
        return frame
    }
}
