/* SPDX-License-Identifier: Apache-2.0
 * typing.c - what is typed, key by key, and terminals.
 *
 * Nothing here waits for a program that does not read: its keys are kept, and tried again with each turn.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/scope.h"
#include "example/ui/ui.h"

int term_open(struct term_size size, int *ret_master, int *ret_slave, struct ps_err *e)
{
	const struct winsize ws = { .ws_row = size.rows, .ws_col = size.cols };
	ps_auto_fd int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	ps_auto_fd int slave = master < 0 || grantpt(master) < 0 || unlockpt(master) < 0 ? -1 : ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	struct termios t;

	if (slave < 0 || tcgetattr(slave, &t) < 0)
		return ps_fail_os(e, "make a terminal");
	cfmakeraw(&t);
	if (tcsetattr(slave, TCSANOW, &t) < 0 || ioctl(master, TIOCSWINSZ, &ws) < 0)
		return ps_fail_os(e, "set up a terminal");
	*ret_master = ps_take_fd(&master);
	*ret_slave = ps_take_fd(&slave);
	return 0;
}

static void tell_left_out(struct ui *ui, const struct runner *r, size_t n, const char *why)
{
	char text[600];

	(void)snprintf(text, sizeof(text), "%zu bytes that were typed were left out: %.500s", n, why);
	board_tell(&ui->board, r, "input-lost", text);
}

/* As much of what waits as it reads now. */
static void push(struct ui *ui, struct runner *r)
{
	struct ps_buf *b = &r->typed;
	struct ps_err e = { .msg = "" };

	while (b->len) {
		const ssize_t taken = r->run ? run_send(ui, r->run, b->data, b->len, false, &e) : pods_type(r, b->data, b->len, &e);

		if (taken < 0) {
			tell_left_out(ui, r, b->len, e.msg);
			ps_buf_reset(b);
		}
		if (taken <= 0)
			return;
		memmove(b->data, b->data + taken, b->len - (size_t)taken);
		b->len -= (size_t)taken;
	}
}

void type_bytes(struct ui *ui, struct runner *r, const char *p, size_t n)
{
	const size_t room = TYPED_MAX - r->typed.len;

	ps_buf_put(&r->typed, p, n < room ? n : room);
	if (r->typed.failed)
		ps_buf_reset(&r->typed);
	if (n > room)
		tell_left_out(ui, r, n - room, "it does not read");
	push(ui, r);
}

void type_size(struct ui *ui, struct runner *r, struct term_size size)
{
	struct ps_err e;

	if (!r->tty)
		return;
	if ((r->run ? run_resize(r->run, size, &e) : pods_resize(r, size, &e)) < 0)
		board_tell(&ui->board, r, "error", e.msg);
}

void typing_tick(struct ui *ui)
{
	for (size_t i = 0; i < ui->board.n_runners; i++)
		if (ui->board.runners[i]->typed.len)
			push(ui, ui->board.runners[i]);
}
