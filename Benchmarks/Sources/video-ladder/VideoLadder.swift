internal import Logging
internal import Media

/// Makes the renditions of the default profile, without original and thumbnails, as one `ffmpeg` command can do as
/// well; all outputs with `all`.
@main
struct VideoLadder {
    static func main() throws {
        guard (3...4).contains(CommandLine.arguments.count) else {
            print("usage: video-ladder INPUT DIRECTORY [all]")
            return
        }
        let (input, directory) = (CommandLine.arguments[1], CommandLine.arguments[2])
        let logger = Logger(label: "video-ladder")
        var profile = VideoProfile.default
        if CommandLine.arguments.count == 3 {
            profile.includeOriginal = false
            profile.thumbnails = nil
        }
        let plan = try MediaPlan(source: try VideoProbe.probe(path: input, logger: logger), profile: profile)
        let callbacks = VideoEngine.Callbacks(outputPath: { directory + "/" + $0 })
        _ = try VideoEngine(plan: plan, logger: logger).run(input: input, callbacks: callbacks)
    }
}
