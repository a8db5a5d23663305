internal import Foundation
internal import JobModel
internal import Settings
internal import Storage
internal import Threads

/// Moves files as stage-download and stage-upload do, without a broker: `scripts/bench-transfer` runs it beside other
/// clients. Where to and how is set as for these stages: `STORAGE_URL`, `S3_…`, `UPLOAD_PARALLEL`, `SOURCE_…`.
///
/// The last line that it prints is the peak of its memory beyond what it took before the first byte, in bytes.
@main
struct Transfers {
    private static let usage = """
        usage: transfers download URL DIRECTORY [SHA256]
               transfers upload FILE KEY [PART-BYTES]
               transfers upload-all DIRECTORY PREFIX
        """

    static func main() async throws {
        let arguments = Array(CommandLine.arguments.dropFirst())
        let work: (Settings) async throws -> Void
        switch (arguments.first, arguments.count) {
        case ("download", 3...4):
            work = { settings in
                try await Download(url: arguments[1], digest: arguments.count > 3 ? arguments[3] : nil, settings)
                    .run(in: arguments[2])
            }
        case ("upload", 3...4):
            work = { settings in
                let upload = try Upload(settings, partBytes: arguments.count > 3 ? Int64(arguments[3]) : nil)
                try await upload.put([(arguments[1], arguments[2])])
            }
        case ("upload-all", 3):
            work = { settings in
                let names = try FileManager.default.contentsOfDirectory(atPath: arguments[1]).sorted()
                try await Upload(settings).put(names.map { (arguments[1] + "/" + $0, arguments[2] + "/" + $0) })
            }
        default:
            FileHandle.standardError.write(Data((usage + "\n").utf8))
            exit(2)
        }
        let settings = try Settings.fromEnvironment()
        let before = Memory.now
        // As the tasks of a stage, which may block the threads that they run on.
        try await withTaskExecutorPreference(BlockingTaskExecutor.shared) { try await work(settings) }
        print(Memory.peak - before)
    }
}

/// The memory that this process has resident, in bytes.
private enum Memory {
    static var now: Int { value("VmRSS") }
    static var peak: Int { value("VmHWM") }

    private static func value(_ name: String) -> Int {
        let text = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
        let line = text.split(separator: "\n").first { $0.hasPrefix(name + ":") }
        return (line.flatMap { Int($0.filter(\.isNumber)) } ?? 0) * 1024
    }
}
