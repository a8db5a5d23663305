#include "Actions.h"

#include <sched.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>

static char buffer[4096];
static char word[16];
static char *const arguments[] = {"/bin/true", 0};
static struct iovec vector = {word, sizeof(word)};
static struct rlimit much = {RLIM_INFINITY, RLIM_INFINITY};
static const struct timespec no_time = {0, 0};

// A child that was made must not go on with the list.
static long ended(long child) {
    if (child == 0) _exit(0);
    if (child > 0) (void)waitpid((pid_t)child, 0, __WALL);
    return child > 0 ? 0 : -1;
}
static long by_clone(long flags) { return ended(syscall(SYS_clone, flags, 0, 0, 0, 0)); }
static long clone_process(void) { return by_clone(SIGCHLD); }
static long clone_parent(void) { return by_clone(CLONE_PARENT | SIGCHLD); }
static long clone_user(void) { return by_clone(CLONE_NEWUSER | SIGCHLD); }
static long clone_files(void) { return by_clone(CLONE_FILES | SIGCHLD); }
static long clone_ptrace(void) { return by_clone(CLONE_PTRACE | SIGCHLD); }
static long clone3(void) {
    uint64_t request[11] = {[4] = SIGCHLD};
    return ended(syscall(SYS_clone3, request, sizeof(request)));
}
static long clone3_namespace(void) {
    uint64_t request[11] = {CLONE_NEWUSER | CLONE_NEWNET, [4] = SIGCHLD};
    return ended(syscall(SYS_clone3, request, sizeof(request)));
}
#ifdef __x86_64__
static long by_fork(void) { return ended(syscall(SYS_fork)); }
static long by_vfork(void) {
    pid_t child = vfork();
    if (child == 0) _exit(0);
    return child > 0 ? 0 : -1;
}
// The tables of other architectures have other numbers for the same calls: 20 is getpid for i386, 39 with a mark for
// x32. The filter ends the process.
static long by_i386(void) {
    long result;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(20) : "memory");
    if (result > 0) return 0;
    errno = ENOSYS;
    return -1;
}
static long by_x32(void) { return syscall(0x40000000 | SYS_getpid); }
static long by_x32_open(void) { return syscall(0x40000000 | SYS_open, "victim", O_RDONLY); }
#endif
static long parent(int signal_number) { return syscall(SYS_kill, getppid(), signal_number); }
static long end_parent(void) { return parent(SIGKILL); }
static long ask_parent(void) { return parent(0); }
static long end_parents_thread(void) { return syscall(SYS_tgkill, getppid(), getppid(), SIGKILL); }
static long end_thread(void) { return syscall(SYS_tkill, getppid(), SIGKILL); }
static long queue_to_parent(void) { return syscall(SYS_rt_sigqueueinfo, getppid(), SIGKILL, buffer); }
static long queue_to_thread(void) { return syscall(SYS_rt_tgsigqueueinfo, getppid(), getppid(), SIGKILL, buffer); }
static long trace_parent(void) { return syscall(SYS_ptrace, PTRACE_SEIZE, getppid(), 0, 0); }
static long attach_parent(void) { return syscall(SYS_ptrace, PTRACE_ATTACH, getppid(), 0, 0); }
static long read_parent(void) {
    struct iovec from = {word, 1};
    return syscall(SYS_process_vm_readv, getppid(), &vector, 1, &from, 1, 0);
}
static long write_parent(void) {
    struct iovec to = {word, 1};
    return syscall(SYS_process_vm_writev, getppid(), &vector, 1, &to, 1, 0);
}
static long hold_parent(void) { return syscall(SYS_pidfd_open, getppid(), 0); }
static long parents_limits(void) { return syscall(SYS_prlimit64, getppid(), RLIMIT_NOFILE, 0, buffer); }
static long set_parents_limits(void) { return syscall(SYS_prlimit64, getppid(), RLIMIT_CORE, &much, 0); }
static long parents_affinity(void) { return syscall(SYS_sched_getaffinity, getppid(), 128, buffer); }
static long parents_priority(void) { return syscall(SYS_setpriority, PRIO_PROCESS, getppid(), 19); }
static long parents_robust_list(void) { return syscall(SYS_get_robust_list, getppid(), buffer, buffer + 8); }
static long kcmp_parent(void) { return syscall(SYS_kcmp, getpid(), getppid(), 0, 0, 0); }

