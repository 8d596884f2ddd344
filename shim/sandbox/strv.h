/* SPDX-License-Identifier: Apache-2.0
 * strv.h - NULL-terminated string arrays for execve(2), in memory of their own: no malloc between clone and exec.
 * The strings stay where they are (the plan).  Private to the sandbox.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include "shim/plan/plan.h"

struct strv {
	char **v; /* v[n] is NULL */
	size_t n, size;
};
#define STRV_NONE         \
	{                 \
		.v = NULL \
	}

static inline void strv_done(struct strv *s)
{
	if (s->v)
		(void)munmap(s->v, s->size);
	*s = (struct strv)STRV_NONE;
}
#define auto_strv __attribute__((cleanup(strv_done)))

/* Room is the caller's promise. */
static inline void strv_add(struct strv *s, const char *text)
{
	s->v[s->n++] = (char *)(uintptr_t)text; /* execve(2) is not const-correct; nobody writes */
}

static inline void strv_add_plan(struct strv *s, const struct plan *p, struct plan_list list)
{
	for (uint32_t i = 0; i < list.n; i++)
		strv_add(s, plan_list_str(p, list, i));
}

/* The strings of a plan list, with room for `extra` more.  -1 with errno. */
static inline int strv_of_plan(const struct plan *p, struct plan_list list, uint32_t extra, struct strv *ret)
{
	struct strv s = { .size = ((size_t)list.n + extra + 1) * sizeof(char *) };

	s.v = mmap(NULL, s.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (s.v == MAP_FAILED)
		return -1;
	strv_add_plan(&s, p, list);
	*ret = s;
	return 0;
}
