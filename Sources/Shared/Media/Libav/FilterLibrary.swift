import CFFmpeg
import Glibc

/// libavfilter, loaded when the first picture needs a filter: it brings some hundred libraries with it, and most
/// sources need none.
///
/// Its functions are looked up by name. All of them take and give pointers to structures that stay closed, so no header
/// is needed.
struct FilterLibrary: Sendable {
    typealias Graph = OpaquePointer
    typealias Filter = OpaquePointer

    typealias MakeGraph = @convention(c) () -> Graph?
    typealias FreeGraph = @convention(c) (UnsafeMutablePointer<Graph?>?) -> Void
    typealias Find = @convention(c) (UnsafePointer<CChar>?) -> OpaquePointer?
    typealias Link = @convention(c) (Filter?, UInt32, Filter?, UInt32) -> Int32
    typealias Configure = @convention(c) (Graph?, UnsafeMutableRawPointer?) -> Int32
    typealias Send = @convention(c) (Filter?, UnsafeMutablePointer<AVFrame>?, Int32) -> Int32
    typealias Receive = @convention(c) (Filter?, UnsafeMutablePointer<AVFrame>?) -> Int32
    typealias SinkTimeBase = @convention(c) (Filter?) -> AVRational
    typealias Add =
        @convention(c) (
            UnsafeMutablePointer<Filter?>?, OpaquePointer?, UnsafePointer<CChar>?, UnsafePointer<CChar>?,
            UnsafeMutableRawPointer?, Graph?
        ) -> Int32

    let makeGraph: MakeGraph
    let freeGraph: FreeGraph
    let find: Find
    let add: Add
    let link: Link
    let configure: Configure
    let send: Send
    let receive: Receive
    let sinkTimeBase: SinkTimeBase

    /// Nil when it is not installed.
    static let shared = FilterLibrary()

    /// The version that belongs to this libavutil.
    private static var name: String { "libavfilter.so.\(LIBAVUTIL_VERSION_MAJOR - 49)" }

    private init?() {
        guard let library = dlopen(Self.name, RTLD_NOW | RTLD_LOCAL) else { return nil }
        func symbol<Function>(_ name: String, _ type: Function.Type) -> Function? {
            dlsym(library, name).map { unsafeBitCast($0, to: type) }
        }
        guard let makeGraph = symbol("avfilter_graph_alloc", MakeGraph.self),
            let freeGraph = symbol("avfilter_graph_free", FreeGraph.self),
            let find = symbol("avfilter_get_by_name", Find.self),
            let add = symbol("avfilter_graph_create_filter", Add.self),
            let link = symbol("avfilter_link", Link.self),
            let configure = symbol("avfilter_graph_config", Configure.self),
            let send = symbol("av_buffersrc_add_frame_flags", Send.self),
            let receive = symbol("av_buffersink_get_frame", Receive.self),
            let sinkTimeBase = symbol("av_buffersink_get_time_base", SinkTimeBase.self)
        else { return nil }
        (self.makeGraph, self.freeGraph, self.find, self.add) = (makeGraph, freeGraph, find, add)
        (self.link, self.configure, self.send) = (link, configure, send)
        (self.receive, self.sinkTimeBase) = (receive, sinkTimeBase)
    }
}
