/* SPDX-License-Identifier: Apache-2.0
 * test_log.c - the lines that engines parse, to the byte, and where each goes.
 */
#include "tests/unit/unit.h"

#include <errno.h>

#include "shim/cli/cmd.h"
#include "shim/cli/log_hint.h"

static const struct ps_err failure = {
	.cls = PS_E_CONFIG,
	.line = 12,
	.file = "oci/spec.c",
	.where = "config.json: /process/cwd",
	.msg = "must be \"absolute\"",
};

#define HINT "\"code\":\"invalid-config\",\"hint\":\"change the place that 'where' names; 'podshim plan BUNDLE' checks it without running anything\""

static void assert_line(bool json, bool debug, const struct ps_err *e, const char *expected)
{
	ps_auto_buf struct ps_buf out = { .data = NULL };

	log_line(&out, json, debug, e ? "error" : "warning", "a \"text\"\n", "2026-01-02T03:04:05.000000006Z",
		 e);
	assert_string_equal(out.data, expected);
}

static void lines(void **state)
{
	struct ps_err nowhere = failure;

	(void)state;
	nowhere.where[0] = '\0';
	assert_line(
		true, false, NULL,
		"{\"level\":\"warning\",\"msg\":\"a \\\"text\\\"\\n\",\"time\":\"2026-01-02T03:04:05.000000006Z\"}\n");
	assert_line(
		true, false, &nowhere,
		"{\"level\":\"error\",\"msg\":\"a \\\"text\\\"\\n\",\"time\":\"2026-01-02T03:04:05.000000006Z\","
		"\"class\":\"configuration is invalid\"," HINT "}\n");
	assert_line(
		true, true, &failure,
		"{\"level\":\"error\",\"msg\":\"a \\\"text\\\"\\n\",\"time\":\"2026-01-02T03:04:05.000000006Z\","
		"\"class\":\"configuration is invalid\"," HINT ",\"where\":\"config.json: /process/cwd\","
		"\"site\":\"oci/spec.c:12\"}\n");
	assert_line(false, false, &failure,
		    "time=\"2026-01-02T03:04:05.000000006Z\" level=error msg=\"a \\\"text\\\"\\n\"\n");
	assert_line(
		false, true, &failure,
		"time=\"2026-01-02T03:04:05.000000006Z\" level=error msg=\"a \\\"text\\\"\\n\" site=oci/spec.c:12\n");
}

static void control_characters_are_escaped(void **state)
{
	static const struct { const char *text, *escaped; } rows[] = {
		{ "", NULL },
		{ "plain \\ \"text\" \xc3\xa9", "plain \\ \"text\" \xc3\xa9" },
		{ "a\033[1m\tb\nc\r\177", "a\\x1b[1m\\tb\\nc\\x0d\\x7f" },
		/* CSI as U+009B, as a byte alone, a sequence that is cut off; U+00A0 is none of these. */
		{ "\xc2\x9b" "1m", "\\xc2\\x9b1m" },
		{ "\x9b" "1m", "\\x9b1m" },
		{ "x\xe2\x82", "x\\xe2\\x82" },
		{ "\xc2\xa0", "\xc2\xa0" },
	};

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		ps_auto_buf struct ps_buf out = { .data = NULL };

		log_escape(&out, rows[i].text);
		if (rows[i].escaped)
			assert_string_equal(out.data, rows[i].escaped);
		else
			assert_int_equal(out.len, 0);
	}
}

