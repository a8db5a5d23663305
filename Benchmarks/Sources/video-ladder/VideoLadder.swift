internal import Logging
internal import Media

/// Makes the renditions of the default profile, without original and thumbnails, as one `ffmpeg` command can do as
/// well.
@main
struct VideoLadder {
    static func main() throws {
        guard CommandLine.arguments.count == 3 else {
            print("usage: video-ladder INPUT DIRECTORY")
            return
        }
        let (input, directory) = (CommandLine.arguments[1], CommandLine.arguments[2])
        let logger = Logger(label: "video-ladder")
        var profile = VideoProfile.default
        profile.includeOriginal = false
        profile.thumbnails = nil
        let plan = try MediaPlan(source: try VideoProbe.probe(path: input, logger: logger), profile: profile)
        let callbacks = VideoEngine.Callbacks(outputPath: { directory + "/" + $0 })
        _ = try VideoEngine(plan: plan, logger: logger).run(input: input, callbacks: callbacks)
    }
}
