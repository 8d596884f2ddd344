/* SPDX-License-Identifier: Apache-2.0
 * peer.h - who is at the other end of a control socket.
 */
#pragma once
#include <stdbool.h>
#include <sys/types.h>
#include "base/err.h"

/*
 * PS_E_DENIED unless the peer has our uid (with same_uid; without, the socket's mode says who may connect), is in the user, pid and mount namespaces with inodes ns[0..2], and in no cgroup
 * at or below `cgroup` (cgroupsPath of the runners).  A payload of ours may have our uid and see our socket: SO_PEERCRED
 * alone lets it in.  The peer is held by pidfd meanwhile (SO_PEERPIDFD, 6.5; before, its pid is looked at twice).
 */
int peer_check(int fd, bool same_uid, const ino_t ns[3], const char *cgroup, struct ps_err *e);
