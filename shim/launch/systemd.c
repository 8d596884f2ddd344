/* SPDX-License-Identifier: Apache-2.0
 * systemd.c - the host's service manager makes, moves into and ends the unit that a container's cgroup is.
 */
#include "shim/launch/systemd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/gvariant.h"
#include "base/num.h"
#include "base/scope.h"
#include "ipc/bus.h"

unsigned systemd_wait_ms = 15000;

enum { POLL_MS = 20, JOB_MAX = 128 };

static const char manager_path[] = "/org/freedesktop/systemd1", manager[] = "org.freedesktop.systemd1.Manager",
		  service[] = "org.freedesktop.systemd1", properties[] = "org.freedesktop.DBus.Properties",
		  no_such_unit[] = "org.freedesktop.systemd1.NoSuchUnit", unit_exists[] = "org.freedesktop.systemd1.UnitExists";

/* ---- Where it listens ---- */

struct place {
	char path[PATH_MAX];
	bool direct;
};

static unsigned add_place(struct place *to, const char *dir, const char *name, bool direct)
{
	const int n = snprintf(to->path, sizeof(to->path), "%s%s", dir, name);

	to->direct = direct;
	return n > 0 && (size_t)n < sizeof(to->path) && *dir == '/';
}

static unsigned system_places(struct place v[3])
{
	const char *address = getenv("DBUS_SYSTEM_BUS_ADDRESS");
	unsigned n = 0;

	if (address && bus_address_path(address, v[0].path, sizeof(v[0].path))) {
		v[0].direct = false;
		return 1;
	}
	n += add_place(&v[n], "/run/systemd", "/private", true);
	n += add_place(&v[n], "/run/dbus", "/system_bus_socket", false);
	return n;
}

static unsigned user_places(struct place v[3])
{
	const char *dir = getenv("XDG_RUNTIME_DIR"), *address = getenv("DBUS_SESSION_BUS_ADDRESS");
	unsigned n = 0;

	if (dir && *dir)
		n += add_place(&v[n], dir, "/systemd/private", true);
	if (address && bus_address_path(address, v[n].path, sizeof(v[n].path)))
		v[n++].direct = false;
	if (dir && *dir)
		n += add_place(&v[n], dir, "/bus", false);
	return n;
}

static bool nobody_there(const struct ps_err *why)
{
	return why->cls == PS_E_PEER && (why->sys == ENOENT || why->sys == ECONNREFUSED);
}

/* The first that listens; what it then does wrong is an error. */
static int connect_to(bool user, struct bus *ret, struct ps_err *e)
{
	struct place places[3];
	const unsigned n = user ? user_places(places) : system_places(places);
	struct ps_err why = { .cls = PS_E_PEER, .sys = ENOENT };

	for (unsigned i = 0; i < n; i++) {
		auto_bus struct bus b = BUS_NONE;

		why = (struct ps_err){ .cls = PS_OK };
		if (bus_connect(places[i].path, places[i].direct, systemd_wait_ms, &b, &why) == 0) {
			if (bus_check_pids(&b, e) < 0)
				return -1;
			*ret = b;
			b = (struct bus)BUS_NONE;
			return 0;
		}
		if (!nobody_there(&why))
			break;
	}
	if (!nobody_there(&why)) {
		if (e)
			*e = why;
		return ps_ctx(e, "systemd");
	}
	const int cause = why.sys;

	(void)(user ? ps_fail(e, PS_E_PEER, "no systemd of the user's was found at $XDG_RUNTIME_DIR or $DBUS_SESSION_BUS_ADDRESS: "
					    "set them as in a login session, or use --cgroup-manager cgroupfs")
		    : ps_fail(e, PS_E_PEER, "no systemd was found on this machine: use --cgroup-manager cgroupfs"));
	if (e)
		e->sys = cause;
	return -1;
}

/* ---- Calls ---- */

static int call_manager(struct bus *b, const char *member, const char *signature, const struct ps_buf *body, struct dbus_msg *ret,
			struct ps_err *e)
{
	const struct dbus_call c = { service, manager_path, manager, member, signature };

	bus_wait_at_most(b, systemd_wait_ms);
	return bus_call(b, &c, body, ret, e) < 0 ? ps_ctx(e, "systemd") : 0;
}