const struct hostile_action hostile_processes[] = {
#ifdef __x86_64__
    RUN_WORKS("fork", by_fork), RUN_WORKS("vfork", by_vfork),
    RUN("a call of i386", by_i386), RUN("a call of x32", by_x32), RUN("an open of x32", by_x32_open),
    CALL("arch_prctl", SYS_arch_prctl, 0x1003, P(buffer)),
    CALL("modify_ldt", SYS_modify_ldt, 1, P(buffer), 16),
    CALL("iopl", SYS_iopl, 3), CALL("ioperm", SYS_ioperm, 0, 1, 1),
#endif
    RUN_WORKS("clone of a process", clone_process), RUN("clone with the parent's parent", clone_parent),
    RUN_WORKS("clone of a user namespace", clone_user), RUN_WORKS("clone with shared files", clone_files),
    RUN_WORKS("clone of a traced process", clone_ptrace), RUN_WORKS("clone3", clone3),
    RUN_WORKS("clone3 of namespaces", clone3_namespace),
    CALL("execve", SYS_execve, P("/bin/true"), P(arguments), 0),
    CALL("execve of a file", SYS_execve, P("victim"), P(arguments), 0),
    CALL("execveat", SYS_execveat, AT_FDCWD, P("/bin/true"), P(arguments), 0, 0),
    CALL("execveat of a descriptor", SYS_execveat, file_given, P(""), P(arguments), 0, AT_EMPTY_PATH),
    RUN("SIGKILL to the parent", end_parent), RUN_WORKS("ask whether the parent lives", ask_parent),
    // Signal 0 asks for the same right and harms nobody, should the sandbox have a hole.
    CALL("a signal to all", SYS_kill, -1, 0), CALL("a signal to the group", SYS_kill, 0, 0),
    CALL("a signal to the first process", SYS_kill, 1, 0),
    RUN("tgkill of the parent", end_parents_thread), RUN("tkill of the parent", end_thread),
    CALL("tgkill of others", SYS_tgkill, 1, 1, 0),
    RUN("rt_sigqueueinfo to the parent", queue_to_parent), RUN("rt_tgsigqueueinfo to the parent", queue_to_thread),
    RUN("PTRACE_SEIZE", trace_parent), RUN("PTRACE_ATTACH", attach_parent),
    CALL("PTRACE_TRACEME", SYS_ptrace, PTRACE_TRACEME, 0, 0, 0),
    RUN("process_vm_readv of the parent", read_parent), RUN("process_vm_writev of the parent", write_parent),
    RUN_WORKS("pidfd_open of the parent", hold_parent), CALL("pidfd_send_signal", SYS_pidfd_send_signal, 4, 0, 0, 0),
    CALL("pidfd_getfd", SYS_pidfd_getfd, 4, 0, 0), CALL("pidfd_open of the first", SYS_pidfd_open, 1, 0),
    CALL("process_madvise", SYS_process_madvise, 4, P(&vector), 1, 4, 0),
    CALL("process_mrelease", SYS_process_mrelease, 4, 0),
    RUN_WORKS("the parent's limits", parents_limits), RUN_WORKS("other limits for the parent", set_parents_limits),
    WORKS("other limits", SYS_prlimit64, 0, RLIMIT_CORE, P(&much), 0),
    WORKS("setrlimit", SYS_setrlimit, RLIMIT_CORE, P(&much)),
    RUN_WORKS("the parent's processors", parents_affinity),
    CALL("sched_setaffinity", SYS_sched_setaffinity, 0, sizeof(word), P(word)),
    CALL("sched_setscheduler", SYS_sched_setscheduler, 0, SCHED_FIFO, P(&(int){10})),
    CALL("sched_setattr", SYS_sched_setattr, 0, P(buffer), 0),
    RUN_WORKS("the parent's priority", parents_priority),
    WORKS("its own priority", SYS_setpriority, PRIO_PROCESS, 0, -20),
    WORKS("ioprio_set", SYS_ioprio_set, 1, 0, 2 << 13),
    RUN("the parent's robust list", parents_robust_list), RUN("kcmp with the parent", kcmp_parent),
    CALL("waitid for others", SYS_waitid, P_ALL, 0, 0, WEXITED | WNOHANG, 0),
    WORKS("setsid", SYS_setsid), CALL("setpgid", SYS_setpgid, 0, 1), WORKS("getpgid of others", SYS_getpgid, 1),
    WORKS("getsid of others", SYS_getsid, 1), CALL("unshare a user namespace", SYS_unshare, CLONE_NEWUSER),
    CALL("unshare a mount namespace", SYS_unshare, CLONE_NEWNS), WORKS("unshare files", SYS_unshare, CLONE_FILES),
    CALL("unshare everything", SYS_unshare, CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP),
    CALL("setns", SYS_setns, 4, 0), WORKS("setuid", SYS_setuid, 0), WORKS("setgid", SYS_setgid, 0),
    WORKS("setresuid", SYS_setresuid, 0, 0, 0), WORKS("setresgid", SYS_setresgid, 0, 0, 0),
    WORKS("setreuid", SYS_setreuid, 0, 0), WORKS("setgroups", SYS_setgroups, 0, 0), WORKS("setfsuid", SYS_setfsuid, 0),
    CALL("capset", SYS_capset, P(word), P(buffer)), CALL("capget", SYS_capget, P(word), P(buffer)),
    WORKS("PR_SET_DUMPABLE", SYS_prctl, PR_SET_DUMPABLE, 1), WORKS("PR_SET_PDEATHSIG", SYS_prctl, PR_SET_PDEATHSIG, 0),
    WORKS("PR_CAPBSET_READ", SYS_prctl, PR_CAPBSET_READ, 0), WORKS("PR_SET_KEEPCAPS", SYS_prctl, PR_SET_KEEPCAPS, 1),
    WORKS("PR_SET_CHILD_SUBREAPER", SYS_prctl, PR_SET_CHILD_SUBREAPER, 1),
    CALL("PR_SET_MM", SYS_prctl, PR_SET_MM, 1, P(buffer)),
    CALL("PR_SET_SECCOMP", SYS_prctl, PR_SET_SECCOMP, 2, P(word)),
    WORKS("PR_SET_TIMERSLACK", SYS_prctl, PR_SET_TIMERSLACK, 1),
    CALL("seccomp", SYS_seccomp, 1, 0, P(word)),
    WORKS("seccomp's actions", SYS_seccomp, 2, 0, P(&(uint32_t){0x7FFF0000})),
    WORKS("personality", SYS_personality, 0xFFFFFFFF), CALL("acct", SYS_acct, P("victim")),
    WORKS("setitimer", SYS_setitimer, ITIMER_REAL, P(buffer), 0), WORKS("times", SYS_times, P(buffer)),
    WORKS("rt_sigpending", SYS_rt_sigpending, P(word), 8), CALL("futex_waitv", 449, P(word), 0, 0, P(&no_time), 0),
    END,
};
