/* SPDX-License-Identifier: Apache-2.0
 * cgroup_devices.c - changes the device rules of a version 1 cgroup: what stays permitted is so all the time.
 *
 * The kernel keeps one answer for everything and exceptions to it, which it lists only where that answer is no.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/scope.h"
#include "shim/sandbox/cgroup.h"
#include "shim/sandbox/cgroup_dir.h"

static const struct { uint16_t bit; char letter; } letters[] = { { 2, 'r' }, { 4, 'w' }, { 1, 'm' } }; /* BPF_DEVCG_ACC_* */

struct exceptions {
	struct plan_device_rule *v; /* one of each type, major and minor; access may be 0 */
	size_t n, cap;
};

static void exceptions_done(struct exceptions *x)
{
	free(x->v);
}

/* The exception of r's numbers, made without any access if need be; NULL: no memory. */
static struct plan_device_rule *exception(struct exceptions *x, const struct plan_device_rule *r)
{
	for (size_t i = 0; i < x->n; i++)
		if (x->v[i].type == r->type && x->v[i].major == r->major && x->v[i].minor == r->minor)
			return &x->v[i];
	if (x->n == x->cap) {
		const size_t cap = x->cap ? 2 * x->cap : 32;
		struct plan_device_rule *v = reallocarray(x->v, cap, sizeof(*v));

		if (!v)
			return NULL;
		x->v = v;
		x->cap = cap;
	}
	x->v[x->n] = (struct plan_device_rule){ .type = r->type, .major = r->major, .minor = r->minor };
	return &x->v[x->n++];
}

static unsigned access_in(const struct exceptions *x, const struct plan_device_rule *r)
{
	for (size_t i = 0; i < x->n; i++)
		if (x->v[i].type == r->type && x->v[i].major == r->major && x->v[i].minor == r->minor)
			return x->v[i].access;
	return 0;
}

/* What the rules behind the first come to where that denies everything. */
static int wanted(const struct plan_device_rule *rules, size_t n, struct exceptions *x, struct ps_err *e)
{
	for (size_t i = 1; i < n; i++) {
		struct plan_device_rule *at = exception(x, &rules[i]);

		if (!at)
			return ps_fail_os(e, "memory for device rules");
		at->access = (uint16_t)(rules[i].allow ? at->access | rules[i].access : at->access & ~rules[i].access);
	}
	return 0;
}

static int64_t number(const char *s)
{
	uint32_t n;

	return ps_parse_u32(s, &n) == 0 ? (int64_t)n : -1;
}

/* "c 1:3 rwm" lines of devices.list.  1: everything is permitted, exceptions are not told. */
static int in_force(int dir_fd, struct exceptions *x, struct ps_err *e)
{
	enum { LIST_MAX = 65536 };
	ps_auto_mem char *list = malloc(LIST_MAX);
	char *rest = list, *line;

	if (!list || cgroup_read(dir_fd, "devices.list", list, LIST_MAX) < 0)
		return ps_fail_os(e, "read 'devices.list' of the container's cgroup");
	while ((line = strsep(&rest, "\n"))) {
		char type, major[16], minor[16], access[8];
		struct plan_device_rule r = { .allow = 1 }, *at;

		if (sscanf(line, "%c %15[^:]:%15s %7s", &type, major, minor, access) != 4)
			continue;
		if (type == 'a')
			return 1;
		r.type = type;
		r.major = number(major);
		r.minor = number(minor);
		at = exception(x, &r);
		if (!at)
			return ps_fail_os(e, "memory for device rules");
		for (size_t i = 0; i < PS_COUNT(letters); i++)
			at->access |= strchr(access, letters[i].letter) ? letters[i].bit : 0;
	}
	return 0;
}

static int put(int dir_fd, bool allow, const struct plan_device_rule *r, unsigned access, struct ps_err *e)
{
	const char *file = allow ? "devices.allow" : "devices.deny";
	char major[24] = "*", minor[24] = "*", kinds[PS_COUNT(letters) + 1] = "", line[64];
	size_t n = 0;

	if (!access)
		return 0;
	if (r->major >= 0)
		(void)snprintf(major, sizeof(major), "%lld", (long long)r->major);
	if (r->minor >= 0)
		(void)snprintf(minor, sizeof(minor), "%lld", (long long)r->minor);
	for (size_t i = 0; i < PS_COUNT(letters); i++)
		if (access & letters[i].bit)
			kinds[n++] = letters[i].letter;
	(void)snprintf(line, sizeof(line), "%c %s:%s %s", r->type, major, minor, kinds);
	if (cgroup_write(dir_fd, file, line) == 0)
		return 0;
	if (errno == EPERM)
		return ps_fail(e, PS_E_UNSUPP, "write '%s' to '%s': the parent cgroup does not allow the device", line, file);
	if (errno == EINVAL && r->type == 'a')
		return ps_fail(e, PS_E_UNSUPP, "write '%s' to '%s': the payload has made cgroups below its own", line, file);
	return ps_fail_os(e, "write '%s' to '%s'", line, file);
}

/* From one set of exceptions to another: first what is added. */
static int move(int dir_fd, const struct exceptions *from, const struct exceptions *to, struct ps_err *e)
{
	for (size_t i = 0; i < to->n; i++)
		if (put(dir_fd, true, &to->v[i], to->v[i].access & ~access_in(from, &to->v[i]), e) < 0)
			return -1;
	for (size_t i = 0; i < from->n; i++)
		if (put(dir_fd, false, &from->v[i], from->v[i].access & ~access_in(to, &from->v[i]), e) < 0)
			return -1;
	return 0;
}

int cgroup_change_devices(int dir_fd, const struct plan_device_rule *rules, size_t n, struct ps_err *e)
{
	__attribute__((cleanup(exceptions_done))) struct exceptions now = { .v = NULL }, want = { .v = NULL };
	const int all = in_force(dir_fd, &now, e);

	if (all < 0)
		return -1;
	if (!all && !rules[0].allow) {
		if (wanted(rules, n, &want, e) < 0)
			return -1;
		if (move(dir_fd, &now, &want, e) == 0)
			return 0;
		(void)move(dir_fd, &want, &now, NULL);
		return -1;
	}
	if (all && rules[0].allow && n == 1)
		return 0;
	/* The other answer for everything: it comes first, and is all or nothing. */
	for (size_t i = 0; i < n; i++)
		if (put(dir_fd, rules[i].allow, &rules[i], rules[i].access, e) < 0)
			return i ? ps_ctx(e, "the device rules are incomplete now") : -1;
	return 0;
}
