/* SPDX-License-Identifier: Apache-2.0
 * runner_input.c - what a runner reads: its standard input or terminal, and the terminal's size.
 */
#include <errno.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/scope.h"
#include "shim/pod/supervisor.h"

/* The watch goes first: a terminal lives on in its output, and what happens to it would still be told. */
void runner_close_input(struct runner *r)
{
	loop_remove(&r->sv->loop, &r->input_source);
	r->input_source.fd = -1;
	ps_fd_close(&r->input_fd);
}

ssize_t runner_input(struct runner *r, const void *p, size_t n, bool eof, struct ps_err *e)
{
	ssize_t done = 0;

	if (runner_is_idle(r))
		return ps_fail(e, PS_E_STATE, "runner '%s' is %s: what it is sent now, its next user would read", r->id,
			       runner_state_name(r->state));
	if (r->input_fd < 0)
		return ps_fail(e, PS_E_STATE, "standard input of runner '%s' is closed, or another program's", r->id);
	if (n) {
		done = write(r->input_fd, p, n);
		if (done < 0 && (errno == EAGAIN || errno == EINTR))
			return 0;
		if (done < 0)
			return ps_fail_os(e, "runner '%s': write to its standard input", r->id);
	}
	if (eof && (size_t)done == n) {
		struct termios t;

		if (!r->tty)
			runner_close_input(r);
		else if (tcgetattr(r->input_fd, &t) == 0 && t.c_cc[VEOF] != _POSIX_VDISABLE &&
			 write(r->input_fd, &t.c_cc[VEOF], 1) < 0)
			return ps_fail_os(e, "runner '%s': type end of file", r->id);
	}
	return done;
}

int runner_resize(struct runner *r, uint16_t rows, uint16_t cols, struct ps_err *e)
{
	const struct winsize size = { .ws_row = rows, .ws_col = cols };

	if (!r->tty || r->input_fd < 0)
		return ps_fail(e, PS_E_STATE, "runner '%s' has no terminal", r->id);
	return ioctl(r->input_fd, TIOCSWINSZ, &size) < 0 ? ps_fail_os(e, "resize the terminal of runner '%s'", r->id) : 0;
}
