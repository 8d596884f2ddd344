/* SPDX-License-Identifier: Apache-2.0
 * broker_sys.c - uname and sysinfo: what sys entries allow is the truth, the rest is made up.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

#include "base/scope.h"
#include "shim/pod/broker_inside.h"

enum { SHOWN_MEMORY = 1 << 30 };

static bool sys_allowed(const struct request *r, const char *name, const char *action)
{
	const struct perm_query q = { .permission = POLICY_SYS, .value = name };
	int err;

	return request_allowed(r, &q, action, /* sound= */ true, &err);
}

/* Somebody is asked about one of these first.  Before any of them is told of: the call comes again. */
static bool waits(struct request *r, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct perm_query q = { .permission = POLICY_SYS, .value = names[i] };

		if (request_asks(r, &q)) {
			request_answer(r, 0, REQUEST_ASKED);
			return true;
		}
	}
	return false;
}

static void on_written(struct job *j, int err, const struct task *t)
{
	(void)t;
	job_answer(j, 0, err);
}

static void give(struct request *r, const void *p, size_t n)
{
	struct order o = { .address = r->args[0] };
	struct job *j = job_new(r);

	if (!j)
		return;
	j->on_reply = on_written;
	job_order(j, &o, p, n);
}

static void put(char field[65], const char *text)
{
	memset(field, 0, 65);
	(void)snprintf(field, 65, "%s", text);
}

void call_uname(struct request *r)
{
	static const char *const names[] = { "hostname", "osRelease" };
	struct utsname u;
	_Static_assert(sizeof(u) == 6 * 65, "struct new_utsname");

	if (uname(&u) < 0) {
		request_answer(r, 0, errno);
		return;
	}
	const char *name = r->s->f.hostname;
	/* The one that is made up where config.json has none says nothing. */
	const size_t first = !name || !strcmp(name, "localhost");

	if (waits(r, names + first, PS_COUNT(names) - first))
		return;
	put(u.nodename, name && sys_allowed(r, "hostname", "uname") ? name : "localhost");
	put(u.domainname, "(none)");
	if (!sys_allowed(r, "osRelease", "uname")) {
		put(u.release, "5.10.0"); /* one that C libraries do not find too old */
		put(u.version, "#1 SMP");
	}
	give(r, &u, sizeof(u));
}

void call_sysinfo(struct request *r)
{
	static const char *const names[] = { "osUptime", "loadavg", "systemMemoryInfo" };
	struct sysinfo s;

	if (waits(r, names, PS_COUNT(names)))
		return;
	if (sysinfo(&s) < 0) {
		request_answer(r, 0, errno);
		return;
	}
	if (!sys_allowed(r, "osUptime", "sysinfo"))
		s.uptime = 0;
	if (!sys_allowed(r, "loadavg", "sysinfo"))
		memset(s.loads, 0, sizeof(s.loads));
	if (!sys_allowed(r, "systemMemoryInfo", "sysinfo")) {
		const struct perm_limit *memory = &r->s->f.permissions->settings.memory;

		s.mem_unit = 1;
		s.totalram = memory->set ? memory->v : SHOWN_MEMORY;
		s.freeram = s.totalram / 2;
		s.sharedram = s.bufferram = s.totalswap = s.freeswap = s.totalhigh = s.freehigh = 0;
	}
	s.procs = 1;
	give(r, &s, offsetof(struct sysinfo, mem_unit) + sizeof(s.mem_unit)); /* all that is the kernel's in every C library's */
}
