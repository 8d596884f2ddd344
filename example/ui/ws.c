/* SPDX-License-Identifier: Apache-2.0
 * ws.c - live clients: a batch every BATCH_MS, and output.
 *
 * Nothing is queued for a client: it has cursors into what the board keeps.  Who reads slowly finds less when it comes
 * back, and is told what is missing.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/scope.h"
#include "example/ui/relay.h"
#include "example/ui/ui.h"

enum {
	CLIENTS_MAX = 16, FRAME_IN_MAX = 64 * 1024, PODS_WANTED_MAX = 64, EVENTS_BYTES = 256 * 1024, SEND_BUFFER = 256 * 1024,
	OUTPUT_TURN = 1024 * 1024, OUTPUT_HEADER = 13, INPUT_HEADER = 5,
};

/* Where a client is in the output of one runner. */
struct place { uint32_t n; bool wanted, told; struct stream_cursor at; uint64_t from, gap; };

struct client {
	struct client *next;
	struct lws *wsi;
	struct ui *ui;
	struct ps_buf in;
	bool greeted, subscribed, due, fresh, all_output;
	uint64_t seq, rows_version, pods_version, removals, notice_version;
	char *pods[PODS_WANTED_MAX];
	size_t n_pods;
	bool some_pods;
	uint32_t known[BOARD_RUNNERS]; /* rows that it has, by n */
	size_t n_known;
	struct place places[BOARD_RUNNERS]; /* by n */
	size_t n_places;
	size_t output_left;             /* bytes until the next batch */
};

static void pods_clear(struct client *c)
{
	for (size_t i = 0; i < c->n_pods; i++)
		free(c->pods[i]);
	c->n_pods = 0;
}

static bool wants(const struct client *c, const struct runner *r)
{
	if (!c->some_pods)
		return true;
	for (size_t i = 0; r && i < c->n_pods; i++)
		if (!strcmp(c->pods[i], r->pod))
			return true;
	return false;
}

/* ---- sub ---- */

static struct place *place_of(struct client *c, uint32_t n)
{
	for (size_t i = 0; i < c->n_places; i++)
		if (c->places[i].n == n)
			return &c->places[i];
	return NULL;
}

/* Rows that are gone leave. */
static void clean_places(struct client *c)
{
	size_t kept = 0;

	for (size_t i = 0; i < c->n_places; i++)
		if (board_get(&c->ui->board, c->places[i].n))
			c->places[kept++] = c->places[i];
	c->n_places = kept;
}

static struct place *add_place(struct client *c, uint32_t n, uint64_t from)
{
	struct place *p = place_of(c, n);

	if (!p && c->n_places == BOARD_RUNNERS)
		clean_places(c);
	if (!p && c->n_places < BOARD_RUNNERS) {
		p = &c->places[c->n_places++];
		*p = (struct place){ .n = n, .from = from };
	}
	if (p)
		p->wanted = true;
	return p;
}

static uint64_t offset_for(const struct json *offsets, uint32_t n)
{
	char key[16];

	(void)snprintf(key, sizeof(key), "%u", n);
	return offsets ? relay_number(offsets, key) : 0;
}

static const char *take_runners(struct client *c, const struct json *list, const struct json *offsets)
{
	for (size_t i = 0; i < c->n_places; i++)
		c->places[i].wanted = false;
	c->all_output = list && list->type == JSON_NULL;
	if (list && list->type != JSON_ARRAY && !c->all_output)
		return "runners is a list of numbers, or null";
	for (size_t i = 0; c->all_output && i < c->ui->board.n_runners; i++)
		(void)add_place(c, c->ui->board.runners[i]->n, offset_for(offsets, c->ui->board.runners[i]->n));
	for (size_t i = 0; list && list->type == JSON_ARRAY && i < list->v.list.n; i++) {
		const struct json *v = &list->v.list.items[i];

		if (v->type != JSON_INT || v->v.i <= 0 || v->v.i > UINT32_MAX)
			return "runners is a list of numbers, or null";
		if (board_get(&c->ui->board, (uint32_t)v->v.i))
			(void)add_place(c, (uint32_t)v->v.i, offset_for(offsets, (uint32_t)v->v.i));
	}
	return NULL;
}

static const char *take_pods(struct client *c, const struct json *list)
{
	pods_clear(c);
	c->some_pods = list && list->type != JSON_NULL;
	if (!c->some_pods)
		return NULL;
	if (list->type != JSON_ARRAY || list->v.list.n > PODS_WANTED_MAX)
		return "pods is a list of names, or null";
	for (size_t i = 0; i < list->v.list.n; i++) {
		if (list->v.list.items[i].type != JSON_STRING)
			return "pods is a list of names, or null";
		c->pods[c->n_pods] = relay_copy(list->v.list.items[i].v.s);
		if (!c->pods[c->n_pods++])
			return "out of memory";
	}
	return NULL;
}