/* What fn writes to standard error. */
static void capture(void (*fn)(struct log *l), struct log *l, char *out, size_t size)
{
	char path[PATH_MAX];
	int dir = unit_mkdir(path), saved = dup(STDERR_FILENO);
	ps_auto_fd int fd = openat(dir, "stderr", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	ssize_t n;

	assert_true(fd >= 0 && saved >= 0);
	assert_int_equal(dup2(fd, STDERR_FILENO), STDERR_FILENO);
	fn(l);
	assert_int_equal(dup2(saved, STDERR_FILENO), STDERR_FILENO);
	(void)close(saved);
	n = pread(fd, out, size - 1, 0);
	assert_true(n >= 0);
	out[n] = '\0';
	unit_rmdir(path, dir);
}

static void fail_once(struct log *l)
{
	log_failure(l, &failure);
}

static void warn_once(struct log *l)
{
	log_warning(l, "odd");
}

static void failures_go_to_standard_error(void **state)
{
	struct log l = { .target = LOG_TARGET_NONE };
	char text[1024];

	(void)state;
	capture(fail_once, &l, text, sizeof(text));
	assert_string_equal(text, "podshim: config.json: /process/cwd: must be \"absolute\"\n");
	l.debug = true;
	capture(fail_once, &l, text, sizeof(text));
	assert_string_equal(text,
			    "podshim: config.json: /process/cwd: must be \"absolute\" [oci/spec.c:12]\n");
	l.debug = false;
	l.json = true;
	capture(fail_once, &l, text, sizeof(text));
	assert_non_null(strstr(
		text,
		"{\"level\":\"error\",\"msg\":\"config.json: /process/cwd: must be \\\"absolute\\\"\","));
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
}

static struct ps_err longest = { .cls = PS_E_OS };

static void fail_at_length(struct log *l)
{
	log_failure(l, &longest);
}

static void the_longest_failure_is_one_whole_line(void **state)
{
	struct log l = { .target = LOG_TARGET_NONE, .debug = true };
	char text[2048];

	(void)state;
	memset(longest.msg, 'm', sizeof(longest.msg) - 1);
	memset(longest.where, 'w', sizeof(longest.where) - 1);
	memset(longest.file, 'f', sizeof(longest.file) - 1);
	capture(fail_at_length, &l, text, sizeof(text));
	assert_non_null(strstr(text, "www: mmm"));
	assert_non_null(strstr(text, "fff:0]\n"));
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
}

static void warnings_wait_to_be_asked_for(void **state)
{
	struct log l = { .target = LOG_TARGET_NONE, .level = LOG_LEVEL_ERROR };
	char text[1024];

	(void)state;
	capture(warn_once, &l, text, sizeof(text));
	assert_string_equal(text, "");
	l.level = LOG_LEVEL_WARNING;
	capture(warn_once, &l, text, sizeof(text));
	assert_string_equal(text, "podshim: warning: odd\n");
	l.quiet = true;
	capture(warn_once, &l, text, sizeof(text));
	assert_string_equal(text, "");
}

static const struct ps_err forged = {
	.cls = PS_E_CONFIG, .where = "a\nb: /x", .msg = "is 'c\npodshim: all is well\033[2J'",
};

static void fail_forged(struct log *l)
{
	log_failure(l, &forged);
}

static void warn_forged(struct log *l)
{
	log_warning(l, forged.msg);
}

/* Also as an engine prints the message that it took out of the JSON. */
static void no_message_forges_a_line(void **state)
{
	struct log l = { .target = LOG_TARGET_NONE, .level = LOG_LEVEL_WARNING };
	char text[1024];

	(void)state;
	capture(fail_forged, &l, text, sizeof(text));
	assert_string_equal(text, "podshim: a\\nb: /x: is 'c\\npodshim: all is well\\x1b[2J'\n");
	capture(warn_forged, &l, text, sizeof(text));
	assert_string_equal(text, "podshim: warning: is 'c\\npodshim: all is well\\x1b[2J'\n");
	l.json = true;
	capture(fail_forged, &l, text, sizeof(text));
	assert_non_null(strstr(text, "\"msg\":\"a\\\\nb: /x: is 'c\\\\npodshim: all is well\\\\x1b[2J'\""));
	assert_non_null(strstr(text, "\"where\":\"a\\\\nb: /x\""));
	capture(warn_forged, &l, text, sizeof(text));
	assert_non_null(strstr(text, "\"msg\":\"is 'c\\\\npodshim"));
}

static void a_log_file_is_appended_to(void **state)
{
	struct global_flags g = { .log_format = "json" };
	struct ps_err e = { .cls = PS_OK };
	char dir_path[PATH_MAX], file[PATH_MAX + 8], text[1024];
	int dir = unit_mkdir(dir_path);
	ps_auto_buf struct ps_buf content = { .data = NULL };
	struct log l;

	(void)state;
	(void)snprintf(file, sizeof(file), "%s/log", dir_path);
	g.log = file;
	unit_write(dir, "log", "{}\n");
	assert_int_equal(log_open(&g, &l, &e), 0);
	capture(warn_once, &l, text, sizeof(text));
	assert_string_equal(text, "");
	capture(fail_once, &l, text, sizeof(text));
	assert_string_equal(text, "podshim: config.json: /process/cwd: must be \"absolute\"\n");
	log_close(&l);
	assert_int_equal(l.target.fd, -1);
	assert_int_equal(ps_read_file_at(dir, "log", 4096, &content, &e), 0);
	assert_memory_equal(content.data, "{}\n{\"level\":\"error\",\"msg\":\"", 25);
	assert_ptr_equal(strchr(content.data + 3, '\n'), content.data + content.len - 1);
	unit_rmdir(dir_path, dir);
}

static int open_with_stderr(const char *path, const struct global_flags *g, struct log *l, struct ps_err *e)
{
	int saved = dup(STDERR_FILENO), fd = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC), r;

	assert_true(saved >= 0 && fd >= 0);
	assert_int_equal(dup2(fd, STDERR_FILENO), STDERR_FILENO);
	r = log_open(g, l, e);
	assert_int_equal(dup2(saved, STDERR_FILENO), STDERR_FILENO);
	(void)close(saved);
	(void)close(fd);
	return r;
}