/* A property that is a string, into out. */
static int get_text(struct bus *b, const char *path, const char *interface, const char *name, char *out, size_t size, struct ps_err *e)
{
	const struct dbus_call c = { service, path, properties, "Get", "ss" };
	ps_auto_buf struct ps_buf body = { .data = NULL };
	struct dbus_msg reply;

	dbus_put_str(&body, interface);
	dbus_put_str(&body, name);
	bus_wait_at_most(b, systemd_wait_ms);
	if (bus_call(b, &c, &body, &reply, e) < 0 || (reply.type == DBUS_ERROR && bus_raise(b, &reply, e) < 0))
		return ps_ctx(e, "ask systemd for %s", name);
	const char *type = strcmp(reply.signature, "v") == 0 ? dbus_get_sig(&reply.body) : "";
	const char *text = strcmp(type, "s") == 0 ? dbus_get_str(&reply.body) : NULL;

	if (!text || reply.body.bad || strlen(text) >= size)
		return ps_fail(e, PS_E_PEER, "ask systemd for %s: '%s' sent what it cannot be", name, b->path);
	(void)snprintf(out, size, "%s", text);
	return 0;
}

/* Digits in front, or behind a "v": "252.39-1", "v257". */
static int read_version(const char *text, unsigned *ret, struct ps_err *e)
{
	const char *digits = text + (*text == 'v');
	char number[8];
	uint32_t v;

	(void)snprintf(number, sizeof(number), "%.*s", (int)strspn(digits, "0123456789"), digits);
	if (ps_parse_u32(number, &v) < 0)
		return ps_fail(e, PS_E_PEER, "systemd says to be of version '%.40s'", text);
	*ret = v;
	return 0;
}

static bool ns_of(const char *pid, char out[64])
{
	char path[32];
	ssize_t n;

	(void)snprintf(path, sizeof(path), "/proc/%s/ns/user", pid);
	n = readlink(path, out, 63);
	out[n > 0 ? n : 0] = '\0';
	return n > 0;
}

bool systemd_is_users(bool in_user_ns)
{
	char first[64], own[64];

	/* It can't be asked whose it is where it has more rights than we: then it is not ours. */
	return geteuid() != 0 || (in_user_ns && (!ns_of("1", first) || !ns_of("self", own) || strcmp(first, own) != 0));
}

int systemd_look(bool user, struct systemd_facts *ret, struct ps_err *e)
{
	auto_bus struct bus b = BUS_NONE;
	struct systemd_facts f;
	char version[128];

	if (connect_to(user, &b, e) < 0 || get_text(&b, manager_path, manager, "ControlGroup", f.root, sizeof(f.root), e) < 0 ||
	    get_text(&b, manager_path, manager, "Version", version, sizeof(version), e) < 0 || read_version(version, &f.version, e) < 0)
		return -1;
	if (strcmp(f.root, "/") == 0)
		f.root[0] = '\0';
	if ((f.root[0] && f.root[0] != '/') || strstr(f.root, "/.."))
		return ps_fail(e, PS_E_PEER, "systemd says to be in the cgroup '%.80s'", f.root);
	*ret = f;
	return 0;
}

/* ---- Jobs ---- */

static int match_jobs(struct bus *b, struct ps_err *e)
{
	return bus_match(b, "type='signal',sender='org.freedesktop.systemd1',path='/org/freedesktop/systemd1',"
			    "interface='org.freedesktop.systemd1.Manager',member='JobRemoved'", e);
}

/* The job that a reply names. */
static int read_job(const struct bus *b, struct dbus_msg *reply, char out[JOB_MAX], struct ps_err *e)
{
	const char *job = strcmp(reply->signature, "o") == 0 ? dbus_get_path(&reply->body) : "";

	if (!*job || strlen(job) >= JOB_MAX)
		return ps_fail(e, PS_E_PEER, "'%s' answered without a job", b->path);
	(void)snprintf(out, JOB_MAX, "%s", job);
	return 0;
}

