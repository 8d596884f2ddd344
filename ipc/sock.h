/* SPDX-License-Identifier: Apache-2.0
 * sock.h - SOCK_SEQPACKET messages with file descriptors, deadlines and peer checks.  Usable in the init image.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "base/err.h"

enum { SOCK_MAX_FDS = 32 };

/* Connected pair, SOCK_SEQPACKET|SOCK_CLOEXEC. */
int sock_pair(int ret[2], struct ps_err *e);
/* Send one message (n >= 1 bytes) with n_fds descriptors; MSG_NOSIGNAL, EINTR retried.  PS_E_PEER when the peer is gone. */
int sock_send(int fd, const void *msg, size_t n, const int *fds, size_t n_fds, struct ps_err *e);
/*
 * Receive one message of at most n bytes and at most *n_fds descriptors (MSG_CMSG_CLOEXEC) within timeout_ms (-1: none).
 * Returns its length; 0 means that the peer closed.  *n_fds becomes the number received; descriptors beyond the wanted
 * number are closed and the call fails, as it does for a truncated message.  fds may be NULL with n_fds NULL.
 * PS_E_PEER with sys ETIMEDOUT on time-out.
 */
ssize_t sock_recv(int fd, void *msg, size_t n, int *fds, size_t *n_fds, int timeout_ms, struct ps_err *e);
/* Listen on / connect to dirfd/name whatever the length of the path (through /proc/self/fd).  type SOCK_SEQPACKET or SOCK_STREAM.  0600.
 * Connecting waits at most 3 s for a listener that accepts nobody: PS_E_PEER with sys ETIMEDOUT. */
int sock_listen_at(int dirfd, const char *name, int type, struct ps_err *e);
int sock_connect_at(int dirfd, const char *name, int type, struct ps_err *e);
/* Does anybody listen at dirfd/name?  Never waits: a listener whose backlog is full, because it is stopped, listens as well. */
bool sock_listens_at(int dirfd, const char *name, int type);
/* Connect to an AF_UNIX stream socket by path of any length (console socket, seccomp agent). */
int sock_connect_path(const char *path, struct ps_err *e);
/* Send one descriptor over a stream socket with `text` as payload (console socket protocol). */
int sock_send_fd_stream(int fd, int fd_to_send, const char *text, struct ps_err *e);
/* SO_PEERCRED of the peer. */
int sock_peer(int fd, pid_t *ret_pid, uid_t *ret_uid, struct ps_err *e);
