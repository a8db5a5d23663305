import Foundation
import TestSupport

/// A library that is loaded into every process of a tree, before all others, and fails one of its calls to the file
/// system.
struct FaultyFileSystem: Sendable {
    enum Operation: Int, CaseIterable, Sendable { case open, write, rename, unlink, synchronize }

    /// The calls of one kind by one program beneath the workspace are counted in memory that all processes share.
    private static let source = #"""
        #define _GNU_SOURCE
        #include <dlfcn.h>
        #include <errno.h>
        #include <fcntl.h>
        #include <stdarg.h>
        #include <stdint.h>
        #include <stdio.h>
        #include <stdlib.h>
        #include <string.h>
        #include <sys/mman.h>
        #include <sys/syscall.h>
        #include <sys/uio.h>
        #include <unistd.h>

        struct orders {
            _Atomic uint64_t armed, operation, error, due, fired, counts[5];
            char where[256], program[64];
        };
        static struct orders *orders;

        __attribute__((constructor)) static void begin(void) {
            const char *path = getenv("MP_FAULT_FILE");
            if (!path) return;
            int file = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC);
            if (file < 0) return;
            void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
            close(file);
            if (memory != MAP_FAILED) orders = memory;
        }

        static int is_ours(int directory, const char *path) {
            char full[8192];
            if (path && path[0] == '/') return strstr(path, orders->where) != NULL;
            if (directory < 0) return 0;
            char link[64];
            snprintf(link, sizeof link, "/proc/self/fd/%d", directory);
            ssize_t length = readlink(link, full, 4096);
            if (length <= 0) return 0;
            snprintf(full + length, sizeof full - length, "/%s", path ? path : "");
            return strstr(full, orders->where) != NULL;
        }

        /* Whether this call is the one to fail; then errno is set. */
        static int fails(int operation, int directory, const char *path) {
            int before = errno;
            int counts = orders && orders->armed
                && !strncmp(program_invocation_short_name, orders->program, strlen(orders->program))
                && is_ours(directory, path);
            if (!counts) { errno = before; return 0; }
            errno = before;
            uint64_t number = ++orders->counts[operation];
            if (orders->operation != (uint64_t)operation || orders->due != number || orders->fired) return 0;
            orders->fired = 1;
            errno = (int)orders->error;
            return 1;
        }

        #define REAL(name) static __typeof__(name) *real; if (!real) real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)
        #define MODE \
            mode_t mode = 0; \
            if (flags & (O_CREAT | O_TMPFILE)) { \
                va_list list; \
                va_start(list, flags); \
                mode = va_arg(list, mode_t); \
                va_end(list); \
            }

        int open(const char *path, int flags, ...) {
            REAL(open);
            MODE
            return fails(0, -1, path) ? -1 : real(path, flags, mode);
        }
        int open64(const char *path, int flags, ...) {
            REAL(open64);
            MODE
            return fails(0, -1, path) ? -1 : real(path, flags, mode);
        }
        int openat(int at, const char *path, int flags, ...) {
            REAL(openat);
            MODE
            return fails(0, at, path) ? -1 : real(at, path, flags, mode);
        }
        int openat64(int at, const char *path, int flags, ...) {
            REAL(openat64);
            MODE
            return fails(0, at, path) ? -1 : real(at, path, flags, mode);
        }
        long syscall(long number, ...) {
            REAL(syscall);
            va_list list;
            va_start(list, number);
            long a = va_arg(list, long), b = va_arg(list, long), c = va_arg(list, long);
            long d = va_arg(list, long), e = va_arg(list, long), f = va_arg(list, long);
            va_end(list);
            if (number == SYS_openat2 && fails(0, (int)a, (const char *)b)) return -1;
            return real(number, a, b, c, d, e, f);
        }
        ssize_t write(int file, const void *bytes, size_t size) {
            REAL(write);
            return fails(1, file, NULL) ? -1 : real(file, bytes, size);
        }
        ssize_t pwrite(int file, const void *bytes, size_t size, off_t at) {
            REAL(pwrite);
            return fails(1, file, NULL) ? -1 : real(file, bytes, size, at);
        }
        ssize_t pwrite64(int file, const void *bytes, size_t size, off64_t at) {
            REAL(pwrite64);
            return fails(1, file, NULL) ? -1 : real(file, bytes, size, at);
        }
        ssize_t writev(int file, const struct iovec *parts, int count) {
            REAL(writev);
            return fails(1, file, NULL) ? -1 : real(file, parts, count);
        }
        int rename(const char *from, const char *to) {
            REAL(rename);
            return fails(2, -1, from) ? -1 : real(from, to);
        }
        int renameat(int at, const char *from, int to_at, const char *to) {
            REAL(renameat);
            return fails(2, at, from) ? -1 : real(at, from, to_at, to);
        }
        int unlink(const char *path) {
            REAL(unlink);
            return fails(3, -1, path) ? -1 : real(path);
        }
        int unlinkat(int at, const char *path, int flags) {
            REAL(unlinkat);
            return fails(3, at, path) ? -1 : real(at, path, flags);
        }
        int fsync(int file) {
            REAL(fsync);
            return fails(4, file, NULL) ? -1 : real(file);
        }
        int fdatasync(int file) {
            REAL(fdatasync);
            return fails(4, file, NULL) ? -1 : real(file);
        }
        """#

    private let program: CProgram
    private let path: String

    init() async throws {
        program = try await CProgram.build(Self.source, isLibrary: true)
        path = program.directory + "/orders"
        try Data(count: 4096).write(to: URL(filePath: path))
    }

    var environment: [String: String] { ["LD_PRELOAD": program.executable, "MP_FAULT_FILE": path] }

    func remove() { program.remove() }

    /// Begins to count, and fails the call with the number `due`; 0 fails none.
    ///
    /// - Parameters:
    ///   - place: a part of the path of every call that counts.
    ///   - program: how the names of the processes begin whose calls count.
    func arm(
        _ operation: Operation,
        due: Int,
        error: CInt,
        beneath place: String = "/temp/media-processor/",
        by program: String = "stage-"
    ) throws {
        try set([0])
        try set(place, at: 80)
        try set(program, at: 336)
        try set([0, UInt64(operation.rawValue), UInt64(error), UInt64(due), 0, 0, 0, 0, 0, 0])
        try set([1])
    }

    /// Ends counting, and says whether a call was failed.
    func disarm() throws -> (hasFailed: Bool, counts: [Operation: Int]) {
        try set([0])
        let words = try Data(contentsOf: URL(filePath: path)).withUnsafeBytes { bytes in
            (0..<10).map { bytes.loadUnaligned(fromByteOffset: $0 * 8, as: UInt64.self) }
        }
        let counts = Operation.allCases.map { ($0, Int(clamping: words[5 + $0.rawValue])) }
        return (words[4] != 0, Dictionary(uniqueKeysWithValues: counts))
    }

    private func set(_ text: String, at offset: UInt64) throws {
        let file = try FileHandle(forUpdating: URL(filePath: path))
        defer { try? file.close() }
        try file.seek(toOffset: offset)
        try file.write(contentsOf: Data((text + "\0").utf8))
    }

    /// Writes to a shared mapping through its file, which is the same memory.
    private func set(_ words: [UInt64]) throws {
        let file = try FileHandle(forUpdating: URL(filePath: path))
        defer { try? file.close() }
        try file.write(contentsOf: words.withUnsafeBytes { Data($0) })
    }
}
