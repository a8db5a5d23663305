import Foundation
import Media
import Testing

@Suite struct VideoTimingTests {
    @Test("Variable frame rate passes through")
    func variableFrameRate() async throws {
        let scratch = try Scratch()
        let select = ["-vf", "select='not(between(n,20,50))*(lt(n,60)+not(mod(n,3)))'", "-vsync", "vfr"]
        let path = try await scratch.make("in.mp4", pattern("640x360", seconds: 4) + select + h264 + ["-bf", "2"])
        let outcome = try await process(path, in: scratch)
        try await expectSound(outcome, frameSeconds: 1)
        let source = try await Inspection.pictureTimes(path).all
        let rendition = try await Inspection.pictureTimes(outcome.path("360p.mp4")).all
        #expect(source.count == rendition.count)
        #expect(zip(source, rendition).allSatisfy { abs($0 - $1) < 0.002 })
    }

    @Test("Sound and picture stay together when they start at different times", arguments: ["-0.7", "0.7"])
    func offsets(offset: String) async throws {
        let scratch = try Scratch()
        // A white flash and a beep, both one second after their start; the sound is shifted.
        let flash = [
            "-f", "lavfi", "-i", "color=black:s=320x240:r=25:d=3,drawbox=c=white:t=fill:enable='between(t,1,1.2)'",
        ]
        let beep = ["-f", "lavfi", "-i", "aevalsrc='if(between(t,1,1.2),sin(2764*t),0)':d=3:s=48000"]
        let plain = try await scratch.make("plain.mkv", flash + beep + ["-c:v", "ffv1", "-c:a", "pcm_s16le"])
        let shift = ["-i", plain, "-itsoffset", offset, "-i", plain, "-map", "0:v", "-map", "1:a"]
        let path = try await scratch.make("in.mp4", shift + h264 + ["-c:a", "aac", "-avoid_negative_ts", "make_zero"])
        let outcome = try await process(path, in: scratch)
        for name in ["360p.mp4", "original.mp4"] {
            let (sourceTimes, times) = (try await onsets(path), try await onsets(outcome.path(name)))
            let difference = (times.sound - times.picture) - (sourceTimes.sound - sourceTimes.picture)
            #expect(abs(difference) < 0.03, "\(name): \(sourceTimes) \(times)")
        }
    }

    @Test("A cut made without encoding, which hides frames by an edit list, keeps its times")
    func editList() async throws {
        let scratch = try Scratch()
        let whole = try await scratch.make(
            "whole.mp4",
            pattern("640x360", seconds: 5) + tone(seconds: 5) + h264 + ["-bf", "2", "-g", "30", "-c:a", "aac"]
        )
        let path = try await scratch.make("in.mp4", ["-ss", "1.5", "-i", whole, "-c", "copy"])
        let outcome = try await process(path, in: scratch)
        try await expectSound(outcome, frameSeconds: 1.0 / 30)
    }
}

/// When the first white picture and the first loud sample come, by decoding.
private func onsets(_ path: String) async throws -> (picture: Double, sound: Double) {
    let video = try await Tool.run(
        "ffmpeg",
        [
            "-loglevel", "info", "-copyts", "-i", path, "-vf",
            "signalstats,metadata=print:key=lavfi.signalstats.YAVG:file=-",
        ]
            + ["-an", "-f", "null", "/dev/null"]
    )
    var (time, picture) = (0.0, -1.0)
    for line in String(decoding: video, as: UTF8.self).split(separator: "\n") {
        if let range = line.range(of: "pts_time:") { time = Double(line[range.upperBound...]) ?? 0 }
        if let range = line.range(of: "YAVG="), picture < 0, (Double(line[range.upperBound...]) ?? 0) > 128 {
            picture = time
        }
    }
    let audio = try await Tool.run(
        "ffmpeg",
        ["-loglevel", "info", "-copyts", "-i", path, "-vn"]
            + [
                "-af",
                "asetnsamples=480,astats=metadata=1:reset=1,ametadata=print:key=lavfi.astats.Overall.RMS_level:file=-",
            ]
            + ["-f", "null", "/dev/null"]
    )
    var sound = -1.0
    for line in String(decoding: audio, as: UTF8.self).split(separator: "\n") {
        if let range = line.range(of: "pts_time:") { time = Double(line[range.upperBound...]) ?? 0 }
        if let range = line.range(of: "RMS_level="), sound < 0, (Double(line[range.upperBound...]) ?? -100) > -20 {
            sound = time
        }
    }
    return (picture, sound)
}
