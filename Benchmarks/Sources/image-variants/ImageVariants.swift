internal import CLinux
internal import Images

/// Makes the variants of the default profile again and again: the media work of an image job and nothing else. The
/// difference to a whole job is the cost of everything around it.
///
/// The last line that it prints is the processor time of all times but a first one, in seconds.
@main
struct ImageVariants {
    static func main() throws {
        guard CommandLine.arguments.count == 4, let times = Int(CommandLine.arguments[3]), times > 0 else {
            print("usage: image-variants INPUT DIRECTORY TIMES")
            return
        }
        let (input, directory) = (CommandLine.arguments[1], CommandLine.arguments[2])
        let engine = ImageEngine()
        func run() throws {
            let plan = ImagePlan(source: try engine.probe(path: input), profile: .default)
            _ = try engine.run(plan, input: input, outputPath: { "\(directory)/\($0)" })
        }
        try run()
        let before = clinux_process_nanoseconds()
        for _ in 0..<times { try run() }
        print(Double(clinux_process_nanoseconds() - before) / 1e9)
    }
}
