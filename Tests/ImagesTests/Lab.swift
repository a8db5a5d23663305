import Foundation
import Images
import Testing

/// A directory of one test's own, and the tools of the independent kind that make inputs and check outputs.
final class Lab {
    let directory: URL

    init() throws {
        directory = FileManager.default.temporaryDirectory.appending(path: "images-tests-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: directory) }

    func path(_ name: String) -> String { directory.appending(path: name).path }

    @discardableResult
    func write(_ bytes: some Sequence<UInt8>, _ name: String) throws -> String {
        try Data(bytes).write(to: directory.appending(path: name))
        return path(name)
    }

    func bytes(_ name: String) throws -> [UInt8] { try Array(Data(contentsOf: directory.appending(path: name))) }

    /// Runs a shell script in the directory and returns what it printed. A failing script fails the test.
    @discardableResult
    func shell(_ script: String) throws -> Data {
        let process = Process()
        process.executableURL = URL(filePath: "/bin/bash")
        process.arguments = ["-e", "-o", "pipefail", "-c", script]
        process.currentDirectoryURL = directory
        let output = Pipe()
        // A file, as a second pipe that nobody drains could block the script.
        let complaints = directory.appending(path: ".stderr")
        _ = FileManager.default.createFile(atPath: complaints.path, contents: nil)
        process.standardOutput = output
        process.standardError = try FileHandle(forWritingTo: complaints)
        try process.run()
        let data = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw ShellFailure(script: script, words: try String(contentsOf: complaints, encoding: .utf8))
        }
        return data
    }

    struct ShellFailure: Error, CustomStringConvertible {
        var script: String
        var words: String
        var description: String { "\(script)\n\(words)" }
    }

    /// Writes `input` in the format of the extension of `name`. Debian's vips writes no HEIC with libheif 1.19.
    func encode(_ input: String, as name: String) throws {
        let isHEIF = name.hasSuffix(".heic") || name.hasSuffix(".avif")
        try shell(isHEIF ? "vips copy \(input) .w.png; heif-enc .w.png -o \(name)" : "vips copy \(input) \(name)")
    }

    /// Probes and converts `input`; the outputs are in the directory, named as in the plan.
    @discardableResult
    func convert(_ input: String, _ profile: ImageProfile = .default) throws -> Conversion {
        let engine = ImageEngine(limits: profile.limits, policy: profile.policy)
        let metadata = try engine.probe(path: path(input))
        let plan = ImagePlan(source: metadata, profile: profile)
        let result = try engine.run(plan, input: path(input), outputPath: { self.path($0) })
        return Conversion(metadata: metadata, plan: plan, result: result)
    }

    struct Conversion {
        var metadata: ImageMetadata
        var plan: ImagePlan
        var result: ImageResult
    }

    /// The picture in a file as FFmpeg, which shares no code with libvips' loaders, decodes it.
    func raster(_ name: String) throws -> Raster {
        let pam = try shell("ffmpeg -v error -i \(name) -frames:v 1 -f image2pipe -c:v pam -pix_fmt rgba -")
        let mark = Data("ENDHDR\n".utf8)
        let end = try #require(pam.firstRange(of: mark))
        let fields = String(decoding: pam[..<end.lowerBound], as: UTF8.self).split(whereSeparator: \.isWhitespace)
        func number(after name: String) throws -> Int {
            let index = try #require(fields.firstIndex { $0 == name })
            return try #require(Int(fields[index + 1]))
        }
        let raster = Raster(
            width: try number(after: "WIDTH"),
            height: try number(after: "HEIGHT"),
            rgba: Array(pam[end.upperBound...])
        )
        try #require(raster.rgba.count == raster.width * raster.height * 4)
        return raster
    }

    /// All that libvips' command line finds in a file's header.
    func header(_ name: String) throws -> String {
        String(decoding: try shell("vipsheader -a \(name)"), as: UTF8.self)
    }
}

/// The error that `body` throws, as an ``ImageError``.
func imageError(_ body: () throws -> Void) throws -> ImageError {
    do {
        try body()
    } catch let error as ImageError {
        return error
    }
    throw NothingThrown()
}

struct NothingThrown: Error {}
