/* SPDX-License-Identifier: Apache-2.0
 * test_broker.c - the broker's life: who answers, what is never answered, memory that does not, workers that are killed.
 */
#include <linux/userfaultfd.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

#include "tests/unit/broker_test.h"

static int unknown_scene(void *arg)
{
	(void)arg;
	SCENE(syscall(SYS_getcpu, NULL, NULL, NULL) == -1 && errno == EPERM);
	SCENE(syscall(SYS_getcpu, NULL, NULL, NULL) == -1 && errno == EPERM);
	return 0;
}

static void what_it_does_not_know_is_refused(void **state)
{
	struct stage *g = new_stage(BROKER_NET_ROUTED);

	(void)state;
	start_target(g, (int[]){ SYS_getcpu }, 1, NULL, unknown_scene, NULL);
	assert_int_equal(run_target(g), 0);
	free_stage(g);
}

static int nothing_scene(void *arg)
{
	(void)arg;
	return 0;
}

static void on_tick(void *ctx)
{
	loop_stop(&((struct stage *)ctx)->loop);
}

static void run_for(struct stage *g, uint64_t ms)
{
	struct loop_timer t = { .on = on_tick, .ctx = g };

	loop_timer_set(&g->loop, &t, ms);
	assert_int_equal(loop_run(&g->loop, NULL), 0);
	loop_timer_clear(&g->loop, &t);
	g->loop.stopped = false;
}

static void the_end_of_its_last_task_is_told_once(void **state)
{
	struct stage *g = new_stage(BROKER_NET_ROUTED);

	(void)state;
	start_target(g, (int[]){ SYS_connect }, 1, NULL, nothing_scene, NULL);
	assert_int_equal(run_target(g), 0);
	while (!g->n_ends)
		run_for(g, 5);
	run_for(g, 30);
	assert_int_equal(g->n_ends, 1);
	assert_false(g->lost);
	free_stage(g);
}

/* Kept as it is until somebody answers: nobody does. */
struct trap { int uffd; char *page; };

static int make_trap(void *arg)
{
	struct trap *t = arg;
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = { .mode = UFFDIO_REGISTER_MODE_MISSING };

	t->uffd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
	t->page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	range.range.start = (uintptr_t)t->page;
	range.range.len = 4096;
	return t->uffd < 0 || ioctl(t->uffd, UFFDIO_API, &api) < 0 || ioctl(t->uffd, UFFDIO_REGISTER, &range) < 0;
}

static unsigned open_port;

static int trap_scene(void *arg)
{
	const struct trap *t = arg;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	SCENE(fd >= 0);
	SCENE(connect(fd, (const struct sockaddr *)t->page, sizeof(struct sockaddr_in)) == -1 && errno == EFAULT);
	SCENE(reach(fd, open_port) == 0);
	SCENE(uname((struct utsname *)t->page) == -1 && errno == EFAULT);
	SCENE(close(fd) == 0 && (fd = socket(AF_INET, SOCK_STREAM, 0)) >= 0 && reach(fd, open_port) == 0);
	return 0;
}

static unsigned n_beats;
static void on_beat(void *ctx)
{
	struct stage *g = ctx;

	n_beats++;
	loop_timer_set(&g->loop, &g->beat, 10);
}

static void memory_that_does_not_answer_costs_its_owner_alone(void **state)
{
	struct stage *g = new_stage(BROKER_NET_ROUTED);
	ps_auto_fd int server = serve_tcp(AF_INET, &open_port);
	static struct trap t;

	(void)state;
	assert_true(server >= 0);
	allow_port(g, "127.0.0.1", open_port);
	g->beat = (struct loop_timer){ .on = on_beat, .ctx = g };
	n_beats = 0;
	loop_timer_set(&g->loop, &g->beat, 10);
	start_target(g, (int[]){ SYS_connect, SYS_uname }, 2, make_trap, trap_scene, &t);
	assert_int_equal(run_target(g), 0);
	loop_timer_clear(&g->loop, &g->beat);
	assert_true(n_beats > 20); /* two alarms of 500 ms, in which the loop went on */
	assert_false(g->lost);
	free_stage(g);
}

static int stubborn_scene(void *arg)
{
	const struct trap *t = arg;
	const int fd = socket(AF_INET, SOCK_STREAM, 0);

	for (int i = 0; i < 3; i++)
		SCENE(connect(fd, (const struct sockaddr *)t->page, sizeof(struct sockaddr_in)) == -1 && errno == EFAULT);
	SCENE(reach(fd, open_port) == ENOSYS);
	return 0;
}

