import CFFmpeg

/// Brings the packets of a file's streams into the order of their decode times, so that a player finds sound beside the
/// picture. Every packet keeps its stream: an error of the muxer is that of the packet it was given. A packet leaves
/// when the next one of its stream is known, which tells how long it lasts at most.
struct PacketInterleaver: ~Copyable {
    /// A stream that has nothing for so long is not waited for.
    private static let longestWaitMicroseconds: Int64 = 10_000_000
    private static let maximumBytes = 64 << 20

    private struct Lane {
        var base: AVRational
        var packets: [UnsafeMutablePointer<AVPacket>] = []
        var next = 0

        var first: UnsafeMutablePointer<AVPacket>? { next < packets.count ? packets[next] : nil }
        var last: UnsafeMutablePointer<AVPacket>? { next < packets.count ? packets[packets.count - 1] : nil }
        var isWaiting: Bool { packets.count - next < 2 }
    }

    private var lanes: [Lane] = []
    private var bytes = 0

    deinit {
        for lane in lanes {
            for packet in lane.packets[lane.next...] {
                var packet: UnsafeMutablePointer<AVPacket>? = packet
                av_packet_free(&packet)
            }
        }
    }

    /// - Parameter bases: the time base of each stream.
    mutating func start(_ bases: [AVRational]) { lanes = bases.map { Lane(base: $0) } }

    /// Takes over the data of `packet`, whose stream must have been told of.
    mutating func append(_ packet: borrowing Packet) throws(MediaError) {
        let index = Int(packet.pointer.pointee.stream_index)
        guard lanes.indices.contains(index), let copy = av_packet_alloc() else { throw .outOfMemory }
        av_packet_move_ref(copy, packet.pointer)
        bytes += Int(copy.pointee.size)
        if let before = lanes[index].last, before.pointee.dts != shim_nopts, copy.pointee.dts != shim_nopts {
            let step = max(copy.pointee.dts &- before.pointee.dts, 0)
            before.pointee.duration = before.pointee.duration > 0 ? min(before.pointee.duration, step) : step
        }
        lanes[index].packets.append(copy)
    }

    /// Moves the packet that is due into `packet`. False when one has to be waited for.
    ///
    /// - Parameter isEnd: whether no more will come.
    mutating func take(into packet: borrowing Packet, isEnd: Bool) -> Bool {
        var due: (lane: Int, time: Int64)?
        var latest = Int64.min
        for (index, lane) in lanes.enumerated() {
            guard let first = lane.first, let last = lane.last, isEnd || !lane.isWaiting else { continue }
            let time = Self.microseconds(first, lane.base)
            latest = max(latest, Self.microseconds(last, lane.base))
            if let known = due, known.time <= time { continue }
            due = (index, time)
        }
        guard let due else { return false }
        let isWaiting = lanes.contains { $0.isWaiting }
        let (wait, overflow) = latest.subtractingReportingOverflow(due.time)
        let isLong = overflow || wait > Self.longestWaitMicroseconds || bytes > Self.maximumBytes
        guard isEnd || !isWaiting || isLong else { return false }
        return take(from: due.lane, into: packet)
    }

    private mutating func take(from index: Int, into packet: borrowing Packet) -> Bool {
        var held = lanes[index].first
        guard let pointer = held else { return false }
        packet.clear()
        av_packet_move_ref(packet.pointer, pointer)
        av_packet_free(&held)
        bytes -= Int(packet.pointer.pointee.size)
        lanes[index].next += 1
        if lanes[index].next == lanes[index].packets.count || lanes[index].next >= 1_024 {
            lanes[index].packets.removeFirst(lanes[index].next)
            lanes[index].next = 0
        }
        return true
    }

    private static func microseconds(_ packet: UnsafeMutablePointer<AVPacket>, _ base: AVRational) -> Int64 {
        packet.pointee.dts == shim_nopts ? 0 : av_rescale_q(packet.pointee.dts, base, Timeline.microseconds)
    }
}
