/* SPDX-License-Identifier: Apache-2.0
 * loop.h - descriptors and child processes beside the web server: one epoll set, which its loop polls as one descriptor.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "base/err.h"

/* One descriptor that is waited for; on() may remove it and free what holds it. */
struct source {
	int fd;
	void (*on)(struct source *s, uint32_t events);
};

struct loop { int epoll_fd; };

int loop_open(struct loop *l, struct ps_err *e);
void loop_close(struct loop *l);
/* events: EPOLLIN, EPOLLOUT.  -1 with errno. */
int loop_add(struct loop *l, struct source *s, uint32_t events);
void loop_change(struct loop *l, struct source *s, uint32_t events);
/* Forget and close s->fd, which becomes -1; no event of it will come.  Accepts -1. */
void loop_drop(struct loop *l, struct source *s);
/* What is ready now, without waiting; a bounded number. */
void loop_turn(struct loop *l);

/* What becomes of descriptors 0, 1, 2 and 3 of a child: -1: /dev/null, of 3: none.  They stay the caller's. */
struct child_fds { int fd[4]; };
/*
 * Start argv[0] (a path, or looked up in PATH) in a process group of its own, with signals as at the start of a program.
 * dir: where it works, NULL: here.  Returns its pidfd, and *ret_pid.
 */
int child_start(const char *const *argv, const char *dir, const struct child_fds *fds, pid_t *ret_pid, struct ps_err *e);
/* A pipe, both ends close-on-exec; ours does not block: 0 when we read, 1 when we write.  size 0: as it comes. */
int child_pipe(int ret_fds[2], int ours, int size, struct ps_err *e);
/* Reap a child that has ended: exit code, or 128 + signal. */
int child_reap(int pidfd);
