import JobModel
import Testing

@testable import Storage

@Suite("A place in a bucket knows what lies beneath it")
struct S3PlaceTests {
    @Test(
        arguments: [
            ("s3://media/app", "s3://media/app", ""), ("s3://media/app", "s3://media/app/x", "x/"),
            ("s3://media", "s3://media/a/b", "a/b/"), ("s3://media/app", "s3://media/app2", nil),
            ("s3://media/app/x", "s3://media/app", nil), ("s3://media/app", "s3://other/app/x", nil),
            ("s3://media/app", "s3://media/app/x?endpoint=http://127.0.0.1:9000", nil),
            ("s3://media/app?endpoint=http://h:1", "s3://media/app/x?endpoint=http://h:1", "x/"),
            ("s3://media/app?endpoint=http://h:1", "s3://media/app/x?endpoint=http://h:2", nil),
            ("s3://media/app?endpoint=http://h:1", "s3://media/app/x", nil),
        ] as [(String, String, String?)]
    )
    func start(_ place: String, _ other: String, _ expected: String?) throws {
        let environment = S3Environment([:])
        let location = try S3Location(place, environment)
        let name = Array(try S3Location(other, environment).description.utf8)
        #expect(location.start(ofPlaceDescribed: name) == expected.map { Array($0.utf8) })
    }

    @Test("A description that was cut tells nothing")
    func cut() throws {
        let environment = S3Environment([:])
        let long = "s3://media/app/" + String(repeating: "x/", count: 300)
        let name = Array(try S3Location(long, environment).description.utf8)
        #expect(try S3Location("s3://media/app", environment).start(ofPlaceDescribed: name) == nil)
    }
}
