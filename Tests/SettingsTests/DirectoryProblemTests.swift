import JobModel
import Settings
import Testing

@Suite("A media id that would make a directory where another medium has an object")
struct DirectoryProblemTests {
    private func problem(
        _ mediaID: ByteText,
        _ kind: MediaKind = .video,
        _ variables: [String: String] = [:]
    ) throws -> String? {
        try Settings.from(variables).directoryProblem(of: Ticket(id: "job", mediaID: mediaID, kind: kind))
    }

    @Test(
        "is found by the templates in effect, whichever kind of job would make it",
        arguments: [
            ("v/result.json", MediaKind.allCases), ("v/result.json/", MediaKind.allCases),
            ("v/result.json/x", MediaKind.allCases), ("result.json/v", MediaKind.allCases),
            ("a/b/result.json", MediaKind.allCases),
            ("videos/v_360p.mp4", MediaKind.allCases), ("thumbnails/v_3.jpg", MediaKind.allCases),
            ("images/v_360p.png", MediaKind.allCases), ("v_720p.mp4/x", [.video]), ("v_original.mp4/x", [.video]),
            ("v_0.jpg/x", [.video]), ("v_17.jpg/x", [.video]), ("v_180p.webp/x", [.image]),
        ] as [(ByteText, [MediaKind])]
    )
    func found(_ mediaID: ByteText, _ kinds: [MediaKind]) throws {
        for kind in MediaKind.allCases {
            #expect(try (problem(mediaID, kind) != nil) == kinds.contains(kind), "\(mediaID) \(kind)")
        }
    }

    @Test(
        "is none of those that only look like it",
        arguments: [
            "v", "v/w", "result.json", "v/result.jsonx", "v/xresult.json", "users/7/clip.mp4",
            "v_720p.mp4", "v/720p.mp4", "v_721p.mp4/x", "v_x.jpg/x", "v_.jpg/x", "videos/v_720p.mov", "v/RESULT.JSON",
        ] as [ByteText]
    )
    func others(_ mediaID: ByteText) throws {
        for kind in MediaKind.allCases { #expect(try problem(mediaID, kind) == nil, "\(mediaID) \(kind)") }
    }

    @Test("follows the templates, renditions and variants that are set")
    func settings() throws {
        let nested = ["VIDEO_KEY_TEMPLATE": "{mediaId}/{quality}.mp4"]
        #expect(try problem("v/720p.mp4", .video, nested)?.contains("VIDEO_KEY_TEMPLATE") == true)
        #expect(try problem("v/720p.mp4", .image, nested)?.contains("`v/720p.mp4`") == true)
        #expect(try problem("v/240p.mp4", .video, nested) == nil)
        let ladder = nested.merging(["VIDEO_LADDER": "240p=426x240@400"]) { $1 }
        #expect(try problem("v/240p.mp4", .video, ladder) != nil)
        #expect(try problem("v/result.json", .video, ["RESULT_KEY": "off"]) == nil)
        #expect(
            try problem("v/index.json", .video, ["RESULT_KEY": "{mediaId}/index.json"])?.contains("RESULT_KEY") == true
        )
        #expect(try problem("v/job.json", .video, ["RESULT_KEY": "{mediaId}/{jobId}.json"]) != nil)
        // Any name could be one of its keys.
        #expect(try problem("v/w", .video, ["RESULT_KEY": "index/{kind}/{mediaId}"]) == nil)
    }

    @Test("is found, or not, in few steps whatever its bytes are")
    func hostile() throws {
        let templates = [
            "VIDEO_KEY_TEMPLATE": "{mediaId}{userId}{mediaId}{jobId}{userId}{mediaId}/{index}{index}{quality}.mp4"
        ]
        for text in ["a/", "/", "1/", "720p.mp4"] {
            let mediaID = ByteText(String(repeating: text, count: text.count > 2 ? 30 : 100))
            _ = try problem(mediaID, .video, templates)
        }
    }
}
