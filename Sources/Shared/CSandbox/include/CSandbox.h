// The system calls by which a process forks and locks itself in. Swift cannot reach them: fork(2) is hidden from it,
// others are variadic or have no wrapper in glibc 2.36, and libseccomp's constants are macros.
//
// Unless it says otherwise, a function returns 0 or an errno.
#ifndef MEDIA_PROCESSOR_CSANDBOX_H
#define MEDIA_PROCESSOR_CSANDBOX_H

#include <stddef.h>
#include <stdint.h>

// fork(2): 0 in the child, its number in the parent, or -1 with errno. Only for a process with a single thread: the
// child has no other thread, and locks that one held would stay locked.
int csandbox_fork(void);

// _exit(2): ends without destructors, which belong to the parent.
_Noreturn void csandbox_exit(int status);

// wait4(2) for a child. 1 when it has ended, 0 when it goes on, or -1 with errno. `status` is as waitpid(2) has it;
// memory is the largest resident size, in bytes.
int csandbox_wait(int child, int blocking, int *status, int64_t *cpu_microseconds, int64_t *memory_bytes);

// SIGKILL at the parent's end; ESRCH when the parent is gone already. It belongs to the thread that forked.
int csandbox_follow_parent(int parent);

// Gives the kept descriptors the numbers from 3 on, in this order, and close-on-exec; makes 0, 1 and 2 /dev/null;
// closes all others. At most 16.
int csandbox_keep_descriptors(const int *kept, int count);

// Default dispositions, but SIGXFSZ and SIGPIPE are ignored: a write beyond the limit answers EFBIG. Nothing is
// blocked.
int csandbox_reset_signals(void);

// A network namespace without any interface. Where only a user namespace of its own allows that, it takes one, so the
// process must have a single thread.
int csandbox_leave_network(void);

// No capability, now or ever.
int csandbox_drop_capabilities(void);

// PR_SET_NO_NEW_PRIVS.
int csandbox_forbid_new_privileges(void);

// No core, no ptrace(2) by others of the same user, and /proc/PID belongs to root.
int csandbox_forbid_dumps(void);

// setpriority(2) of the process.
int csandbox_lower_priority(int nice);

// 0 is no limit. Memory is RLIMIT_DATA: private writable mappings. A file may have `file_bytes` at most.
struct csandbox_limits {
    uint64_t memory_bytes;
    uint64_t cpu_seconds;
    uint64_t file_bytes;
    uint64_t descriptors;
};
int csandbox_limit(struct csandbox_limits limits);

// A Landlock domain in which no path may be opened or changed; from ABI 4 on no TCP, from ABI 6 on no signal and no
// abstract socket of processes outside. ENOSYS or EOPNOTSUPP where the kernel has none. Needs no_new_privs.
int csandbox_leave_file_system(void);

// The list of system calls that are allowed from now on; docs/security.md has the groups. Others answer EPERM, clone3
// ENOSYS, so that glibc takes clone, and calls of another architecture (i386, x32) end the process.
// Needs no_new_privs.
int csandbox_filter_system_calls(void);

#endif
