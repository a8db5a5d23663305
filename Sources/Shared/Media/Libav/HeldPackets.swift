import CFFmpeg

/// Packets that were read before their time came, in order.
final class HeldPackets {
    /// Enough for the first seconds of a film; beyond that, reading again costs less than keeping.
    private static let maximumBytes = 32 << 20
    private static let maximumCount = 2_000

    private var packets: [UnsafeMutablePointer<AVPacket>] = []
    private var next = 0
    private var bytes = 0
    /// True when a packet was not kept: what is here is not all that was read.
    private(set) var isIncomplete = false

    deinit {
        for packet in packets[next...] {
            var packet: UnsafeMutablePointer<AVPacket>? = packet
            av_packet_free(&packet)
        }
    }

    /// Takes over the data of `packet`, which is empty afterwards.
    func append(_ packet: borrowing Packet) throws(MediaError) {
        bytes += Int(packet.pointer.pointee.size)
        guard !isIncomplete, bytes <= Self.maximumBytes, packets.count < Self.maximumCount else {
            isIncomplete = true
            packet.clear()
            return
        }
        guard let copy = av_packet_alloc() else { throw .outOfMemory }
        av_packet_move_ref(copy, packet.pointer)
        packets.append(copy)
    }

    /// Moves the next packet's data into `packet`. False when there is none left.
    func take(into packet: borrowing Packet) -> Bool {
        guard next < packets.count else { return false }
        var held: UnsafeMutablePointer<AVPacket>? = packets[next]
        av_packet_move_ref(packet.pointer, held)
        av_packet_free(&held)
        next += 1
        if next == packets.count {
            packets = []
            next = 0
        }
        return true
    }
}
