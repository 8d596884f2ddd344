/* SPDX-License-Identifier: Apache-2.0
 * main.c - podshim-ui: command line, web server, clock.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/path.h"
#include "base/proc.h"
#include "base/scope.h"
#include "example/ui/ui.h"

static const char usage[] =
	"Usage: podshim-ui --listen ADDRESS:PORT|unix:PATH --token-file FILE [FLAGS]\n"
	"\n"
	"Serve a page that shows what containers of this user do. FILE gets the address to\n"
	"open, with a token that works once.\n"
	"\n"
	"Flags:\n"
	"  --listen ADDRESS:PORT   a loopback address; port 0: one that is free\n"
	"  --listen unix:PATH      a socket that only this user can open (for ssh -L)\n"
	"  --token-file FILE       where the address with the token is kept, for this user alone\n"
	"  --actions               let the page start, stop and type to programs, and try policies\n"
	"  --root DIR              as podshim's\n"
	"  --observe DIR           show the pods below another user's --root that let this user look\n"
	"                          on (pod create --observe-group); again for others, 8 at most\n"
	"  --podshim PATH          the podshim to run (default: 'podshim', looked up in PATH)\n"
	"  --examples DIR          programs to start from the page: DIR/catalog.json\n"
	"  --help, --version\n";

static volatile sig_atomic_t stopping;
static struct lws_context *to_wake;

static void on_signal(int sig)
{
	(void)sig;
	stopping = 1;
	if (to_wake)
		lws_cancel_service(to_wake);
}

void ui_notice(struct ui *ui, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(ui->notice, sizeof(ui->notice), fmt, ap);
	va_end(ap);
	ui->notice_version++;
}

/* ---- Command line ---- */

enum { LISTEN = 256, TOKEN_FILE, ACTIONS, ROOT, OBSERVE, PODSHIM, EXAMPLES, HELP, VERSION };

static int add_observed(struct ui *ui, const char *dir, struct ps_err *e)
{
	char clean[1024]; /* as much as a tape says of its root */

	if (ui->n_observe == OBSERVE_MAX)
		return ps_fail(e, PS_E_USAGE, "--observe: at most %d", OBSERVE_MAX);
	if (*dir != '/' || ps_path_clean(dir, clean, sizeof(clean)) < 0)
		return ps_fail(e, PS_E_USAGE, "--observe: '%s' is no absolute path of at most %zu bytes", dir, sizeof(clean) - 1);
	ui->observe[ui->n_observe] = strdup(clean);
	return ui->observe[ui->n_observe++] ? 0 : ps_fail_os(e, "memory for --observe");
}

/* 1: done, nothing to serve. */
static int parse(struct ui *ui, int argc, char **argv, struct ps_err *e)
{
	static const struct option rows[] = {
		{ "listen", required_argument, NULL, LISTEN }, { "token-file", required_argument, NULL, TOKEN_FILE },
		{ "actions", no_argument, NULL, ACTIONS }, { "root", required_argument, NULL, ROOT }, { "observe", required_argument, NULL, OBSERVE },
		{ "podshim", required_argument, NULL, PODSHIM }, { "examples", required_argument, NULL, EXAMPLES },
		{ "help", no_argument, NULL, HELP }, { "version", no_argument, NULL, VERSION }, { NULL, 0, NULL, 0 },
	};
	bool listens = false;
	int c;

	ui->podshim = "podshim";
	opterr = 0;
	while ((c = getopt_long(argc, argv, "", rows, NULL)) != -1) {
		if (c == LISTEN && guard_listen(&ui->guard, optarg, e) < 0)
			return -1;
		if (c == OBSERVE && add_observed(ui, optarg, e) < 0)
			return -1;
		listens |= c == LISTEN;
		if (c == TOKEN_FILE)
			ui->guard.token_file = optarg;
		ui->actions |= c == ACTIONS;
		if (c == ROOT)
			ui->root = optarg;
		if (c == PODSHIM)
			ui->podshim = optarg;
		if (c == EXAMPLES)
			ui->examples = optarg;
		if (c == HELP || c == VERSION) {
			(void)fputs(c == HELP ? usage : "podshim-ui " PODSHIM_VERSION "\n", stdout);
			return 1;
		}
		if (c == '?')
			return ps_fail(e, PS_E_USAGE, "'%s' is no flag of podshim-ui, or lacks its value; see 'podshim-ui --help'", argv[optind - 1]);
	}
	if (optind < argc)
		return ps_fail(e, PS_E_USAGE, "podshim-ui takes flags alone, no '%s'; see 'podshim-ui --help'", argv[optind]);
	if (!listens || !ui->guard.token_file)
		return ps_fail(e, PS_E_USAGE, "--listen and --token-file are needed; see 'podshim-ui --help'");
	return 0;
}

