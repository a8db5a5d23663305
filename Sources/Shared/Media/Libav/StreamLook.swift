import CFFmpeg

/// The first packets of a source, by stream: enough to tell a film from a still picture, encrypted content from plain,
/// and true times from others. The packets are kept, and read again from here.
struct StreamLook {
    /// Packets of a stream that are enough to judge its times.
    static let enoughPackets = 48
    /// When this much was read, the streams that have not come are judged by what is known.
    private static let maximumBytes = 256 << 20
    private static let maximumPackets = 50_000

    let held = HeldPackets()
    /// By stream: packets seen, and the times of the first ones in their stream's time base.
    private(set) var counts: [Int: Int] = [:]
    private(set) var times: [Int: [Int64]] = [:]
    /// Streams of which a packet carries a key's identifier.
    private(set) var encrypted: Set<Int> = []
    private(set) var reachedEnd = false

    /// Reads until each of the `wanted` streams has as many packets as it says.
    ///
    /// - Parameters:
    ///   - wanted: by stream, the number of packets.
    ///   - read: reads a packet, or returns libav's error code.
    mutating func look(
        for wanted: [Int: Int],
        read: (borrowing Packet) throws(MediaError) -> Int32
    ) throws(MediaError) {
        let packet = try Packet()
        var (bytes, packets, failures) = (0, 0, 0)
        while wanted.contains(where: { counts[$0.key, default: 0] < $0.value }) {
            guard bytes < Self.maximumBytes, packets < Self.maximumPackets, failures < SourceReader.maximumFailures
            else { return }
            let status = try read(packet)
            if status == shim_error_eof {
                reachedEnd = true
                return
            }
            guard status >= 0 else {
                failures += 1
                continue
            }
            packets += 1
            bytes += Int(packet.pointer.pointee.size)
            note(packet)
            try held.append(packet)
        }
    }

    private mutating func note(_ packet: borrowing Packet) {
        let pointer = packet.pointer
        let stream = Int(pointer.pointee.stream_index)
        counts[stream, default: 0] += 1
        var size = 0
        if av_packet_get_side_data(pointer, AV_PKT_DATA_ENCRYPTION_INFO, &size) != nil { encrypted.insert(stream) }
        let time = pointer.pointee.pts != shim_nopts ? pointer.pointee.pts : pointer.pointee.dts
        if time != shim_nopts, times[stream, default: []].count < Self.enoughPackets {
            times[stream, default: []].append(time)
        }
    }
}
