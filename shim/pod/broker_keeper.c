/* SPDX-License-Identifier: Apache-2.0
 * broker_keeper.c - a process that makes the broker's workers, and makes them again when they were killed.
 *
 * The supervisor is confined and cannot.  A worker that a signal ended (its alarm, the OOM killer) is replaced; one that ended
 * by itself had its reasons: the keeper ends, too, and the broker with it.
 */
#include <fcntl.h>
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

enum { WORKERS = 2, OWN_FD = 3 };

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

static pid_t start(unsigned which, struct reader_note *note)
{
	const pid_t parent = getpid();
	int pidfd = -1;
	pid_t pid = launch_fork(&pidfd, NULL);

	if (pid != 0) {
		ps_fd_close(&pidfd);
		return pid;
	}
	const int sock = OWN_FD + (int)which;

	end_with(parent);
	keep_only(&sock, 1);
	if (which == 0)
		broker_reader(OWN_FD, note);
	broker_hand(OWN_FD);
}

_Noreturn static void keep(struct reader_note *note)
{
	pid_t pids[WORKERS];

	for (unsigned i = 0; i < WORKERS; i++) {
		pids[i] = start(i, note);
		if (pids[i] < 0)
			_exit(EXIT_FAILURE);
	}
	for (;;) {
		siginfo_t how = { .si_pid = 0 };
		unsigned which = 0;

		if (waitid(P_ALL, 0, &how, WEXITED) < 0) {
			if (errno == EINTR)
				continue;
			_exit(EXIT_FAILURE);
		}
		while (which < WORKERS && pids[which] != how.si_pid)
			which++;
		if (which == WORKERS)
			continue;
		if (how.si_code == CLD_EXITED)
			_exit(EXIT_FAILURE);
		pids[which] = start(which, note);
		if (pids[which] < 0)
			_exit(EXIT_FAILURE);
	}
}

int broker_keep(int reader_sock, int hand_sock, int *ret_pidfd, struct ps_err *e)
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
		keep(note);
	}
	(void)munmap(note, sizeof(*note));
	return pid < 0 ? ps_ctx(e, "start the broker") : 0;
}
