import Foundation
import Logging
import Media
import Synchronization
import Testing

/// A finished run of the engine, with the arguments of its callbacks.
struct Outcome: Sendable {
    let metadata: VideoMetadata
    let plan: MediaPlan
    let result: VideoResult
    let progress: [Double]
    /// Files in the order in which their paths were asked for.
    let asked: [String]
    let written: [String: Int64]
    let scratch: Scratch

    func path(_ fileName: String) -> String { scratch.output(fileName) }

    func output(_ quality: String) throws -> VideoResult.Output {
        try #require(result.outputs.first { $0.quality == quality })
    }
}

final class Recorder: Sendable {
    struct Notes {
        var progress: [Double] = []
        var asked: [String] = []
        var written: [String: Int64] = [:]
        var existedBefore: [String] = []
    }

    let notes = Mutex(Notes())
}

/// Small and quick, otherwise as by default.
let quickProfile = VideoProfile(preset: "ultrafast")

let quietLogger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

func probe(_ path: String) async throws -> VideoMetadata {
    try await onThread { try VideoProbe.probe(path: path, logger: quietLogger) }
}

/// Probes, plans, and runs.
func process(
    _ source: String,
    in scratch: Scratch,
    profile: VideoProfile = quickProfile,
    isCancelled: @escaping @Sendable () -> Bool = { false }
) async throws -> Outcome {
    try await onThread { try processBlocking(source, in: scratch, profile: profile, isCancelled: isCancelled) }
}

func processBlocking(
    _ source: String,
    in scratch: Scratch,
    profile: VideoProfile = quickProfile,
    isCancelled: @escaping @Sendable () -> Bool = { false }
) throws -> Outcome {
    let metadata = try VideoProbe.probe(path: source, logger: quietLogger)
    let plan = try MediaPlan(source: metadata, profile: profile)
    let recorder = Recorder()
    let callbacks = VideoEngine.Callbacks(
        outputPath: { fileName in
            let path = scratch.output(fileName)
            recorder.notes.withLock {
                $0.asked.append(fileName)
                if FileManager.default.fileExists(atPath: path) { $0.existedBefore.append(fileName) }
            }
            return path
        },
        progress: { value in recorder.notes.withLock { $0.progress.append(value) } },
        onWrite: { fileName, bytes in recorder.notes.withLock { $0.written[fileName] = bytes } },
        isCancelled: isCancelled
    )
    let result = try VideoEngine(plan: plan, logger: quietLogger).run(input: source, callbacks: callbacks)
    let notes = recorder.notes.withLock { $0 }
    #expect(notes.existedBefore.isEmpty)
    return Outcome(
        metadata: metadata,
        plan: plan,
        result: result,
        progress: notes.progress,
        asked: notes.asked,
        written: notes.written,
        scratch: scratch
    )
}

/// The expectations for every successful run, whatever the source.
func expectSound(_ outcome: Outcome, frameSeconds: Double, sourceLocation: SourceLocation = #_sourceLocation)
    async throws
{
    #expect(outcome.progress.last == 1, sourceLocation: sourceLocation)
    #expect(outcome.progress == outcome.progress.sorted(), sourceLocation: sourceLocation)
    #expect(Set(outcome.asked) == Set(outcome.result.outputs.map(\.fileName)), sourceLocation: sourceLocation)
    var keyframes: [[Double]] = []
    for output in outcome.result.outputs {
        let path = outcome.path(output.fileName)
        let size = try FileManager.default.attributesOfItem(atPath: path)[.size] as? NSNumber
        #expect(size?.int64Value == output.sizeBytes, sourceLocation: sourceLocation)
        #expect(outcome.written[output.fileName] == output.sizeBytes, sourceLocation: sourceLocation)
        let inspection = try await Inspection.of(path)
        let video = try #require(inspection.video, sourceLocation: sourceLocation)
        #expect(video.codecName == output.codec, sourceLocation: sourceLocation)
        guard output.kind != .thumbnail else {
            #expect(video.width == output.width && video.height == output.height, sourceLocation: sourceLocation)
            #expect(output.width <= 720 && output.height <= 720, sourceLocation: sourceLocation)
            continue
        }
        let boxes = try Inspection.boxes(path)
        let (moov, mdat) = (boxes.firstIndex(of: "moov") ?? .max, boxes.firstIndex(of: "mdat") ?? -1)
        #expect(moov < mdat, "\(boxes)", sourceLocation: sourceLocation)
        let difference = abs(inspection.durationSeconds - outcome.metadata.durationSeconds)
        #expect(
            difference <= frameSeconds + 0.0015,
            "\(output.fileName): \(difference)",
            sourceLocation: sourceLocation
        )
        guard output.kind == .rendition else { continue }
        #expect(video.width == output.width && video.height == output.height, sourceLocation: sourceLocation)
        #expect(video.pixFmt == "yuv420p", sourceLocation: sourceLocation)
        #expect(video.colorRange == "tv", sourceLocation: sourceLocation)
        #expect(video.sampleAspectRatio == "1:1", sourceLocation: sourceLocation)
        #expect(video.sideDataList?.contains { $0.rotation != nil } != true, sourceLocation: sourceLocation)
        #expect(
            inspection.audio?.codecName == (outcome.metadata.hasAudio ? "aac" : nil),
            sourceLocation: sourceLocation
        )
        keyframes.append(try await Inspection.pictureTimes(path).keyframes)
    }
    #expect(Set(keyframes).count == 1, "keyframes are aligned", sourceLocation: sourceLocation)
    let first = try #require(keyframes.first, sourceLocation: sourceLocation)
    for (index, time) in first.enumerated() {
        let expected = (first.first ?? 0) + 2 * Double(index)
        #expect(time >= expected - 0.001 && time < expected + frameSeconds + 0.001, sourceLocation: sourceLocation)
    }
}
