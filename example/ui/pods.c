/* SPDX-License-Identifier: Apache-2.0
 * pods.c - output and input of pods' runners, through libpodshim.
 *
 * A supervisor that does not answer within ANSWER_MS is left alone for a while: it must not stop this server.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/proc.h"
#include "base/scope.h"
#include "example/ui/relay.h"
#include "example/ui/ui.h"
#include "ipc/podshim.h"

enum { ANSWER_MS = 500, SYNC_MS = 1000, LATER_MS = 30000, OUTPUT_TURNS = 64, WANTED_MAX = 32 };

/* One pod that we talk to; its descriptor stays the library's, a copy of it is in the loop. */
struct link {
	struct source source;
	struct ui *ui;
	char *name;
	struct podshim *c;   /* NULL: not now */
	int64_t again_ms;
	uint32_t wanted[WANTED_MAX]; /* of the board: runners to observe */
	size_t n_wanted;
};
struct pods { struct link v[BOARD_PODS]; int64_t sync_ms; }; /* free: name is NULL */

int pods_start(struct ui *ui, struct ps_err *e)
{
	ui->pods = calloc(1, sizeof(*ui->pods));
	return ui->pods ? 0 : ps_fail_os(e, "memory for pods");
}

void pods_forget(struct ui *ui, struct runner *r)
{
	(void)ui;
	podshim_runner_close(r->remote);
	r->remote = NULL;
}

static bool is_of(const struct runner *r, const struct link *l)
{
	return !strcmp(r->pod, l->name) && !r->own && !r->other;
}

static void disconnect(struct link *l)
{
	struct board *b = &l->ui->board;

	for (size_t i = 0; i < b->n_runners; i++)
		if (is_of(b->runners[i], l) && b->runners[i]->remote)
			pods_forget(l->ui, b->runners[i]);
	loop_drop(&l->ui->loop, &l->source);
	podshim_close(l->c);
	l->c = NULL;
	l->again_ms = ps_now_ms() + LATER_MS;
}

/* What it has printed, a bounded part of it. */
static void take_output(struct link *l, struct runner *r)
{
	struct board *b = &l->ui->board;
	struct podshim_output o;

	for (int i = 0; i < OUTPUT_TURNS; i++) {
		const int got = podshim_output(r->remote, &o, 0, NULL);

		if (got == 0)
			return;
		if (got != 1) {
			pods_forget(l->ui, r);
			return;
		}
		struct stream *out = board_output(b, r);

		if (!out)
			return;
		if (o.lost) {
			char text[80];

			(void)snprintf(text, sizeof(text), "%llu bytes of output were overwritten unread", (unsigned long long)o.lost);
			board_tell(b, r, "output-lost", text);
		}
		stream_put(out, o.stream == 2 ? STREAM_STDERR : STREAM_STDOUT, o.data, o.len);
		board_touch(b, r);
	}
}

static void take_all(struct link *l)
{
	struct board *b = &l->ui->board;
	struct podshim_event ev;
	uint64_t before;

	/* Each call may take the message that another waits for. */
	do {
		before = podshim_received(l->c);
		for (size_t i = 0; i < b->n_runners; i++)
			if (is_of(b->runners[i], l) && b->runners[i]->remote)
				take_output(l, b->runners[i]);
		const int got = podshim_event(l->c, &ev, 0, NULL);

		if (got < 0 || got == PODSHIM_END) {
			disconnect(l);
			return;
		}
	} while (podshim_received(l->c) != before);
}

static void on_link(struct source *s, uint32_t events)
{
	(void)events;
	take_all((struct link *)s);
}

static void set_tty(struct board *b, struct runner *r, bool tty)
{
	if (r->tty == tty)
		return;
	r->tty = tty;
	board_touch(b, r);
}

static void set_time(char field[TIME_LEN], uint64_t ns)
{
	if (ns && !*field)
		ps_time_format(ns, field);
}

static int on_info(const struct podshim_info *info, void *ctx)
{
	struct link *l = ctx;
	struct board *b = &l->ui->board;
	struct runner *r = board_find(b, info->id);
	bool changed = false;

	if (!r || !is_of(r, l))
		return 0;
	if (*info->command && (!r->command || strcmp(r->command, info->command) != 0)) {
		free(r->command);
		r->command = strdup(info->command);
		changed = true;
	}
	if (info->status >= 0 && strcmp(r->reason, info->reason) != 0) {
		r->status = info->status;
		(void)snprintf(r->reason, sizeof(r->reason), "%s", info->reason);
		changed = true;
	}
	set_tty(b, r, info->flags & PODSHIM_TTY);
	set_time(r->started, info->started_ns);
	if (!r->observed && info->started_ns && l->n_wanted < WANTED_MAX)
		l->wanted[l->n_wanted++] = r->n;
	if (changed)
		board_touch(b, r);
	return 0;
}

static int on_stats(const struct podshim_info *info, void *ctx)
{
	struct link *l = ctx;
	struct board *b = &l->ui->board;
	struct runner *r = board_find(b, info->id);

	if (!r || !is_of(r, l))
		return 0;
	const bool same = r->ring_used == info->output_kept && r->tape_used == info->tape_used && r->denied >= info->denied;

	r->ring_used = info->output_kept;
	r->ring_room = info->output_room;
	r->tape_used = info->tape_used;
	r->tape_room = info->tape_room;
	r->denied = r->denied < info->denied ? info->denied : r->denied;
	if (!same)
		board_touch(b, r);
	return 0;
}

