#ifndef MEDIA_PROCESSOR_CRABBITMQ_SHIM_H
#define MEDIA_PROCESSOR_CRABBITMQ_SHIM_H

#include <amqp.h>
#include <amqp_framing.h>
#include <amqp_ssl_socket.h>
#include <amqp_tcp_socket.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/time.h>

// amqp_login_with_properties() takes the credentials as variadic arguments, which Swift cannot pass.
static inline amqp_rpc_reply_t crabbitmq_login_plain(
    amqp_connection_state_t state, const char *virtual_host, int frame_max, int heartbeat_seconds,
    const amqp_table_t *client_properties, const char *user, const char *password) {
    return amqp_login_with_properties(
        state, virtual_host, AMQP_DEFAULT_MAX_CHANNELS, frame_max, heartbeat_seconds, client_properties,
        AMQP_SASL_METHOD_PLAIN, user, password);
}

// The library takes its times as `struct timeval`. Swift counts its members to Glibc or to Dispatch, whichever of them
// it has loaded first.
static inline struct timeval crabbitmq_time(int64_t microseconds) {
    struct timeval time = {.tv_sec = microseconds / 1000000, .tv_usec = microseconds % 1000000};
    return time;
}

static inline int crabbitmq_open_socket(amqp_socket_t *socket, const char *host, int port, int64_t microseconds) {
    struct timeval time = crabbitmq_time(microseconds);
    return amqp_socket_open_noblock(socket, host, port, &time);
}

static inline int crabbitmq_set_handshake_timeout(amqp_connection_state_t state, int64_t microseconds) {
    struct timeval time = crabbitmq_time(microseconds);
    return amqp_set_handshake_timeout(state, &time);
}

static inline int crabbitmq_set_rpc_timeout(amqp_connection_state_t state, int64_t microseconds) {
    struct timeval time = crabbitmq_time(microseconds);
    return amqp_set_rpc_timeout(state, &time);
}

// Without waiting.
static inline int crabbitmq_next_frame(amqp_connection_state_t state, amqp_frame_t *frame) {
    struct timeval time = crabbitmq_time(0);
    return amqp_simple_wait_frame_noblock(state, frame, &time);
}

// <sys/eventfd.h> is not part of the Glibc module, and its flags are an anonymous enum.
static inline int crabbitmq_eventfd(void) { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }

#endif
