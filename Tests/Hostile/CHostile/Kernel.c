#include "Actions.h"

#include <linux/bpf.h>
#include <sys/mount.h>
#include <sys/timex.h>

static char buffer[4096];
static char attributes[128] = {[4] = (char)sizeof(attributes)};
static int ends[2];
static uint64_t mask;
static struct timex clock_state;
// No time at all, should the sandbox have a hole.
static long no_time[2] = {-1, -1};

const struct hostile_action hostile_kernel[] = {
    CALL("bpf: a map", SYS_bpf, BPF_MAP_CREATE, P(buffer), 16),
    CALL("bpf: a program", SYS_bpf, BPF_PROG_LOAD, P(buffer), 64),
    CALL("perf_event_open", SYS_perf_event_open, P(attributes), 0, -1, -1, 0),
    CALL("io_uring_setup", SYS_io_uring_setup, 4, P(buffer)),
    CALL("io_uring_enter", SYS_io_uring_enter, 4, 1, 0, 0, 0),
    CALL("io_uring_register", SYS_io_uring_register, 4, 0, 0, 0),
    CALL("io_setup", SYS_io_setup, 1, P(&mask)),
    CALL("userfaultfd", SYS_userfaultfd, 0),
    CALL("keyctl", SYS_keyctl, 0, -3, 1), CALL("add_key", SYS_add_key, P("user"), P("a"), P("b"), 1, -3),
    CALL("request_key", SYS_request_key, P("user"), P("a"), 0, -3),
    CALL("mount", SYS_mount, P("none"), P("directory"), P("tmpfs"), 0, 0),
    CALL("mount of itself elsewhere", SYS_mount, P("/"), P("directory"), 0, MS_BIND, 0),
    CALL("umount2", SYS_umount2, P("directory"), 0), CALL("pivot_root", SYS_pivot_root, P("."), P("directory")),
    CALL("fsopen", SYS_fsopen, P("tmpfs"), 0), CALL("fsmount", SYS_fsmount, 4, 0, 0),
    CALL("open_tree", SYS_open_tree, AT_FDCWD, P("/"), 1), CALL("move_mount", SYS_move_mount, 4, P(""), 4, P(""), 4),
    CALL("mount_setattr", SYS_mount_setattr, AT_FDCWD, P("/"), 0, P(buffer), 32),
    CALL("fspick", SYS_fspick, AT_FDCWD, P("/"), 0), CALL("swapon", SYS_swapon, P("victim"), 0),
    CALL("swapoff", SYS_swapoff, P("victim")),
    // With a wrong magic number, should the sandbox have a hole.
    CALL("reboot", SYS_reboot, 1, 2, 3, 0),
    CALL("kexec_load", SYS_kexec_load, 0, 17, 0, 4), CALL("kexec_file_load", SYS_kexec_file_load, -1, -1, 0, 0, 64),
    CALL("init_module", SYS_init_module, P(buffer), 0, P("")), CALL("finit_module", SYS_finit_module, -1, P(""), 0),
    CALL("delete_module", SYS_delete_module, P("no such module"), 0),
    CALL("syslog", SYS_syslog, 3, P(buffer), 16), CALL("sethostname", SYS_sethostname, P(""), -1),
    CALL("setdomainname", SYS_setdomainname, P(""), -1),
    CALL("clock_settime", SYS_clock_settime, 0, P(no_time)),
    CALL("settimeofday", SYS_settimeofday, P(no_time), 0),
    WORKS("adjtimex", SYS_adjtimex, P(&clock_state)), WORKS("clock_adjtime", SYS_clock_adjtime, 0, P(&clock_state)),
    CALL("nfsservctl", 180, 0, 0, 0),
    CALL("lookup_dcookie", SYS_lookup_dcookie, 0, P(buffer), 16),
    CALL("migrate_pages", SYS_migrate_pages, 1, 64, P(&mask), P(&mask)),
    CALL("move_pages", SYS_move_pages, 1, 0, 0, 0, 0, 0), CALL("mbind", SYS_mbind, 0, 0, 0, 0, 0, 0),
    CALL("set_mempolicy", SYS_set_mempolicy, 1, P(&mask), 64), CALL("get_mempolicy", SYS_get_mempolicy, 0, 0, 0, 0, 0),
    WORKS("eventfd2", SYS_eventfd2, 0, 0), WORKS("timerfd_create", SYS_timerfd_create, 1, 0),
    WORKS("signalfd4", SYS_signalfd4, -1, P(&mask), 8, 0), WORKS("epoll_create1", SYS_epoll_create1, 0),
    WORKS("pipe2", SYS_pipe2, P(ends), 0), WORKS("timer_create", SYS_timer_create, 1, 0, P(buffer)),
    WORKS("memfd_create", SYS_memfd_create, P("a"), 0), CALL("memfd_secret", SYS_memfd_secret, 0),
    CALL("shmget", SYS_shmget, 0, 4096, 0), CALL("shmat", SYS_shmat, 0, 0, 0), CALL("semget", SYS_semget, 0, 1, 0),
    CALL("semop", SYS_semop, 0, P(buffer), 1), CALL("msgget", SYS_msgget, 0, 0),
    CALL("msgsnd", SYS_msgsnd, 0, P(buffer), 1, 0),
    CALL("msgrcv", SYS_msgrcv, 0, P(buffer), 1, 0, 0), CALL("shmctl", SYS_shmctl, 0, 14, P(buffer)),
    CALL("mq_open", SYS_mq_open, P("a"), O_RDWR | O_CREAT, 0600, 0), CALL("mq_unlink", SYS_mq_unlink, P("a")),
    CALL("pkey_alloc", SYS_pkey_alloc, 0, 0),
    CALL("landlock_create_ruleset", SYS_landlock_create_ruleset, P(&mask), 8, 0),
    CALL("landlock_add_rule", SYS_landlock_add_rule, 4, 1, P(buffer), 0),
    CALL("landlock_restrict_self", SYS_landlock_restrict_self, 4, 0),
    WORKS("uname", SYS_uname, P(buffer)), CALL("cachestat", 451, file_given, P(buffer), P(buffer), 0),
    CALL("statmount", 457, P(buffer), P(buffer), 16, 0), CALL("listmount", 458, P(buffer), P(buffer), 16, 0),
    CALL("lsm_get_self_attr", 459, 100, P(buffer), P(&mask), 0), CALL("a call that no kernel has", 4000, 0),
    END,
};