/* ---- Web server ---- */

static const struct lws_protocols protocols[] = {
	{ .name = "http", .callback = http_callback, .per_session_data_size = sizeof(struct request *) },
	{ .name = "podshim.v1", .callback = ws_callback, .per_session_data_size = sizeof(struct client *), .rx_buffer_size = 4096 },
	{ .name = NULL },
};

static int check_socket_path(const char *path, struct ps_err *e)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : ps_fail_os(e, "look at '%s'", path);
	if (!S_ISSOCK(st.st_mode) || st.st_uid != geteuid())
		return ps_fail(e, PS_E_EXISTS, "--listen: '%s' exists, and is no socket of this user", path);
	return unlink(path) < 0 ? ps_fail_os(e, "remove the old socket '%s'", path) : 0;
}

static int listen_at(struct ui *ui, struct ps_err *e)
{
	struct guard *g = &ui->guard;
	struct lws_context_creation_info info = {
		.port = g->port, .iface = g->unix_path ? g->unix_path : g->address, .protocols = protocols, .user = ui, .gid = -1, .uid = -1,
		.options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS | (g->unix_path ? LWS_SERVER_OPTION_UNIX_SOCK : 0) |
			   (g->is_v6 ? 0 : LWS_SERVER_OPTION_DISABLE_IPV6) | LWS_SERVER_OPTION_FAIL_UPON_UNABLE_TO_BIND,
		.timeout_secs = 10, .keepalive_timeout = 5, .max_http_header_pool = 64, .max_http_header_data = 8192, .fd_limit_per_thread = 256,
		.vhost_name = "podshim-ui",
	};
	struct lws_vhost *vhost;
	mode_t mask;

	if (g->unix_path && check_socket_path(g->unix_path, e) < 0)
		return -1;
	lws_set_log_level(0, NULL);
	ui->lws = lws_create_context(&info);
	if (!ui->lws)
		return ps_fail(e, PS_E_OS, "start the web server: libwebsockets gives no reason");
	mask = umask(0177);
	vhost = lws_create_vhost(ui->lws, &info);
	(void)umask(mask);
	if (!vhost)
		return ps_fail(e, PS_E_OS, "listen at '%s': is something there already?", g->unix_path ? g->unix_path : g->address);
	/* The web server has given it to the group, too. */
	if (g->unix_path && chmod(g->unix_path, 0600) < 0)
		return ps_fail_os(e, "make '%s' this user's alone", g->unix_path);
	if (!g->unix_path)
		g->port = (uint16_t)lws_get_vhost_listen_port(vhost);
	const lws_sock_file_fd_type fd = { .filefd = ui->loop.epoll_fd };

	if (!lws_adopt_descriptor_vhost(vhost, LWS_ADOPT_RAW_FILE_DESC, fd, "http", NULL))
		return ps_fail(e, PS_E_OS, "join the web server and what else is waited for");
	ui->loop.epoll_fd = fd.filefd;
	return 0;
}

/* ---- Clock ---- */

static lws_sorted_usec_list_t timer;

/* Until the next beat of BATCH_MS, counted from the first: what a turn takes does not add up. */
static lws_usec_t until_next(void)
{
	static lws_usec_t next;
	const lws_usec_t now = lws_now_usecs(), beat = BATCH_MS * LWS_US_PER_MS;

	next = next ? next + beat : now + beat;
	if (next <= now)
		next = now + beat; /* the machine was busy for longer: those are left out */
	return next - now;
}

