/* SPDX-License-Identifier: Apache-2.0
 * test_state_sweep.c - owners killed at any step leave nothing that a sweep does not find; one of many gets an id.
 *
 * WRAP: mkdirat openat flock write syscall renameat unlinkat
 */
#include "tests/unit/unit.h"

#include <signal.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "base/proc.h"
#include "oci/state.h"
#include "oci/state_file.h"

/* >= 0: this many of the wrapped calls pass, then the process dies. */
static int die_after = -1;

#define DYING(type, name, params, args)                                \
	type __real_##name params;                                     \
	type __wrap_##name params;                                     \
	type __wrap_##name params                                      \
	{                                                              \
		if (die_after >= 0 && die_after-- == 0)                \
			(void)kill(getpid(), SIGKILL);                 \
		return __real_##name args;                             \
	}
DYING(int, openat, (int d, const char *p, int f, mode_t m), (d, p, f, m))
DYING(int, mkdirat, (int d, const char *p, mode_t m), (d, p, m))
DYING(int, flock, (int fd, int op), (fd, op))
DYING(ssize_t, write, (int fd, const void *p, size_t n), (fd, p, n))
DYING(int, renameat, (int d, const char *p, int d2, const char *p2), (d, p, d2, p2))
DYING(long, syscall, (long nr, long a, long b, long c, long d, long e, long f), (nr, a, b, c, d, e, f))
DYING(int, unlinkat, (int d, const char *p, int f), (d, p, f))

static char top[PATH_MAX], root[PATH_MAX + 16];
static int top_fd;
static struct state st;

static int setup(void **state)
{
	struct ps_err e = { .cls = PS_OK };

	(void)state;
	top_fd = unit_mkdir(top);
	(void)snprintf(root, sizeof(root), "%s/root", top);
	st = (struct state){ .id = "web", .bundle = "/b", .launcher = getpid() };
	return ps_boot_id(st.boot_id, &e);
}

static int teardown(void **state)
{
	(void)state;
	unit_rmdir(top, top_fd);
	return 0;
}

/* Of ROOT, without "." and "..". */
static int entries(void)
{
	ps_auto_dir DIR *dir = opendir(root);
	const struct dirent *d;
	int n = 0;

	while (dir && (d = readdir(dir)))
		n += strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0;
	return n;
}

static void reserve(const char *id, struct state_dir *d)
{
	struct ps_err e = { .cls = PS_OK };

	(void)snprintf(st.id, sizeof(st.id), "%s", id);
	if (state_reserve(root, &st, d, &e) < 0)
		fail_msg("%s", e.msg);
}

/* Appends each id and a space. */
static int note(const char *id, void *ctx)
{
	struct ps_buf *b = ctx;

	ps_buf_printf(b, "%s ", id);
	return 0;
}

static int stop_with_7(const char *id, void *ctx)
{
	(void)note(id, ctx);
	return 7;
}

static void assert_sweep(const char *ids)
{
	ps_auto_buf struct ps_buf b = { .data = NULL };
	struct ps_err e = { .cls = PS_OK };
	int before = unit_open_fds();

	ps_buf_puts(&b, "");
	if (state_sweep(root, note, &b, &e) != 0)
		fail_msg("%s", e.msg);
	assert_string_equal(b.data, ids);
	assert_int_equal(unit_open_fds(), before);
}

