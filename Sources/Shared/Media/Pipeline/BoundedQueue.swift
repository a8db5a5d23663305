import Glibc

/// A first-in, first-out queue between two threads that holds a limited number of elements: a producer that is ahead
/// waits, which bounds memory.
///
/// Sendable because all state is touched under the mutex only, and the mutex and conditions never move: they are
/// allocated in `init` and freed in `deinit`.
final class BoundedQueue<Element: Sendable>: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private let capacity: Int
    private var elements: [Element] = []
    private var isFinished = false
    private var isAborted = false

    init(capacity: Int) {
        self.capacity = capacity
        elements.reserveCapacity(capacity)
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(changed, nil)
    }

    deinit {
        pthread_cond_destroy(changed)
        pthread_mutex_destroy(mutex)
        changed.deallocate()
        mutex.deallocate()
    }

    /// Waits for room. False when the queue was aborted.
    func push(_ element: Element) -> Bool {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while elements.count >= capacity && !isAborted { pthread_cond_wait(changed, mutex) }
        guard !isAborted else { return false }
        elements.append(element)
        pthread_cond_broadcast(changed)
        return true
    }

    /// Waits for an element. Nil when there will be none.
    func pop() -> Element? {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while elements.isEmpty && !isFinished && !isAborted { pthread_cond_wait(changed, mutex) }
        guard !isAborted, !elements.isEmpty else { return nil }
        let element = elements.removeFirst()
        pthread_cond_broadcast(changed)
        return element
    }

    /// No more elements will come; those in the queue are still delivered.
    func finish() {
        pthread_mutex_lock(mutex)
        isFinished = true
        pthread_cond_broadcast(changed)
        pthread_mutex_unlock(mutex)
    }

    /// Drops everything and wakes both sides.
    func abort() {
        pthread_mutex_lock(mutex)
        isAborted = true
        elements.removeAll()
        pthread_cond_broadcast(changed)
        pthread_mutex_unlock(mutex)
    }
}
