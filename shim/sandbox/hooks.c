/* SPDX-License-Identifier: Apache-2.0
 * hooks.c - runs one list of OCI hooks.
 */
#include "shim/sandbox/hooks.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "shim/sandbox/child.h"
#include "shim/sandbox/strv.h"

static struct iovec text(const char *s)
{
	return (struct iovec){ .iov_base = (void *)(uintptr_t)s, .iov_len = strlen(s) }; /* only read */
}

/* Where a list's hooks print to; -1: where we do.  `own`: opened for the list. */
struct outputs {
	int out, err;
	bool own;
};

static void outputs_done(struct outputs *to)
{
	if (!to->own)
		return;
	ps_fd_close(&to->out);
	ps_fd_close(&to->err);
}

int hooks_open_output(const char *path, struct ps_err *e)
{
	/* A pipe that nobody reads must not hold us up. */
	ps_auto_fd int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOCTTY | O_NONBLOCK | O_CLOEXEC, 0600);

	if (fd < 0 || fcntl(fd, F_SETFL, O_APPEND) < 0)
		return ps_fail_os(e, "open '%s' for what hooks print", path);
	return ps_take_fd(&fd);
}

static int output_open(const struct plan *p, const int *fds, uint32_t row, int *ret, struct ps_err *e)
{
	const struct plan_fd *rows = PLAN_ROWS(p, struct plan_fd, p->fds);

	if (row >= p->fds.n)
		return 0;
	*ret = fds ? fds[row] : hooks_open_output(plan_str(p, rows[row].path), e);
	return *ret < 0 && !fds ? ps_at_from(e, plan_str(p, rows[row].from), "") : 0;
}

static int outputs_open(const struct plan *p, const int *fds, struct outputs *to, struct ps_err *e)
{
	to->own = !fds;
	return output_open(p, fds, p->hook_stdout, &to->out, e) < 0 ? -1 : output_open(p, fds, p->hook_stderr, &to->err, e);
}

static int run(const struct plan *p, const struct plan_hook *h, const struct iovec *state, int n_state,
	       const struct outputs *to, struct child_end *ret, struct ps_err *e)
{
	auto_strv struct strv argv = STRV_NONE, envp = STRV_NONE;
	struct child c = {
		.path = plan_str(p, h->path),
		.envp = environ,
		.input = state,
		.n_input = n_state,
		.out_fd = to->out > 0 ? to->out : 0,
		.err_fd = to->err > 0 ? to->err : 0,
		.timeout_ms = h->timeout_s
				      ? (int)(h->timeout_s > INT_MAX / 1000 ? INT_MAX : h->timeout_s * 1000)
				      : -1,
	};

	if (strv_of_plan(p, h->args, /* extra= */ 1, &argv) < 0 || strv_of_plan(p, h->env, 0, &envp) < 0)
		return ps_fail_os(e, "allocate the arguments of '%s'", c.path);
	if (argv.n == 0)
		strv_add(&argv, c.path);
	c.argv = argv.v;
	if (h->has_env)
		c.envp = envp.v;
	return child_run(&c, ret, e);
}

static int run_checked(const struct plan *p, const char *list, uint32_t i, const struct plan_hook *h,
		       const struct iovec *state, int n_state, const struct outputs *to, struct ps_err *e)
{
	struct child_end end;
	char how[sizeof(end.errors) + 64];

	if (run(p, h, state, n_state, to, &end, e) < 0)
		return ps_ctx(e, "error running %s hook #%u: '%s'", list, i, plan_str(p, h->path));
	if (child_ok(&end))
		return 0;
	(void)ps_fail(e, PS_E_OS, "error running %s hook #%u: '%s': %s", list, i, plan_str(p, h->path),
		      child_end_text(&end, how, sizeof(how)));
	return ps_at_from(e, plan_str(p, h->from), "");
}

int hooks_run(const struct plan *p, const char *list, struct plan_list hooks, const char *status, pid_t pid,
	      const int *fds, bool go_on, void (*warn)(void *ctx, const char *text), void *ctx, struct ps_err *e)
{
	const struct plan_hook *h = PLAN_ROWS(p, struct plan_hook, hooks);
	struct outputs to ps_auto(outputs_done) = { .out = -1, .err = -1 };
	char middle[32];
	struct iovec state[4];
	struct ps_err failure;
	char message[sizeof(failure.where) + sizeof(failure.msg) + 4];

	(void)snprintf(middle, sizeof(middle), "\",\"pid\":%ld", (long)pid);
	state[0] = text(plan_str(p, p->hook_state_head));
	state[1] = text(status);
	state[2] = text(middle);
	state[3] = text(plan_str(p, p->hook_state_tail));
	/* Without their file, hooks that have to run print where we do. */
	if (hooks.n && outputs_open(p, fds, &to, &failure) < 0) {
		(void)ps_ctx(&failure, "%s hooks", list);
		if (!go_on) {
			if (e)
				*e = failure;
			return -1;
		}
		if (warn)
			warn(ctx, ps_err_text(&failure, message, sizeof(message)));
	}

	for (uint32_t i = 0; i < hooks.n; i++) {
		if (run_checked(p, list, i, &h[i], state, PS_COUNT(state), &to, &failure) == 0)
			continue;
		if (!go_on) {
			if (e)
				*e = failure;
			return -1;
		}
		if (warn)
			warn(ctx, ps_err_text(&failure, message, sizeof(message)));
	}
	return 0;
}