static const char *take_sub(struct client *c, const struct json *o)
{
	const struct json *since = json_get(o, "since"), *offsets = json_get(o, "offsets");
	const char *wrong;

	if (since && (since->type != JSON_INT || since->v.i < 0))
		return "since is the number of an event";
	if (offsets && offsets->type != JSON_OBJECT)
		return "offsets is an object of numbers";
	wrong = take_pods(c, json_get(o, "pods"));
	wrong = wrong ? wrong : take_runners(c, json_get(o, "runners"), offsets);
	if (wrong)
		return wrong;
	if (since)
		c->seq = (uint64_t)since->v.i < c->ui->board.seq ? (uint64_t)since->v.i : c->ui->board.seq;
	else if (!c->subscribed)
		c->seq = c->ui->board.seq;
	c->subscribed = c->fresh = true;
	c->rows_version = c->pods_version = 0;
	c->n_known = 0;
	return NULL;
}

/* ---- Typing ---- */

static const char NEEDS_ACTIONS[] = "this server was started without --actions: it only shows";

static struct runner *typed_at(const struct client *c, uint64_t n)
{
	struct runner *r = n <= UINT32_MAX ? board_get(&c->ui->board, (uint32_t)n) : NULL;

	/* It may have ended while this came. */
	return r && !runner_has_ended(r) && r->input ? r : NULL;
}

static const char *take_size(struct client *c, const struct json *o)
{
	struct runner *r = typed_at(c, relay_number(o, "n"));
	struct term_size size;

	if (!c->ui->actions)
		return NEEDS_ACTIONS;
	if (!relay_size(o, &size.rows, &size.cols))
		return "rows and cols are numbers from 1 to 1000";
	if (r)
		type_size(c->ui, r, size);
	return NULL;
}

/* A frame of bytes: whose, 0, then what is typed. */
static const char *take_bytes(struct client *c, const unsigned char *p, size_t n)
{
	struct runner *r;

	if (!c->ui->actions)
		return NEEDS_ACTIONS;
	if (n < INPUT_HEADER || p[4])
		return "a binary frame is the number of a runner, 0, and what is typed";
	r = typed_at(c, p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 | (uint64_t)p[3] << 24);
	if (r)
		type_bytes(c->ui, r, (const char *)p + INPUT_HEADER, n - INPUT_HEADER);
	return NULL;
}

/* NULL, or what is wrong. */
static const char *take_frame(struct client *c, const char *text, size_t n)
{
	ps_auto_arena struct ps_arena memory = { 0 };
	struct json *o;

	if (json_parse(&memory, "frame", text, n, &o, NULL) < 0 || o->type != JSON_OBJECT)
		return "expected a JSON object";
	if (!strcmp(relay_text(o, "type"), "sub"))
		return take_sub(c, o);
	if (!strcmp(relay_text(o, "type"), "size"))
		return take_size(c, o);
	return "expected an object of type sub or size";
}

/* ---- Batches ---- */

static void put_rows(struct client *c, struct ps_jsonw *w)
{
	struct board *b = &c->ui->board;
	bool any = false;

	for (size_t i = 0; i < b->n_runners; i++) {
		struct runner *r = b->runners[i];

		if (c->all_output && !place_of(c, r->n))
			(void)add_place(c, r->n, 0);
		if (r->version <= c->rows_version || !wants(c, r))
			continue;
		if (!any)
			ps_jw_array(w, "runners");
		any = true;
		board_put_runner(w, NULL, r);
	}
	if (any)
		ps_jw_end_array(w);
	c->rows_version = b->version;
}

/* What it knows less what there is; then it knows what there is. */
static void put_gone(struct client *c, struct ps_jsonw *w)
{
	struct board *b = &c->ui->board;
	bool any = false;

	for (size_t i = 0; i < c->n_known; i++) {
		if (board_get(b, c->known[i]))
			continue;
		if (!any)
			ps_jw_array(w, "gone");
		any = true;
		ps_jw_uint(w, NULL, c->known[i]);
	}
	if (any)
		ps_jw_end_array(w);
	c->n_known = 0;
	for (size_t i = 0; i < b->n_runners; i++)
		if (wants(c, b->runners[i]))
			c->known[c->n_known++] = b->runners[i]->n;
}

static void put_gap(struct client *c, struct ps_jsonw *w)
{
	const struct board *b = &c->ui->board;

	if (c->seq + 1 >= b->oldest)
		return;
	ps_jw_object(w, "gap");
	ps_jw_uint(w, "from", c->seq + 1);
	ps_jw_uint(w, "to", b->oldest - 1);
	ps_jw_end_object(w);
	c->seq = b->oldest - 1;
}