static void who_stalls_it_again_and_again_is_given_up(void **state)
{
	struct stage *g = new_stage(BROKER_NET_ROUTED);
	static struct trap t;

	(void)state;
	start_target(g, (int[]){ SYS_connect }, 1, make_trap, stubborn_scene, &t);
	assert_int_equal(run_target(g), 0);
	assert_int_equal(g->n_ends, 1);
	assert_true(g->lost);
	free_stage(g);
}

static int late_scene(void *arg)
{
	const int fd = socket(AF_INET, SOCK_STREAM, 0);
	char c;

	SCENE(read(*(const int *)arg, &c, 1) == 1);
	SCENE(reach(fd, open_port) == ENOSYS);
	return 0;
}

/* Children of this process beside the target. */
static pid_t child_beside(pid_t not)
{
	char path[64];
	ps_auto_buf struct ps_buf text = { .data = NULL };
	const char *p;

	(void)snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	ps_auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_int_equal(ps_read_fd(fd, path, 4096, &text, NULL), 0);
	for (p = text.data; p && *p;) {
		char *end;
		const pid_t pid = (pid_t)strtol(p, &end, 10);

		if (end == p)
			break;
		if (pid != not)
			return pid;
		p = end;
	}
	return 0;
}

static void without_workers_calls_fail(void **state)
{
	struct stage *g = new_stage(BROKER_NET_ROUTED);
	ps_auto_fd int server = serve_tcp(AF_INET, &open_port);
	int gate[2];

	(void)state;
	assert_true(server >= 0);
	assert_int_equal(pipe2(gate, O_CLOEXEC), 0);
	allow_port(g, "127.0.0.1", open_port);
	start_target(g, (int[]){ SYS_connect }, 1, NULL, late_scene, &gate[0]);
	const pid_t keeper = child_beside(g->pid);

	assert_true(keeper > 0);
	assert_int_equal(kill(keeper, SIGKILL), 0);
	while (!g->n_ends)
		run_for(g, 5);
	assert_true(g->lost);
	assert_int_equal(write(gate[1], "g", 1), 1);
	assert_int_equal(run_target(g), 0);
	free_stage(g);
	ps_fd_close(&gate[0]);
	ps_fd_close(&gate[1]);
}

struct orphan { int gate[2], result[2]; };

static int orphan_scene(void *arg)
{
	const struct orphan *o = arg;
	const int line = late_scene((int *)(uintptr_t)o->gate);

	return write(o->result[1], &line, sizeof(line)) == sizeof(line) ? line : __LINE__;
}

/* Opens the gate once its parent is dead, and holds nothing else open. */
_Noreturn static void undertaker(int gate)
{
	const pid_t supervisor = getppid();

	if (dup2(gate, 3) < 0 || ps_sys_close_range(4, ~0U, 0) < 0 || kill(supervisor, SIGKILL) < 0)
		_exit(EXIT_FAILURE);
	while (getppid() == supervisor)
		(void)sched_yield();
	(void)!write(3, "g", 1);
	_exit(EXIT_SUCCESS);
}

static void a_broker_that_is_killed_leaves_no_call_waiting(void **state)
{
	static struct orphan o;
	int line = -1;

	(void)state;
	assert_int_equal(pipe2(o.gate, O_CLOEXEC), 0);
	assert_int_equal(pipe2(o.result, O_CLOEXEC), 0);
	const pid_t supervisor = fork();

	assert_true(supervisor >= 0);
	if (supervisor == 0) {
		struct stage *g = new_stage(BROKER_NET_ROUTED);

		start_target(g, (int[]){ SYS_connect }, 1, NULL, orphan_scene, &o);
		if (fork() == 0)
			undertaker(o.gate[1]);
		(void)run_target(g);
		_exit(EXIT_FAILURE);
	}
	ps_fd_close(&o.result[1]);
	assert_int_equal(waitpid(supervisor, NULL, 0), supervisor);
	assert_int_equal(read(o.result[0], &line, sizeof(line)), sizeof(line));
	assert_int_equal(line, 0);
	ps_fd_close(&o.result[0]);
	ps_fd_close(&o.gate[0]);
	ps_fd_close(&o.gate[1]);
}

static int sys_scene(void *arg)
{
	struct utsname u;
	struct sysinfo s;

	(void)arg;
	SCENE(uname(&u) == 0 && strcmp(u.sysname, "Linux") == 0 && strcmp(u.nodename, "localhost") == 0);
	SCENE(strcmp(u.release, "5.10.0") == 0 && strcmp(u.version, "#1 SMP") == 0);
	SCENE(sysinfo(&s) == 0 && s.uptime > 0 && s.loads[0] == 0 && s.totalram == 1 << 30 && s.mem_unit == 1);
	SCENE(syscall(SYS_uname, NULL) == -1 && errno == EFAULT);
	return 0;
}

