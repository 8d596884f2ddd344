/* SPDX-License-Identifier: Apache-2.0
 * echo.c - a program for inside of a runner: every record that a client sends comes back.
 *
 * Ends when a client sends STOP, or the supervisor is gone.
 */
#include <podshim.h>
#include <stdio.h>

static int failed(const struct podshim_error *e)
{
	(void)fprintf(stderr, "echo: %s\n", e->text);
	return -1;
}

/* 1: the client has closed the link; PODSHIM_END: it wants an end. */
static int serve(struct podshim_link *link, struct podshim_error *e)
{
	struct podshim_record in;
	int got;

	while ((got = podshim_receive(link, &in, -1, e)) == 1) {
		if (in.type == PODSHIM_STOP)
			return PODSHIM_END;
		if (podshim_send(link, in.type, in.flags, in.data, in.len, -1, e) < 0)
			return -1;
		podshim_release(link);
	}
	return got < 0 ? -1 : 1;
}

int main(void)
{
	struct podshim_error e = { .code = PODSHIM_OK };
	struct podshim_channel *channel = NULL;
	struct podshim_link *link = NULL;
	int got;

	if (podshim_channel_open(&channel, &e) < 0)
		return failed(&e) < 0;
	while ((got = podshim_channel_accept(channel, &link, -1, &e)) == 1) {
		got = serve(link, &e);
		podshim_link_close(link);
		if (got < 0 && failed(&e) < 0)
			continue; /* this client is gone; the next one may come */
		if (got == PODSHIM_END)
			break;
	}
	podshim_channel_close(channel);
	return got < 0 && failed(&e) < 0;
}
