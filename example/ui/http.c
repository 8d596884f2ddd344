/* SPDX-License-Identifier: Apache-2.0
 * http.c - requests: who may ask, bodies, answers.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/scope.h"
#include "example/ui/site.h"
#include "example/ui/ui.h"

enum { BODY_MAX = 256 * 1024, CHUNK = 32 * 1024, HEADERS_MAX = 2048, HEADER_MAX = 1024 };

static const struct { const char *name, *value; } headers[] = {
	{ "content-security-policy:", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
				      "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'" },
	{ "x-content-type-options:", "nosniff" },
	{ "x-frame-options:", "DENY" },
	{ "referrer-policy:", "no-referrer" },
	{ "cross-origin-opener-policy:", "same-origin" },
	{ "cross-origin-resource-policy:", "same-origin" },
	{ "cache-control:", "no-store" },
};

/* ---- Answers ---- */

static void request_free(struct request *q)
{
	ps_buf_done(&q->body);
	ps_buf_done(&q->out);
	if (q->temporary)
		(void)unlink(q->temporary);
	free(q->temporary);
	free(q);
}

void request_answer(struct request *q, int code)
{
	if (q->out.failed) {
		ps_buf_done(&q->out);
		ps_buf_puts(&q->out, "{\"error\":\"out of memory\"}");
		code = 500;
	}
	q->code = code;
	q->type = q->file ? q->type : "application/json";
	q->answered = true;
	lws_callback_on_writable(q->wsi);
}

void request_fail(struct request *q, int code, const char *fmt, ...)
{
	struct ps_jsonw w = { .out = &q->out };
	char text[600];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	ps_buf_reset(&q->out);
	ps_jw_object(&w, NULL);
	ps_jw_str(&w, "error", text);
	ps_jw_end_object(&w);
	request_answer(q, code);
}

static int put_header(struct lws *wsi, const char *name, const char *value, unsigned char **p, unsigned char *end)
{
	return lws_add_http_header_by_name(wsi, (const unsigned char *)name, (const unsigned char *)value, (int)strlen(value), p, end);
}

static int send_headers(struct request *q)
{
	unsigned char buf[LWS_PRE + HEADERS_MAX], *start = buf + LWS_PRE, *p = start, *end = buf + sizeof(buf) - 1;
	const size_t len = q->file ? q->file_len : q->out.len;

	if (lws_add_http_common_headers(q->wsi, (unsigned)q->code, q->type, len, &p, end))
		return -1;
	for (size_t i = 0; i < PS_COUNT(headers); i++)
		if (put_header(q->wsi, headers[i].name, headers[i].value, &p, end))
			return -1;
	if (q->cookie && put_header(q->wsi, "set-cookie:", q->cookie, &p, end))
		return -1;
	q->sent_headers = true;
	return lws_finalize_write_http_header(q->wsi, start, &p, end) ? -1 : 0;
}

/* One piece; 0: more to come, 1: that was all, -1: close. */
static int send_some(struct request *q)
{
	ps_auto_mem unsigned char *buf = malloc(LWS_PRE + CHUNK);
	const char *data = q->file ? q->file : q->out.data;
	const size_t len = q->file ? q->file_len : q->out.len, n = len - q->sent < CHUNK ? len - q->sent : CHUNK;
	const bool last = q->sent + n == len;

	if (!buf)
		return -1;
	if (n)
		memcpy(buf + LWS_PRE, data + q->sent, n);
	if (lws_write(q->wsi, buf + LWS_PRE, n, last ? LWS_WRITE_HTTP_FINAL : LWS_WRITE_HTTP) < (int)n)
		return -1;
	q->sent += n;
	return last;
}

