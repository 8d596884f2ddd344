/* SPDX-License-Identifier: Apache-2.0
 * builder.c - a plan under construction: text and rows into one block.
 */
#include "shim/plan/builder.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { ROW_ALIGN = 8 };

static void put_zeros(struct ps_buf *b, size_t n)
{
	static const char zeros[256];

	for (; n > sizeof(zeros); n -= sizeof(zeros))
		ps_buf_put(b, zeros, sizeof(zeros));
	ps_buf_put(b, zeros, n);
}

plan_off build_align(struct builder *b)
{
	put_zeros(b->out, (ROW_ALIGN - b->out->len % ROW_ALIGN) % ROW_ALIGN);
	return (plan_off)b->out->len;
}

void build_init(struct builder *b, const struct policy *p, const struct host *h, const struct plan_request *r,
		struct ps_buf *out, struct ps_err *e)
{
	*b = (struct builder){ .p = p, .h = h, .r = r, .out = out, .e = e };
	b->plan.magic = PLAN_MAGIC;
	b->plan.version = PLAN_VERSION;
	b->plan.rootfs_fd = PLAN_NO_FD;
	b->plan.null_fd = PLAN_NO_FD;
	b->plan.store_fd = PLAN_NO_FD;
	b->plan.agent_fd = PLAN_NO_FD;
	b->plan.hook_stdout = b->plan.hook_stderr = PLAN_NO_FD;
	ps_buf_reset(out);
	put_zeros(out, sizeof(b->plan));
}

void build_done(struct builder *b)
{
	ps_buf_done(&b->fds.buf);
	ps_buf_done(&b->ns_joins.buf);
	ps_buf_done(&b->cgroup_files.buf);
	ps_buf_done(&b->unit_properties.buf);
}

static struct plan_list flush(struct builder *b, struct build_rows *rows, size_t size)
{
	b->out->failed |= rows->buf.failed;
	return build_copy(b, rows->buf.data, rows->buf.failed ? 0 : rows->n, size);
}

int build_finish(struct builder *b)
{
	b->plan.fds = flush(b, &b->fds, sizeof(struct plan_fd));
	b->plan.ns_joins = flush(b, &b->ns_joins, sizeof(struct plan_ns_join));
	b->plan.cgroup_files = flush(b, &b->cgroup_files, sizeof(struct plan_cgroup_file));
	b->plan.unit_properties = flush(b, &b->unit_properties, sizeof(struct plan_unit_property));
	b->plan.cgroups = build_copy(b, b->cgroups, b->n_cgroups, sizeof(b->cgroups[0]));
	return build_close(b, b->r->id);
}

int build_close(struct builder *b, const char *id)
{
	/* Whatever text comes last, the block ends in a NUL. */
	put_zeros(b->out, 1);
	(void)build_align(b);
	if (b->out->failed) {
		errno = ENOMEM;
		return ps_fail_os(b->e, "make the plan of '%s'", id);
	}
	if (b->out->len > UINT32_MAX)
		return ps_fail(b->e, PS_E_CONFIG, "the plan of '%s' is larger than 4 GiB", id);
	b->plan.size = (uint32_t)b->out->len;
	memcpy(b->out->data, &b->plan, sizeof(b->plan));
	return 0;
}

plan_off build_str(struct builder *b, const char *s)
{
	plan_off at = (plan_off)b->out->len;

	if (!s)
		return 0;
	ps_buf_put(b->out, s, strlen(s) + 1);
	return at;
}

plan_off build_fmt(struct builder *b, const char *fmt, ...)
{
	plan_off at = (plan_off)b->out->len;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	put_zeros(b->out, (size_t)n + 1);
	if (b->out->failed)
		return 0;
	va_start(ap, fmt);
	(void)vsnprintf(b->out->data + at, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return at;
}

struct plan_list build_reserve(struct builder *b, size_t n, size_t size)
{
	struct plan_list l = { 0, (uint32_t)n };

	if (!n)
		return l;
	l.off = build_align(b);
	if (n > UINT32_MAX / size)
		b->out->failed = true;
	else
		put_zeros(b->out, n * size);
	return l;
}

void build_set(struct builder *b, struct plan_list l, size_t i, const void *row, size_t size)
{
	if (!b->out->failed)
		memcpy(b->out->data + l.off + i * size, row, size);
}

struct plan_list build_copy(struct builder *b, const void *rows, size_t n, size_t size)
{
	struct plan_list l = { 0, (uint32_t)n };

	if (!n)
		return l;
	l.off = build_align(b);
	ps_buf_put(b->out, rows, n * size);
	return l;
}

struct plan_list build_strs(struct builder *b, const struct spec_strs *s)
{
	struct plan_list l = build_reserve(b, s->n, sizeof(plan_off));

	for (size_t i = 0; i < s->n; i++) {
		plan_off text = build_str(b, s->v[i]);

		build_set(b, l, i, &text, sizeof(text));
	}
	return l;
}

struct plan_list build_id_maps(struct builder *b, const struct spec_id_maps *m)
{
	_Static_assert(sizeof(struct plan_id_map) == sizeof(*m->v), "the rows are the spec's");

	return build_copy(b, m->v, m->n, sizeof(*m->v));
}

uint32_t build_push(struct build_rows *rows, const void *row, size_t size)
{
	ps_buf_put(&rows->buf, row, size);
	return rows->n++;
}

uint32_t build_fd(struct builder *b, const struct plan_fd *fd)
{
	return build_push(&b->fds, fd, sizeof(*fd));
}

int build_at(const struct builder *b, const char *from)
{
	return ps_at_from(b->e, from, "");
}
