#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/fs.h>
#include <linux/landlock.h>
#include <linux/openat2.h>
#include <signal.h>
#include <spawn.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

int clinux_openat2(int directory, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve) {
    struct open_how how = {.flags = flags, .mode = mode, .resolve = resolve};
    return (int)syscall(SYS_openat2, directory, path, &how, sizeof(how));
}

const uint64_t clinux_resolve_beneath = RESOLVE_BENEATH;
const uint64_t clinux_resolve_no_symlinks = RESOLVE_NO_SYMLINKS;
const uint64_t clinux_resolve_no_magiclinks = RESOLVE_NO_MAGICLINKS;
const uint64_t clinux_resolve_no_xdev = RESOLVE_NO_XDEV;

static int copy_status(int result, const struct stat *from, struct clinux_status *to) {
    if (result != 0) return -1;
    *to = (struct clinux_status){
        .mode = from->st_mode,
        .owner = from->st_uid,
        .group = from->st_gid,
        .links = from->st_nlink,
        .device = from->st_dev,
        .inode = from->st_ino,
        .bytes = from->st_size,
        .blocks = from->st_blocks,
        .modified_seconds = from->st_mtim.tv_sec,
        .modified_nanoseconds = from->st_mtim.tv_nsec,
    };
    return 0;
}

int clinux_status_of_file(int descriptor, struct clinux_status *status) {
    struct stat raw;
    return copy_status(fstat(descriptor, &raw), &raw, status);
}

int clinux_status_of_path(const char *path, struct clinux_status *status) {
    struct stat raw;
    return copy_status(stat(path, &raw), &raw, status);
}

int clinux_status_of_entry(int directory, const char *name, struct clinux_status *status) {
    struct stat raw;
    return copy_status(fstatat(directory, name, &raw, AT_SYMLINK_NOFOLLOW), &raw, status);
}

int64_t clinux_monotonic_microseconds(void) {
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t clinux_process_nanoseconds(void) {
    struct timespec used;
    if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used) != 0) return -1;
    return (int64_t)used.tv_sec * 1000000000 + used.tv_nsec;
}

static int set_timeout(int socket, int option, int64_t microseconds) {
    struct timeval timeout = {.tv_sec = microseconds / 1000000, .tv_usec = microseconds % 1000000};
    return setsockopt(socket, SOL_SOCKET, option, &timeout, sizeof(timeout));
}

int clinux_set_send_timeout(int socket, int64_t microseconds) { return set_timeout(socket, SO_SNDTIMEO, microseconds); }
int clinux_set_receive_timeout(int socket, int64_t microseconds) {
    return set_timeout(socket, SO_RCVTIMEO, microseconds);
}

int clinux_file_system_magic(int descriptor, uint64_t *magic) {
    struct statfs status;
    if (fstatfs(descriptor, &status) != 0) return -1;
    // A signed long on some machines; the numbers have 32 bits.
    *magic = (uint64_t)status.f_type & 0xFFFFFFFF;
    return 0;
}

int clinux_directory_gives_more_than_mode(int directory, int file) {
    struct stat parent, child;
    if (fstat(directory, &parent) != 0 || fstat(file, &child) != 0) return 1;
    gid_t group = (parent.st_mode & S_ISGID) != 0 ? parent.st_gid : getegid();
    if (child.st_gid != group) return 1;
    if (fgetxattr(directory, "system.posix_acl_default", NULL, 0) > 0) return 1;
    if (fgetxattr(file, "system.posix_acl_access", NULL, 0) > 0) return 1;
    char wanted[256], found[256];
    ssize_t wanted_length = fgetxattr(directory, "security.selinux", wanted, sizeof(wanted));
    ssize_t found_length = fgetxattr(file, "security.selinux", found, sizeof(found));
    if (wanted_length < 0 && found_length < 0) return errno != ENODATA && errno != ENOTSUP;
    return wanted_length != found_length || memcmp(wanted, found, (size_t)wanted_length) != 0;
}

int clinux_set_attribute(int descriptor, const char *name, const void *value, size_t count) {
    return fsetxattr(descriptor, name, value, count, 0) == 0 ? 0 : errno;
}

int clinux_remove_attribute(int descriptor, const char *name) {
    return fremovexattr(descriptor, name) == 0 ? 0 : errno;
}

long clinux_attribute(int descriptor, const char *name, void *value, size_t count) {
    return fgetxattr(descriptor, name, value, count);
}