static int on_writable(struct request **at)
{
	struct request *q = *at;
	struct lws *wsi;
	int rc;

	if (!q || !q->answered)
		return 0;
	if (!q->sent_headers) {
		if (send_headers(q) < 0)
			return -1;
		lws_callback_on_writable(q->wsi);
		return 0;
	}
	rc = send_some(q);
	if (rc < 0)
		return -1;
	if (!rc) {
		lws_callback_on_writable(q->wsi);
		return 0;
	}
	wsi = q->wsi;
	*at = NULL;
	request_free(q);
	return lws_http_transaction_completed(wsi) ? -1 : 0;
}

/* ---- Who asks ---- */

/* A header's value into buf; NULL: there is none.  One that does not fit is as good as a wrong one. */
static const char *header(struct lws *wsi, enum lws_token_indexes token, char buf[HEADER_MAX])
{
	if (lws_hdr_total_length(wsi, token) <= 0)
		return NULL;
	return lws_hdr_copy(wsi, buf, HEADER_MAX, token) > 0 ? buf : "?";
}

static bool is_let_in(struct ui *ui, struct lws *wsi, bool changes, bool *ret_known)
{
	char host_buf[HEADER_MAX], origin_buf[HEADER_MAX], cookie_buf[HEADER_MAX];
	const char *host = header(wsi, WSI_TOKEN_HOST, host_buf), *origin = header(wsi, WSI_TOKEN_ORIGIN, origin_buf);

	*ret_known = guard_cookie(&ui->guard, header(wsi, WSI_TOKEN_HTTP_COOKIE, cookie_buf));
	return guard_host(&ui->guard, host) && guard_origin(&ui->guard, host, origin, changes);
}

static bool is_json(struct lws *wsi)
{
	char buf[HEADER_MAX];
	const char *type = header(wsi, WSI_TOKEN_HTTP_CONTENT_TYPE, buf);

	return type && !strncmp(type, "application/json", 16) && (!type[16] || type[16] == ';');
}

/* ---- Login ---- */

static void login(struct request *q)
{
	ps_auto_arena struct ps_arena memory = { 0 };
	struct guard *g = &q->ui->guard;
	struct json *o;
	struct ps_err e;
	const struct json *token;
	bool ok = false;

	if (json_parse(&memory, "body", q->body.data ? q->body.data : "", q->body.len, &o, &e) < 0) {
		request_fail(q, 400, "%s", e.msg);
		return;
	}
	token = json_get(o, "token");
	if (!token || token->type != JSON_STRING) {
		request_fail(q, 400, "expected {\"token\":\"...\"}");
		return;
	}
	if (guard_login(g, token->v.s, &ok, &e) < 0)
		ui_notice(q->ui, "%s", e.msg);
	if (!ok) {
		request_fail(q, 401, "wrong token, or it was used: '%s' has the one that counts", g->token_file);
		return;
	}
	static char cookie[SECRET_LEN + 80];

	(void)snprintf(cookie, sizeof(cookie), GUARD_COOKIE "=%s; Path=/; HttpOnly; SameSite=Strict", g->session);
	q->cookie = cookie;
	ps_buf_puts(&q->out, "{\"ok\":true}");
	request_answer(q, 200);
}

static void serve_file(struct request *q)
{
	const struct site_row *f = site_find(strcmp(q->path, "/") ? q->path : "/index.html");

	if (!f) {
		request_fail(q, 404, "there is no '%s'", q->path);
		return;
	}
	q->file = f->data;
	q->file_len = (size_t)(f->end - f->data);
	q->type = f->type;
	request_answer(q, 200);
}

/* ---- Requests ---- */

static void copy_args(struct lws *wsi, struct request *q)
{
	char part[256];
	size_t n = 0;

	for (int i = 0; lws_hdr_copy_fragment(wsi, part, sizeof(part), WSI_TOKEN_HTTP_URI_ARGS, i) > 0 && n < sizeof(q->args); i++)
		n += (size_t)snprintf(q->args + n, sizeof(q->args) - n, "%s%s", n ? "&" : "", part);
}

static struct request *begin(struct ui *ui, struct lws *wsi)
{
	struct request *q = calloc(1, sizeof(*q));