/* Wait until the job is over. */
static int wait_job(struct bus *b, const char *job, const char *unit, struct ps_err *e)
{
	struct dbus_msg m;

	bus_wait_at_most(b, systemd_wait_ms);
	for (;;) {
		if (bus_wait_signal(b, &m, e) < 0)
			return ps_ctx(e, "wait for systemd's job of unit '%s'", unit);
		if (strcmp(m.member, "JobRemoved") != 0 || strcmp(m.interface, manager) != 0 || strcmp(m.signature, "uoss") != 0)
			continue;
		(void)dbus_get_u32(&m.body);
		const char *which = dbus_get_path(&m.body);

		(void)dbus_get_str(&m.body);
		const char *result = dbus_get_str(&m.body);

		if (m.body.bad)
			return ps_fail(e, PS_E_PEER, "'%s' sent a malformed message", b->path);
		if (strcmp(which, job) == 0)
			return strcmp(result, "done") == 0 ? 0 : ps_fail(e, PS_E_STATE, "systemd could not do its job of unit '%s': %.40s; "
									  "'systemctl status %s' or the journal may say why", unit, result, unit);
	}
}

/* A call with the name of a unit as its first argument.  *ret_missing: there is no such unit. */
static int call_unit(struct bus *b, const char *member, const char *unit, const char *mode, struct dbus_msg *ret, bool *ret_missing,
		     struct ps_err *e)
{
	ps_auto_buf struct ps_buf body = { .data = NULL };

	dbus_put_str(&body, unit);
	if (mode)
		dbus_put_str(&body, mode);
	if (call_manager(b, member, mode ? "ss" : "s", &body, ret, e) < 0)
		return -1;
	*ret_missing = ret->type == DBUS_ERROR && strcmp(ret->error, no_such_unit) == 0;
	return ret->type == DBUS_ERROR && !*ret_missing ? bus_raise(b, ret, e) : 0;
}

/* ---- Start ---- */

static int put_property(const struct plan *p, const struct plan_unit_property *row, struct ps_buf *body, struct ps_err *e)
{
	const char *type = plan_str(p, row->type);

	dbus_pad(body, 8);
	dbus_put_str(body, plan_str(p, row->name));
	dbus_put_sig(body, type);
	if (gvariant_put(plan_str(p, row->value), type, body, e) < 0)
		return ps_ctx(e, "property %s of unit '%s'", plan_str(p, row->name), plan_str(p, p->unit));
	return 0;
}

static void put_pid(pid_t pid, struct ps_buf *body)
{
	dbus_pad(body, 8);
	dbus_put_str(body, "PIDs");
	dbus_put_sig(body, "au");
	const struct dbus_array pids = dbus_begin(body, 'u');

	dbus_put_u32(body, (uint32_t)pid);
	dbus_end(body, pids);
}

static int start_body(const struct plan *p, pid_t pid, struct ps_buf *body, struct ps_err *e)
{
	dbus_put_str(body, plan_str(p, p->unit));
	dbus_put_str(body, "replace");
	const struct dbus_array rows = dbus_begin(body, '(');

	for (PLAN_EACH(p, struct plan_unit_property, row, p->unit_properties))
		if (put_property(p, row, body, e) < 0)
			return -1;
	if (pid)
		put_pid(pid, body);
	dbus_end(body, rows);
	dbus_end(body, dbus_begin(body, '(')); /* no auxiliary units */
	return body->failed ? ps_fail(e, PS_E_CONFIG, "unit '%s' has too many properties", plan_str(p, p->unit)) : 0;
}

/*
 * A unit of that name is there.  1: it was, or is going, and may be tried again; 0: it stays, and is somebody's.
 */
static int clear_leftover(struct bus *b, const char *unit, struct ps_err *e)
{
	struct dbus_msg reply;
	char state[32], path[512];
	bool missing;

	if (call_unit(b, "GetUnit", unit, NULL, &reply, &missing, e) < 0)
		return -1;
	if (missing)
		return 1;
	const char *found = strcmp(reply.signature, "o") == 0 ? dbus_get_path(&reply.body) : "";

	if (!*found || strlen(found) >= sizeof(path))
		return ps_fail(e, PS_E_PEER, "'%s' answered without a unit", b->path);
	(void)snprintf(path, sizeof(path), "%s", found);
	if (get_text(b, path, "org.freedesktop.systemd1.Unit", "ActiveState", state, sizeof(state), e) < 0)
		return -1;
	if (strcmp(state, "failed") == 0)
		return call_unit(b, "ResetFailedUnit", unit, NULL, &reply, &missing, e) < 0 ? -1 : 1;
	return strcmp(state, "inactive") == 0 || strcmp(state, "deactivating") == 0;
}

