/* SPDX-License-Identifier: Apache-2.0
 * err.c - fills, extends and prints struct ps_err without allocating.
 */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Every text goes through a local copy: the arguments may point into *e itself. */
static void set(char *dst, size_t size, const char *fmt, va_list ap) __attribute__((format(printf, 3, 0)));
static void set(char *dst, size_t size, const char *fmt, va_list ap)
{
	char text[sizeof(((struct ps_err *)0)->msg)] = "";

	(void)vsnprintf(text, sizeof(text), fmt, ap);
	text[size - 1 < sizeof(text) - 1 ? size - 1 : sizeof(text) - 1] = '\0';
	memcpy(dst, text, strlen(text) + 1);
}

static void append(char *dst, size_t size, const char *text)
{
	size_t len = strnlen(dst, size - 1), n = strlen(text);

	if (n > size - 1 - len)
		n = size - 1 - len;
	memcpy(dst + len, text, n);
	dst[len + n] = '\0';
}

static void raise_at(struct ps_err *e, enum ps_err_class cls, int sys, const char *file, int line)
{
	size_t len = strlen(file), skip = len < sizeof(e->file) ? 0 : len - (sizeof(e->file) - 1);

	e->cls = cls;
	e->sys = sys;
	e->line = line;
	e->where[0] = '\0';
	memcpy(e->file, file + skip, len - skip + 1);
}

int ps_fail_(struct ps_err *e, enum ps_err_class cls, const char *file, int line, const char *fmt, ...)
{
	int saved = errno;
	va_list ap;

	if (e) {
		va_start(ap, fmt);
		set(e->msg, sizeof(e->msg), fmt, ap);
		va_end(ap);
		raise_at(e, cls, 0, file, line);
	}
	errno = saved;
	return -1;
}

int ps_fail_os_(struct ps_err *e, const char *file, int line, const char *fmt, ...)
{
	int saved = errno;
	char cause[96];
	va_list ap;

	if (e) {
		va_start(ap, fmt);
		set(e->msg, sizeof(e->msg), fmt, ap);
		va_end(ap);
		errno = saved;
		(void)snprintf(cause, sizeof(cause), ": %m"); /* strerror(3) may allocate and is not thread-safe */
		append(e->msg, sizeof(e->msg), cause);
		raise_at(e, PS_E_OS, saved, file, line);
	}
	errno = saved;
	return -1;
}

int (ps_ctx)(struct ps_err *e, const char *fmt, ...)
{
	int saved = errno;
	char text[sizeof(e->msg)];
	va_list ap;

	if (e) {
		va_start(ap, fmt);
		set(text, sizeof(text), fmt, ap);
		va_end(ap);
		append(text, sizeof(text), ": ");
		append(text, sizeof(text), e->msg);
		memcpy(e->msg, text, sizeof(text));
	}
	errno = saved;
	return -1;
}

int (ps_at)(struct ps_err *e, const char *fmt, ...)
{
	int saved = errno;
	char text[1024] = "";
	va_list ap;

	if (e && !e->where[0]) {
		va_start(ap, fmt);
		(void)vsnprintf(text, sizeof(text), fmt, ap);
		va_end(ap);
		size_t len = strlen(text), skip = len < sizeof(e->where) ? 0 : len - (sizeof(e->where) - 1);

		if (skip)
			memcpy(text + skip, "...", 3);
		memcpy(e->where, text + skip, len - skip + 1);
	}
	errno = saved;
	return -1;
}

int (ps_at_from)(struct ps_err *e, const char *from, const char *below)
{
	const char *hash = strchr(from, '#');

	return hash ? ps_at(e, "%.*s: %s%s", (int)(hash - from), from, hash + 1, below) : ps_at(e, "%s", from);
}

const char *ps_err_text(const struct ps_err *e, char *buf, size_t size)
{
	if (!size)
		return buf;
	buf[0] = '\0';
	append(buf, size, e->where);
	append(buf, size, e->where[0] ? ": " : "");
	append(buf, size, e->msg);
	return buf;
}

const char *ps_err_class_text(enum ps_err_class cls)
{
	switch (cls) {
	case PS_OK:
		return "success";
#define X(sym, code, text) \
	case sym:          \
		return text;
	PS_ERR_CLASSES(X)
#undef X
	}
	return "unknown error class";
}