	if (!q)
		return NULL;
	q->ui = ui;
	q->wsi = wsi;
	q->post = lws_hdr_total_length(wsi, WSI_TOKEN_POST_URI) > 0;
	if (lws_hdr_copy(wsi, q->path, sizeof(q->path), q->post ? WSI_TOKEN_POST_URI : WSI_TOKEN_GET_URI) <= 0)
		q->path[0] = '\0';
	copy_args(wsi, q);
	return q;
}

static void check_and_serve(struct request *q)
{
	const bool api = !strncmp(q->path, "/api/", 5), is_login = !strcmp(q->path, "/api/login");
	bool known;

	if (!is_let_in(q->ui, q->wsi, q->post, &known))
		request_fail(q, 403, "wrong Host or Origin: this server is asked by its own page alone");
	else if (!*q->path)
		request_fail(q, 405, "only GET and POST are served");
	else if (api && !is_login && !known)
		request_fail(q, 401, "log in first: open the address in '%s'", q->ui->guard.token_file);
	else if (q->post != (is_login || api) && (q->post || is_login))
		request_fail(q, 405, "'%s' is not for this method", q->path);
	else if (q->post && !is_json(q->wsi))
		request_fail(q, 400, "a body is application/json");
	else if (q->post && !is_login && !q->ui->actions)
		request_fail(q, 403, "this server was started without --actions: it only shows");
	else if (!api)
		serve_file(q);
	else if (!q->post)
		api_serve(q);
}

static void on_body(struct request *q, const void *p, size_t n)
{
	if (!q || q->answered)
		return;
	if (q->body.len + n > BODY_MAX)
		request_fail(q, 413, "a body has at most %d bytes", BODY_MAX);
	else
		ps_buf_put(&q->body, p, n);
}

static void on_whole_body(struct request *q)
{
	if (!q || q->answered)
		return;
	if (q->body.failed)
		request_fail(q, 500, "out of memory");
	else if (!strcmp(q->path, "/api/login"))
		login(q);
	else
		api_action(q);
}

static void forget(struct request **at)
{
	struct request *q = *at;

	if (!q)
		return;
	if (q->job)
		job_cancel(q->ui, q->job);
	request_free(q);
	*at = NULL;
}

/* An upgrade is looked at before anything else is known of it. */
static int confirm_upgrade(struct ui *ui, struct lws *wsi, const char *to)
{
	char path[64];
	bool known;

	if (strcmp(to, "websocket") != 0 || lws_hdr_copy(wsi, path, sizeof(path), WSI_TOKEN_GET_URI) <= 0 || strcmp(path, "/ws") != 0)
		return -1;
	if (is_let_in(ui, wsi, true, &known) && known)
		return 0;
	(void)lws_return_http_status(wsi, 403, NULL);
	return -1;
}

int http_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
	struct ui *ui = lws_context_user(lws_get_context(wsi));
	struct request **at = user;

	switch ((int)reason) {
	case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
		return confirm_upgrade(ui, wsi, in);
	case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION:
		return -1; /* a web socket without our subprotocol */
	case LWS_CALLBACK_HTTP:
		forget(at);
		*at = begin(ui, wsi);
		if (!*at)
			return -1;
		check_and_serve(*at);
		return 0;
	case LWS_CALLBACK_HTTP_BODY:
		on_body(*at, in, len);
		return 0;
	case LWS_CALLBACK_HTTP_BODY_COMPLETION:
		on_whole_body(*at);
		return 0;
	case LWS_CALLBACK_HTTP_WRITEABLE:
		return on_writable(at);
	case LWS_CALLBACK_CLOSED_HTTP:
	case LWS_CALLBACK_HTTP_DROP_PROTOCOL:
		if (at)
			forget(at);
		return 0;
	case LWS_CALLBACK_RAW_RX_FILE:
		loop_turn(&ui->loop);
		return 0;
	default:
		return 0;
	}
}
