/* SPDX-License-Identifier: Apache-2.0
 * notify.h - a service manager's variables: NOTIFY_SOCKET, by a relay, and LISTEN_FDS.
 *
 * The container gets a socket of its own, in a folder of its state folder that is mounted read-only at NOTIFY_DIR.  Of what comes
 * there only READY=1 is passed on, with the MAINPID that the runtime knows: nothing that a payload could make up.
 */
#pragma once
#include <stdbool.h>
#include "base/arena.h"
#include "base/err.h"
#include "oci/state.h"
#include "shim/pod/pod.h"
#include "shim/policy/policy.h"

#define NOTIFY_DIR "/run/notify"

/* Is there a service manager to tell, and does the document leave NOTIFY_SOCKET to us? */
bool notify_wanted(const struct policy *p);
/* Mount and variables in *ret, base itself without any.  `listen_fds` of the caller's are handed over. */
int notify_plan(struct ps_arena *a, const char *root, const char *id, uint32_t listen_fds, const struct policy *base,
		const struct policy **ret, bool *ret_relays, struct ps_err *e);
/* The folder, before it is mounted. */
int notify_make(const struct state_dir *d, struct ps_err *e);
/* The socket in it, the caller's; *ret_fd is left alone where there is no folder, or nobody to tell. */
int notify_bind(const struct state_dir *d, int *ret_fd, struct ps_err *e);
/* Until READY=1 came and was passed on, or the process behind pidfd has ended.  fd -1: at once. */
int notify_relay(int fd, int pidfd, pid_t pid, struct ps_err *e);
/* The same by a process of its own, for who has other things to wait for. */
int notify_relay_beside(int fd, int pidfd, pid_t pid, struct ps_err *e);
