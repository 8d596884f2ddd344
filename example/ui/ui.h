/* SPDX-License-Identifier: Apache-2.0
 * ui.h - podshim-ui's parts and what they share.
 */
#pragma once
#include <libwebsockets.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "example/ui/board.h"
#include "example/ui/guard.h"
#include "example/ui/loop.h"

enum {
	BATCH_MS = 200,
	LINE_MAX_BYTES = 64 * 1024,
	FEED_PIPE = 1024 * 1024,
	NOTICE_MAX = 2048,
	OBSERVE_MAX = 8,
};

struct term_size { uint16_t rows, cols; };

struct client;
struct feed;
struct job;
struct others;
struct pods;

struct ui {
	/* From the command line. */
	const char *root, *podshim, *examples, *dir; /* root, examples: may be NULL; dir: ours alone, for files that programs are given */
	char *observe[OBSERVE_MAX];   /* roots of other users, absolute */
	size_t n_observe;
	bool actions;
	struct guard guard;

	struct lws_context *lws;
	struct loop loop;
	struct board board;
	char epoch[17];
	uint64_t notice_version;
	char notice[NOTICE_MAX];      /* what we have trouble with, for every client */
	struct client *clients;
	struct feed *feed;
	struct pods *pods;
	struct others *others;
	struct job *jobs;
	unsigned n_jobs;
};