static void each_goes_by_name(void **state)
{
	ps_auto_buf struct ps_buf b = { .data = NULL };
	auto_state_dir struct state_dir d = STATE_DIR_NONE;
	struct ps_err e = { .cls = PS_OK };
	int root_fd, before;

	(void)state;
	assert_int_equal(state_each(root, note, &b, &e), 0);
	assert_null(b.data);
	for (const char *const *id = (const char *const[]){ "b", "Z", "a.1", "a", NULL }; *id; id++) {
		state_dir_done(&d);
		reserve(*id, &d);
	}
	assert_int_equal(state_root_open(root, false, &root_fd, &e), 0);
	assert_int_equal(mkdirat(root_fd, ".new-1", 0700), 0);
	unit_write(root_fd, "file", "");
	(void)close(root_fd);
	before = unit_open_fds();
	assert_int_equal(state_each(root, note, &b, &e), 0);
	assert_string_equal(b.data, "Z a a.1 b ");
	ps_buf_reset(&b);
	assert_int_equal(state_each(root, stop_with_7, &b, &e), 7);
	assert_string_equal(b.data, "Z ");
	assert_int_equal(unit_open_fds(), before);
	assert_int_equal(state_each("/", note, &b, &e), -1);
	assert_int_equal(e.cls, PS_E_USAGE);
}

static void sweep_of_nothing(void **state)
{
	(void)state;
	assert_sweep("");
	assert_int_equal(access(root, F_OK), -1);
}

static void living_owner_is_spared(void **state)
{
	auto_state_dir struct state_dir d = STATE_DIR_NONE;
	struct ps_err e = { .cls = PS_OK };

	(void)state;
	reserve("web", &d);
	assert_sweep("");
	assert_int_equal(entries(), 1);
	st.status = STATE_CREATED;
	assert_int_equal(state_write(&d, &st, &e), 0);
	state_dir_done(&d); /* created and unlocked: waits for start */
	assert_sweep("");
	assert_int_equal(entries(), 1);
}

static void dead_intent_is_swept(void **state)
{
	auto_state_dir struct state_dir d = STATE_DIR_NONE;

	(void)state;
	reserve("web", &d);
	state_dir_done(&d);
	assert_sweep("web ");
	assert_int_equal(entries(), 0);
	assert_sweep("");
}

static void another_boot_is_swept(void **state)
{
	auto_state_dir struct state_dir d = STATE_DIR_NONE;
	struct ps_err e = { .cls = PS_OK };

	(void)state;
	reserve("web", &d);
	st.status = STATE_RUNNING;
	st.boot_id[0] = st.boot_id[0] == '0' ? '1' : '0';
	assert_int_equal(state_write(&d, &st, &e), 0);
	assert_sweep(""); /* somebody deletes it right now */
	state_dir_done(&d);
	assert_sweep("web ");
	assert_int_equal(entries(), 0);
}

static void callback_that_fails_keeps_the_record(void **state)
{
	auto_state_dir struct state_dir d = STATE_DIR_NONE;
	ps_auto_buf struct ps_buf b = { .data = NULL };
	struct ps_err e = { .cls = PS_OK };

	(void)state;
	reserve("a", &d);
	state_dir_done(&d);
	reserve("b", &d);
	state_dir_done(&d);
	assert_int_equal(state_sweep(root, stop_with_7, &b, &e), 7);
	assert_string_equal(b.data, "a ");
	assert_int_equal(entries(), 2);
}

static int remove_it(const char *id, void *ctx)
{
	auto_state_dir struct state_dir d = STATE_DIR_NONE;
	struct ps_err e = { .cls = PS_OK };

	(void)ctx;
	if (state_open(root, id, &d, &e) < 0 || state_lock(&d, 0, &e) < 0)
		fail_msg("%s", e.msg);
	return state_remove(&d, &e);
}

static int make_it_anew(const char *id, void *ctx)
{
	(void)remove_it(id, ctx);
	reserve(id, ctx);
	return 0;
}

static void callback_may_remove_or_replace(void **state)
{
	auto_state_dir struct state_dir d = STATE_DIR_NONE;
	struct ps_err e = { .cls = PS_OK };

	(void)state;
	reserve("web", &d);
	state_dir_done(&d);
	assert_int_equal(state_sweep(root, remove_it, NULL, &e), 0);
	assert_int_equal(entries(), 0);
	reserve("web", &d);
	state_dir_done(&d);
	assert_int_equal(state_sweep(root, make_it_anew, &d, &e), 0);
	assert_int_equal(entries(), 1);
	assert_int_equal(state_lock(&d, 0, &e), 0);
	st.status = STATE_CREATED;
	assert_int_equal(state_write(&d, &st, &e), 0);
}

