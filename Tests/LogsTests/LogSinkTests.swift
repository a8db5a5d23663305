import Dispatch
import Foundation
import Glibc
import Settings
import Synchronization
import Testing

@testable import Logs

@Suite("A place of the log", .timeLimit(.minutes(10)))
struct LogSinkTests {
    /// The place that lines are written to, when it accepts them.
    private final class Place: Sendable {
        private struct State {
            var text = ""
            var isBroken = false
        }

        private let state = Mutex(State())
        private let gate = DispatchSemaphore(value: 0)
        private let arrived = DispatchSemaphore(value: 0)
        private let isClosed: Bool

        init(isClosed: Bool) { self.isClosed = isClosed }

        func write(_ bytes: UnsafeRawBufferPointer) -> Bool {
            if isClosed {
                arrived.signal()
                gate.wait()
                gate.signal()
            }
            return state.withLock { state in
                if !state.isBroken { state.text += String(decoding: bytes, as: UTF8.self) }
                return !state.isBroken
            }
        }

        func open() { gate.signal() }
        func waitForAWriter() { arrived.wait() }
        func setBroken(_ isBroken: Bool) { state.withLock { $0.isBroken = isBroken } }
        var lines: [String] { state.withLock { $0.text.split(separator: "\n").map(String.init) } }
    }

    private func sink(_ place: Place, maximumPiece: Int = 65_536) -> LogSink {
        LogSink(
            maximumPiece: maximumPiece,
            notice: { Array("dropped \($0) of \($1)\n".utf8) },
            write: place.write
        )
    }

    private func append(_ text: String, to sink: LogSink, label: String = "p") {
        sink.append(Array((text + "\n").utf8), label: label)
    }

    private static let deadline = DispatchTime.distantFuture

    @Test("gets every line of a thread in order, whole")
    func order() {
        let place = Place(isClosed: false)
        let sink = sink(place, maximumPiece: 10)
        let lines = (0..<2000).map { "line \($0)" }
        for line in lines { append(line, to: sink) }
        #expect(sink.flush(until: Self.deadline))
        #expect(place.lines == lines)
        sink.end()
    }

    @Test("that takes nothing holds nobody up: lines beyond a bound are dropped, and it is told how many")
    func blocked() {
        let place = Place(isClosed: true)
        let sink = sink(place)
        append("first", to: sink)
        place.waitForAWriter()
        let line = String(repeating: "x", count: 1023)
        let room = LogSink.maximumBytes / 1024
        // Returns, though nobody writes.
        for _ in 0..<(room + 300) { append(line, to: sink, label: "worker") }
        #expect(!sink.flush(until: .now()))
        place.open()
        #expect(sink.flush(until: Self.deadline))
        append("last", to: sink)
        #expect(sink.flush(until: Self.deadline))
        let lines = place.lines
        #expect(lines.first == "first" && lines.last == "last")
        #expect(lines.count == room + 3 && lines[lines.count - 2] == "dropped 300 of worker")
        sink.end()
    }

    @Test("that refuses lines, as a full disk does, is told how many when it takes some again")
    func broken() {
        let place = Place(isClosed: false)
        let sink = sink(place)
        place.setBroken(true)
        for _ in 0..<3 {
            append("lost", to: sink)
            #expect(sink.flush(until: Self.deadline))
        }
        place.setBroken(false)
        append("seen", to: sink)
        #expect(sink.flush(until: Self.deadline))
        // Told as soon as something can be written, be it before the next line.
        #expect(place.lines.sorted() == ["dropped 3 of p", "seen"])
        sink.end()
    }

    @Test("writes what waits before its thread ends")
    func end() {
        let place = Place(isClosed: true)
        let sink = sink(place)
        append("first", to: sink)
        append("second", to: sink)
        sink.end()
        place.open()
        // Its thread answers nobody any more; the bound is that of the suite.
        while place.lines.count < 2 { usleep(1000) }
        #expect(place.lines == ["first", "second"])
    }

    @Test("is a pipe that nobody reads: the process goes on, and the file has every line")
    func pipe() throws {
        let directory = NSTemporaryDirectory() + "log-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        var ends: [CInt] = [0, 0]
        try #require(Glibc.pipe(&ends) == 0)
        let (readEnd, writeEnd) = (ends[0], ends[1])
        // Full before the first line.
        _ = fcntl(writeEnd, F_SETFL, O_NONBLOCK)
        let piece = [UInt8](repeating: UInt8(ascii: "-"), count: 4096)
        while write(writeEnd, piece, piece.count) > 0 {}
        _ = fcntl(writeEnd, F_SETFL, 0)
        let (writer, problem) = LogWriter.open(try Settings.from(["LOG_DIR": directory]), output: writeEnd)
        #expect(problem == nil)
        for number in 0..<500 { writer.write("line \(number)", label: "p") }
        writer.flush()
        let text = try String(contentsOfFile: directory + "/media-processor.log", encoding: .utf8)
        #expect(text.split(separator: "\n").count == 500)
        // Now somebody reads: the writing thread can end.
        Thread.detachNewThread {
            var piece = [UInt8](repeating: 0, count: 4096)
            while read(readEnd, &piece, piece.count) > 0 {}
            close(readEnd)
        }
        writer.flush()
        close(writeEnd)
    }
}
