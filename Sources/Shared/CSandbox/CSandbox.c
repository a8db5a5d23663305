#define _GNU_SOURCE
#include "CSandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

int csandbox_fork(void) { return fork(); }

void csandbox_exit(int status) { _exit(status); }

static int64_t microseconds(struct timeval time) { return (int64_t)time.tv_sec * 1000000 + time.tv_usec; }

int csandbox_wait(int child, int blocking, int *status, int64_t *cpu_microseconds, int64_t *memory_bytes) {
    struct rusage usage = {0};
    int result;
    do result = wait4(child, status, blocking ? 0 : WNOHANG, &usage);
    while (result < 0 && errno == EINTR);
    if (result <= 0) return result;
    *cpu_microseconds = microseconds(usage.ru_utime) + microseconds(usage.ru_stime);
    *memory_bytes = (int64_t)usage.ru_maxrss * 1024;
    return 1;
}

int csandbox_follow_parent(int parent) {
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) return errno;
    return getppid() == parent ? 0 : ESRCH;
}

enum { first_kept = 3, most_kept = 16, aside = 512 };

int csandbox_keep_descriptors(const int *kept, int count) {
    if (count < 0 || count > most_kept) return EINVAL;
    int moved[most_kept];
    // Out of the way first: a kept descriptor may have the number that another one is to get.
    for (int index = 0; index < count; index++) {
        moved[index] = fcntl(kept[index], F_DUPFD_CLOEXEC, aside);
        if (moved[index] < 0) return errno;
    }
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0) return errno;
    for (int number = 0; number < first_kept; number++)
        if (dup2(null, number) < 0) return errno;
    for (int index = 0; index < count; index++)
        if (dup3(moved[index], first_kept + index, O_CLOEXEC) < 0) return errno;
    if (syscall(SYS_close_range, (unsigned)(first_kept + count), ~0U, 0) == 0) return 0;
    // Before Linux 5.9.
    if (errno != ENOSYS) return errno;
    for (long number = sysconf(_SC_OPEN_MAX) - 1; number >= first_kept + count; number--) (void)close((int)number);
    return 0;
}

int csandbox_reset_signals(void) {
    struct sigaction standard = {.sa_handler = SIG_DFL};
    for (int number = 1; number < NSIG; number++) (void)sigaction(number, &standard, NULL);
    struct sigaction ignored = {.sa_handler = SIG_IGN};
    if (sigaction(SIGXFSZ, &ignored, NULL) != 0 || sigaction(SIGPIPE, &ignored, NULL) != 0) return errno;
    sigset_t none;
    sigemptyset(&none);
    return sigprocmask(SIG_SETMASK, &none, NULL) == 0 ? 0 : errno;
}

int csandbox_leave_network(void) {
    if (unshare(CLONE_NEWNET) == 0) return 0;
    if (errno != EPERM) return errno;
    return unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0 ? 0 : errno;
}

int csandbox_drop_capabilities(void) {
    // Above the last one that this kernel knows the call answers EINVAL. Without CAP_SETPCAP the set stays, which no
    // program can make use of once privileges are forbidden.
    for (int capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++)
        (void)prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
    (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};
    return syscall(SYS_capset, &header, none) == 0 ? 0 : errno;
}

int csandbox_forbid_new_privileges(void) { return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 ? 0 : errno; }

int csandbox_forbid_dumps(void) { return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 ? 0 : errno; }

int csandbox_lower_priority(int nice) { return setpriority(PRIO_PROCESS, 0, nice) == 0 ? 0 : errno; }

// Never above what is there: only a lower limit can be set without a privilege.
static int set_limit(int resource, uint64_t soft, uint64_t hard) {
    struct rlimit limit;
    if (getrlimit(resource, &limit) != 0) return errno;
    if (hard < limit.rlim_max) limit.rlim_max = hard;
    limit.rlim_cur = soft < limit.rlim_max ? soft : limit.rlim_max;
    return setrlimit(resource, &limit) == 0 ? 0 : errno;
}

int csandbox_limit(struct csandbox_limits limits) {
    int failure = set_limit(RLIMIT_CORE, 0, 0);
    if (failure == 0) failure = set_limit(RLIMIT_MEMLOCK, 0, 0);
    if (failure == 0) failure = set_limit(RLIMIT_MSGQUEUE, 0, 0);
    if (failure == 0 && limits.memory_bytes) failure = set_limit(RLIMIT_DATA, limits.memory_bytes, limits.memory_bytes);
    // SIGXCPU, and SIGKILL five seconds after it for a process that ignores it.
    if (failure == 0 && limits.cpu_seconds) failure = set_limit(RLIMIT_CPU, limits.cpu_seconds, limits.cpu_seconds + 5);
    if (failure == 0 && limits.file_bytes) failure = set_limit(RLIMIT_FSIZE, limits.file_bytes, limits.file_bytes);
    if (failure == 0 && limits.descriptors)
        failure = set_limit(RLIMIT_NOFILE, limits.descriptors, limits.descriptors);
    return failure;
}

// As the kernel has it from ABI 6 on; Debian 12's header knows only the first member.
struct landlock_attributes {
    uint64_t file_system;
    uint64_t network;
    uint64_t scoped;
};

int csandbox_leave_file_system(void) {
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (abi < 0) return errno;
    struct landlock_attributes attributes = {
        // All rights that an ABI knows: 13 in the first, then refer, truncate, and ioctl of devices.
        .file_system = abi >= 5 ? 0xFFFF : abi >= 3 ? 0x7FFF : abi == 2 ? 0x3FFF : 0x1FFF,
        // Bind and connect.
        .network = abi >= 4 ? 3 : 0,
        // Abstract sockets and signals.
        .scoped = abi >= 6 ? 3 : 0,
    };
    size_t size = abi >= 6 ? 24 : abi >= 4 ? 16 : 8;
    int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attributes, size, 0);
    if (ruleset < 0) return errno;
    int failure = syscall(SYS_landlock_restrict_self, ruleset, 0) == 0 ? 0 : errno;
    (void)close(ruleset);
    return failure;
}
