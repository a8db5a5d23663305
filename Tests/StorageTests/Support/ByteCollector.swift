import Storage
import Synchronization

/// Keeps what a source delivers.
final class ByteCollector: SourceSink {
    private struct State {
        var starts: [Int64] = []
        var bytes: [UInt8] = []
        var facts: SourceFacts?
    }

    private let state: Mutex<State>

    /// - Parameter had: bytes that are there of an earlier fetch.
    init(had: [UInt8] = []) { state = Mutex(State(bytes: had)) }

    var starts: [Int64] { state.withLock { $0.starts } }
    var bytes: [UInt8] { state.withLock { $0.bytes } }
    var facts: SourceFacts? { state.withLock { $0.facts } }

    func begin(_ facts: SourceFacts, at start: Int64) {
        state.withLock { state in
            state.starts.append(start)
            state.facts = facts
            state.bytes = Array(state.bytes.prefix(Int(start)))
        }
    }

    func write(_ piece: UnsafeRawBufferPointer) { state.withLock { $0.bytes += Array(piece) } }
}
