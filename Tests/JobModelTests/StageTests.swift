import JobModel
import Testing

@Suite("A stage")
struct StageTests {
    @Test(
        "covers its part of the job's progress",
        arguments: [
            (Stage.download, 0.0, 0), (.download, 1, 10), (.process, 0, 10), (.process, 0.5, 45), (.process, 1, 80),
            (.upload, 1, 95), (.cleanup, 1, 100), (.process, -1, 10), (.process, 7, 80), (.process, .nan, 10),
            (.upload, .infinity, 80),
        ]
    )
    func progress(stage: Stage, fraction: Double, expected: Int) {
        #expect(stage.jobPercent(fraction: fraction) == expected)
    }

    @Test("hands on to the next")
    func order() {
        #expect(Stage.allCases.map(\.next) == [.process, .upload, .cleanup, nil])
    }
}