static int say_exists(const char *unit, struct ps_err *e)
{
	return ps_fail(e, PS_E_EXISTS, "systemd has a unit '%s' already, perhaps of a container of that name under another --root: "
		       "'podshim list --all', 'systemctl status %s'", unit, unit);
}

/* Ask until the name is free, or is somebody's.  A call that is not answered makes nothing once its process has ended. */
static int start_unit(struct bus *b, const char *unit, const struct ps_buf *body, char job[JOB_MAX], bool *ret_made, struct ps_err *e)
{
	const int64_t deadline = ps_now_ms() + systemd_wait_ms;
	struct dbus_msg reply;
	int again;

	for (;;) {
		if (call_manager(b, "StartTransientUnit", "ssa(sv)a(sa(sv))", body, &reply, e) < 0)
			return -1;
		if (reply.type == DBUS_REPLY) {
			*ret_made = true;
			return read_job(b, &reply, job, e);
		}
		if (strcmp(reply.error, unit_exists) != 0)
			return bus_raise(b, &reply, e);
		again = clear_leftover(b, unit, e);
		if (again < 0)
			return -1;
		if (!again || ps_now_ms() >= deadline)
			return say_exists(unit, e);
		(void)poll(NULL, 0, POLL_MS);
	}
}

/* The line of /proc/PID/cgroup for this row says where the process is. */
static bool is_there(const struct plan *p, const struct plan_cgroup *c, const char *text)
{
	const char *names = plan_str(p, c->controllers), *path = plan_str(p, c->path);

	for (const char *line = text; line && *line; line = strchr(line, '\n'), line += line != NULL) {
		const char *list = strchr(line, ':'), *at = list ? strchr(list + 1, ':') : NULL;
		const size_t n = list && at ? (size_t)(at - list - 1) : 0;

		if (!at || strlen(names) != n || memcmp(list + 1, names, n) != 0)
			continue;
		return strcspn(at + 1, "\n") == strlen(path) && strncmp(at + 1, path, strlen(path)) == 0;
	}
	return false;
}

/* It said so; what the kernel says is what counts. */
static int check_moved(const struct plan *p, pid_t pid, struct ps_err *e)
{
	ps_auto_buf struct ps_buf text = { .data = NULL };
	char path[40];

	(void)snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)pid);
	if (ps_read_file_at(AT_FDCWD, path, 1 << 16, &text, e) < 0)
		return ps_ctx(e, "look where systemd has moved process %d", (int)pid);
	for (PLAN_EACH(p, struct plan_cgroup, c, p->cgroups)) {
		/* Version 1 but for systemd's own hierarchy is ours to join. */
		if (c->version == 1 && strcmp(plan_str(p, c->controllers), "name=systemd") != 0)
			continue;
		if (!is_there(p, c, text.data ? text.data : ""))
			return ps_fail(e, PS_E_PEER, "systemd says that unit '%s' is there, but process %d is not in cgroup '%s%s'",
				       plan_str(p, p->unit), (int)pid, plan_str(p, c->mount), plan_str(p, c->path));
	}
	return 0;
}

int systemd_start(const struct plan *p, pid_t pid, bool *ret_made, struct ps_err *e)
{
	const char *unit = plan_str(p, p->unit);
	ps_auto_buf struct ps_buf body = { .data = NULL };
	auto_bus struct bus b = BUS_NONE;
	char job[JOB_MAX];

	if (start_body(p, pid, &body, e) < 0 || connect_to(p->unit_user, &b, e) < 0 || match_jobs(&b, e) < 0)
		return -1;
	if (start_unit(&b, unit, &body, job, ret_made, e) < 0)
		return ps_ctx(e, "start unit '%s'", unit);
	if (wait_job(&b, job, unit, e) < 0)
		return -1;
	return pid ? check_moved(p, pid, e) : 0;
}

