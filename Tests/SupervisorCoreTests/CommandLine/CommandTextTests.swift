import JobModel
import Queues
import TempFiles
import Testing

@testable import SupervisorCore

@Suite("What commands print for people")
struct CommandTextTests {
    @Test("Jobs are a table, ends in colour")
    func jobs() throws {
        var failed = RenderingTests.view("b", state: "finished", progress: 40, outcome: .failed)
        failed.error = JobView.Failure(stage: "process", code: "invalid_media", message: "why")
        failed.updatedAt = "2026-01-02T03:04:05.678Z"
        var asked = RenderingTests.view("c\u{1B}[2J", progress: 3)
        asked.cancelRequested = true
        asked.mediaId = "media\u{9B}"
        asked.source = ByteText("file:///srv/" + String(repeating: "d/", count: 20) + "clip.mov")
        let list = JobList(jobs: [RenderingTests.view("a", progress: 50, stageProgress: 75), failed, asked], next: "7")
        let lines = JobTable.lines(list, usesColours: false)
        #expect(
            lines == [
                "JOB               STATE       STAGE    STEP                     DONE  UPDATED               "
                    + "ERROR          MEDIA ID     SOURCE",
                "video/a           active      process  processing_video (75 %)  50 %                        "
                    + "-              m            -",
                "video/b           failed      process  -                        40 %  2026-01-02T03:04:05Z  "
                    + "invalid_media  m            -",
                #"video/c\u{1B}[2J  cancelling  process  processing_video          3 %                        "#
                    + #"-              media\u{9B}  …/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/clip.mov"#,
                "there are more; --limit shows them",
            ]
        )
        let coloured = JobTable.lines(list, usesColours: true)
        try #require(coloured.count == lines.count && lines.count > 2)
        #expect(coloured[1] == lines[1] && coloured[2] == "\u{1B}[31m\(lines[2])\u{1B}[0m")
        #expect(JobTable.lines(JobList(jobs: []), usesColours: true) == ["no jobs"])
    }

    @Test("That the broker cannot be reached is said once")
    func brokerAway() {
        let cause = "cannot reach the broker at amqp://u:***@h:1/: Connection refused"
        let problem = Problem(title: Problem.brokerAway, status: 503, detail: cause)
        #expect(CommandFailure.words(problem) == cause)
        #expect(CommandFailure.words(Problem(title: "Too late", status: 409, detail: "why")) == "too late: why")
    }

    @Test("A job is shown with its stages, what happened, and what was tried again")
    func detail() {
        var job = RenderingTests.view("a", state: "finished", progress: 40, outcome: .failed)
        job.error = JobView.Failure(stage: "process", code: "invalid_media", message: "why\nand how")
        job.createdAt = "2026-01-02T03:04:05.678Z"
        var detail = JobDetailView(
            job: job,
            stages: [.init(stage: .download, starts: 2, startedAt: "2026-01-02T03:04:05.678Z", seconds: 1.5)],
            timeline: [.init(at: "now", what: .handedBack, stage: .download, hop: 1, detail: "d")],
            history: [["at": "then", "stage": "download", "code": "timeout", "message": "slow", "host": "h1"]],
            files: [
                ["path": "/tmp/x", "stage": "DOWNLOADING", "type": "input", "size": 1500, "markedForCleanup": true]
            ]
        )
        detail.job.attempts = JobView.Attempts(number: 3, limit: 5)
        detail.redrives = 1
        #expect(
            JobDetailText.lines(detail, workingDirectory: "/", usesColours: false) == [
                "video/a: failed", "  media id   m", "  attempt    3 of 5 of the present stage", "  redriven   once",
                "  created    2026-01-02T03:04:05Z", "  updated    ",
                "  error      in the process stage (invalid_media): why\\nand how", "",
                "STAGE     STARTS  BEGAN                  TOOK", "download       2  2026-01-02T03:04:05Z  1.5 s", "",
                "AT   EVENT        STAGE     DETAIL", "now  handed back  download  d", "",
                "TRIED AGAIN  STAGE     HOST  CODE     CAUSE", "then         download  h1    timeout  slow", "",
                "TEMP FILE  STAGE        TYPE     SIZE", "/tmp/x     DOWNLOADING  input  1.5 kB  to be removed",
            ]
        )
    }

    @Test("The details of a job survive their own JSON")
    func coding() throws {
        var detail = JobDetailView(
            job: RenderingTests.view(),
            stages: [],
            timeline: [],
            history: [["code": "timeout"]],
            files: []
        )
        detail.redrives = 3
        #expect(try JSONText.decode(JobDetailView.self, from: try JSONText.encode(detail)) == detail)
    }
}
