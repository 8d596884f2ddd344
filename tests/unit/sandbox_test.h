/* SPDX-License-Identifier: Apache-2.0
 * sandbox_test.h - for tests of shim/sandbox: plans built by hand, code that changes its process run in a child.
 */
#pragma once
#include <sys/wait.h>
#include "shim/sandbox/sandbox.h"
#include "tests/unit/unit.h"

/* A plan with room for its rows and texts. */
struct test_plan {
	struct plan plan;
	_Alignas(16) char room[65536];
	uint32_t used;
};

/* An empty plan and no error, and who works on them. */
static inline struct sandbox tp_fresh(struct test_plan *t, struct ps_err *e)
{
	memset(t, 0, sizeof(*t));
	memset(e, 0, sizeof(*e));
	return (struct sandbox)SANDBOX_INIT(&t->plan, NULL);
}

static inline plan_off tp_put(struct test_plan *t, const void *p, size_t n)
{
	char *at = t->room + t->used;

	if (n > sizeof(t->room) - t->used - 16)
		abort();
	memcpy(at, p, n);
	t->used = (uint32_t)((t->used + n + 15) & ~(size_t)15);
	return (plan_off)(at - (char *)&t->plan);
}

static inline plan_off tp_str(struct test_plan *t, const char *s)
{
	return tp_put(t, s, strlen(s) + 1);
}

#define TP_ROWS(t, rows) ((struct plan_list){ tp_put((t), (rows), sizeof(rows)), sizeof(rows) / sizeof((rows)[0]) })

/* A list of texts; ends with NULL. */
static inline struct plan_list tp_strs(struct test_plan *t, const char *const *strs)
{
	plan_off offs[256];
	uint32_t n = 0;

	for (; strs[n]; n++)
		offs[n] = tp_str(t, strs[n]);
	return (struct plan_list){ n ? tp_put(t, offs, n * sizeof(offs[0])) : 0, n };
}
#define TP_STRS(t, ...) tp_strs((t), (const char *const[]){ __VA_ARGS__, NULL })

/* In a child only: cmocka's assertions belong to the parent. */
#define CHECK(cond)                                                                          \
	do {                                                                                 \
		if (!(cond)) {                                                               \
			(void)fprintf(stderr, "%s:%d: %s (errno %d)\n", __FILE__, __LINE__, #cond, errno); \
			_exit(99);                                                           \
		}                                                                            \
	} while (0)
#define CHECK_OK(call, err)                                                                  \
	do {                                                                                 \
		if ((call) < 0) {                                                            \
			(void)fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, #call, (err)->msg); \
			_exit(99);                                                           \
		}                                                                            \
	} while (0)
#define CHECK_ERR(call, err, text)                                                           \
	do {                                                                                 \
		CHECK((call) == -1);                                                         \
		if (!strstr((err)->msg, (text))) {                                           \
			(void)fprintf(stderr, "%s:%d: '%s' lacks '%s'\n", __FILE__, __LINE__, (err)->msg, (text)); \
			_exit(99);                                                           \
		}                                                                            \
	} while (0)

/* Status of fn run in a child, as a shell has it.  The child ends when fn returns (0) or fails a CHECK (99). */
static inline int in_child(void (*fn)(void *arg), void *arg)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		(void)alarm(60);
		fn(arg);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* A test that runs the function of its name in a child. */
#define CHILD_TEST(fn)                                   \
	static void test_##fn(void **state)              \
	{                                                \
		(void)state;                             \
		assert_int_equal(in_child(fn, NULL), 0); \
	}

/* The first line of a file, without its end. */
static inline const char *first_line(const char *path, char *buf, size_t size)
{
	FILE *f = fopen(path, "re");

	buf[0] = '\0';
	if (f) {
		if (fgets(buf, (int)size, f))
			buf[strcspn(buf, "\n")] = '\0';
		(void)fclose(f);
	}
	return buf;
}
