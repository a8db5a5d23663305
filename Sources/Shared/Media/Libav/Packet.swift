import CFFmpeg

/// One owned AVPacket: compressed data of one stream, reused from read to read.
struct Packet: ~Copyable {
    let pointer: UnsafeMutablePointer<AVPacket>

    init() throws(MediaError) {
        guard let pointer = av_packet_alloc() else { throw .outOfMemory }
        self.pointer = pointer
    }

    deinit {
        var pointer: UnsafeMutablePointer<AVPacket>? = pointer
        av_packet_free(&pointer)
    }

    /// Lets go of the data, keeps the packet.
    func clear() {
        av_packet_unref(pointer)
    }
}
