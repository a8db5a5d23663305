import CFFmpeg

/// The Dolby Vision record of a stream (`dvcC`, `dvvC`).
struct DolbyVision {
    let profile: Int
    /// 0 means that the base picture is in a colour space of Dolby's own, which other decoders show green and purple.
    let compatibility: Int

    /// Nil when the stream has none.
    init?(_ stream: Stream) {
        var size = 0
        guard let data = shim_stream_side_data(stream.pointer, AV_PKT_DATA_DOVI_CONF, &size),
            size >= MemoryLayout<AVDOVIDecoderConfigurationRecord>.size
        else { return nil }
        let record = UnsafeRawPointer(data).loadUnaligned(as: AVDOVIDecoderConfigurationRecord.self)
        profile = Int(record.dv_profile)
        compatibility = Int(record.dv_bl_signal_compatibility_id)
    }

    func refuseUnlessCompatible() throws(MediaError) {
        if compatibility == 0 { throw Self.notCompatible(profile) }
    }

    static func notCompatible(_ profile: Int) -> MediaError {
        MediaError(
            code: .dolbyVision,
            message: "the video is Dolby Vision profile \(profile) without a compatible base picture, which only "
                + "Dolby's decoders show in right colours; export it as HDR10, HLG or SDR",
            isRetriable: false
        )
    }
}
