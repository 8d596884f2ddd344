/* SPDX-License-Identifier: Apache-2.0
 * supervisor.c - the loop of a pod, its twin, its pool of prepared runners, and its end.
 */
#include "shim/pod/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/proc.h"
#include "base/scope.h"
#include "ipc/sock.h"
#include "shim/pod/overrides.h"
#include "shim/pod/spawner.h"
#include "shim/sandbox/confine.h"

enum { REFILL_MS = 2, WARM_UP_MS = 30000, FREE_MS = 15000 };
enum { FAILURES_MAX = 3 }; /* in a row: then the pool waits for a launch before it tries again */
/* What a supervisor and its spawner hold open for a runner, and beside all of them; the most of each. */
enum { FDS_PER_RUNNER = 15, FDS_APART = 64, CLIENTS_MAX = 512, WAITING_MAX = 1024, RUNNERS_MAX = 768 };

/* ---- The maker waits for a word ---- */

static void tell_maker(struct supervisor *sv, const struct ps_err *failure)
{
	const struct ps_err none = { 0 };

	if (sv->ready_fd < 0)
		return;
	(void)!write(sv->ready_fd, failure ? failure : &none, sizeof(none));
	/* After a failure it ends with us, when all was freed: the maker waits for that. */
	if (failure)
		sv->ready_fd = -1;
	else
		ps_fd_close(&sv->ready_fd);
	loop_timer_clear(&sv->loop, &sv->birth);
}

int supervisor_hear(int ready_fd, const char *silent, struct ps_err *e)
{
	struct ps_err word = { 0 };
	struct pollfd end = { .fd = ready_fd, .events = POLLIN };
	ssize_t n;

	do
		n = read(ready_fd, &word, sizeof(word));
	while (n < 0 && errno == EINTR);
	if (n != (ssize_t)sizeof(word))
		return ps_fail(e, PS_E_PEER, "%s", silent);
	if (word.cls == PS_OK)
		return 0;
	/* It frees what it has made, and ends. */
	(void)poll(&end, 1, FREE_MS);
	if (e)
		*e = word;
	return -1;
}

static void give_birth_up(struct supervisor *sv, const struct ps_err *why)
{
	if (sv->ready_fd < 0)
		return;
	tell_maker(sv, why);
	supervisor_quit(sv);
}

static void on_birth_late(void *ctx)
{
	struct ps_err e = { 0 };

	(void)ps_fail(&e, PS_E_PEER, "the interpreters have not said that they are ready for %d s", WARM_UP_MS / 1000);
	give_birth_up(ctx, &e);
}

/* ---- The twin ---- */

/* False: its socket is full.  It is busy, perhaps telling us: who waits for it here may wait for ever. */
static bool tell_now(const struct supervisor *sv, const struct spawn_order *o)
{
	const struct spawn_msg m = { .kind = o->kind, .n = o->n };
	struct ps_err e = { 0 };

	return sock_send(sv->twin_sock, &m, sizeof(m), NULL, 0, &e) == 0 || e.sys != EAGAIN;
}

static void tell_rest(struct supervisor *sv)
{
	size_t done = 0;

	while (done < sv->n_orders && tell_now(sv, &sv->orders[done]))
		done++;
	sv->n_orders -= done;
	if (sv->n_orders)
		memmove(sv->orders, sv->orders + done, sv->n_orders * sizeof(*sv->orders));
	else
		loop_watch(&sv->loop, &sv->twin, EPOLLIN);
}

static bool is_told(const struct supervisor *sv, const struct spawn_order *o)
{
	for (size_t i = 0; i < sv->n_orders; i++)
		if (sv->orders[i].kind == o->kind && sv->orders[i].n == o->n)
			return true;
	return false;
}

void twin_tell(struct supervisor *sv, uint32_t kind, uint32_t n)
{
	const struct spawn_order o = { .kind = kind, .n = n };

	if (sv->twin_sock < 0 || is_told(sv, &o) || (!sv->n_orders && tell_now(sv, &o)))
		return;
	if (sv->n_orders == sv->orders_room) {
		const size_t room = sv->orders_room ? 2 * sv->orders_room : 64;
		struct spawn_order *more = realloc(sv->orders, room * sizeof(*more));

		if (!more) {
			loop_stop(&sv->loop); /* a runner that would be forgotten: the spawner frees all of them when we end */
			return;
		}
		sv->orders = more;
		sv->orders_room = room;
	}
	sv->orders[sv->n_orders++] = o;
	loop_watch(&sv->loop, &sv->twin, EPOLLIN | EPOLLOUT);
}