static void put_events(struct client *c, struct ps_jsonw *w)
{
	struct board *b = &c->ui->board;
	size_t bytes = 0;
	bool any = false;

	for (; c->seq < b->seq && bytes < EVENTS_BYTES; c->seq++) {
		const struct event *ev = board_event(b, c->seq + 1);

		if (!ev || (ev->n && !wants(c, board_get(b, ev->n))))
			continue;
		if (!any)
			ps_jw_array(w, "events");
		any = true;
		ps_jw_raw(w, NULL, ev->json);
		bytes += ev->len;
	}
	if (any)
		ps_jw_end_array(w);
}

static void put_output_gaps(struct client *c, struct ps_jsonw *w)
{
	bool any = false;

	for (struct place *p = c->places; p < c->places + c->n_places; p++) {
		if (!p->gap)
			continue;
		if (!any)
			ps_jw_array(w, "outputGaps");
		any = true;
		ps_jw_object(w, NULL);
		ps_jw_uint(w, "n", p->n);
		ps_jw_uint(w, "bytes", p->gap);
		ps_jw_end_object(w);
		p->gap = 0;
	}
	if (any)
		ps_jw_end_array(w);
}

static void build_batch(struct client *c, struct ps_buf *out)
{
	struct board *b = &c->ui->board;
	struct ps_jsonw w = { .out = out };

	ps_jw_object(&w, NULL);
	ps_jw_str(&w, "type", "batch");
	ps_jw_uint(&w, "timeMs", ps_clock_ns(CLOCK_REALTIME) / 1000000);
	put_gap(c, &w);
	put_events(c, &w);
	ps_jw_uint(&w, "seq", c->seq);
	put_rows(c, &w);
	if (c->fresh || c->removals != b->removals || c->n_known != b->n_runners)
		put_gone(c, &w);
	c->removals = b->removals;
	if (c->pods_version < b->pods_version || c->fresh)
		board_put_pods(&w, "pods", b);
	c->pods_version = b->pods_version;
	put_output_gaps(c, &w);
	if (c->notice_version < c->ui->notice_version)
		ps_jw_str(&w, "notice", c->ui->notice);
	c->notice_version = c->ui->notice_version;
	if (c->seq < b->seq)
		ps_jw_bool(&w, "more", true);
	ps_jw_end_object(&w);
	c->due = c->seq < b->seq;
	c->fresh = false;
}

static void build_hello(struct client *c, struct ps_buf *out)
{
	const struct ui *ui = c->ui;
	struct ps_jsonw w = { .out = out };

	ps_jw_object(&w, NULL);
	ps_jw_str(&w, "type", "hello");
	ps_jw_int(&w, "version", 1);
	ps_jw_str(&w, "epoch", ui->epoch);
	ps_jw_bool(&w, "actions", ui->actions);
	ps_jw_str(&w, "podshim", PODSHIM_VERSION);
	ps_jw_uint(&w, "seq", ui->board.seq);
	ps_jw_uint(&w, "oldest", ui->board.oldest);
	ps_jw_int(&w, "batchMs", BATCH_MS);
	ps_jw_end_object(&w);
}

/* ---- Frames ---- */

/* The text behind LWS_PRE bytes of `out`; -1: close. */
static int send_text(struct client *c, struct ps_buf *out)
{
	const size_t n = out->len - LWS_PRE;

	if (out->failed)
		return -1;
	return lws_write(c->wsi, (unsigned char *)out->data + LWS_PRE, n, LWS_WRITE_TEXT) < (int)n ? -1 : 0;
}

static int write_text(struct client *c, void (*build)(struct client *c, struct ps_buf *out))
{
	static const char headroom[LWS_PRE];
	ps_auto_buf struct ps_buf body = { .data = NULL }, out = { .data = NULL };

	build(c, &body);
	if (body.failed)
		return -1;
	ps_buf_put(&out, headroom, sizeof(headroom));
	ps_buf_put(&out, body.data, body.len);
	return send_text(c, &out);
}

static void put_le(unsigned char *to, uint64_t v, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		to[i] = (unsigned char)(v >> (8 * i));
}

/* The next record of p that is not older than where the client wants to begin: its bytes, 0: there is none. */
static size_t next_output(struct place *p, const struct runner *r, unsigned char *body, struct stream_record *rec, uint64_t *ret_offset)
{
	while (stream_read(r->view, &p->at, (char *)body, STREAM_RECORD_MAX, rec, NULL) == 1) {
		/* The cursor counts what was skipped, too: behind the record now. */
		const uint64_t offset = p->at.offset - rec->len;

		if (offset + rec->len <= p->from)
			continue;
		if (offset > p->from)
			p->gap += offset - p->from;
		const size_t skip = offset < p->from ? (size_t)(p->from - offset) : 0;

		memmove(body, body + skip, rec->len - skip);
		*ret_offset = offset + skip;
		p->from = offset + rec->len;
		return rec->len - skip;
	}
	return 0;
}