/* ---- What is there ---- */

int systemd_attach(const char *unit, bool user, const char *below, pid_t pid, struct ps_err *e)
{
	ps_auto_buf struct ps_buf body = { .data = NULL };
	auto_bus struct bus b = BUS_NONE;
	struct dbus_msg reply;

	dbus_put_str(&body, unit);
	dbus_put_str(&body, below);
	const struct dbus_array pids = dbus_begin(&body, 'u');

	dbus_put_u32(&body, (uint32_t)pid);
	dbus_end(&body, pids);
	if (connect_to(user, &b, e) < 0 || call_manager(&b, "AttachProcessesToUnit", "ssau", &body, &reply, e) < 0)
		return -1;
	return reply.type == DBUS_ERROR ? bus_raise(&b, &reply, e), ps_ctx(e, "move process %d into unit '%s'", (int)pid, unit) : 0;
}

/* "infinity", or what is no limit. */
static const char *unlimited(const char *name, const char *type)
{
	if (strcmp(type, "t") != 0)
		return "@ay []";
	return strcmp(name, "MemoryLow") == 0 || strcmp(name, "MemoryMin") == 0 ? "0" : "18446744073709551615";
}

static int put_before(const struct plan *p, const struct plan_unit_property *row, const struct plan *before, struct ps_buf *body,
		      struct ps_err *e)
{
	const char *name = plan_str(p, row->name), *type = plan_str(p, row->type);

	for (PLAN_EACH(before, struct plan_unit_property, was, before->unit_properties))
		if (strcmp(plan_str(before, was->name), name) == 0)
			return put_property(before, was, body, e);
	dbus_pad(body, 8);
	dbus_put_str(body, name);
	dbus_put_sig(body, type);
	return gvariant_put(unlimited(name, type), type, body, e);
}

int systemd_set(const struct plan *p, const struct plan *before, struct ps_err *e)
{
	const char *unit = plan_str(p, p->unit);
	ps_auto_buf struct ps_buf body = { .data = NULL };
	auto_bus struct bus b = BUS_NONE;
	struct dbus_msg reply;
	char version[128];

	dbus_put_str(&body, unit);
	dbus_put_u32(&body, 1); /* "runtime": not for ever */
	const struct dbus_array rows = dbus_begin(&body, '(');

	for (PLAN_EACH(p, struct plan_unit_property, row, p->unit_properties))
		if ((before ? put_before(p, row, before, &body, e) : put_property(p, row, &body, e)) < 0)
			return -1;
	dbus_end(&body, rows);
	if (connect_to(p->unit_user, &b, e) < 0 || call_manager(&b, "SetUnitProperties", "sba(sv)", &body, &reply, e) < 0)
		return -1;
	if (reply.type == DBUS_ERROR)
		return bus_raise(&b, &reply, e), ps_ctx(e, "change the limits of unit '%s'", unit);
	/* It writes to the cgroup when it has answered, before it reads what it is asked next. */
	return get_text(&b, manager_path, manager, "Version", version, sizeof(version), e);
}

int systemd_stop(const char *unit, bool user, struct ps_err *e)
{
	struct ps_err why = { .cls = PS_OK };
	auto_bus struct bus b = BUS_NONE;
	struct dbus_msg reply;
	char job[JOB_MAX];
	bool missing;

	if (connect_to(user, &b, &why) < 0) {
		if (nobody_there(&why))
			return 0;
		if (e)
			*e = why;
		return ps_ctx(e, "stop unit '%s'", unit);
	}
	if (match_jobs(&b, e) < 0 || call_unit(&b, "StopUnit", unit, "replace", &reply, &missing, e) < 0)
		return ps_ctx(e, "stop unit '%s'", unit);
	if (missing)
		return 0;
	if (read_job(&b, &reply, job, e) < 0 || wait_job(&b, job, unit, e) < 0)
		return ps_ctx(e, "stop unit '%s'", unit);
	return call_unit(&b, "ResetFailedUnit", unit, NULL, &reply, &missing, e) < 0 ? ps_ctx(e, "stop unit '%s'", unit) : 0;
}