/* An interpreter is launched by the pool itself. */
static uint32_t count_idle(const struct supervisor *sv)
{
	uint32_t n = 0;

	for (const struct runner *r = sv->runners; r; r = r->next)
		n += runner_is_idle(r) && (!r->launching || r->options & MSG_CODE) && !r->reaped && !r->freeing;
	return n;
}

static uint32_t count_alive(const struct supervisor *sv)
{
	uint32_t n = 0;

	for (const struct runner *r = sv->runners; r; r = r->next)
		n += !r->ended;
	return n;
}

void pool_refill(struct supervisor *sv)
{
	uint32_t want = sv->pod->r.warm;

	for (const struct waiting_launch *w = sv->waiting; w; w = waiting_next(w))
		want++;
	if (sv->quitting || sv->ending || sv->single || (sv->n_failed_in_a_row >= FAILURES_MAX && !sv->waiting))
		return;
	const uint32_t alive = count_alive(sv) + sv->n_making, room = alive < sv->max.runners ? sv->max.runners - alive : 0;
	const uint32_t have = count_idle(sv) + sv->n_making;

	for (uint32_t i = 0; i < room && have + i < want; i++) {
		sv->n_making++;
		twin_tell(sv, SPAWN_MAKE, sv->next_n++);
	}
}

static void on_refill(void *ctx)
{
	pool_refill(ctx);
}

void pool_refill_soon(struct supervisor *sv)
{
	if (!count_idle(sv))
		pool_refill(sv);
	else if (!sv->refill.at_ms)
		loop_timer_set(&sv->loop, &sv->refill, REFILL_MS);
}

uint32_t pool_warm(const struct supervisor *sv)
{
	uint32_t n = 0;

	for (const struct runner *r = sv->runners; r; r = r->next)
		n += runner_is_warm(r, sv->pod->r.interpreter);
	return n;
}

void pool_available(struct supervisor *sv)
{
	sv->callbacks->on_available(sv);
	pool_refill(sv);
	if (pool_warm(sv) >= sv->pod->r.warm && !sv->n_making)
		tell_maker(sv, NULL);
}

void pool_failed(struct supervisor *sv, const struct ps_err *why)
{
	sv->n_failed++;
	sv->n_failed_in_a_row++;
	server_launch_failed(sv, why);
	give_birth_up(sv, why);
	pool_refill(sv);
}

/* An interpreter runs from the start: its program gets warm, and then waits for CODE. */
static int start_interpreter(struct runner *r, struct ps_err *e)
{
	const struct launch_request own = { .options = MSG_CODE };

	return runner_launch(r, &own, e);
}

static void made(struct supervisor *sv, const struct spawn_msg *m, int fds[])
{
	struct ps_err e = { 0 };
	struct runner *r;

	sv->n_making--;
	if (runner_add(sv, m->n, m->pid, fds, &r, &e) < 0) {
		twin_tell(sv, SPAWN_FREE, m->n);
		pool_failed(sv, &e);
		return;
	}
	/* What fails here ends, and is counted then. */
	if (!sv->pod->r.interpreter)
		sv->n_failed_in_a_row = 0;
	else if (start_interpreter(r, &e) < 0)
		(void)runner_stop(r, /* force= */ true, REASON_FAILED, NULL);
	pool_available(sv);
}

static void failed(struct supervisor *sv, const struct spawn_msg *m)
{
	sv->n_making--;
	pool_failed(sv, &m->err);
}

static void ended(struct runner *r, const struct spawn_msg *m)
{
	struct supervisor *sv = r->sv;
	struct ps_err e = { 0 };

	runner_reaped(r, m->status, m->oom); /* a launch that it fails tells the pool */
	if (!sv->pod->r.interpreter || r->told_pool) {
		pool_refill(sv);
		return;
	}
	(void)ps_fail(&e, PS_E_STATE, "interpreter '%s' ended with status %d before it was ready for code", r->id, m->status);
	pool_failed(sv, &e);
}

