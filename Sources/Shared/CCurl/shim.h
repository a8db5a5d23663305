#ifndef MEDIA_PROCESSOR_CCURL_SHIM_H
#define MEDIA_PROCESSOR_CCURL_SHIM_H

#include <curl/curl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

// curl_easy_setopt() and curl_easy_getinfo() are variadic, which Swift cannot call, and a wrong type is undefined
// behaviour. So there is one function for each option; libcurl's own macros check its type when this header is
// compiled.

// The flags are nested macros. Once in a process, before everything else.
static inline CURLcode ccurl_start(void) { return curl_global_init(CURL_GLOBAL_DEFAULT); }

#define CCURL_SET(name, option, type) \
    static inline CURLcode ccurl_set_##name(CURL *handle, type value) { \
        return curl_easy_setopt(handle, option, value); \
    }

// Where to, and how.
CCURL_SET(url, CURLOPT_URL, const char *)
// A method of any name. Says nothing of whether there is a body.
CCURL_SET(method, CURLOPT_CUSTOMREQUEST, const char *)
// A GET, until another option says otherwise.
CCURL_SET(is_get, CURLOPT_HTTPGET, long)
// HEAD: the response has no body whatever its header says.
CCURL_SET(is_head, CURLOPT_NOBODY, long)
// The request has a body, which the read function supplies.
CCURL_SET(has_body, CURLOPT_UPLOAD, long)
CCURL_SET(body_bytes, CURLOPT_INFILESIZE_LARGE, curl_off_t)
// The list is not copied: it must live as long as the handle.
CCURL_SET(headers, CURLOPT_HTTPHEADER, struct curl_slist *)
CCURL_SET(http_version, CURLOPT_HTTP_VERSION, long)
// Not one that is kept of an earlier exchange.
CCURL_SET(needs_new_connection, CURLOPT_FRESH_CONNECT, long)
// Bytes that one call reads or sends at most.
CCURL_SET(receive_buffer, CURLOPT_BUFFERSIZE, long)
CCURL_SET(send_buffer, CURLOPT_UPLOAD_BUFFERSIZE, long)
// Lines of host:port:address,address in place of a lookup. Not copied either.
CCURL_SET(known_hosts, CURLOPT_RESOLVE, struct curl_slist *)

// Options for things that libcurl must not do of its own accord.
// Comma-separated schemes; libcurl speaks FTP, SMTP, file and two dozen more.
CCURL_SET(schemes, CURLOPT_PROTOCOLS_STR, const char *)
CCURL_SET(follows_redirects, CURLOPT_FOLLOWLOCATION, long)
// An empty text also keeps it from looking into http_proxy and its like.
CCURL_SET(proxy, CURLOPT_PROXY, const char *)
CCURL_SET(netrc, CURLOPT_NETRC, long)
CCURL_SET(refuses_user_in_url, CURLOPT_DISALLOW_USERNAME_IN_URL, long)
// Leaves dots in the path alone: they may be a part of an object's key.
CCURL_SET(keeps_path, CURLOPT_PATH_AS_IS, long)
// Without it a lookup's time limit would be a SIGALRM.
CCURL_SET(uses_no_signals, CURLOPT_NOSIGNAL, long)
// A call that ends does not wait for the thread that still looks up a name; that thread frees what it has.
CCURL_SET(leaves_lookups, CURLOPT_QUICK_EXIT, long)

// TLS.
CCURL_SET(verifies_peer, CURLOPT_SSL_VERIFYPEER, long)
// 2 compares the certificate's names with the host; 0 does not.
CCURL_SET(verifies_host, CURLOPT_SSL_VERIFYHOST, long)
CCURL_SET(tls_version, CURLOPT_SSLVERSION, long)
CCURL_SET(authorities_file, CURLOPT_CAINFO, const char *)

// Times, in milliseconds; 0 is libcurl's default or no limit.
CCURL_SET(connect_timeout, CURLOPT_CONNECTTIMEOUT_MS, long)
CCURL_SET(total_timeout, CURLOPT_TIMEOUT_MS, long)

// Functions, each with the pointer that it is given.
CCURL_SET(write_function, CURLOPT_WRITEFUNCTION, curl_write_callback)
CCURL_SET(write_context, CURLOPT_WRITEDATA, void *)
CCURL_SET(header_function, CURLOPT_HEADERFUNCTION, curl_write_callback)
CCURL_SET(header_context, CURLOPT_HEADERDATA, void *)
CCURL_SET(read_function, CURLOPT_READFUNCTION, curl_read_callback)
CCURL_SET(read_context, CURLOPT_READDATA, void *)
CCURL_SET(seek_function, CURLOPT_SEEKFUNCTION, curl_seek_callback)
CCURL_SET(seek_context, CURLOPT_SEEKDATA, void *)
// Makes the socket for each address that a connection is tried to.
CCURL_SET(open_socket_function, CURLOPT_OPENSOCKETFUNCTION, curl_opensocket_callback)
CCURL_SET(open_socket_context, CURLOPT_OPENSOCKETDATA, void *)
// Room for CURL_ERROR_SIZE bytes, as long as the handle lives.
CCURL_SET(error_text, CURLOPT_ERRORBUFFER, char *)

#undef CCURL_SET

#define CCURL_GET(name, info, type) \
    static inline CURLcode ccurl_get_##name(CURL *handle, type *value) { \
        return curl_easy_getinfo(handle, info, value); \
    }

// The last status line's code; 0 before there is one.
CCURL_GET(status, CURLINFO_RESPONSE_CODE, long)
// As the header says; -1 when it does not.
CCURL_GET(content_length, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, curl_off_t)
// Bytes of the bodies so far.
CCURL_GET(received, CURLINFO_SIZE_DOWNLOAD_T, curl_off_t)
CCURL_GET(sent, CURLINFO_SIZE_UPLOAD_T, curl_off_t)
// Bytes of the header sections that came.
CCURL_GET(header_bytes, CURLINFO_HEADER_SIZE, long)
// Microseconds until the connection, with its TLS, was ready for the request; 0 before.
CCURL_GET(ready_time, CURLINFO_PRETRANSFER_TIME_T, curl_off_t)
#undef CCURL_GET

// The address is longer than the type of its field, so Swift would copy a part of it. Writes 4 or 16 bytes in network
// order; 0 for a family that is neither.
static inline int ccurl_address(const struct curl_sockaddr *address, unsigned char bytes[16]) {
    const void *start = &address->addr;
    if (address->family == AF_INET) {
        memcpy(bytes, &((const struct sockaddr_in *)start)->sin_addr, 4);
        return 4;
    }
    if (address->family == AF_INET6) {
        memcpy(bytes, &((const struct sockaddr_in6 *)start)->sin6_addr, 16);
        return 16;
    }
    return 0;
}

// As libcurl makes it, and closed in children. SOCK_CLOEXEC is no integer to Swift.
static inline curl_socket_t ccurl_open_socket(const struct curl_sockaddr *address) {
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

// A union's member, and only of a message that tells of a call's end.
static inline CURLcode ccurl_message_result(const CURLMsg *message) { return message->data.result; }

#endif
