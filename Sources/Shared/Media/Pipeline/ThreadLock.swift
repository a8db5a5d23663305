import Glibc

/// A lock around libav's structures, which cannot live inside a `Mutex`. One of pthread's, because the thread sanitizer
/// sees through those.
///
/// Sendable because a pthread mutex is made to be shared; it never moves.
final class ThreadLock: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)

    init() {
        pthread_mutex_init(mutex, nil)
    }

    deinit {
        pthread_mutex_destroy(mutex)
        mutex.deallocate()
    }

    func withLock<Result>(_ body: () throws(MediaError) -> Result) throws(MediaError) -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return try body()
    }
}