static void on_twin(void *ctx, uint32_t events)
{
	struct supervisor *sv = ctx;
	struct spawn_msg m;
	int got[SPAWN_FDS], fds[SPAWN_FDS];
	size_t n_fds = SPAWN_FDS;

	if (events & EPOLLOUT)
		tell_rest(sv);
	if (!(events & ~(uint32_t)EPOLLOUT))
		return;
	ssize_t n = sock_recv(sv->twin_sock, &m, sizeof(m), got, &n_fds, /* timeout_ms= */ 0, NULL);

	for (size_t i = 0, k = 0; i < SPAWN_FDS; i++)
		fds[i] = n >= 0 && spawn_has_fd((enum spawn_fd)i, sv->pod->r.tty, sv->pod->broker) && k < n_fds ? got[k++] : -1;
	if (n < 0) {
		supervisor_quit(sv); /* what it said is lost: there is a runner that nobody knows */
		return;
	}
	if (n != (ssize_t)sizeof(m)) {
		loop_remove(&sv->loop, &sv->twin); /* its pidfd tells the rest */
		return;
	}
	struct runner *r = runner_known(sv, m.n);

	switch ((enum spawn_kind)m.kind) {
	case SPAWN_MADE:
		made(sv, &m, fds);
		break;
	case SPAWN_FAILED:
		failed(sv, &m);
		break;
	case SPAWN_ENDED:
		if (r)
			ended(r, &m);
		break;
	case SPAWN_FREED:
		if (r)
			server_runner_gone(r);
		break;
	case SPAWN_MAKE:
	case SPAWN_KILL:
	case SPAWN_STARTED:
	case SPAWN_FREE:
	case SPAWN_QUIT:
		break;
	}
	for (size_t i = 0; i < SPAWN_FDS; i++)
		ps_fd_close(&fds[i]);
}

/* ---- The end ---- */

void supervisor_quit(struct supervisor *sv)
{
	if (sv->quitting)
		return;
	sv->quitting = true;
	sv->n_orders = 0; /* the last one makes up for them */
	server_close_listener(sv);
	if (sv->single)
		loop_stop(&sv->loop);
	else
		twin_tell(sv, SPAWN_QUIT, 0);
}

void supervisor_maybe_quit(struct supervisor *sv)
{
	for (const struct runner *r = sv->runners; r; r = r->next)
		if (!r->ended && !runner_is_idle(r))
			return;
	if (sv->ending)
		supervisor_quit(sv);
}

/* It has freed everything, or it was killed: then that is for us to do, as far as our rights go. */
static void on_twin_death(void *ctx, uint32_t events)
{
	struct supervisor *sv = ctx;
	const struct ps_err gone = { .cls = PS_E_PEER, .msg = "the pod's spawner has ended" };

	(void)events;
	for (struct runner *r = sv->runners; r; r = r->next)
		(void)ps_pidfd_kill(r->pidfd, SIGKILL);
	tell_maker(sv, &gone);
	loop_stop(&sv->loop);
}

static void on_signal(void *ctx, uint32_t events)
{
	struct supervisor *sv = ctx;
	struct signalfd_siginfo s;

	(void)events;
	if (read(sv->signals.fd, &s, sizeof(s)) == (ssize_t)sizeof(s))
		supervisor_quit(sv);
}

/* ---- Birth ---- */

static int open_signals(struct supervisor *sv, struct ps_err *e)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return ps_fail_os(e, "block signals");
	sv->signals = (struct loop_source){ .fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK), .on = on_signal, .ctx = sv };
	if (sv->signals.fd < 0)
		return ps_fail_os(e, "wait for signals");
	return loop_add(&sv->loop, &sv->signals, EPOLLIN, e);
}