/* Tell all clients, once. */
void ui_notice(struct ui *ui, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* ---- lines.c: lines of a descriptor that does not block ---- */

struct lines { struct ps_buf buf; bool skip; };
/*
 * Take what one read(2) of fd gives, and call on_line for each whole line; longer ones than LINE_MAX_BYTES are left out.
 * 1: go on; 0: there is no more for now; -1: end of file.
 */
int lines_read(struct lines *l, int fd, void (*on_line)(void *ctx, const char *line, size_t n), void *ctx);
void lines_done(struct lines *l);

/* ---- job.c: a run of podshim that answers ---- */

enum { JOBS_MAX = 24, JOB_OUTPUT_MAX = 1024 * 1024, JOB_ERROR_MAX = 16 * 1024, JOB_MS = 10000, ARGS_MAX = 160 };

struct job_result { int status; bool late; const char *out, *err; size_t out_len, err_len; };
/* Called once; the job is gone after it. */
typedef void job_fn(struct ui *ui, void *ctx, const struct job_result *r);

/* Arguments behind "podshim [--root DIR]"; borrowed. */
struct args { const char *v[ARGS_MAX]; size_t n; bool too_many; };
void args_init(struct args *a, const struct ui *ui);
/* The same about r (may be NULL): with its root. */
void args_init_for(struct args *a, const struct ui *ui, const struct runner *r);
void args_add(struct args *a, const char *word);
/* Start it; input (may be NULL) becomes its standard input. */
int job_start(struct ui *ui, struct args *a, const struct ps_buf *input, job_fn *fn, void *ctx, struct job **ret, struct ps_err *e);
/* End it; fn is not called. */
void job_cancel(struct ui *ui, struct job *j);
void jobs_tick(struct ui *ui, int64_t now_ms);

/* ---- feed.c: what `podshim watch`, `pod ls` and `list` say ---- */

int feed_start(struct ui *ui, struct ps_err *e);
void feed_stop(struct ui *ui);
void feed_tick(struct ui *ui, int64_t now_ms);
/* Pods of other users are known that were not: tell of their runners, from the beginning. */
void feed_others_again(struct ui *ui);
/* There is something new: ask soon. */
void feed_hurry(struct ui *ui);

/* ---- pods.c: output and input of pods' runners, through libpodshim ---- */

int pods_start(struct ui *ui, struct ps_err *e);
void pods_stop(struct ui *ui);
/* Connect to the pods of the board, leave those that are gone; once a second. */
void pods_sync(struct ui *ui, int64_t now_ms);
void pods_tick(struct ui *ui);
void pods_forget(struct ui *ui, struct runner *r);
/* Bytes taken; -1 with a text in e. */
int pods_resize(struct runner *r, struct term_size size, struct ps_err *e);
/* The same without waiting: 0 when it reads nothing now. */
ssize_t pods_type(struct runner *r, const char *p, size_t n, struct ps_err *e);
ssize_t pods_send(struct ui *ui, struct runner *r, const char *p, size_t n, bool eof, struct ps_err *e);

/* ---- others.c: pods of other users, through podshim alone ---- */

int others_start(struct ui *ui, struct ps_err *e);
void others_stop(struct ui *ui);
void others_tick(struct ui *ui, int64_t now_ms);
void others_forget(struct ui *ui, const struct runner *r);

/* ---- typing.c: what is typed, key by key, and terminals ---- */

enum { TYPED_MAX = 64 * 1024 };

/* A terminal whose other side podshim gets: raw, because the one that it makes for the program does the rest. */
int term_open(struct term_size size, int *ret_master, int *ret_slave, struct ps_err *e);
/* For r to read, in order, when it does; what is more than TYPED_MAX is left out, which is told as an event. */
void type_bytes(struct ui *ui, struct runner *r, const char *p, size_t n);
/* What its terminal shows now; one without a terminal is left alone. */
void type_size(struct ui *ui, struct runner *r, struct term_size size);
void typing_tick(struct ui *ui);

/* ---- run.c: runners that this server starts ---- */

struct run_request {
	const char *const *words; size_t n_words; /* behind the flags */
	const char *const *flags; size_t n_flags;
	const char *policy;                       /* text, NULL */
	const char *code, *suffix;                /* in place of words */
	const char *dir, *example;                /* NULL */
	struct term_size size;                    /* of its terminal, where flags have --tty */
};
int run_start(struct ui *ui, const struct run_request *q, struct runner **ret, struct ps_err *e);
int run_resize(struct run *r, struct term_size size, struct ps_err *e);
ssize_t run_send(struct ui *ui, struct run *r, const char *p, size_t n, bool eof, struct ps_err *e);
/* Their flags and the file of their policy; what explain and test need. */
void run_flags(const struct runner *r, struct args *a);
void runs_stop(struct ui *ui);
/* Write text to a new file in ui->dir; its path is malloc'd. */
char *ui_file(const struct ui *ui, const char *prefix, const char *suffix, const char *text, struct ps_err *e);

/* ---- flags.c ---- */

/* One of podshim's permission and limit flags, as a page may pass it. */
bool flag_is_known(const char *flag);
/* It says what a program may do: 'policy show', 'policy test' and 'explain' take it, too. */
bool flag_is_permission(const char *flag);

/* ---- http.c: requests; api.c: snapshots; actions.c ---- */

struct request {
	struct ui *ui;
	struct lws *wsi;               /* NULL: gone */
	bool post, answered, sent_headers;
	char path[256], args[512];
	struct ps_buf body, out;
	size_t sent;
	int code;
	const char *type;              /* of out */
	const char *cookie;            /* NULL */
	const char *file; size_t file_len; /* in place of out */
	struct job *job;
	char *temporary;               /* a file of ours, for the job; NULL */
};
int http_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len);
/* Answer with what is in q->out, or with an error. */
void request_answer(struct request *q, int code);
void request_fail(struct request *q, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* The request is whole, and its sender may talk to us. */
void api_serve(struct request *q);
void api_action(struct request *q);
/* Of "/api/runners/7/verb": the runner, and what follows; NULL, and an answer. */
struct runner *request_runner(struct request *q, char **ret_rest);
/* False, and answered: r (may be NULL) is another user's. */
bool request_may_touch(struct request *q, const struct runner *r);
/* The list of examples; the tree lives in the arena. */
int catalog_read(const struct ui *ui, struct ps_arena *memory, const struct json **ret, struct ps_err *e);
/* Answer with RESULT once the job has ended. */
void request_job(struct request *q, struct args *a, const struct ps_buf *input);

/* ---- ws.c: live clients ---- */

int ws_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len);
void ws_tick(struct ui *ui);
