/* SPDX-License-Identifier: Apache-2.0
 * restrict_test.h - for tests of restrict*.c: a container's files, a document and entries -> what is left of the policy.
 */
#pragma once
#include "tests/unit/elf_make.h"
#include "tests/unit/plan_test.h"

#include <errno.h>

#include "base/abi.h"
#include "shim/policy/restrict.h"

#define RT __attribute__((unused)) static

#define RT_LOADER "/lib64/ld-linux-x86-64.so.2"
/* All namespaces, the mounts that engines make; more mounts (each begins with a comma) and more of the document. */
#define RT_NS "{'type':'mount'},{'type':'pid'},{'type':'network'},{'type':'ipc'},{'type':'uts'}"
#define RT_DOC_NS(ns, mounts, more)                                                                                      \
	"{'ociVersion':'1.3.0','root':{'path':'rootfs'},'linux':{'namespaces':[" ns "]}"                                \
	",'process':{'user':{'uid':0,'gid':0},'cwd':'/work','args':['tool','x'],'env':['PATH=/usr/bin:/bin','A=1','LD_PRELOAD=x']" \
	",'capabilities':{'bounding':['CAP_SYS_ADMIN','CAP_NET_RAW','CAP_CHOWN'],'effective':['CAP_SYS_ADMIN','CAP_CHOWN']," \
	"'permitted':['CAP_SYS_ADMIN','CAP_CHOWN']}}"                                                                   \
	",'mounts':[{'destination':'/proc','type':'proc','source':'proc'}"                                             \
	",{'destination':'/dev','type':'tmpfs','source':'tmpfs','options':['nosuid','mode=755']}"                       \
	",{'destination':'/dev/pts','type':'devpts','source':'devpts'}"                                                 \
	",{'destination':'/sys','type':'sysfs','source':'sysfs','options':['ro']}"                                     \
	",{'destination':'/tmp','type':'tmpfs','source':'tmpfs'}" mounts "]" more "}"
#define RT_DOC(mounts, more) RT_DOC_NS(RT_NS, mounts, more)

struct rt {
	char path[PATH_MAX];
	int fd;
	struct ps_arena a;
	struct restrict_host host;
	const struct policy *p;      /* what is left */
	struct perm_settings settings;
	struct ps_err e;
};
struct rt_entry { enum policy_permission p; enum policy_action act; const char *list; };

/* Formatted, on the heap. */
RT __attribute__((format(printf, 1, 2))) char *rt_text(const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	assert_true(vasprintf(&text, fmt, ap) > 0);
	va_end(ap);
	return text;
}

RT void rt_dirs(int fd, const char *path)
{
	char dir[PATH_MAX];

	for (size_t i = 1; i <= strlen(path); i++)
		if (!path[i] || path[i] == '/') {
			(void)snprintf(dir, sizeof(dir), "%.*s", (int)i, path);
			assert_true(mkdirat(fd, dir, 0755) == 0 || errno == EEXIST);
		}
}

RT void rt_file(struct rt *t, const char *path)
{
	char dir[PATH_MAX];

	(void)snprintf(dir, sizeof(dir), "%.*s", (int)(strrchr(path, '/') - path), path);
	rt_dirs(t->fd, dir);
	unit_write(t->fd, path, "text");
}

/* A system with a dynamic tool, another one, and files of work. */
RT int rt_setup(void **state)
{
	struct rt *t = calloc(1, sizeof(*t));

	assert_non_null(t);
	t->fd = unit_mkdir(t->path);
	t->host = (struct restrict_host){ .root_fd = t->fd, .landlock_abi = 7, .mdwe = true, .memfd_noexec = true, .notify = true };
	rt_dirs(t->fd, "usr/bin");
	rt_dirs(t->fd, "usr/lib");
	rt_dirs(t->fd, "lib64");
	rt_dirs(t->fd, "proc");
	rt_dirs(t->fd, "dev");
	rt_dirs(t->fd, "tmp");
	rt_dirs(t->fd, "work/out");
	assert_int_equal(symlinkat("usr/bin", t->fd, "bin"), 0);
	em_write(t->fd, "lib64/ld-linux-x86-64.so.2", &(struct em){ .bits = 64 });
	em_write(t->fd, "usr/lib/liba.so", &(struct em){ .bits = 64 });
	em_write(t->fd, "usr/bin/tool", &(struct em){ .interp = RT_LOADER, .needed = { "liba.so" } });
	em_write(t->fd, "usr/bin/other", &(struct em){ .bits = 64 });
	rt_file(t, "etc/passwd");
	rt_file(t, "work/in");
	rt_file(t, "work/.env");
	*state = t;
	return 0;
}