/* The plan of a runner without limits of its own; a launch adds its program. */
static int compile_base(struct supervisor *sv, struct ps_err *e)
{
	struct bundle *b = &sv->bundle;
	const struct pods *pod = sv->pod;
	const struct overrides o = { .cgroups_path = pod->cgroup, .only_limits = true, .channel_fd = PODS_CHANNEL_FD,
				     .ns_fds = pod->ns_fds, .tty = pod->r.tty, .hook_timeout_s = PODS_HOOK_S };
	const struct plan_request request = {
		.id = pod->name, .cgroup_manager = pod->env->cgroup_manager, .channel_fd = PODS_CHANNEL_FD,
		.seccomp = seccomp_cached, .seccomp_ctx = &b->arena,
	};
	const struct policy *policy;

	if (overrides_apply(&b->arena, b->policy, &o, &policy, e) < 0 ||
	    plan_compile(policy, sv->bundle.host, &request, &sv->base_block, e) < 0)
		return -1;
	sv->base = plan_view(sv->base_block.data, sv->base_block.len);
	return sv->base ? 0 : ps_fail(e, PS_E_BUG, "the compiled plan is not valid");
}

/* Before the supervisor is confined: the broker's workers are processes of their own. */
static int oversee_pod(struct supervisor *sv, struct ps_err *e)
{
	if (!sv->pod->broker)
		return 0;
	const struct ask_fds asked = { fcntl(sv->pod->asked, F_DUPFD_CLOEXEC, 3), { -1, -1 } };

	return oversight_new(&sv->loop, sv->bundle.policy, sv->bundle.effective, asked, &sv->oversight, e);
}

/* Everything that a launch is compiled from. */
static int load(struct supervisor *sv, struct ps_err *e)
{
	struct bundle *b = &sv->bundle;

	if (bundle_load_frozen(b, &sv->pod->dir, sv->pod->st, e) < 0 ||
	    bundle_permit_frozen(b, sv->pod->env->root, &sv->pod->dir, sv->pod->st, e) < 0 || (!b->host && host_probe(&b->arena, &b->host, e) < 0))
		return -1;
	return compile_base(sv, e);
}

static int remember_namespaces(struct supervisor *sv, struct ps_err *e)
{
	static const char *const paths[] = { "/proc/self/ns/user", "/proc/self/ns/pid", "/proc/self/ns/mnt" };
	struct stat st;

	for (size_t i = 0; i < PS_COUNT(paths); i++) {
		if (stat(paths[i], &st) < 0)
			return ps_fail_os(e, "look at '%s'", paths[i]);
		sv->ns[i] = st.st_ino;
	}
	return 0;
}

static uint32_t at_most(rlim_t n, uint32_t max)
{
	return n < max ? (uint32_t)n : max;
}

/* Clients must not take the descriptors that runners need.  Only here: what the spawner has is what payloads inherit. */
static int provide_fds(struct supervisor *sv, struct ps_err *e)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) < 0)
		return ps_fail_os(e, "read the limit of open files");
	const rlim_t spawner = l.rlim_cur > FDS_APART ? l.rlim_cur - FDS_APART : 1;

	l.rlim_cur = l.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &l) < 0 && getrlimit(RLIMIT_NOFILE, &l) < 0)
		return ps_fail_os(e, "raise the limit of open files");
	sv->max.clients = at_most(l.rlim_cur / 8, CLIENTS_MAX);
	sv->max.waiting = at_most(l.rlim_cur / 16, WAITING_MAX);
	sv->max.runners = at_most(spawner, at_most(l.rlim_cur / 2 / FDS_PER_RUNNER, RUNNERS_MAX));
	return 0;
}

static int watch_twin(struct supervisor *sv, struct ps_err *e)
{
	if (fcntl(sv->twin_sock, F_SETFL, O_RDWR | O_NONBLOCK) < 0)
		return ps_fail_os(e, "make the spawner's socket not wait");
	sv->twin = (struct loop_source){ .fd = sv->twin_sock, .on = on_twin, .ctx = sv };
	sv->twin_life = (struct loop_source){ .fd = sv->twin_pidfd, .on = on_twin_death, .ctx = sv };
	return loop_add(&sv->loop, &sv->twin, EPOLLIN, e) < 0 || loop_add(&sv->loop, &sv->twin_life, EPOLLIN, e) < 0 ? -1
															  : 0;
}

