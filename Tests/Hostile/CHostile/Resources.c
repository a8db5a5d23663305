#include "Actions.h"

#include <sys/mman.h>
#include <sys/resource.h>

enum { most_files = 4096 };
static char buffer[1 << 16];
static const long beyond = 64L << 30;

static long mapped(long flags, int protection) {
    void *memory = mmap(0, (size_t)beyond, protection, (int)flags | MAP_NORESERVE, -1, 0);
    return memory == MAP_FAILED ? -1 : 0;
}
static long private_memory(void) { return mapped(MAP_PRIVATE | MAP_ANONYMOUS, PROT_READ | PROT_WRITE); }
static long shared_memory(void) {
    return mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1 : 0;
}
static long growing_memory(void) {
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN;
    return mmap(0, 4096, PROT_READ | PROT_WRITE, flags, -1, 0) == MAP_FAILED ? -1 : 0;
}
static long huge_memory(void) {
    int flags = MAP_SHARED | MAP_ANONYMOUS | MAP_HUGETLB;
    return mmap(0, 2 << 20, PROT_READ | PROT_WRITE, flags, -1, 0) == MAP_FAILED ? -1 : 0;
}
// Not writable at first, and so counted only when it becomes so.
static long late_memory(void) {
    void *memory = mmap(0, (size_t)beyond, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) return -1;
    return mprotect(memory, (size_t)beyond, PROT_READ | PROT_WRITE);
}
static long many_pieces(void) {
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    for (long piece = 0; piece < beyond; piece += 256 << 20)
        if (mmap(0, 256 << 20, PROT_READ | PROT_WRITE, flags, -1, 0) == MAP_FAILED) return -1;
    return 0;
}
static long heap(void) {
    char *end = sbrk(0);
    if (syscall(SYS_brk, end + beyond) != (long)end) return 0;
    errno = ENOMEM;
    return -1;
}
static long writable_file(void) {
    return mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file_given, 0) == MAP_FAILED ? -1 : 0;
}
static long locked_memory(void) { return mlock(buffer, sizeof(buffer)); }
static long all_locked(void) { return mlockall(MCL_CURRENT); }
static long long_file(void) { return pwrite(file_given, buffer, 1, 1L << 40) < 0 ? -1 : 0; }
static long longer_file(void) { return ftruncate(file_given, 1L << 40); }
static long filled_disk(void) {
    for (long written = 0; written < 64L << 20; written += sizeof(buffer))
        if (pwrite(file_given, buffer, sizeof(buffer), written) < 0) return -1;
    return 0;
}
static long many_descriptors(void) {
    for (int count = 0; count < most_files; count++)
        if (dup(file_given) < 0 && fcntl(file_given, F_DUPFD, 0) < 0) return -1;
    return 0;
}
static long all_time(void) {
    for (volatile unsigned long turns = 0;; turns++) {}
}
static long all_time_without_the_signal(void) {
    (void)signal(SIGXCPU, SIG_IGN);
    return all_time();
}
static long core_file(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_CORE, &limit) != 0) return -1;
    if (limit.rlim_max != 0) return 0;
    errno = EPERM;
    return -1;
}

const struct hostile_action hostile_resources[] = {
    RUN_WORKS("memory beyond the limit", private_memory), RUN_WORKS("memory that becomes writable later", late_memory),
    RUN_WORKS("memory beyond the limit, in pieces", many_pieces), RUN("a heap beyond the limit", heap),
    RUN_WORKS("shared memory", shared_memory), RUN_WORKS("memory that grows down", growing_memory),
    RUN("huge pages", huge_memory), RUN_WORKS("a file mapped to be written", writable_file),
    RUN_WORKS("locked memory", locked_memory), RUN("all memory locked", all_locked),
    RUN_WORKS("a file beyond the limit", long_file), RUN_WORKS("a file made longer", longer_file),
    RUN_WORKS("a disk that fills up", filled_disk), RUN("descriptors beyond the limit", many_descriptors),
    RUN("processor time beyond the limit", all_time), RUN("the same, and no signal", all_time_without_the_signal),
    RUN("a core file", core_file),
    END,
};
