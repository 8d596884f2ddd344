/* SPDX-License-Identifier: Apache-2.0
 * log.c - failures and warnings as their readers expect them.
 */
#include "shim/cli/log.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/jsonw.h"
#include "base/proc.h"
#include "base/scope.h"
#include "shim/cli/cmd.h"

int log_open(const struct global_flags *g, struct log *ret, struct ps_err *e)
{
	const char *level = g->debug ? "debug" : g->log_level ? g->log_level : "error";

	*ret = (struct log){
		.fd = -1,
		.json = g->log_format && !strcmp(g->log_format, "json"),
		.debug = !strcmp(level, "debug"),
		.level = !strcmp(level, "debug")     ? LOG_LEVEL_DEBUG
			 : !strcmp(level, "warning") ? LOG_LEVEL_WARNING
						     : LOG_LEVEL_ERROR,
	};
	if (!g->log)
		return 0;
	ret->fd = open(g->log, O_WRONLY | O_APPEND | O_CREAT | O_NOCTTY | O_CLOEXEC, 0644);
	return ret->fd < 0 ? ps_fail_os(e, "open log file '%s'", g->log) : 0;
}

void log_close(struct log *l)
{
	ps_fd_close(&l->fd);
}

void log_clean(char *text)
{
	for (; *text; text++)
		if (((unsigned char)*text < 0x20 && *text != '\n') || *text == 0x7f)
			*text = '?';
}

static void line_json(struct ps_buf *out, bool debug, const char *level, const char *msg, const char *time,
		      const struct ps_err *e)
{
	struct ps_jsonw w = { .out = out };
	char site[64];

	ps_jw_object(&w, NULL);
	ps_jw_str(&w, "level", level);
	ps_jw_str(&w, "msg", msg);
	ps_jw_str(&w, "time", time);
	if (e) {
		ps_jw_str(&w, "class", ps_err_class_text(e->cls));
		if (e->where[0])
			ps_jw_str(&w, "where", e->where);
		if (debug) {
			(void)snprintf(site, sizeof(site), "%s:%d", e->file, e->line);
			ps_jw_str(&w, "site", site);
		}
	}
	ps_jw_end_object(&w);
	ps_buf_putc(out, '\n');
}

void log_line(struct ps_buf *out, bool json, bool debug, const char *level, const char *msg, const char *time,
	      const struct ps_err *e)
{
	struct ps_jsonw w = { .out = out };

	if (json) {
		line_json(out, debug, level, msg, time, e);
		return;
	}
	ps_buf_printf(out, "time=\"%s\" level=%s msg=", time, level);
	ps_jw_str(&w, NULL, msg);
	if (e && debug)
		ps_buf_printf(out, " site=%s:%d", e->file, e->line);
	ps_buf_putc(out, '\n');
}

static void write_line(const struct log *l, int fd, const char *level, const char *msg,
		       const struct ps_err *e)
{
	ps_auto_buf struct ps_buf line = { 0 };
	char time[40];

	ps_time_rfc3339(time);
	log_line(&line, l->json, l->debug, level, msg, time, e);
	if (!line.failed)
		(void)ps_write_all(fd, line.data, line.len);
}

static void write_stderr(const char *kind, const char *msg, const struct ps_err *e)
{
	char text[768]; /* holds any failure */
	int n;

	if (e)
		n = snprintf(text, sizeof(text), "podshim: %s%s [%s:%d]\n", kind, msg, e->file, e->line);
	else
		n = snprintf(text, sizeof(text), "podshim: %s%s\n", kind, msg);
	if (n < 0)
		return;
	if ((size_t)n >= sizeof(text)) { /* a long warning */
		n = (int)sizeof(text) - 1;
		text[n - 1] = '\n';
	}
	log_clean(text);
	(void)ps_write_all(STDERR_FILENO, text, (size_t)n);
}

void log_failure(const struct log *l, const struct ps_err *e)
{
	char msg[sizeof(e->where) + sizeof(e->msg) + 4];

	ps_err_text(e, msg, sizeof(msg));
	if (l->fd >= 0)
		write_line(l, l->fd, "error", msg, e);
	if (l->fd < 0 && l->json)
		write_line(l, STDERR_FILENO, "error", msg, e);
	else
		write_stderr("", msg, l->debug ? e : NULL);
}

void log_warning(void *ctx, const char *text)
{
	const struct log *l = ctx;

	if (l->level < LOG_LEVEL_WARNING)
		return;
	if (l->fd >= 0)
		write_line(l, l->fd, "warning", text, NULL);
	else if (!l->quiet && l->json)
		write_line(l, STDERR_FILENO, "warning", text, NULL);
	else if (!l->quiet)
		write_stderr("warning: ", text, NULL);
}
