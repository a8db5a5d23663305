#ifndef MEDIA_PROCESSOR_HOSTILE_ACTIONS_H
#define MEDIA_PROCESSOR_HOSTILE_ACTIONS_H
#define _GNU_SOURCE
#include "CHostile.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

// The sandbox' socket and file, and a descriptor that it must not have kept.
enum { socket_given = 3, file_given = 4, file_withheld = 57 };

#define CALL(name, number, ...) {name, number, {__VA_ARGS__}, 0, 0}
// The same, for one that works outside.
#define WORKS(name, number, ...) {name, number, {__VA_ARGS__}, 0, 1}
#define RUN(name, function) {name, 0, {0}, function, 0}
#define RUN_WORKS(name, function) {name, 0, {0}, function, 1}
#define P(pointer) ((long)(pointer))
#define END {0}

extern const struct hostile_action hostile_files[];
extern const struct hostile_action hostile_processes[];
extern const struct hostile_action hostile_network[];
extern const struct hostile_action hostile_kernel[];
extern const struct hostile_action hostile_resources[];

#endif