static void unreadable_record_is_left(void **state)
{
	auto_state_dir struct state_dir d = STATE_DIR_NONE;
	struct ps_err e = { .cls = PS_OK };

	(void)state;
	reserve("web", &d);
	assert_int_equal(state_put(&d, "state.json", "{", 1, &e), 0);
	state_dir_done(&d);
	assert_sweep("");
	assert_int_equal(entries(), 1);
}

static void folders_in_the_making(void **state)
{
	auto_state_dir struct state_dir d = STATE_DIR_NONE;
	struct ps_err e = { .cls = PS_OK };
	int lock_fd;

	(void)state;
	reserve("web", &d);
	assert_int_equal(renameat(d.root_fd, "web", d.root_fd, ".new-1"), 0);
	assert_int_equal(mkdirat(d.root_fd, ".new-2", 0700), 0);
	unit_write(d.root_fd, ".del-3", "");
	lock_fd = state_root_lock(d.root_fd, LOCK_SH, 0, &e);
	assert_true(lock_fd >= 0);
	assert_sweep(""); /* somebody is at work */
	assert_int_equal(entries(), 3);
	(void)close(lock_fd);
	assert_sweep("");
	assert_int_equal(entries(), 0);
}

static void leftovers_alone(void **state)
{
	auto_state_dir struct state_dir d = STATE_DIR_NONE;
	struct ps_err e = { .cls = PS_OK };

	(void)state;
	assert_int_equal(state_sweep_leftovers(root, &e), 0);
	assert_int_equal(access(root, F_OK), -1);
	reserve("web", &d);
	assert_int_equal(mkdirat(d.root_fd, ".del-1", 0700), 0);
	assert_int_equal(mknodat(d.root_fd, ".del-1/start.sock", S_IFSOCK | 0600, 0), 0);
	assert_int_equal(mkdirat(d.root_fd, ".new-2", 0700), 0);
	state_dir_done(&d); /* a dead intent: not asked for */
	assert_int_equal(state_sweep_leftovers(root, &e), 0);
	assert_int_equal(entries(), 1);
	assert_sweep("web ");
}

static void sweep_in_progress_is_told(void **state)
{
	auto_state_dir struct state_dir d = STATE_DIR_NONE;
	struct ps_err e = { .cls = PS_OK };
	int lock_fd;

	(void)state;
	reserve("web", &d);
	lock_fd = state_root_lock(d.root_fd, LOCK_EX, 0, &e);
	assert_true(lock_fd >= 0);
	assert_int_equal(state_root_lock(d.root_fd, LOCK_SH, 3, &e), -1);
	assert_int_equal(e.cls, PS_E_STATE);
	assert_string_equal(e.msg, "the state folder is being swept by another podshim");
	(void)close(lock_fd);
}

/* ---- Killed owners ---- */

static pid_t spawn_dying(int steps)
{
	pid_t pid = fork();
	struct state_dir d = STATE_DIR_NONE;

	assert_true(pid >= 0);
	if (pid > 0)
		return pid;
	die_after = steps;
	if (state_reserve(root, &st, &d, NULL) < 0)
		_exit(3);
	if (state_put(&d, "config.json", "{}", 2, NULL) < 0 || state_remove(&d, NULL) < 0)
		_exit(4);
	_exit(0);
}

static void owner_killed_at_each_step(void **state)
{
	int steps, status = 0;
	bool reserved = false;

	(void)state;
	for (steps = 0; steps < 100; steps++) {
		ps_auto_buf struct ps_buf b = { .data = NULL };
		struct ps_err e = { .cls = PS_OK };
		pid_t pid = spawn_dying(steps);

		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (WIFEXITED(status))
			break;
		assert_int_equal(WTERMSIG(status), SIGKILL);
		if (state_sweep(root, note, &b, &e) != 0)
			fail_msg("%s", e.msg);
		reserved |= b.len > 0;
		assert_int_equal(entries(), 0);
	}
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_true(reserved);
	assert_true(steps > 15);
	assert_int_equal(entries(), 0);
}