static void observe_wanted(struct link *l)
{
	struct board *b = &l->ui->board;

	for (size_t i = 0; i < l->n_wanted; i++) {
		struct runner *r = board_get(b, l->wanted[i]);

		if (!r || podshim_observe(l->c, (unsigned)strtoul(strrchr(r->id, '.') + 1, NULL, 10), 0, &r->remote, NULL) < 0)
			continue;
		r->observed = true;
		r->input = !runner_has_ended(r);
		board_touch(b, r);
	}
	l->n_wanted = 0;
}

static void connect_to(struct link *l)
{
	struct podshim_error e = { .code = PODSHIM_OK };

	if (podshim_connect(l->ui->root, l->name, &l->c, &e) < 0) {
		l->c = NULL;
		l->again_ms = ps_now_ms() + LATER_MS;
		return;
	}
	podshim_set_timeout(l->c, ANSWER_MS);
	l->source = (struct source){ .fd = dup(podshim_fd(l->c)), .on = on_link };
	if (l->source.fd < 0 || podshim_subscribe(l->c, &e) < 0 || loop_add(&l->ui->loop, &l->source, EPOLLIN) < 0)
		disconnect(l);
}

static struct link *link_of(struct pods *p, const char *name)
{
	for (size_t i = 0; i < BOARD_PODS; i++)
		if (p->v[i].name && !strcmp(p->v[i].name, name))
			return &p->v[i];
	return NULL;
}

static const struct pod_row *row_of(const struct board *b, const char *name)
{
	for (size_t i = 0; i < b->n_pods; i++)
		if (!b->pods[i].root && !strcmp(b->pods[i].name, name))
			return &b->pods[i];
	return NULL;
}

void pods_sync(struct ui *ui, int64_t now_ms)
{
	struct pods *p = ui->pods;

	if (now_ms < p->sync_ms)
		return;
	p->sync_ms = now_ms + SYNC_MS;
	for (size_t i = 0; i < BOARD_PODS; i++) {
		struct link *l = &p->v[i];

		if (l->name && !row_of(&ui->board, l->name)) {
			if (l->c)
				disconnect(l);
			free(l->name);
			*l = (struct link){ .source.fd = -1 };
		}
	}
	for (size_t i = 0; i < ui->board.n_pods; i++) {
		const struct pod_row *row = &ui->board.pods[i];
		struct link *l = row->root ? NULL : link_of(p, row->name);

		for (size_t k = 0; !l && !row->root && k < BOARD_PODS; k++) {
			if (!p->v[k].name) {
				l = &p->v[k];
				*l = (struct link){ .source.fd = -1, .ui = ui, .name = relay_copy(row->name) };
			}
		}
		if (!l || !l->name || strcmp(row->state, "running") != 0)
			continue;
		if (!l->c && now_ms >= l->again_ms)
			connect_to(l);
		if (l->c && (podshim_list(l->c, on_info, l, NULL) < 0 || podshim_stats(l->c, on_stats, l, NULL) < 0))
			disconnect(l);
		if (l->c)
			observe_wanted(l);
	}
}

void pods_tick(struct ui *ui)
{
	for (size_t i = 0; i < BOARD_PODS; i++)
		if (ui->pods->v[i].c)
			take_all(&ui->pods->v[i]);
}

int pods_resize(struct runner *r, struct term_size size, struct ps_err *e)
{
	struct podshim_error why = { .code = PODSHIM_OK };

	if (!r->remote || podshim_resize(r->remote, size.rows, size.cols, &why) < 0)
		return ps_fail(e, PS_E_STATE, "%s", r->remote ? why.text : "it is not known any more");
	return 0;
}

ssize_t pods_type(struct runner *r, const char *p, size_t n, struct ps_err *e)
{
	struct podshim_error why = { .code = PODSHIM_OK };
	const ssize_t taken = r->remote ? podshim_input(r->remote, p, n, 0, &why) : 0;

	return taken < 0 ? ps_fail(e, PS_E_STATE, "%s", why.text) : taken;
}

ssize_t pods_send(struct ui *ui, struct runner *r, const char *p, size_t n, bool eof, struct ps_err *e)
{
	struct podshim_error why = { .code = PODSHIM_OK };
	ssize_t taken;

	(void)ui;
	if (!r->remote || !r->input)
		return ps_fail(e, PS_E_STATE, "'%s' takes no input", r->id);
	taken = podshim_input(r->remote, p, n, ANSWER_MS, &why);
	if (taken >= 0 && (size_t)taken == n && eof && podshim_input_end(r->remote, &why) < 0)
		taken = -1;
	return taken < 0 ? ps_fail(e, PS_E_STATE, "%s", why.text) : taken;
}

void pods_stop(struct ui *ui)
{
	if (!ui->pods)
		return;
	for (size_t i = 0; i < BOARD_PODS; i++) {
		if (ui->pods->v[i].c)
			disconnect(&ui->pods->v[i]);
		free(ui->pods->v[i].name);
	}
	free(ui->pods);
	ui->pods = NULL;
}
