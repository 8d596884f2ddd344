/* SPDX-License-Identifier: Apache-2.0
 * told.c - events of a container: what it uses, from time to time, and that it runs out of memory.
 */
#include <errno.h>
#include <poll.h>
#include <time.h>

#include "base/clock.h"
#include "base/scope.h"
#include "shim/pod/container.h"
#include "shim/pod/stats.h"
#include "shim/sandbox/cgroup_usage.h"

struct telling {
	const char *id;
	struct cgroup_dirs dirs;
	int (*emit)(void *ctx, const char *line, size_t n);
	void *ctx;
};

/* 0, -1 error, 1: nobody wants more. */
static int tell(const struct telling *t, const char *type, bool stats, struct ps_err *e)
{
	ps_auto_buf struct ps_buf line = { .data = NULL };
	struct ps_jsonw w = { .out = &line };

	ps_jw_object(&w, NULL);
	ps_jw_str(&w, "type", type);
	ps_jw_str(&w, "id", t->id);
	if (stats)
		stats_write(&w, "data", &t->dirs);
	ps_jw_end_object(&w);
	ps_buf_putc(&line, '\n');
	if (line.failed)
		return ps_fail_os(e, "memory for an event");
	return t->emit(t->ctx, line.data, line.len) ? 1 : 0;
}

static int follow(const struct telling *t, int pidfd, struct cgroup_oom *oom, uint64_t interval_ms, struct ps_err *e)
{
	struct pollfd p[] = { { .fd = pidfd, .events = POLLIN }, { .fd = oom->fd, .events = POLLIN } };
	uint64_t next = ps_clock_ns(CLOCK_MONOTONIC);

	for (;;) {
		const uint64_t now = ps_clock_ns(CLOCK_MONOTONIC);
		int r = 0;

		if (now >= next) {
			next = now + interval_ms * UINT64_C(1000000);
			r = tell(t, "stats", true, e);
		} else if (poll(p, PS_COUNT(p), (int)((next - now) / 1000000 + 1 < 60000 ? (next - now) / 1000000 + 1 : 60000)) < 0 &&
			   errno != EINTR) {
			return ps_fail_os(e, "wait for events of '%s'", t->id);
		}
		/* What ended the container is told before the end. */
		if (r == 0 && cgroup_oom_happened(oom))
			r = tell(t, "oom", false, e);
		if (r || p[0].revents)
			return r < 0 ? -1 : 0;
	}
}

static void oom_done(struct cgroup_oom *w)
{
	if (w->fd >= 0)
		ps_fd_close(&w->fd);
}

int pod_events(const struct pod_env *env, const char *id, bool once, uint64_t interval_ms,
	       int (*emit)(void *ctx, const char *line, size_t n), void *ctx, struct ps_err *e)
{
	auto_container struct container *c = NULL;
	__attribute__((cleanup(oom_done))) struct cgroup_oom oom = { .fd = -1 };

	if (container_open(env, id, /* lock= */ false, &c, e) < 0)
		return -1;
	if (c->status == STATE_STOPPED || c->status == STATE_CREATING)
		return ps_fail(e, PS_E_STATE, "container not running: '%s'", id);
	const struct telling t = { .id = id, .dirs = container_cgroups(&c->st), .emit = emit, .ctx = ctx };

	if (!t.dirs.n)
		return ps_fail(e, PS_E_UNSUPP, "container '%s' has no cgroup: what it uses is not counted", id);
	if (once)
		return tell(&t, "stats", true, e) < 0 ? -1 : 0;
	if (cgroup_oom_watch(t.dirs.v, t.dirs.n, &oom, e) < 0)
		return -1;
	return follow(&t, c->pidfd, &oom, interval_ms, e);
}
