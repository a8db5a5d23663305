internal import CCurl

/// The owner of a handle of libcurl that advances one exchange at a time without blocking, and waits in between. The
/// connection of an exchange that was complete stays with it for the next one.
///
/// Sendable: it belongs to one exchange at a time, whose thread alone calls it; ``WebConnections`` passes it on from
/// one to the next under a lock.
final class MultiHandle: @unchecked Sendable {
    private let pointer: UnsafeMutableRawPointer

    init() throws(WebError) {
        guard let pointer = curl_multi_init() else {
            throw WebError(.outOfResources, "no memory or descriptor for a request", isRetriable: true)
        }
        self.pointer = pointer
    }

    deinit { curl_multi_cleanup(pointer) }

    /// Must not be used any more when this is gone.
    var waiter: Waiter { Waiter(pointer) }

    func add(_ easy: borrowing EasyHandle) throws(WebError) {
        try Self.check(curl_multi_add_handle(pointer, easy.pointer))
    }

    /// Ends the exchange if it still goes on, and its connection with it.
    func remove(_ easy: borrowing EasyHandle) { curl_multi_remove_handle(pointer, easy.pointer) }

    /// Does what can be done now.
    ///
    /// - Returns: how the exchange has ended; nil while it goes on.
    func advance() throws(WebError) -> CURLcode? {
        var running: CInt = 0
        try Self.check(curl_multi_perform(pointer, &running))
        var left: CInt = 0
        guard let message = curl_multi_info_read(pointer, &left), message.pointee.msg == CURLMSG_DONE else {
            return running > 0 ? nil : CURLE_GOT_NOTHING
        }
        return ccurl_message_result(message)
    }

    /// Waits until there is something to do, ``waiter`` is woken, or the time is over.
    func wait(atMost time: Duration) throws(WebError) {
        // libcurl's own time limits shorten it.
        let milliseconds = CInt(min(max((time / .milliseconds(1)).rounded(.up), 1), 60_000))
        try Self.check(curl_multi_poll(pointer, nil, 0, milliseconds, nil))
    }

    private static func check(_ result: CURLMcode) throws(WebError) {
        guard result != CURLM_OK else { return }
        throw WebError(
            result == CURLM_OUT_OF_MEMORY ? .outOfResources : .internalFailure,
            "libcurl: \(String(cString: curl_multi_strerror(result)))",
            isRetriable: result == CURLM_OUT_OF_MEMORY
        )
    }
}

/// An exchange that a ``MultiHandle`` advances, as long as this lives.
struct RunningExchange: ~Copyable {
    let multi: MultiHandle
    let easy: EasyHandle

    static func make(_ easy: consuming EasyHandle, on multi: MultiHandle) throws(WebError) -> RunningExchange {
        try multi.add(easy)
        return RunningExchange(multi: multi, easy: easy)
    }

    private init(multi: MultiHandle, easy: consuming EasyHandle) {
        self.multi = multi
        self.easy = easy
    }

    deinit { multi.remove(easy) }
}

/// Ends a ``MultiHandle``'s wait from another thread.
///
/// Sendable: `curl_multi_wakeup` is the one function of a handle that any thread may call at any time.
struct Waiter: @unchecked Sendable {
    private let pointer: UnsafeMutableRawPointer

    fileprivate init(_ pointer: UnsafeMutableRawPointer) { self.pointer = pointer }

    func wake() { curl_multi_wakeup(pointer) }
}