static int set_up(struct supervisor *sv, struct ps_err *e)
{
	if (provide_fds(sv, e) < 0 || loop_init(&sv->loop, e) < 0 || open_signals(sv, e) < 0 || remember_namespaces(sv, e) < 0 || load(sv, e) < 0 ||
	    watch_twin(sv, e) < 0 || server_open(sv, sv->pod->dir.dir_fd, e) < 0 || server_open_observe(sv, e) < 0 || oversee_pod(sv, e) < 0)
		return -1;
	return confine_supervisor(e);
}

static void supervisor_done(struct supervisor *sv)
{
	server_close(sv);
	while (sv->runners)
		runner_gone(sv->runners);
	oversight_free(sv->oversight);
	ps_fd_close(&sv->signals.fd);
	loop_done(&sv->loop);
	free(sv->orders);
	free(sv->texts);
	ps_buf_done(&sv->base_block);
	ps_buf_done(&sv->launch_block);
	bundle_done(&sv->bundle);
	free(sv);
}

static struct supervisor *supervisor_new(const struct pods *pod, int ready_fd, struct ps_err *e)
{
	struct supervisor *sv = calloc(1, sizeof(*sv));

	if (!sv) {
		(void)ps_fail_os(e, "memory for the supervisor");
		return NULL;
	}
	sv->pod = pod;
	sv->ready_fd = ready_fd;
	sv->twin_sock = sv->twin_pidfd = sv->listeners[0].source.fd = sv->listeners[1].source.fd = sv->signals.fd = sv->loop.epoll_fd = -1;
	sv->callbacks = &server_callbacks;
	sv->refill = (struct loop_timer){ .on = on_refill, .ctx = sv };
	sv->birth = (struct loop_timer){ .on = on_birth_late, .ctx = sv };
	return sv;
}

int supervisor_run(const struct pods *pod, int twin_sock, int twin_pidfd, int ready_fd, struct ps_err *e)
{
	struct supervisor *sv = supervisor_new(pod, ready_fd, e);
	int rc;

	if (!sv)
		return -1;
	sv->twin_sock = twin_sock;
	sv->twin_pidfd = twin_pidfd;
	rc = set_up(sv, e);
	if (rc < 0) {
		tell_maker(sv, e);
	} else {
		if (pod->r.interpreter)
			loop_timer_set(&sv->loop, &sv->birth, WARM_UP_MS);
		pool_available(sv);
		rc = loop_run(&sv->loop, e);
	}
	supervisor_done(sv);
	return rc;
}

/* Before the supervisor is confined: the broker's workers are processes of their own. */
static int oversee_single(struct supervisor *sv, const struct single *s, struct ps_err *e)
{
	struct runner *r = sv->runners;

	if (s->broker < 0)
		return 0;
	/* A tape that cannot be opened costs the events, nothing else. */
	(void)tape_open(r->tape_name, /* write= */ true, &r->tape, NULL);
	const struct overseen_facts f = { .pod = "", .id = r->id, .tape = r->tape, .handover = s->broker, .audit_fd = s->audit,
					  .pidfd = s->pidfd, .pid = s->pid };

	if (oversight_new(&sv->loop, s->policy, s->permissions, s->asked, &sv->oversight, e) < 0)
		return -1;
	return oversight_add(sv->oversight, &f, &r->overseen, e);
}

int supervisor_run_single(const struct pods *container, const struct single *s, int ready_fd, struct ps_err *e)
{
	struct supervisor *sv = supervisor_new(container, ready_fd, e);
	int rc;

	if (!sv)
		return -1;
	sv->single = true;
	rc = provide_fds(sv, e) < 0 || loop_init(&sv->loop, e) < 0 || remember_namespaces(sv, e) < 0 ||
		     runner_adopt(sv, s->pid, s->pidfd, s->channel, e) < 0 || server_open(sv, container->dir.dir_fd, e) < 0 ||
		     oversee_single(sv, s, e) < 0 || confine_supervisor(e) < 0
		     ? -1 : 0;
	tell_maker(sv, rc < 0 ? e : NULL);
	if (rc == 0)
		rc = loop_run(&sv->loop, e);
	supervisor_done(sv);
	return rc;
}
