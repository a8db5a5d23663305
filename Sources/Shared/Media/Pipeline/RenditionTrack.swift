import CFFmpeg

/// One rendition on its own thread: takes pictures of its size from a queue, encodes, and writes.
///
/// Sendable because the encoder is used by the rendition's thread only, between start and join; the rest is immutable
/// and Sendable.
final class RenditionTrack: @unchecked Sendable {
    let queue: BoundedQueue<Frame>
    let output: MP4Output
    private let encoder: VideoEncoder
    private let streamIndex: Int
    private let state: RunState

    /// Pictures that wait before the encoder: enough to even out the threads, few enough to bound memory.
    private static let queueCapacity = 4

    init(encoder: VideoEncoder, output: MP4Output, streamIndex: Int, state: RunState) {
        self.encoder = encoder
        self.output = output
        self.streamIndex = streamIndex
        self.state = state
        queue = BoundedQueue(capacity: Self.queueCapacity)
    }

    /// The body of the thread.
    func run() {
        do {
            while let frame = queue.pop() {
                try state.checkpoint()
                try encoder.encode(frame) { packet throws(MediaError) in try write(packet) }
            }
            // A slow preset has dozens of pictures inside, each of which takes as long as any.
            try state.checkpoint()
            try encoder.flush { packet throws(MediaError) in try write(packet) }
        } catch {
            state.fail(error)
        }
    }

    private func write(_ packet: UnsafeMutablePointer<AVPacket>) throws(MediaError) {
        state.countEncodedPicture()
        try state.checkpoint()
        try output.write(packet, stream: streamIndex, base: encoder.context.pointee.time_base)
    }
}
