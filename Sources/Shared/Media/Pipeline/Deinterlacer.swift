import CFFmpeg

/// Makes whole pictures of interlaced ones (bwdif), in the field order that they tell; progressive pictures pass as
/// they are. Nothing is set up before the first interlaced picture. Owned by one thread.
final class Deinterlacer {
    private struct Shape: Equatable {
        var size: PictureSize
        var format: Int32
    }

    /// A graph of three filters for pictures of one shape: source, bwdif, sink.
    private struct Chain {
        var shape: Shape
        var graph: FilterLibrary.Graph
        var source: FilterLibrary.Filter
        var sink: FilterLibrary.Filter
    }

    private let base: AVRational
    private let threads: Int
    private var chain: Chain?
    private var isActive = false
    /// True when interlaced pictures were passed on as they are.
    private(set) var hasFailed = false
    /// AV_BUFFERSRC_FLAG_KEEP_REF
    private static let keepsReference: Int32 = 8
    /// bwdif takes no smaller pictures.
    private static let smallest = PictureSize(width: 4, height: 4)

    init(base: AVRational, threads: Int) {
        self.base = base
        self.threads = threads
    }

    deinit {
        close()
    }

    func process(_ frame: Frame, deliver: (Frame) throws(MediaError) -> Void) throws(MediaError) {
        if shim_frame_is_interlaced(frame.pointer) != 0, !hasFailed { isActive = true }
        guard isActive, !hasFailed, frame.size.covers(Self.smallest) else {
            try flush(deliver: deliver)
            return try deliver(frame)
        }
        let shape = Shape(size: frame.size, format: frame.pointer.pointee.format)
        if chain?.shape != shape {
            try flush(deliver: deliver)
            chain = open(shape)
        }
        guard let chain, let library = FilterLibrary.shared else {
            hasFailed = true
            return try deliver(frame)
        }
        let status = library.send(chain.source, frame.pointer, Self.keepsReference)
        guard status >= 0 else { throw .libav(status, doing: "deinterlacing") }
        try receive(chain, library, deliver)
    }

    /// Hands out the picture that is still inside.
    func flush(deliver: (Frame) throws(MediaError) -> Void) throws(MediaError) {
        guard let chain, let library = FilterLibrary.shared else { return }
        defer { close() }
        let status = library.send(chain.source, nil, 0)
        guard status >= 0 else { throw .libav(status, doing: "deinterlacing") }
        try receive(chain, library, deliver)
    }

    private func receive(
        _ chain: Chain,
        _ library: FilterLibrary,
        _ deliver: (Frame) throws(MediaError) -> Void
    ) throws(MediaError) {
        while true {
            let frame = try Frame()
            let status = library.receive(chain.sink, frame.pointer)
            if status == shim_error_again || status == shim_error_eof { return }
            guard status >= 0 else { throw .libav(status, doing: "deinterlacing") }
            // The filter counts in half ticks, as it can make two pictures of one.
            frame.pointer.pointee.pts = av_rescale_q(frame.ticks, library.sinkTimeBase(chain.sink), base)
            try deliver(frame)
        }
    }

    private func open(_ shape: Shape) -> Chain? {
        guard let library = FilterLibrary.shared, let graph = library.makeGraph() else { return nil }
        var owned: FilterLibrary.Graph? = graph
        av_opt_set_int(UnsafeMutableRawPointer(graph), "threads", Int64(threads), 0)
        let picture =
            "video_size=\(shape.size.width)x\(shape.size.height):pix_fmt=\(shape.format)"
            + ":time_base=\(base.num)/\(base.den):pixel_aspect=1/1"
        let filters = [
            ("buffer", picture), ("bwdif", "mode=send_frame:parity=auto:deint=interlaced"), ("buffersink", ""),
        ]
        var made: [FilterLibrary.Filter] = []
        for (name, arguments) in filters {
            var filter: FilterLibrary.Filter?
            let options = arguments.isEmpty ? nil : arguments
            guard library.add(&filter, library.find(name), name, options, nil, graph) >= 0, let filter else { break }
            made.append(filter)
        }
        guard made.count == 3, library.link(made[0], 0, made[1], 0) >= 0, library.link(made[1], 0, made[2], 0) >= 0,
            library.configure(graph, nil) >= 0
        else {
            library.freeGraph(&owned)
            return nil
        }
        return Chain(shape: shape, graph: graph, source: made[0], sink: made[2])
    }

    private func close() {
        var graph = chain?.graph
        if graph != nil { FilterLibrary.shared?.freeGraph(&graph) }
        chain = nil
    }
}
