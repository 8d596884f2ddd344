/* SPDX-License-Identifier: Apache-2.0
 * learn_calls.c - the system calls of all runs that were learned from, as a document's linux.seccomp.
 */
#include "oci/json_write.h"
#include "shim/cli/learn_calls.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/scope.h"
#include "oci/names.h"
#include "shim/cli/learn_config.h"
#include "shim/policy/arch.h"

enum { CALLS_MAX = 512 };

/* What no run tells of: a guard cannot stop these, and without them nothing is executed or ends. */
static const char *const of_runtime[] = {
	"close", "execve", "exit", "exit_group", "futex", "munmap", "read", "restart_syscall", "rt_sigreturn", "wait4", "write",
};
/* Of a first process that waits for the payload (shim/sandbox/reaper.h), until it executes it and when it gets signals. */
static const char *const of_reaper[] = {
	"clone", "close_range", "fork", "getpid", "gettid", "ioctl", "kill", "prctl", "rt_sigprocmask", "rt_sigtimedwait", "set_tid_address", "setsid",
};

static bool has(const struct spec_strs *s, const char *name)
{
	for (size_t i = 0; i < s->n; i++)
		if (!strcmp(s->v[i], name))
			return true;
	return false;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool is_call(const struct json *o, const char **ret)
{
	const struct json *kind = json_get(o, "kind"), *call = json_get(o, "call");

	if (!kind || kind->type != JSON_STRING || strcmp(kind->v.s, "call") != 0 || !call || call->type != JSON_STRING || !*call->v.s)
		return false;
	*ret = call->v.s;
	return true;
}

int learn_calls_read(struct ps_arena *a, const char *file, struct spec_strs *ret, struct ps_err *e)
{
	ps_auto_file FILE *f = fopen(file, "re");
	ps_auto_mem char *line = NULL;
	const char **v = ps_arena_array(a, CALLS_MAX, sizeof(*v));
	struct spec_strs calls = { v, 0 };
	size_t size = 0;
	ssize_t n;

	if (!f || !v)
		return ps_fail_os(e, "open '%s'", file);
	while ((errno = 0, n = getline(&line, &size, f)) > 0) {
		ps_auto_arena struct ps_arena memory = { 0 };
		const char *name;
		struct json *o;

		if (!memmem(line, (size_t)n, "\"kind\":\"call\"", 13))
			continue;
		if (json_parse(&memory, file, line, (size_t)n, &o, e) < 0)
			return -1;
		if (!is_call(o, &name) || has(&calls, name) || calls.n == CALLS_MAX)
			continue;
		v[calls.n] = ps_arena_strdup(a, name);
		if (!v[calls.n++])
			return ps_fail_os(e, "memory for system calls");
	}
	if (errno || ferror(f))
		return ps_fail_os(e, "read '%s'", file);
	qsort(v, calls.n, sizeof(*v), by_name);
	*ret = calls;
	return 0;
}

/* ---- The object ---- */

static void put_names(struct ps_jsonw *w, const char *const *v, size_t n, const struct spec_strs *but)
{
	for (size_t i = 0; i < n; i++)
		if (!but || !has(but, v[i]))
			ps_jw_str(w, NULL, v[i]);
}

void learn_calls_put(struct ps_jsonw *w, const char *key, const struct spec_strs *calls, bool reaper)
{
	ps_jw_object(w, key);
	ps_jw_str(w, "defaultAction", "SCMP_ACT_ERRNO");
	ps_jw_int(w, "defaultErrnoRet", ENOSYS);
	ps_jw_array(w, "architectures");
	ps_jw_str(w, NULL, ps_name_of(names_seccomp_arch, n_names_seccomp_arch, ARCH_NATIVE));
	ps_jw_end_array(w);
	ps_jw_array(w, "syscalls");
	ps_jw_object(w, NULL);
	ps_jw_array(w, "names");
	put_names(w, calls->v, calls->n, NULL);
	put_names(w, of_runtime, PS_COUNT(of_runtime), calls);
	if (reaper)
		put_names(w, of_reaper, PS_COUNT(of_reaper), calls);
	ps_jw_end_array(w);
	ps_jw_str(w, "action", "SCMP_ACT_ALLOW");
	ps_jw_end_object(w);
	ps_jw_end_array(w);
	ps_jw_end_object(w);
}

/* ---- A document's own ---- */

static bool lets_happen(const struct json *action)
{
	return action && action->type == JSON_STRING && (!strcmp(action->v.s, "SCMP_ACT_ALLOW") || !strcmp(action->v.s, "SCMP_ACT_LOG"));
}

static bool is_needed(const struct spec_strs *calls, bool reaper, const struct json *name)
{
	const struct spec_strs runtime = { of_runtime, PS_COUNT(of_runtime) };
	const struct spec_strs first = { of_reaper, PS_COUNT(of_reaper) };

	return name->type == JSON_STRING && (has(calls, name->v.s) || has(&runtime, name->v.s) || (reaper && has(&first, name->v.s)));
}

/* Without the names that nobody called; a rule without names is none. */
static void put_rule(struct ps_jsonw *w, const struct json *rule, const struct spec_strs *calls, bool reaper)
{
	const struct json *names = json_get(rule, "names");
	size_t n = 0;

	if (!lets_happen(json_get(rule, "action")) || !names || names->type != JSON_ARRAY) {
		json_write(w, rule, NULL);
		return;
	}
	for (size_t i = 0; i < names->v.list.n; i++)
		n += is_needed(calls, reaper, &names->v.list.items[i]);
	if (!n)
		return;
	ps_jw_object(w, NULL);
	for (size_t i = 0; i < rule->v.list.n; i++) {
		const struct json *member = &rule->v.list.items[i];

		if (member != names) {
			json_write(w, member, NULL);
			continue;
		}
		ps_jw_array(w, "names");
		for (size_t k = 0; k < names->v.list.n; k++)
			if (is_needed(calls, reaper, &names->v.list.items[k]))
				json_write(w, &names->v.list.items[k], NULL);
		ps_jw_end_array(w);
	}
	ps_jw_end_object(w);
}

bool learn_calls_narrow(struct ps_jsonw *w, const struct json *own, const struct spec_strs *calls, bool reaper)
{
	const struct json *rules = json_get(own, "syscalls");

	if (lets_happen(json_get(own, "defaultAction")))
		return false;
	ps_jw_object(w, own->key);
	for (size_t i = 0; i < own->v.list.n; i++) {
		const struct json *member = &own->v.list.items[i];

		if (member != rules || rules->type != JSON_ARRAY) {
			json_write(w, member, NULL);
			continue;
		}
		ps_jw_array(w, "syscalls");
		for (size_t k = 0; k < rules->v.list.n; k++)
			put_rule(w, &rules->v.list.items[k], calls, reaper);
		ps_jw_end_array(w);
	}
	ps_jw_end_object(w);
	return true;
}