static void what_sys_entries_withhold_is_made_up(void **state)
{
	struct stage *g = new_stage(BROKER_NET_ROUTED);

	(void)state;
	allow(g, POLICY_SYS, "osUptime");
	g->facts.hostname = "secret";
	start_target(g, (int[]){ SYS_uname, SYS_sysinfo }, 2, NULL, sys_scene, NULL);
	assert_int_equal(run_target(g), 0);
	assert_string_equal(g->events[0].target, "hostname");
	assert_string_equal(g->events[0].action, "uname");
	free_stage(g);
}

static int open_scene(void *arg)
{
	int fd;

	(void)arg;
	SCENE((fd = open("/etc/passwd", O_RDONLY)) >= 0 && close(fd) == 0);
	SCENE((fd = open("/proc/self/../version", O_RDONLY)) >= 0 && close(fd) == 0);
	SCENE(chdir("/usr") == 0 && (fd = openat(AT_FDCWD, "lib/../bin", O_RDONLY | O_DIRECTORY)) >= 0);
	SCENE(openat(fd, "no-such-file", O_WRONLY) == -1 && errno == ENOENT);
	SCENE(syscall(SYS_openat, AT_FDCWD, NULL, O_RDONLY) == -1 && errno == EFAULT);
	return 0;
}

static void opens_are_told_and_go_on(void **state)
{
	struct stage *g = new_stage(BROKER_NET_ROUTED);

	(void)state;
	allow(g, POLICY_READ, "/etc/passwd");
	start_target(g, (int[]){ SYS_openat, SYS_openat2, SYS_execve, SYS_open }, 4, NULL, open_scene, NULL);
	assert_int_equal(run_target(g), 0);
	/* What is not there is nobody's to deny. */
	assert_int_equal(g->n_events, 2);
	assert_string_equal(g->events[0].target, "/proc/version");
	assert_string_equal(g->events[1].target, "/usr/bin");
	assert_string_equal(g->events[1].hint, "--allow-read=/usr/bin");
	assert_false(g->events[0].sound);
	assert_int_equal(g->events[0].result, POLICY_DENY);
	free_stage(g);
}

static void sockets_of_the_host_are_not_for_everybody(void **state)
{
	struct stage *g = new_stage(BROKER_NET_EMPTY);
	struct broker_subject *s;
	struct ps_err e = { 0 };

	(void)state;
	g->facts.caps = UINT64_C(1) << CAP_NET_RAW;
	open_broker(g);
	assert_int_equal(broker_add(g->broker, &g->facts, -1, &s, &e), -1);
	assert_int_equal(e.cls, PS_E_UNSUPP);
	assert_non_null(strstr(e.msg, "user namespace of its own or none of CAP_NET_BIND_SERVICE"));
	g->facts.own_userns = true;
	assert_int_equal(broker_add(g->broker, &g->facts, -1, &s, &e), 0);
	free_stage(g);
}

static void only_listeners_are_watched(void **state)
{
	struct stage *g = new_stage(BROKER_NET_ROUTED);
	struct ps_err e = { 0 };
	int p[2];

	(void)state;
	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	open_broker(g);
	assert_int_equal(broker_add(g->broker, &g->facts, -1, &g->subject, &e), 0);
	assert_int_equal(broker_add_listener(g->subject, p[0], &e), -1);
	assert_non_null(strstr(e.msg, "no seccomp listener"));
	ps_fd_close(&p[1]);
	free_stage(g);
}

static struct stage *new_sys_stage(void)
{
	struct stage *g = new_stage(BROKER_NET_ROUTED);

	allow(g, POLICY_SYS, "osUptime");
	return g;
}

static void a_confined_supervisor_can_do_it(void **state)
{
	(void)state;
	assert_int_equal(play_confined(new_sys_stage, (int[]){ SYS_uname, SYS_sysinfo }, 2, NULL, sys_scene), 0);
	assert_int_equal(play_confined(new_sys_stage, (int[]){ SYS_openat, SYS_execve }, 2, NULL, open_scene), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_it_does_not_know_is_refused),
		cmocka_unit_test(the_end_of_its_last_task_is_told_once),
		cmocka_unit_test(memory_that_does_not_answer_costs_its_owner_alone),
		cmocka_unit_test(who_stalls_it_again_and_again_is_given_up),
		cmocka_unit_test(without_workers_calls_fail),
		cmocka_unit_test(a_broker_that_is_killed_leaves_no_call_waiting),
		cmocka_unit_test(what_sys_entries_withhold_is_made_up),
		cmocka_unit_test(opens_are_told_and_go_on),
		cmocka_unit_test(sockets_of_the_host_are_not_for_everybody),
		cmocka_unit_test(only_listeners_are_watched),
		cmocka_unit_test(a_confined_supervisor_can_do_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
