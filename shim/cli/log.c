/* SPDX-License-Identifier: Apache-2.0
 * log.c - failures and warnings as their readers expect them.
 */
#include "shim/cli/log.h"

#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/jsonw.h"
#include "base/proc.h"
#include "base/scope.h"
#include "shim/cli/cmd.h"
#include "shim/cli/log_hint.h"

int log_open(const struct global_flags *g, struct log *ret, struct ps_err *e)
{
	const char *usual = !g->log && isatty(STDERR_FILENO) ? "warning" : "error";
	const char *level = g->debug ? "debug" : g->log_level ? g->log_level : usual;

	*ret = (struct log){
		.target = LOG_TARGET_NONE,
		.json = g->log_format && !strcmp(g->log_format, "json"),
		.debug = !strcmp(level, "debug"),
		.level = !strcmp(level, "debug")     ? LOG_LEVEL_DEBUG
			 : !strcmp(level, "warning") ? LOG_LEVEL_WARNING
						     : LOG_LEVEL_ERROR,
	};
	return g->log ? log_target_open(g->log, &ret->target, e) : 0;
}

void log_close(struct log *l)
{
	ps_buf_done(&l->kept);
	ps_fd_close(&l->target.fd);
}

/* What turns the direction of text, or has no width: another name would be seen than is meant. */
static bool is_invisible(const unsigned char *c, size_t n)
{
	static const struct { unsigned char lead, middle, from, to; } ranges[] = {
		{ 0xe2, 0x80, 0x8b, 0x8f }, { 0xe2, 0x80, 0xa8, 0xae }, { 0xe2, 0x81, 0xa0, 0xaf }, { 0xef, 0xbb, 0xbf, 0xbf },
	};

	if (n == 2)
		return c[0] == 0xd8 && c[1] == 0x9c;
	for (size_t i = 0; n == 3 && i < PS_COUNT(ranges); i++)
		if (c[0] == ranges[i].lead && c[1] == ranges[i].middle && c[2] >= ranges[i].from && c[2] <= ranges[i].to)
			return true;
	return false;
}

/* U+0080 to U+009F, which begin with 0xc2 in UTF-8, are control characters as well. */
static bool is_plain(const unsigned char *c, size_t n)
{
	return n && *c >= 0x20 && *c != 0x7f && !(n == 2 && *c == 0xc2 && c[1] < 0xa0) && !is_invisible(c, n);
}

void log_escape(struct ps_buf *out, const char *text)
{
	size_t left = strlen(text), n;

	for (; left; text += n, left -= n) {
		n = ps_utf8_len(text, left);
		if (is_plain((const unsigned char *)text, n)) {
			ps_buf_put(out, text, n);
			continue;
		}
		n = n ? n : 1;
		for (size_t i = 0; i < n; i++) {
			if (text[i] == '\n' || text[i] == '\t')
				ps_buf_puts(out, text[i] == '\n' ? "\\n" : "\\t");
			else
				ps_buf_printf(out, "\\x%02x", (unsigned char)text[i]);
		}
	}
}

static void line_json(struct ps_buf *out, bool debug, const char *level, const char *msg, const char *time,
		      const struct ps_err *e)
{
	ps_auto_buf struct ps_buf where = { 0 };
	struct ps_jsonw w = { .out = out };
	char site[64];

	ps_jw_object(&w, NULL);
	ps_jw_str(&w, "level", level);
	ps_jw_str(&w, "msg", msg);
	ps_jw_str(&w, "time", time);
	if (e) {
		ps_jw_str(&w, "class", ps_err_class_text(e->cls));
		ps_jw_str(&w, "code", log_code(e));
		if (e->sys)
			ps_jw_int(&w, "errno", e->sys);
		ps_jw_str(&w, "hint", log_hint(e));
		if (e->where[0]) {
			log_escape(&where, e->where);
			ps_jw_str(&w, "where", where.failed ? "?" : where.data);
		}
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

	if (fd == l->target.fd && l->target.kind != LOG_TO_FILE) {
		log_target_send(&l->target, level, msg);
		return;
	}
	ps_time_rfc3339(time);
	log_line(&line, l->json, l->debug, level, msg, time, e);
	if (!line.failed)
		(void)ps_write_all(fd, line.data, line.len);
}

static void write_stderr(const char *kind, const char *msg, const struct ps_err *e)
{
	ps_auto_buf struct ps_buf line = { 0 };

	ps_buf_printf(&line, "podshim: %s%s", kind, msg);
	if (e)
		ps_buf_printf(&line, " [%s:%d]", e->file, e->line);
	ps_buf_putc(&line, '\n');
	if (!line.failed)
		(void)ps_write_all(STDERR_FILENO, line.data, line.len);
}

void log_failure(const struct log *l, const struct ps_err *e)
{
	char text[sizeof(e->where) + sizeof(e->msg) + 4];
	ps_auto_buf struct ps_buf escaped = { 0 };
	const char *msg;

	log_escape(&escaped, ps_err_text(e, text, sizeof(text)));
	msg = escaped.failed || !escaped.len ? "out of memory for the message" : escaped.data;
	if (l->target.fd >= 0)
		write_line(l, l->target.fd, "error", msg, e);
	if (l->target.fd < 0 && l->json)
		write_line(l, STDERR_FILENO, "error", msg, e);
	else
		write_stderr("", msg, l->debug ? e : NULL);
}

void log_warning(void *ctx, const char *text)
{
	ps_auto_buf struct ps_buf msg = { 0 };
	const struct log *l = ctx;

	if (l->level < LOG_LEVEL_WARNING)
		return;
	log_escape(&msg, text);
	if (msg.failed || !msg.len)
		return;
	if (l->target.fd >= 0)
		write_line(l, l->target.fd, "warning", msg.data, NULL);
	else if (!l->quiet && l->json)
		write_line(l, STDERR_FILENO, "warning", msg.data, NULL);
	else if (!l->quiet)
		write_stderr("warning: ", msg.data, NULL);
}

void log_debug(void *ctx, const char *text)
{
	ps_auto_buf struct ps_buf msg = { 0 };
	const struct log *l = ctx;

	log_escape(&msg, text);
	if (!msg.failed && msg.len)
		write_line(l, l->target.fd >= 0 ? l->target.fd : STDERR_FILENO, "debug", msg.data, NULL);
}

void log_degraded(void *ctx, const char *text)
{
	ps_auto_buf struct ps_buf msg = { 0 };
	struct log *l = ctx;

	if (l->target.fd < 0 || l->level >= LOG_LEVEL_WARNING)
		return;
	log_escape(&msg, text);
	if (!msg.failed && msg.len)
		ps_buf_put(&l->kept, msg.data, msg.len + 1);
}

void log_success(struct log *l)
{
	if (l->target.fd < 0 || l->kept.failed)
		return;
	for (size_t at = 0; at < l->kept.len; at += strlen(l->kept.data + at) + 1)
		write_line(l, l->target.fd, "warning", l->kept.data + at, NULL);
}