static void levels(void **state)
{
	static const struct {
		struct global_flags g;
		enum log_level level;
		bool debug;
	} rows[] = {
		{ { .log = NULL }, LOG_LEVEL_ERROR, false },
		{ { .log_level = "error" }, LOG_LEVEL_ERROR, false },
		{ { .log_level = "warning" }, LOG_LEVEL_WARNING, false },
		{ { .log_level = "debug" }, LOG_LEVEL_DEBUG, true },
		{ { .debug = true }, LOG_LEVEL_DEBUG, true },
		{ { .debug = true, .log_level = "error" }, LOG_LEVEL_DEBUG, true },
	};

	(void)state;
	for (size_t i = 0; i < PS_COUNT(rows); i++) {
		struct ps_err e = { .cls = PS_OK };
		struct log l;

		assert_int_equal(open_with_stderr("/dev/null", &rows[i].g, &l, &e), 0);
		assert_int_equal(l.level, rows[i].level);
		assert_int_equal(l.debug, rows[i].debug);
		assert_int_equal(l.target.fd, -1);
	}
}

/* Somebody looks on: warnings are for people, unless they went to a log or were not wanted. */
static void a_terminal_gets_warnings(void **state)
{
	static const struct global_flags plain = { .log = NULL }, errors = { .log_level = "error" },
					 logged = { .log = "/dev/null" };
	ps_auto_fd int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	struct ps_err e = { .cls = PS_OK };
	char tty[64];
	struct log l;

	(void)state;
	assert_true(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
	assert_int_equal(ptsname_r(master, tty, sizeof(tty)), 0);
	assert_int_equal(open_with_stderr(tty, &plain, &l, &e), 0);
	assert_int_equal(l.level, LOG_LEVEL_WARNING);
	assert_int_equal(open_with_stderr(tty, &errors, &l, &e), 0);
	assert_int_equal(l.level, LOG_LEVEL_ERROR);
	assert_int_equal(open_with_stderr(tty, &logged, &l, &e), 0);
	assert_int_equal(l.level, LOG_LEVEL_ERROR);
	log_close(&l);
}

static void a_log_that_cannot_be_opened_still_reports(void **state)
{
	static const struct global_flags g = { .log = "/proc/self/no/log" };
	struct ps_err e = { .cls = PS_OK };
	struct log l;

	(void)state;
	assert_int_equal(log_open(&g, &l, &e), -1);
	assert_string_equal(e.msg, "open log file '/proc/self/no/log': No such file or directory");
	assert_int_equal(l.target.fd, -1);
}

/* A code stays what it is; a hint is there for each, and never takes an engine's words. */
static void every_failure_has_a_code_and_a_hint(void **state)
{
#define X(sym, number, text) sym,
	static const enum ps_err_class classes[] = { PS_ERR_CLASSES(X) };
#undef X
	static const char *const codes[] = { "os", "invalid-config", "wrong-state", "denied", "unsupported", "peer-failed", "usage",
					     "not-found", "exists", "internal" };
	static const char *const taken[] = { "permission denied", "no such file", "not permitted", "not found", "does not exist" };
	static const int numbers[] = { 0, EPERM, EACCES, ENOENT, ENOSPC, ENOMEM, EMFILE, EIO };

	(void)state;
	assert_int_equal(PS_COUNT(classes), PS_COUNT(codes));
	for (size_t i = 0; i < PS_COUNT(classes); i++) {
		for (size_t k = 0; k < PS_COUNT(numbers); k++) {
			const struct ps_err e = { .cls = classes[i], .sys = numbers[k] };

			assert_string_equal(log_code(&e), codes[i]);
			assert_true(strlen(log_hint(&e)) > 10);
			for (size_t t = 0; t < PS_COUNT(taken); t++)
				assert_null(strstr(log_hint(&e), taken[t]));
		}
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines),
		cmocka_unit_test(every_failure_has_a_code_and_a_hint),
		cmocka_unit_test(control_characters_are_escaped),
		cmocka_unit_test(no_message_forges_a_line),
		cmocka_unit_test(failures_go_to_standard_error),
		cmocka_unit_test(the_longest_failure_is_one_whole_line),
		cmocka_unit_test(warnings_wait_to_be_asked_for),
		cmocka_unit_test(a_log_file_is_appended_to),
		cmocka_unit_test(levels),
		cmocka_unit_test(a_terminal_gets_warnings),
		cmocka_unit_test(a_log_that_cannot_be_opened_still_reports),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