void clinux_spread_subdirectories(int directory) {
    int flags = 0;
    if (ioctl(directory, FS_IOC_GETFLAGS, &flags) != 0 || (flags & FS_TOPDIR_FL) != 0) return;
    flags |= FS_TOPDIR_FL;
    (void)ioctl(directory, FS_IOC_SETFLAGS, &flags);
}

void clinux_close_in_child(void *file_actions, int first) {
    (void)posix_spawn_file_actions_addclosefrom_np(file_actions, first);
}

void clinux_change_directory_in_child(void *file_actions, const char *path) {
    (void)posix_spawn_file_actions_addchdir_np(file_actions, path);
}

int clinux_has_access_list(const char *path) { return lgetxattr(path, "system.posix_acl_access", NULL, 0) > 0; }

void clinux_start_writing(int descriptor, long long offset, long long count) {
    (void)sync_file_range(descriptor, offset, count, SYNC_FILE_RANGE_WRITE);
}

void clinux_wait_for_writing(int descriptor, long long offset, long long count) {
    (void)sync_file_range(
        descriptor, offset, count,
        SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER);
}

const int clinux_path_only = O_PATH;
const int clinux_unnamed_file = O_TMPFILE;

static int set_lock(int descriptor, short type) {
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET};
    return fcntl(descriptor, F_OFD_SETLK, &lock) == 0 ? 0 : errno;
}

int clinux_lock_exclusively(int descriptor) { return set_lock(descriptor, F_WRLCK); }
int clinux_wait_for_lock(int descriptor) {
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int result;
    do result = fcntl(descriptor, F_OFD_SETLKW, &lock);
    while (result != 0 && errno == EINTR);
    return result == 0 ? 0 : errno;
}

int clinux_unlock(int descriptor) { return set_lock(descriptor, F_UNLCK); }

int clinux_is_locked_elsewhere(int descriptor) {
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(descriptor, F_OFD_GETLK, &lock) != 0) return -errno;
    return lock.l_type == F_UNLCK ? 0 : 1;
}

int clinux_set_parent_death_signal(int signal_number) { return prctl(PR_SET_PDEATHSIG, signal_number, 0, 0, 0); }
void clinux_name_thread(const char *name) { (void)prctl(PR_SET_NAME, name, 0, 0, 0); }
void clinux_thread_name(char *name) {
    name[0] = 0;
    (void)prctl(PR_GET_NAME, name, 0, 0, 0);
}
int clinux_become_subreaper(void) { return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); }

int clinux_parent_death_signal(void) {
    int signal_number = 0;
    return prctl(PR_GET_PDEATHSIG, &signal_number, 0, 0, 0) == 0 ? signal_number : -1;
}

int clinux_landlock_abi(void) {
    return (int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
}

int clinux_clock_is_synchronized(void) {
    struct timex clock = {.modes = 0};
    return adjtimex(&clock) != TIME_ERROR && !(clock.status & STA_UNSYNC);
}

int clinux_pidfd_open(int pid) { return (int)syscall(SYS_pidfd_open, pid, 0); }
int clinux_pidfd_send_signal(int pidfd, int signal_number) {
    return (int)syscall(SYS_pidfd_send_signal, pidfd, signal_number, NULL, 0);
}

static int drop_capabilities(void) {
    // Above the last one that this kernel knows the call answers EINVAL.
    for (int capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++)
        if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0) return -1;
    return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
}

static int clear_capability_sets(void) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};
    return (int)syscall(SYS_capset, &header, none);
}

int clinux_become_user(uint32_t user, uint32_t group, const char *name, const char **step) {
    gid_t only[1] = {group};
    *step = "set the groups";
    if ((name ? initgroups(name, group) : setgroups(1, only)) != 0) return errno;
    *step = "drop the capabilities";
    if (drop_capabilities() != 0) return errno;
    *step = "set the group";
    if (setresgid(group, group, group) != 0) return errno;
    *step = "set the user";
    if (setresuid(user, user, user) != 0) return errno;
    *step = "clear the capabilities";
    if (clear_capability_sets() != 0) return errno;
    *step = "forbid new privileges";
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return errno;
    *step = "lose the way back to root";
    if (setuid(0) == 0 || setgid(0) == 0) return EPERM;
    return 0;
}

int clinux_exited(int status) { return WIFEXITED(status); }
int clinux_exit_status(int status) { return WEXITSTATUS(status); }
int clinux_signaled(int status) { return WIFSIGNALED(status); }
int clinux_term_signal(int status) { return WTERMSIG(status); }

int clinux_pipe(int ends[2]) { return pipe2(ends, O_CLOEXEC); }

int clinux_memory_file(const char *name) { return memfd_create(name, MFD_CLOEXEC); }