static void tick(lws_sorted_usec_list_t *sul)
{
	struct ui *ui = lws_context_user(to_wake);
	const int64_t now = ps_now_ms();

	loop_turn(&ui->loop);
	jobs_tick(ui, now);
	feed_tick(ui, now);
	pods_sync(ui, now);
	pods_tick(ui);
	others_tick(ui, now);
	typing_tick(ui);
	ws_tick(ui);
	lws_sul_schedule(ui->lws, 0, sul, tick, until_next());
}

static void on_new(void *ctx, struct runner *r)
{
	(void)r;
	feed_hurry(ctx);
}

static void on_gone(void *ctx, struct runner *r)
{
	pods_forget(ctx, r);
	others_forget(ctx, r);
}

/* ---- From start to end ---- */

static int make_dir(struct ui *ui, char *path, size_t size, struct ps_err *e)
{
	const char *base = getenv("XDG_RUNTIME_DIR");

	if (!base || *base != '/' || access(base, W_OK) < 0)
		base = "/tmp";
	if ((size_t)snprintf(path, size, "%s/podshim-ui-XXXXXX", base) >= size || !mkdtemp(path))
		return ps_fail_os(e, "make a directory below '%s'", base);
	ui->dir = path;
	return 0;
}

static int start(struct ui *ui, struct ps_err *e)
{
	struct rlimit files;

	/* A descriptor or three of each runner. */
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max < 4096 ? files.rlim_max : 4096;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
	board_init(&ui->board);
	ui->board.on_new = on_new;
	ui->board.on_gone = on_gone;
	ui->board.ctx = ui;
	if (ps_random_hex(ui->epoch, sizeof(ui->epoch) - 1) < 0)
		return ps_fail_os(e, "make a name for this start");
	if (loop_open(&ui->loop, e) < 0 || pods_start(ui, e) < 0 || others_start(ui, e) < 0 || listen_at(ui, e) < 0 || guard_arm(&ui->guard, e) < 0)
		return -1;
	return feed_start(ui, e);
}

static void stop(struct ui *ui)
{
	while (ui->jobs)
		job_cancel(ui, ui->jobs);
	feed_stop(ui);
	runs_stop(ui);
	pods_stop(ui);
	others_stop(ui);
	if (ui->lws)
		lws_context_destroy(ui->lws);
	to_wake = NULL;
	board_done(&ui->board);
	for (size_t i = 0; i < ui->n_observe; i++)
		free(ui->observe[i]);
	if (ui->guard.unix_path)
		(void)unlink(ui->guard.unix_path);
	(void)unlink(ui->guard.token_file);
	(void)ps_remove_tree_at(AT_FDCWD, ui->dir, NULL);
}

static int fail(const struct ps_err *e)
{
	char text[700];

	(void)fprintf(stderr, "podshim-ui: %s\n", ps_err_text(e, text, sizeof(text)));
	return e->cls == PS_E_USAGE ? 2 : 1;
}

int main(int argc, char **argv)
{
	static struct ui ui;
	struct ps_err e = { .cls = PS_OK };
	char dir[4096];
	int rc = parse(&ui, argc, argv, &e);

	if (rc)
		return rc < 0 ? fail(&e) : 0;
	(void)umask(077);
	(void)signal(SIGPIPE, SIG_IGN);
	if (make_dir(&ui, dir, sizeof(dir), &e) < 0)
		return fail(&e);
	rc = start(&ui, &e);
	if (rc == 0) {
		const struct sigaction act = { .sa_handler = on_signal };

		to_wake = ui.lws;
		(void)sigaction(SIGTERM, &act, NULL);
		(void)sigaction(SIGINT, &act, NULL);
		(void)sigaction(SIGHUP, &act, NULL);
		if (!geteuid() && ui.actions)
			(void)fputs("podshim-ui: runs as root, and so does what the page starts; an ordinary user is enough\n", stderr);
		(void)fprintf(stderr, "podshim-ui: open the address in '%s'\n", ui.guard.token_file);
		lws_sul_schedule(ui.lws, 0, &timer, tick, 0);
		while (!stopping && lws_service(ui.lws, 0) >= 0)
			;
	}
	stop(&ui);
	return rc < 0 ? fail(&e) : 0;
}
