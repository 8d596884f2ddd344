/* SPDX-License-Identifier: Apache-2.0
 * test_audit.c - a file of audit events: how much one container may add to it.
 */
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shim/pod/audit.h"
#include "tests/unit/unit.h"

enum { TARGET_MAX = 65536 };

static struct audit *begin(int *ret_fd)
{
	struct audit *a;
	struct ps_err e;
	const int fd = memfd_create("audit", MFD_CLOEXEC);

	assert_true(fd >= 0);
	*ret_fd = dup(fd);
	assert_int_equal(audit_new("", "an-id", NULL, fd, &a, &e), 0);
	return a;
}

static off_t size_of(int fd)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	return st.st_size;
}

/* The file's last line, without its end. */
static void last_line(int fd, char *out, size_t size)
{
	const off_t from = size_of(fd) - (off_t)size + 1;
	const ssize_t n = pread(fd, out, size - 1, from > 0 ? from : 0);
	char *line;

	assert_true(n > 0 && out[n - 1] == '\n');
	out[n - 1] = '\0';
	line = strrchr(out, '\n');
	if (line)
		memmove(out, line + 1, strlen(line));
}

static void test_full(void **state)
{
	static char target[TARGET_MAX];
	struct access x = { .permission = POLICY_READ, .result = POLICY_DENY, .target = target, .action = "open", .mech = "x", .count = 3 };
	uint64_t told = 0;
	char line[512];
	int fd;

	(void)state;
	memset(target, 'a', sizeof(target) - 1);
	struct audit *a = begin(&fd);

	for (off_t before = -1; size_of(fd) != before; told++) {
		before = size_of(fd);
		audit_access(a, &x, told);
	}
	const off_t full = size_of(fd);

	assert_true(full <= AUDIT_FILE_MAX && full > AUDIT_FILE_MAX - 2 * TARGET_MAX);
	/* A short one that would still have room: what is there has no gaps. */
	target[1] = '\0';
	audit_access(a, &x, told);
	assert_int_equal(size_of(fd), full);
	audit_free(a);
	last_line(fd, line, sizeof(line));
	assert_non_null(strstr(line, "\"kind\":\"drop\",\"count\":6}"));
	close(fd);
}

static void test_not_full(void **state)
{
	struct access x = { .permission = POLICY_READ, .result = POLICY_DENY, .target = (char[]){ "/x" }, .action = "open", .mech = "x", .count = 1 };
	char line[4096];
	int fd;

	(void)state;
	struct audit *a = begin(&fd);

	audit_access(a, &x, 1);
	audit_free(a);
	last_line(fd, line, sizeof(line));
	assert_non_null(strstr(line, "\"target\":\"/x\""));
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_full), cmocka_unit_test(test_not_full) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
