#include "Actions.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

static char buffer[64];
static int pair[2];
static struct sockaddr_in host = {.sin_family = AF_INET, .sin_port = 0x901F};
static struct sockaddr_un local = {.sun_family = AF_UNIX, .sun_path = "socket"};
static struct mmsghdr message;
static const struct timespec no_time = {0, 0};

const struct hostile_action hostile_network[] = {
    WORKS("a TCP socket", SYS_socket, AF_INET, SOCK_STREAM, 0),
    WORKS("a UDP socket", SYS_socket, AF_INET, SOCK_DGRAM, 0),
    WORKS("a TCP socket of IPv6", SYS_socket, AF_INET6, SOCK_STREAM, 0),
    WORKS("a UDP socket of IPv6", SYS_socket, AF_INET6, SOCK_DGRAM, 0),
    WORKS("a local socket", SYS_socket, AF_UNIX, SOCK_STREAM, 0),
    WORKS("a local datagram socket", SYS_socket, AF_UNIX, SOCK_DGRAM, 0),
    CALL("a raw socket", SYS_socket, AF_INET, SOCK_RAW, IPPROTO_ICMP),
    CALL("a packet socket", SYS_socket, AF_PACKET, SOCK_RAW, 0),
    WORKS("a netlink socket", SYS_socket, AF_NETLINK, SOCK_RAW, 0),
    CALL("a socket to the audit", SYS_socket, AF_NETLINK, SOCK_RAW, 9),
    CALL("a socket to the host", SYS_socket, 40 /* AF_VSOCK */, SOCK_STREAM, 0),
    CALL("a socket of the kernel's ciphers", SYS_socket, 38 /* AF_ALG */, SOCK_SEQPACKET, 0),
    CALL("a bluetooth socket", SYS_socket, 31, SOCK_RAW, 1),
    CALL("an SCTP socket", SYS_socket, AF_INET, SOCK_STREAM, 132),
    CALL("an XDP socket", SYS_socket, 44, SOCK_RAW, 0),
    CALL("a TIPC socket", SYS_socket, 30, SOCK_SEQPACKET, 0),
    WORKS("socketpair", SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, P(pair)),
    CALL("connect of what it has", SYS_connect, socket_given, P(&host), sizeof(host)),
    CALL("connect to a local path", SYS_connect, socket_given, P(&local), sizeof(local)),
    CALL("bind", SYS_bind, socket_given, P(&local), sizeof(local)),
    CALL("listen", SYS_listen, socket_given, 1),
    CALL("accept4", SYS_accept4, socket_given, 0, 0, 0),
    CALL("accept", SYS_accept, socket_given, 0, 0),
    CALL("sendto", SYS_sendto, file_withheld, P(buffer), 1, 0, P(&host), sizeof(host)),
    CALL("sendmmsg", SYS_sendmmsg, socket_given, P(&message), 0, 0),
    CALL("recvmmsg", SYS_recvmmsg, socket_given, P(&message), 0, 0, P(&no_time)),
    CALL("recvfrom", SYS_recvfrom, socket_given, P(buffer), 1, MSG_DONTWAIT, 0, 0),
    WORKS("getsockname", SYS_getsockname, socket_given, P(buffer), P(&(int){sizeof(buffer)})),
    WORKS("getpeername", SYS_getpeername, socket_given, P(buffer), P(&(int){sizeof(buffer)})),
    WORKS("getsockopt", SYS_getsockopt, socket_given, SOL_SOCKET, SO_PEERCRED, P(buffer), P(&(int){12})),
    WORKS("setsockopt", SYS_setsockopt, socket_given, SOL_SOCKET, SO_RCVBUF, P(&(int){1 << 20}), 4),
    WORKS("shutdown", SYS_shutdown, socket_given, SHUT_RD),
    END,
};
