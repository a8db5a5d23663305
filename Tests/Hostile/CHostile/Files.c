#include "Actions.h"

#include <linux/fs.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/uio.h>

static char buffer[4096];
static struct open_how how = {.flags = O_RDONLY};
static struct iovec vector = {buffer, 16};

static long parents(const char *what, int flags) {
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/%s", getppid(), what);
    return syscall(SYS_openat, AT_FDCWD, path, flags);
}
static long parents_memory(void) { return parents("mem", O_RDWR); }
static long parents_environment(void) { return parents("environ", O_RDONLY); }
static long parents_arguments(void) { return parents("cmdline", O_RDONLY); }
static long parents_descriptors(void) { return parents("fd", O_RDONLY | O_DIRECTORY); }
static long parents_maps(void) { return parents("maps", O_RDONLY); }
static long parents_root(void) { return parents("root/etc/passwd", O_RDONLY); }
static long own_descriptor(void) { return syscall(SYS_openat, AT_FDCWD, "/proc/self/fd/4", O_RDWR); }

const struct hostile_action hostile_files[] = {
#ifdef __x86_64__
    WORKS("open a file", SYS_open, P("victim"), O_RDONLY),
    CALL("open /etc/shadow", SYS_open, P("/etc/shadow"), O_RDONLY),
    WORKS("open to write", SYS_open, P("victim"), O_WRONLY),
    WORKS("creat", SYS_creat, P("new"), 0600),
    WORKS("stat", SYS_stat, P("victim"), P(buffer)),
    WORKS("lstat", SYS_lstat, P("victim"), P(buffer)),
    WORKS("access", SYS_access, P("victim"), F_OK),
    WORKS("chmod", SYS_chmod, P("victim"), 0777),
    WORKS("chown", SYS_chown, P("victim"), 1, 1),
    WORKS("lchown", SYS_lchown, P("victim"), 1, 1),
    WORKS("rename", SYS_rename, P("victim"), P("moved")),
    WORKS("unlink", SYS_unlink, P("victim")),
    WORKS("rmdir", SYS_rmdir, P("directory")),
    WORKS("mkdir", SYS_mkdir, P("new"), 0700),
    WORKS("link", SYS_link, P("victim"), P("new")),
    WORKS("symlink", SYS_symlink, P("victim"), P("new")),
    WORKS("readlink", SYS_readlink, P("/proc/self/exe"), P(buffer), sizeof(buffer)),
    WORKS("mknod", SYS_mknod, P("new"), S_IFIFO | 0600, 0),
    WORKS("utime", SYS_utime, P("victim"), 0),
    WORKS("utimes", SYS_utimes, P("victim"), 0),
    WORKS("futimesat", SYS_futimesat, AT_FDCWD, P("victim"), 0),
    CALL("ustat", SYS_ustat, 0, P(buffer)),
    CALL("uselib", SYS_uselib, P("victim")),
#endif
    WORKS("openat", SYS_openat, AT_FDCWD, P("victim"), O_RDONLY),
    WORKS("openat to create", SYS_openat, AT_FDCWD, P("new"), O_CREAT | O_WRONLY, 0600),
    WORKS("openat without a name", SYS_openat, AT_FDCWD, P("."), O_TMPFILE | O_WRONLY, 0600),
    WORKS("openat of a directory", SYS_openat, AT_FDCWD, P("/"), O_RDONLY | O_DIRECTORY),
    WORKS("openat O_PATH", SYS_openat, AT_FDCWD, P("/"), O_PATH),
    WORKS("openat of /dev/null", SYS_openat, AT_FDCWD, P("/dev/null"), O_RDWR),
    WORKS("openat2", SYS_openat2, AT_FDCWD, P("victim"), P(&how), sizeof(how)),
    WORKS("open of a device", SYS_openat, AT_FDCWD, P("/dev/zero"), O_RDWR),
    WORKS("open of a terminal", SYS_openat, AT_FDCWD, P("/dev/ptmx"), O_RDWR | O_NOCTTY),
    WORKS("open of the processes", SYS_openat, AT_FDCWD, P("/proc"), O_RDONLY | O_DIRECTORY),
    WORKS("open of the kernel's settings", SYS_openat, AT_FDCWD, P("/proc/sys/kernel/hostname"), O_RDONLY),
    WORKS("open of the devices", SYS_openat, AT_FDCWD, P("/sys/devices"), O_RDONLY | O_DIRECTORY),
    RUN_WORKS("the parent's memory", parents_memory),
    RUN_WORKS("the parent's environment", parents_environment),
    RUN_WORKS("the parent's arguments", parents_arguments),
    RUN_WORKS("the parent's descriptors", parents_descriptors),
    RUN_WORKS("the parent's maps", parents_maps),
    RUN_WORKS("the parent's root", parents_root),
    RUN_WORKS("its own descriptor anew", own_descriptor),
    WORKS("newfstatat", SYS_newfstatat, AT_FDCWD, P("victim"), P(buffer), 0),
    WORKS("newfstatat with AT_EMPTY_PATH and a path", SYS_newfstatat, AT_FDCWD, P("victim"), P(buffer), AT_EMPTY_PATH),
    WORKS("statx", SYS_statx, AT_FDCWD, P("victim"), 0, 0xFFF, P(buffer)),
    WORKS("statfs", SYS_statfs, P("victim"), P(buffer)),
    WORKS("fstatfs", SYS_fstatfs, file_given, P(buffer)),
    WORKS("faccessat", SYS_faccessat, AT_FDCWD, P("victim"), F_OK),
    WORKS("faccessat2", SYS_faccessat2, AT_FDCWD, P("victim"), F_OK, 0),
    WORKS("fchmod", SYS_fchmod, file_given, 0777),
    WORKS("fchmodat", SYS_fchmodat, AT_FDCWD, P("victim"), 0777),
    CALL("fchmodat2", 452, AT_FDCWD, P("victim"), 0777, 0),
    WORKS("fchown", SYS_fchown, file_given, 1, 1),
    WORKS("fchownat", SYS_fchownat, AT_FDCWD, P("victim"), 1, 1, 0),
    WORKS("renameat", SYS_renameat, AT_FDCWD, P("victim"), AT_FDCWD, P("moved")),
    WORKS("renameat2", SYS_renameat2, AT_FDCWD, P("victim"), AT_FDCWD, P("moved"), 0),
    WORKS("unlinkat", SYS_unlinkat, AT_FDCWD, P("victim"), 0),
    WORKS("linkat", SYS_linkat, AT_FDCWD, P("victim"), AT_FDCWD, P("new"), 0),
    WORKS("linkat of a descriptor", SYS_linkat, file_given, P(""), AT_FDCWD, P("new"), AT_EMPTY_PATH),
    WORKS("symlinkat", SYS_symlinkat, P("victim"), AT_FDCWD, P("new")),
    WORKS("readlinkat", SYS_readlinkat, AT_FDCWD, P("/proc/self/exe"), P(buffer), sizeof(buffer)),
    WORKS("mkdirat", SYS_mkdirat, AT_FDCWD, P("new"), 0700),
    WORKS("mknodat of a queue", SYS_mknodat, AT_FDCWD, P("new"), S_IFIFO | 0600, 0),
    CALL("mknodat of a device", SYS_mknodat, AT_FDCWD, P("new"), S_IFCHR | 0600, 0x103),
    WORKS("truncate", SYS_truncate, P("victim"), 0),
    WORKS("utimensat", SYS_utimensat, AT_FDCWD, P("victim"), 0, 0),
    WORKS("setxattr", SYS_setxattr, P("victim"), P("trusted.a"), P("b"), 1, 0),
    WORKS("lsetxattr", SYS_lsetxattr, P("victim"), P("trusted.a"), P("b"), 1, 0),
    WORKS("fsetxattr", SYS_fsetxattr, file_given, P("trusted.a"), P("b"), 1, 0),
    CALL("getxattr", SYS_getxattr, P("victim"), P("trusted.a"), P(buffer), 16),
    WORKS("listxattr", SYS_listxattr, P("victim"), P(buffer), 16),
    WORKS("flistxattr", SYS_flistxattr, file_given, P(buffer), 16),
    CALL("removexattr", SYS_removexattr, P("victim"), P("trusted.a")),
    CALL("fremovexattr", SYS_fremovexattr, file_given, P("trusted.a")),
    WORKS("getcwd", SYS_getcwd, P(buffer), sizeof(buffer)),
    WORKS("chdir", SYS_chdir, P("/")),
    CALL("fchdir", SYS_fchdir, file_given),
    WORKS("chroot", SYS_chroot, P("directory")),
    CALL("getdents64", SYS_getdents64, file_given, P(buffer), sizeof(buffer)),
    WORKS("umask", SYS_umask, 0),
    WORKS("flock", SYS_flock, file_given, 2),
    WORKS("fcntl F_SETLK", SYS_fcntl, file_given, F_SETLK, P(&(struct flock){.l_type = F_WRLCK})),
    WORKS("fcntl F_SETOWN", SYS_fcntl, socket_given, F_SETOWN, 0),
    WORKS("fcntl F_SETFL", SYS_fcntl, socket_given, F_SETFL, O_NONBLOCK),
    WORKS("fcntl F_SETLEASE", SYS_fcntl, file_given, F_SETLEASE, F_WRLCK),
    WORKS("fallocate", SYS_fallocate, file_given, 0, 0, 4096),
    WORKS("fsync", SYS_fsync, file_given),
    CALL("sync", SYS_sync),
    WORKS("syncfs", SYS_syncfs, file_given),
    WORKS("sync_file_range", SYS_sync_file_range, file_given, 0, 0, 2),
    WORKS("copy_file_range", SYS_copy_file_range, file_given, 0, file_given, P(&(long){4096}), 1, 0),
    CALL("sendfile", SYS_sendfile, socket_given, file_given, 0, 1),
    CALL("ioctl on a file", SYS_ioctl, file_given, FS_IOC_GETFLAGS, P(buffer)),
    CALL("ioctl TIOCSTI", SYS_ioctl, 0, 0x5412, P("x")),
    CALL("ioctl FIONREAD", SYS_ioctl, socket_given, 0x541B, P(buffer)),
    CALL("ioctl FICLONE", SYS_ioctl, file_given, FICLONE, file_given),
    WORKS("inotify_init1", SYS_inotify_init1, 0),
    CALL("inotify_add_watch", SYS_inotify_add_watch, 4, P("."), IN_ALL_EVENTS),
    CALL("fanotify_init", SYS_fanotify_init, FAN_CLASS_NOTIF, 0),
    CALL("name_to_handle_at", SYS_name_to_handle_at, AT_FDCWD, P("victim"), P(buffer), P(buffer), 0),
    CALL("open_by_handle_at", SYS_open_by_handle_at, AT_FDCWD, P(buffer), O_RDONLY),
    CALL("quotactl", SYS_quotactl, 0x80000200, P("/"), 0, 0),
    CALL("write to a descriptor that it has not", SYS_write, file_withheld, P("x"), 1),
    CALL("pwritev to a descriptor that it has not", SYS_pwritev, file_withheld, P(&vector), 1, 0),
    CALL("read of a descriptor that it has not", SYS_read, file_withheld, P(buffer), 1),
    CALL("a copy of a descriptor that it has not", SYS_fcntl, file_withheld, F_DUPFD, 0),
    WORKS("dup2", SYS_dup3, file_given, 100, 0),
    END,
};