RT int rt_teardown(void **state)
{
	struct rt *t = *state;

	ps_arena_done(&t->a);
	unit_rmdir(t->path, t->fd);
	free(t);
	return 0;
}

RT const struct permissions *rt_permissions(struct rt *t, const struct rt_entry *v)
{
	struct perm_builder *b = perm_builder_new(&t->a, PERM_FLAG, "the command line");
	const struct perm_context c = { .cwd = "/work" };
	const struct permissions *g = NULL;
	struct perm_layers l = { .n = 1 };
	struct perm_settings *s;

	assert_non_null(b);
	for (; v->act || v->list || v->p; v++)
		if (perm_builder_add(b, v->p, v->act, strcmp(v->list, "*") ? v->list : NULL, "--flag", &t->e) < 0)
			fail_msg("%s", t->e.msg);
	s = perm_builder_settings(b);
	*s = t->settings;
	if (perm_builder_done(b, &l.v[0], &t->e) < 0 || permissions_merge(&t->a, &l, &c, &g, &t->e) < 0)
		fail_msg("%s", t->e.msg);
	return g;
}

RT int rt_run(struct rt *t, const char *doc, const struct rt_entry *v)
{
	const struct policy *p = NULL;

	ps_arena_done(&t->a);
	t->e = (struct ps_err){ .cls = PS_OK };
	t->p = NULL;
	if (permissions_restrict(&t->a, pt_policy(&t->a, doc), rt_permissions(t, v), &t->host, &p, &t->e) < 0) {
		assert_null(p);
		return -1;
	}
	t->p = p;
	return 0;
}

#define ENTRIES(...) (const struct rt_entry[]){ __VA_ARGS__, { 0, 0, NULL } }
#define ALLOW(perm, list) { POLICY_##perm, POLICY_ALLOW, list }
#define DENY(perm, list) { POLICY_##perm, POLICY_DENY, list }
#define RESTRICT(t, doc, ...)                                           \
	do {                                                            \
		if (rt_run(t, doc, ENTRIES(__VA_ARGS__)) < 0)           \
			fail_msg("%s: %s", (t)->e.where, (t)->e.msg);   \
	} while (0)
#define REFUSES(t, doc, text, ...)                                      \
	do {                                                            \
		assert_int_equal(rt_run(t, doc, ENTRIES(__VA_ARGS__)), -1); \
		assert_string_equal((t)->e.msg, text);                  \
	} while (0)

RT const struct policy_rebind *rt_rebind(const struct rt *t, const char *path)
{
	for (size_t i = 0; i < t->p->n_rebinds; i++)
		if (strcmp(t->p->rebinds[i].path, path) == 0)
			return &t->p->rebinds[i];
	return NULL;
}

RT uint64_t rt_access(const struct rt *t, const char *path)
{
	for (size_t i = 0; i < t->p->landlock.n_rules; i++)
		if (strcmp(t->p->landlock.rules[i].path, path) == 0)
			return t->p->landlock.rules[i].access;
	return 0;
}

RT bool rt_masked(const struct rt *t, const char *path)
{
	for (size_t i = 0; i < t->p->n_masked; i++)
		if (strcmp(t->p->masked[i].path, path) == 0)
			return true;
	return false;
}

RT const struct policy_mount *rt_mount(const struct rt *t, const char *target)
{
	for (size_t i = 0; i < t->p->n_mounts; i++)
		if (strcmp(t->p->mounts[i].target, target) == 0)
			return &t->p->mounts[i];
	return NULL;
}

RT bool rt_says(const struct spec_strs *l, const char *text)
{
	for (size_t i = 0; i < l->n; i++)
		if (strstr(l->v[i], text))
			return true;
	return false;
}

/* How a rebind of the path is: "x" executable, "w" writable, "-x", "-w" not; "" none. */
RT const char *rt_flags(const struct rt *t, const char *path)
{
	static char text[16];
	const struct policy_rebind *r = rt_rebind(t, path);

	text[0] = '\0';
	if (!r)
		return text;
	(void)snprintf(text, sizeof(text), "%s%s",
		       r->attr_clr & MOUNT_ATTR_NOEXEC ? "x" : r->attr_set & MOUNT_ATTR_NOEXEC ? "-x" : "",
		       r->attr_clr & MOUNT_ATTR_RDONLY ? "w" : r->attr_set & MOUNT_ATTR_RDONLY ? "-w" : "");
	return text;
}