/* ---- Races ---- */

enum { N_RACERS = 20 };

static void race(int start_fd)
{
	struct state_dir d = STATE_DIR_NONE;
	struct ps_err e = { .cls = PS_OK };
	char c;

	(void)read(start_fd, &c, 1);
	if (state_reserve(root, &st, &d, &e) == 0)
		_exit(0);
	_exit(e.cls == PS_E_EXISTS ? 1 : 2);
}

static void one_of_many_gets_the_id(void **state)
{
	pid_t pids[N_RACERS];
	int start[2], status;

	(void)state;
	for (int round = 0; round < 10; round++) {
		int won[3] = { 0 };

		assert_int_equal(pipe2(start, O_CLOEXEC), 0);
		(void)snprintf(st.id, sizeof(st.id), "race%d", round);
		for (int i = 0; i < N_RACERS; i++) {
			pids[i] = fork();
			assert_true(pids[i] >= 0);
			if (pids[i] == 0) {
				(void)close(start[1]);
				race(start[0]);
			}
		}
		(void)close(start[1]); /* all start at once */
		(void)close(start[0]);
		for (int i = 0; i < N_RACERS; i++) {
			assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
			assert_true(WIFEXITED(status) && WEXITSTATUS(status) < 3);
			won[WEXITSTATUS(status)]++;
		}
		assert_int_equal(won[0], 1);
		assert_int_equal(won[1], N_RACERS - 1);
		assert_int_equal(entries(), round + 1);
	}
}

static void sweep_for_ever(void)
{
	struct ps_err e = { .cls = PS_OK };

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (state_sweep(root, note, &(struct ps_buf){ .data = NULL }, &e) == 0)
		;
	fprintf(stderr, "sweep: %s\n", e.msg);
	_exit(3);
}

static void sweepers_and_makers(void **state)
{
	pid_t sweeper = fork();
	int status;

	(void)state;
	assert_true(sweeper >= 0);
	if (sweeper == 0)
		sweep_for_ever();
	for (int i = 0; i < 300; i++) {
		struct state_dir d = STATE_DIR_NONE;
		struct ps_err e = { .cls = PS_OK };
		static struct state got;

		if (state_reserve(root, &st, &d, &e) < 0 || state_read(&d, &got, &e) < 0 || state_remove(&d, &e) < 0)
			fail_msg("%s", e.msg);
	}
	assert_int_equal(kill(sweeper, SIGKILL), 0);
	assert_int_equal(waitpid(sweeper, &status, 0), sweeper);
	assert_true(WIFSIGNALED(status));
	assert_sweep("");
	assert_int_equal(entries(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_goes_by_name, setup, teardown),
		cmocka_unit_test_setup_teardown(sweep_of_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(living_owner_is_spared, setup, teardown),
		cmocka_unit_test_setup_teardown(dead_intent_is_swept, setup, teardown),
		cmocka_unit_test_setup_teardown(another_boot_is_swept, setup, teardown),
		cmocka_unit_test_setup_teardown(callback_that_fails_keeps_the_record, setup, teardown),
		cmocka_unit_test_setup_teardown(callback_may_remove_or_replace, setup, teardown),
		cmocka_unit_test_setup_teardown(unreadable_record_is_left, setup, teardown),
		cmocka_unit_test_setup_teardown(folders_in_the_making, setup, teardown),
		cmocka_unit_test_setup_teardown(leftovers_alone, setup, teardown),
		cmocka_unit_test_setup_teardown(sweep_in_progress_is_told, setup, teardown),
		cmocka_unit_test_setup_teardown(owner_killed_at_each_step, setup, teardown),
		cmocka_unit_test_setup_teardown(one_of_many_gets_the_id, setup, teardown),
		cmocka_unit_test_setup_teardown(sweepers_and_makers, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