/* One frame of output of whoever has some; 1 sent, 0 there is none, -1: close. */
static int write_output(struct client *c)
{
	ps_auto_mem unsigned char *buf = malloc(LWS_PRE + OUTPUT_HEADER + STREAM_RECORD_MAX);
	struct stream_record rec;
	uint64_t offset = 0;

	if (!buf)
		return -1;
	unsigned char *const frame = buf + LWS_PRE;

	for (struct place *p = c->places; p < c->places + c->n_places; p++) {
		const struct runner *r = p->wanted ? board_get(&c->ui->board, p->n) : NULL;
		size_t n = r && r->view && wants(c, r) ? next_output(p, r, frame + OUTPUT_HEADER, &rec, &offset) : 0;

		if (!n)
			continue;
		put_le(frame, p->n, 4);
		frame[4] = (unsigned char)rec.no;
		put_le(frame + 5, offset, 8);
		n += OUTPUT_HEADER;
		c->output_left -= n < c->output_left ? n : c->output_left;
		return lws_write(c->wsi, frame, n, LWS_WRITE_BINARY) < (int)n ? -1 : 1;
	}
	return 0;
}

static int on_writable(struct client *c)
{
	int rc;

	if (!c->greeted) {
		c->greeted = true;
		return write_text(c, build_hello);
	}
	if (!c->subscribed)
		return 0;
	if (c->due) {
		rc = write_text(c, build_batch);
	} else {
		rc = c->output_left ? write_output(c) : 0;
		if (rc <= 0)
			return rc;
	}
	/* Again when there is room for it: no more than one frame waits. */
	lws_callback_on_writable(c->wsi);
	return rc < 0 ? -1 : 0;
}

void ws_tick(struct ui *ui)
{
	for (struct client *c = ui->clients; c; c = c->next) {
		c->due = c->subscribed;
		c->output_left = OUTPUT_TURN;
		lws_callback_on_writable(c->wsi);
	}
}

/* ---- Connections ---- */

static int on_open(struct ui *ui, struct lws *wsi, struct client **at)
{
	unsigned n = 0;
	const int size = SEND_BUFFER;

	for (const struct client *c = ui->clients; c; c = c->next)
		n++;
	*at = n < CLIENTS_MAX ? calloc(1, sizeof(**at)) : NULL;
	if (!*at) {
		lws_close_reason(wsi, LWS_CLOSE_STATUS_POLICY_VIOLATION, (unsigned char *)(uintptr_t)"too many clients", 16);
		return -1;
	}
	/* Beyond this, what a slow client misses is skipped rather than kept for it. */
	(void)setsockopt(lws_get_socket_fd(wsi), SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	**at = (struct client){ .next = ui->clients, .wsi = wsi, .ui = ui };
	ui->clients = *at;
	lws_callback_on_writable(wsi);
	return 0;
}

static void on_close(struct client **at)
{
	struct client *c = *at;

	if (!c)
		return;
	for (struct client **p = &c->ui->clients; *p; p = &(*p)->next) {
		if (*p == c) {
			*p = c->next;
			break;
		}
	}
	pods_clear(c);
	ps_buf_done(&c->in);
	free(c);
	*at = NULL;
}

static int on_frame(struct client *c, const void *p, size_t n)
{
	const char *wrong = NULL;

	ps_buf_put(&c->in, p, n);
	if (c->in.failed || c->in.len > FRAME_IN_MAX)
		wrong = "expected frames of at most 64 KiB";
	else if (!lws_is_final_fragment(c->wsi) || lws_remaining_packet_payload(c->wsi))
		return 0;
	else if (lws_frame_is_binary(c->wsi))
		wrong = take_bytes(c, (const unsigned char *)c->in.data, c->in.len);
	else
		wrong = take_frame(c, c->in.data ? c->in.data : "", c->in.len);
	ps_buf_reset(&c->in);
	if (!wrong)
		return 0;
	lws_close_reason(c->wsi, LWS_CLOSE_STATUS_POLICY_VIOLATION, (unsigned char *)(uintptr_t)wrong, strlen(wrong));
	return -1;
}

int ws_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
	struct client **at = user;

	switch ((int)reason) {
	case LWS_CALLBACK_ESTABLISHED:
		return on_open(lws_context_user(lws_get_context(wsi)), wsi, at);
	case LWS_CALLBACK_CLOSED:
		on_close(at);
		return 0;
	case LWS_CALLBACK_RECEIVE:
		return on_frame(*at, in, len);
	case LWS_CALLBACK_SERVER_WRITEABLE:
		return *at ? on_writable(*at) : 0;
	default:
		return 0;
	}
}
