// Linux calls that Swift cannot reach: variadic functions, macros, and system calls that glibc 2.36 does not wrap.
// The header names no system type: _GNU_SOURCE changes their shape, and Swift's own Glibc module is built without it.
#ifndef MEDIA_PROCESSOR_CLINUX_H
#define MEDIA_PROCESSOR_CLINUX_H

#include <stddef.h>
#include <stdint.h>

// glibc 2.36 has no wrapper for openat2, and syscall(2) is variadic. A descriptor, or -1 with errno.
int clinux_openat2(int directory, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve);

// The RESOLVE_ constants sit in a header that Glibc does not include.
extern const uint64_t clinux_resolve_beneath;
extern const uint64_t clinux_resolve_no_symlinks;
extern const uint64_t clinux_resolve_no_magiclinks;
extern const uint64_t clinux_resolve_no_xdev;

// stat(2) and its kin in a shape of our own. Swift counts the members of `struct stat`, `struct timespec` and
// `struct timeval` to Glibc or to Dispatch, whichever of them it has loaded first, so a source that reads them compiles
// by chance.
struct clinux_status {
    uint32_t mode;
    uint32_t owner;
    uint32_t group;
    uint64_t links;
    uint64_t device;
    uint64_t inode;
    int64_t bytes;
    // Of 512 bytes.
    int64_t blocks;
    int64_t modified_seconds;
    int64_t modified_nanoseconds;
};
// Each returns 0, or -1 with errno.
int clinux_status_of_file(int descriptor, struct clinux_status *status);
int clinux_status_of_path(const char *path, struct clinux_status *status);
// Follows no link.
int clinux_status_of_entry(int directory, const char *name, struct clinux_status *status);

// clock_gettime(2) of CLOCK_MONOTONIC.
int64_t clinux_monotonic_microseconds(void);
// clock_gettime(2) of CLOCK_PROCESS_CPUTIME_ID; -1 where there is none.
int64_t clinux_process_nanoseconds(void);

// SO_SNDTIMEO and SO_RCVTIMEO of a socket. 0, or -1 with errno.
int clinux_set_send_timeout(int socket, int64_t microseconds);
int clinux_set_receive_timeout(int socket, int64_t microseconds);

// statfs(2)'s header is not a part of Swift's Glibc module. 0, or -1 with errno.
int clinux_file_system_magic(int descriptor, uint64_t *magic);

// O_PATH and O_TMPFILE need _GNU_SOURCE.
extern const int clinux_path_only;
extern const int clinux_unnamed_file;

// fcntl(2) is variadic, and F_OFD_ needs _GNU_SOURCE. An open-file-description lock belongs to the description, not to
// the process: it survives other opens and closes of the same file in this process, and the kernel drops it with the
// last descriptor. Both return 0, or an errno (EAGAIN when another description holds the lock).
int clinux_lock_exclusively(int descriptor);
// The same, but sleeps in the kernel until the lock is free.
int clinux_wait_for_lock(int descriptor);
int clinux_unlock(int descriptor);
// 1 when another open file description holds the lock, 0 when nobody does, or -errno.
int clinux_is_locked_elsewhere(int descriptor);

// Whether a file that is made in `directory` would belong to another group, have other access rights than its mode
// says, or another security label than `file` has: 1 or 0. <sys/xattr.h> is not a part of Swift's Glibc module.
int clinux_directory_gives_more_than_mode(int directory, int file);

// Attributes of a file in the user's namespace; <sys/xattr.h> is not a part of Swift's Glibc module. 0, or an errno.
int clinux_set_attribute(int descriptor, const char *name, const void *value, size_t count);
int clinux_remove_attribute(int descriptor, const char *name);
// The bytes of its value, at most `count`; -1 where there is none, or a longer one.
long clinux_attribute(int descriptor, const char *name, void *value, size_t count);

// ioctl(2) is variadic. Tells ext4 that the subdirectories of this directory have nothing to do with each other, as
// chattr(1) +T does; other file systems ignore it or refuse.
void clinux_spread_subdirectories(int directory);

// sync_file_range(2) needs _GNU_SOURCE. Begins to write a part of a file's dirty bytes to the device, with a count
// of 0 all from the offset on; nothing is promised.
void clinux_start_writing(int descriptor, long long offset, long long count);

// The same, and returns when it is written. Says nothing of what the file system itself has to
// note.
void clinux_wait_for_writing(int descriptor, long long offset, long long count);

// prctl(2) is variadic. 0, or -1 with errno.
int clinux_set_parent_death_signal(int signal_number);
int clinux_become_subreaper(void);

// prctl(2) is variadic, and pthread_setname_np(3) needs _GNU_SOURCE. Of the calling thread; the kernel keeps 15 bytes.
void clinux_name_thread(const char *name);
// `name` has room for 16 bytes.
void clinux_thread_name(char *name);

// No wrapper in glibc 2.36 that Swift's Glibc module shows. -1 with errno.
int clinux_pidfd_open(int pid);
int clinux_pidfd_send_signal(int pidfd, int signal_number);

// The parent-death signal that is set, 0 for none. -1 with errno.
int clinux_parent_death_signal(void);

// No wrapper in glibc 2.36. The version of the kernel's Landlock interface, from 1; -1 with errno where there is none.
int clinux_landlock_abi(void);

// <sys/timex.h> is not a part of Swift's Glibc module. 1 when the kernel says that something keeps the clock right,
// else 0.
int clinux_clock_is_synchronized(void);

// Makes this process one of another user without any capability, now and after every execve; root only. Supplementary
// groups are those of `name`, or none when it is NULL. setresuid(2) and setresgid(2) need _GNU_SOURCE, capset(2) has no
// wrapper. 0, or an errno, with what failed in `step`: the caller must end then. The calling thread is the one to call
// execve.
int clinux_become_user(uint32_t user, uint32_t group, const char *name, const char **step);

// The wait status macros are not importable.
int clinux_exited(int status);
int clinux_exit_status(int status);
int clinux_signaled(int status);
int clinux_term_signal(int status);

// posix_spawn_file_actions_addclosefrom_np(3) needs _GNU_SOURCE. Of a posix_spawn_file_actions_t: the child closes
// `first` and all descriptors after it.
void clinux_close_in_child(void *file_actions, int first);

// posix_spawn_file_actions_addchdir_np(3) needs _GNU_SOURCE. Of a posix_spawn_file_actions_t: the child works in
// `path`.
void clinux_change_directory_in_child(void *file_actions, const char *path);

// Whether an access control list gives more people rights to the file than its mode tells: 1 or 0. <sys/xattr.h> is not
// a part of Swift's Glibc module.
int clinux_has_access_list(const char *path);

// pipe2(2) and its flags need _GNU_SOURCE. Both ends are close-on-exec. 0, or -1 with errno.
int clinux_pipe(int ends[2]);

// memfd_create(2) needs _GNU_SOURCE. A file that is in memory alone, for this process. A descriptor, or -1 with errno.
int clinux_memory_file(const char *name);

#endif
