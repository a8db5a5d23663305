import Foundation

/// A directory of a test's own, gone when the test is over.
final class Scratch: Sendable {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "media-tests-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path + "/out", withIntermediateDirectories: true)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }

    func file(_ name: String) -> String { "\(path)/\(name)" }
    func output(_ name: String) -> String { "\(path)/out/\(name)" }

    func write(_ bytes: Data, to name: String) throws -> String {
        try bytes.write(to: URL(fileURLWithPath: file(name)))
        return file(name)
    }

    /// Makes a source file with the `ffmpeg` program.
    func make(_ name: String, _ arguments: [String]) async throws -> String {
        _ = try await Tool.run("ffmpeg", ["-loglevel", "error", "-y"] + arguments + [file(name)])
        return file(name)
    }
}

struct ToolFailure: Error, CustomStringConvertible {
    let description: String
}

/// The command-line tools that make and check media.
enum Tool {
    static func run(_ name: String, _ arguments: [String]) async throws -> Data {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread {
                continuation.resume(with: Result { try runBlocking(name, arguments) })
            }
        }
    }

    private static func runBlocking(_ name: String, _ arguments: [String]) throws -> Data {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [name] + (name == "ffmpeg" ? ["-nostdin"] : []) + arguments
        let (output, errors) = (Pipe(), Pipe())
        process.standardOutput = output
        process.standardError = errors
        process.standardInput = FileHandle.nullDevice
        try process.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        let message = errors.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw ToolFailure(
                description: "\(name) \(arguments.joined(separator: " ")): \(String(decoding: message, as: UTF8.self))"
            )
        }
        return data
    }
}

/// Runs blocking work on a thread of its own, as the engine wants it.
func onThread<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
        Thread.detachNewThread { continuation.resume(with: Result { try body() }) }
    }
}
