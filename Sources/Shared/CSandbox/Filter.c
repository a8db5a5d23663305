#define _GNU_SOURCE
#include "CSandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

// With any arguments. Those that act on a descriptor act on the few that the process was given.
static const char *const allowed[] = {
    // Files and the socket.
    "read", "write", "readv", "writev", "pread64", "pwrite64", "lseek", "dup", "fstat", "ftruncate", "fadvise64",
    "close", "sendmsg", "recvmsg", "poll", "ppoll",
    // Memory; mmap has a rule of its own.
    "munmap", "mprotect", "mremap", "madvise", "brk",
    // Threads.
    "futex", "set_robust_list", "rseq", "sched_yield", "gettid", "membarrier", "getcpu",
    // Signals of its own.
    "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack", "restart_syscall",
    // Time, chance, and what it may know of itself.
    "nanosleep", "clock_nanosleep", "clock_gettime", "clock_getres", "gettimeofday", "time", "getrandom", "getpid",
    "getppid", "getuid", "geteuid", "getgid", "getegid", "getrusage", "sysinfo",
    "exit", "exit_group",
};

struct comparison {
    scmp_filter_ctx filter;
    int failure;
};

// A call that this architecture has not is none that could be made.
static void allow(struct comparison *to, const char *name, unsigned count, const struct scmp_arg_cmp *arguments) {
    int number = seccomp_syscall_resolve_name(name);
    if (to->failure != 0 || number < 0) return;
    to->failure = -seccomp_rule_add_array(to->filter, SCMP_ACT_ALLOW, number, count, arguments);
}

static void allow_equal(struct comparison *to, const char *name, unsigned argument, scmp_datum_t value) {
    struct scmp_arg_cmp is = {.arg = argument, .op = SCMP_CMP_EQ, .datum_a = value};
    allow(to, name, 1, &is);
}

static struct scmp_arg_cmp masked(unsigned argument, scmp_datum_t mask, scmp_datum_t value) {
    return (struct scmp_arg_cmp){.arg = argument, .op = SCMP_CMP_MASKED_EQ, .datum_a = mask, .datum_b = value};
}

// A thread, and neither a process nor a namespace. The flags are the first argument on x86-64 and on AArch64.
static void allow_threads(struct comparison *to) {
    const scmp_datum_t wanted = CLONE_THREAD | CLONE_VM | CLONE_SIGHAND;
    const scmp_datum_t refused = CLONE_VFORK | CLONE_PTRACE | CLONE_UNTRACED | CLONE_PIDFD | CLONE_PARENT | CLONE_NEWNS
        | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET | CLONE_IO
        // No signal at its end either.
        | 0xFF;
    struct scmp_arg_cmp flags = masked(0, wanted | refused, wanted);
    allow(to, "clone", 1, &flags);
}

// Private memory, which RLIMIT_DATA counts, and files to read. Memory that is shared and belongs to no file, or that
// grows down as a stack does, would not be counted.
static void allow_memory(struct comparison *to) {
    struct scmp_arg_cmp private_memory = masked(3, 0x3 | MAP_GROWSDOWN, MAP_PRIVATE);
    allow(to, "mmap", 1, &private_memory);
    struct scmp_arg_cmp shared_file[2] = {
        masked(2, PROT_WRITE | PROT_EXEC, 0), masked(3, 0x3 | MAP_ANONYMOUS | MAP_GROWSDOWN, MAP_SHARED),
    };
    allow(to, "mmap", 2, shared_file);
}

static void allow_limited(struct comparison *to) {
    static const int commands[] = {F_GETFD, F_SETFD, F_GETFL, F_DUPFD, F_DUPFD_CLOEXEC};
    for (size_t index = 0; index < sizeof(commands) / sizeof(*commands); index++)
        allow_equal(to, "fcntl", 1, (scmp_datum_t)commands[index]);
    allow_equal(to, "prctl", 0, PR_SET_NAME);
    allow_equal(to, "prctl", 0, PR_GET_NAME);
    // abort(3) and pthread_kill(3).
    allow_equal(to, "tgkill", 0, (scmp_datum_t)getpid());
    // The number of processors, and limits: of itself, and to read.
    allow_equal(to, "sched_getaffinity", 0, 0);
    struct scmp_arg_cmp reading[2] = {
        {.arg = 0, .op = SCMP_CMP_EQ, .datum_a = 0}, {.arg = 2, .op = SCMP_CMP_EQ, .datum_a = 0},
    };
    allow(to, "prlimit64", 2, reading);
    allow_threads(to);
    allow_memory(to);
}

int csandbox_filter_system_calls(void) {
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    if (!filter) return ENOMEM;
    struct comparison rules = {.filter = filter};
    // Calls by the tables of i386 or x32 have other numbers.
    rules.failure = -seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    // A binary tree instead of a list: a call meets some ten comparisons instead of a hundred.
    (void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    for (size_t index = 0; index < sizeof(allowed) / sizeof(*allowed); index++) allow(&rules, allowed[index], 0, NULL);
    allow_limited(&rules);
    int clone3 = seccomp_syscall_resolve_name("clone3");
    if (rules.failure == 0 && clone3 >= 0)
        rules.failure = -seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(ENOSYS), clone3, 0, NULL);
    if (rules.failure == 0) rules.failure = -seccomp_load(filter);
    seccomp_release(filter);
    return rules.failure;
}
