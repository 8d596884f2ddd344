/* SPDX-License-Identifier: Apache-2.0
 * broker_keeper.c - a process that makes the broker's workers, and makes them again when they were killed.
 *
 * The supervisor is confined and cannot.  A worker that a signal ended (its alarm, the OOM killer) is replaced; one that ended
 * by itself had its reasons: the keeper ends, too, and the broker with it.  The hand, which many never need, is made for its
 * first task.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/proc.h"
#include "base/scope.h"
#include "shim/launch/fork.h"
#include "shim/pod/broker_inside.h"

enum { READER, HAND, WORKERS };
enum { OWN_FD = 3 };

/* Of what the supervisor has open only ours, as descriptors OWN_FD ... */
static void keep_only(const int *fds, unsigned n)
{
	int high[WORKERS];

	for (unsigned i = 0; i < n; i++)
		high[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, OWN_FD + WORKERS);
	for (unsigned i = 0; i < n; i++)
		if (high[i] < 0 || dup3(high[i], OWN_FD + (int)i, O_CLOEXEC) < 0)
			_exit(EXIT_FAILURE);
	(void)ps_sys_close_range(OWN_FD + n, ~0U, 0);
}

/* We do not outlive who forked us. */
static void end_with(pid_t parent)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
		_exit(EXIT_FAILURE);
}

struct worker { pid_t pid; int pidfd; };

static struct worker start(unsigned which, struct reader_note *note, const struct broker_common *common)
{
	const pid_t parent = getpid();
	struct worker w = { .pidfd = -1 };

	w.pid = launch_fork(&w.pidfd, NULL);
	if (w.pid < 0)
		_exit(EXIT_FAILURE);
	if (w.pid > 0)
		return w;
	const int sock = OWN_FD + (int)which;

	end_with(parent);
	keep_only(&sock, 1);
	if (which == READER)
		broker_reader(OWN_FD, note, common);
	broker_hand(OWN_FD);
}

/* One that ended by itself had its reasons: we end, too. */
static void see_off(struct worker *w)
{
	siginfo_t how = { .si_pid = 0 };

	if (waitid(P_PIDFD, (id_t)w->pidfd, &how, WEXITED) < 0 || how.si_code == CLD_EXITED)
		_exit(EXIT_FAILURE);
	ps_fd_close(&w->pidfd);
}

_Noreturn static void keep(struct reader_note *note, const struct broker_common *common)
{
	struct worker workers[WORKERS] = { [READER] = start(READER, note, common), [HAND] = { .pidfd = -1 } };

	for (;;) {
		struct pollfd p[WORKERS];

		/* The hand begins with its first task. */
		for (int i = 0; i < WORKERS; i++)
			p[i] = (struct pollfd){ .fd = workers[i].pidfd < 0 ? OWN_FD + i : workers[i].pidfd, .events = POLLIN };
		if (poll(p, WORKERS, -1) < 0)
			continue;
		for (unsigned i = 0; i < WORKERS; i++) {
			if (!p[i].revents)
				continue;
			if (workers[i].pidfd >= 0)
				see_off(&workers[i]);
			else if (p[i].revents & POLLHUP)
				_exit(EXIT_SUCCESS);
			workers[i] = start(i, note, common);
		}
	}
}

int broker_keep(int reader_sock, int hand_sock, const struct broker_common *common, struct reader_note **ret_note, int *ret_pidfd,
		struct ps_err *e)
{
	const int socks[WORKERS] = { reader_sock, hand_sock };
	const pid_t parent = getpid();
	struct reader_note *note = mmap(NULL, sizeof(*note), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid;

	if (note == MAP_FAILED)
		return ps_fail_os(e, "memory for the broker's reader");
	pid = launch_fork(ret_pidfd, e);
	if (pid == 0) {
		(void)prctl(PR_SET_NAME, "podshim:broker");
		end_with(parent);
		keep_only(socks, WORKERS);
		keep(note, common);
	}
	if (pid < 0) {
		(void)munmap(note, sizeof(*note));
		return ps_ctx(e, "start the broker");
	}
	*ret_note = note;
	return 0;
}
