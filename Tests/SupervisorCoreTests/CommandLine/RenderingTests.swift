import JobModel
import Queues
import Testing

@testable import SupervisorCore

struct RenderingTests {
    static func view(
        _ id: ByteText = "j",
        state: String = "active",
        step: String = "processing_video",
        progress: Int = 0,
        stageProgress: Int? = nil,
        outcome: JobOutcome? = nil,
        outputs: [JSONValue] = []
    ) -> JobView {
        JobView(
            id: id,
            kind: .video,
            mediaId: "m",
            state: state,
            stage: .process,
            step: step,
            progress: progress,
            stageProgress: stageProgress,
            outcome: outcome,
            outputs: outputs,
            createdAt: "",
            updatedAt: ""
        )
    }

    private static let empty = String(repeating: "░", count: 24)
    private static let full = String(repeating: "█", count: 24)

    @Test(
        "A bar shows the name, the job's per cent and the step",
        arguments: [
            (JobView?.none, "clip.mp4    \(empty)   0 %  queued"),
            (
                view(progress: 50, stageProgress: 75),
                "clip.mp4    ████████████░░░░░░░░░░░░  50 %  processing_video (75 %)"
            ),
            (view(state: "finished", progress: 100, outcome: .completed), "clip.mp4    \(full) 100 %  completed"),
            (view(step: "", progress: -5), "clip.mp4    \(empty)  -5 %  started"),
            (view(step: "x", progress: 900), "clip.mp4    \(full) 900 %  x"),
        ]
    )
    func bar(job: JobView?, expected: String) {
        #expect(
            ProgressLine.bar(name: "clip.mp4", job: job, nameWidth: 10, width: 100, usesColours: false) == expected
        )
    }

    @Test("A bar is never wider than the terminal, and long names keep their ends")
    func width() {
        let line = ProgressLine.bar(
            name: "a-very-long-name.mp4",
            job: Self.view(step: String(repeating: "s", count: 99)),
            nameWidth: 8,
            width: 40,
            usesColours: false
        )
        #expect(line.count == 40)
        #expect(line.hasPrefix("…ame.mp4  ░"))
    }

    @Test("Only an end is coloured")
    func colours() {
        func bar(_ job: JobView) -> String {
            ProgressLine.bar(name: "a", job: job, nameWidth: 1, width: 80, usesColours: true)
        }
        #expect(!bar(Self.view()).contains("\u{1B}"))
        #expect(bar(Self.view(state: "finished", outcome: .completed)).hasPrefix("\u{1B}[32m"))
        #expect(bar(Self.view(state: "finished", outcome: .failed)).hasPrefix("\u{1B}[31m"))
    }

    @Test("Without a terminal there is a line when the step changes or ten per cent more are done")
    func plain() {
        var progress = PlainProgress()
        let views: [JobView?] = [
            nil, nil, Self.view(progress: 3), Self.view(progress: 9, stageProgress: 40), Self.view(progress: 13),
            Self.view(step: "uploading_results", progress: 14),
            Self.view(state: "finished", progress: 100, outcome: .failed),
            Self.view(state: "finished", progress: 100, outcome: .failed),
        ]
        let lines = views.compactMap { progress.line(id: "j", name: "clip", job: $0) }
        #expect(
            lines == [
                "clip: 0 % queued", "clip: 3 % processing_video", "clip: 13 % processing_video",
                "clip: 14 % uploading_results", "clip: 100 % failed",
            ]
        )
    }

    @Test("The outputs are a table with paths relative to where the user is")
    func outputs() {
        let job = Self.view(outputs: [
            [
                "type": "scaled", "s3Key": "videos/m_360p.mp4", "quality": "360p", "width": 640, "height": 360,
                "codec": "h264", "fileSize": 1_234_567, "location": "file:///home/me/media-output/videos/m%20_360p.mp4",
            ],
            [
                "type": "thumbnail", "s3Key": "thumbnails/m_1.jpg", "timestamp": 15, "mimeType": "image/jpeg",
                "location": "file:///elsewhere/m_1.jpg",
            ],
            ["type": "image_scaled", "s3Key": "images/m.png", "location": "s3://bucket/images/m.png"],
            ["type": "image_scaled", "s3Key": "images/n.png"],
            "not an object", ["s3Key": "without a type"],
        ])
        #expect(
            OutputTable.table([job], workingDirectory: "/home/me").lines == [
                "KIND          QUALITY  DIMENSIONS  CODEC    SIZE  PATH",
                "scaled        360p        640×360  h264   1.2 MB  media-output/videos/m _360p.mp4",
                "thumbnail     at 15 s           -  jpeg        -  /elsewhere/m_1.jpg",
                "image_scaled  -                 -  -           -  s3://bucket/images/m.png",
                "image_scaled  -                 -  -           -  images/n.png",
            ]
        )
    }

    @Test("Temp files are shown before, at the peak and after")
    func samples() {
        func sample(_ jobs: Int, _ files: Int, _ bytes: Int64) -> TempFileSample {
            var sample = TempFileSample()
            (sample.jobs, sample.files, sample.bytes) = (jobs, files, bytes)
            return sample
        }
        var samples = TempFileSamples(before: sample(0, 0, 0))
        samples.add(sample(2, 12, 1_000))
        samples.add(sample(1, 3, 2_500_000))
        samples.add(sample(0, 0, 0))
        #expect(
            samples.table.lines == [
                "TEMP FILES  JOBS  FILES    SIZE", "before         0      0     0 B", "peak           2     12  2.5 MB",
                "after          0      0     0 B",
            ]
        )
    }

    @Test(
        "Sizes are decimal and short",
        arguments: [
            (0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (9_949, "9.9 kB"), (9_960, "10 kB"), (999_499, "999 kB"),
            (999_500, "1.0 MB"), (123_456_789, "123 MB"), (Int64.max, "9.2 EB"), (-1500, "-1.5 kB"), (.min, "-9.2 EB"),
        ]
    )
    func sizes(bytes: Int64, text: String) {
        #expect(ByteCount.text(bytes) == text)
    }

    @Test(
        "Durations are short",
        arguments: [(0, "0 s"), (59.9, "59 s"), (60, "1 min"), (3700, "1 h 1 min"), (200_000, "2 d 7 h"), (-1, "0 s")]
    )
    func uptime(seconds: Double, text: String) {
        #expect(StatusText.uptime(seconds) == text)
    }
}
