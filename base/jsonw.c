/* SPDX-License-Identifier: Apache-2.0
 * jsonw.c - writes JSON into a ps_buf.
 */
#include "base/jsonw.h"

#include <inttypes.h>
#include <string.h>

/* Unicode table 3-7. */
size_t ps_utf8_len(const char *text, size_t n)
{
	const unsigned char *s = (const unsigned char *)text;
	static const struct {
		unsigned char lead_min, lead_max, len, second_min, second_max;
	} rows[] = {
		{ 0x00, 0x7f, 1, 0x00, 0x00 }, { 0xc2, 0xdf, 2, 0x80, 0xbf }, { 0xe0, 0xe0, 3, 0xa0, 0xbf },
		{ 0xe1, 0xec, 3, 0x80, 0xbf }, { 0xed, 0xed, 3, 0x80, 0x9f }, { 0xee, 0xef, 3, 0x80, 0xbf },
		{ 0xf0, 0xf0, 4, 0x90, 0xbf }, { 0xf1, 0xf3, 4, 0x80, 0xbf }, { 0xf4, 0xf4, 4, 0x80, 0x8f },
	};

	for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
		if (s[0] < rows[r].lead_min || s[0] > rows[r].lead_max)
			continue;
		if (rows[r].len > n || (rows[r].len > 1 && (s[1] < rows[r].second_min || s[1] > rows[r].second_max)))
			return 0;
		for (size_t i = 2; i < rows[r].len; i++)
			if ((s[i] & 0xc0) != 0x80)
				return 0;
		return rows[r].len;
	}
	return 0;
}

static void put_escape(struct ps_buf *b, unsigned char c)
{
	static const char letters[] = "\"\"\\\\\bb\ff\nn\rr\tt"; /* byte, letter after the backslash */

	for (size_t i = 0; letters[i]; i += 2) {
		if ((unsigned char)letters[i] == c) {
			ps_buf_putc(b, '\\');
			ps_buf_putc(b, letters[i + 1]);
			return;
		}
	}
	ps_buf_printf(b, "\\u%04x", c);
}

static void put_string(struct ps_buf *b, const char *text, size_t left)
{
	const char *s = text, *plain = s;
	size_t n;

	ps_buf_putc(b, '"');
	for (; left; s += n, left -= n) {
		n = ps_utf8_len(s, left);
		if (n && (unsigned char)*s >= 0x20 && *s != '"' && *s != '\\')
			continue;
		ps_buf_put(b, plain, (size_t)(s - plain));
		if (n)
			put_escape(b, (unsigned char)*s);
		else
			ps_buf_puts(b, "\xef\xbf\xbd");
		n = 1;
		plain = s + 1;
	}
	ps_buf_put(b, plain, (size_t)(s - plain));
	ps_buf_putc(b, '"');
}

static void newline(struct ps_jsonw *w)
{
	if (!w->indent || !w->depth)
		return;
	ps_buf_putc(w->out, '\n');
	for (unsigned i = 0; i < w->depth * w->indent; i++)
		ps_buf_putc(w->out, ' ');
}

/* Everything that stands before a value: comma, line break, key. */
static void begin_value(struct ps_jsonw *w, const char *key)
{
	if (w->has_sibling)
		ps_buf_putc(w->out, ',');
	newline(w);
	w->has_sibling = w->depth > 0;
	if (!key)
		return;
	put_string(w->out, key, strlen(key));
	ps_buf_puts(w->out, w->indent ? ": " : ":");
}

static void open_level(struct ps_jsonw *w, const char *key, char bracket)
{
	begin_value(w, key);
	ps_buf_putc(w->out, bracket);
	w->depth++;
	w->has_sibling = false;
}

static void close_level(struct ps_jsonw *w, char bracket)
{
	bool empty = !w->has_sibling;

	w->depth--;
	w->has_sibling = w->depth > 0;
	if (!empty && w->indent && !w->depth)
		ps_buf_putc(w->out, '\n');
	else if (!empty)
		newline(w);
	ps_buf_putc(w->out, bracket);
}

void ps_jw_object(struct ps_jsonw *w, const char *key)
{
	open_level(w, key, '{');
}

void ps_jw_end_object(struct ps_jsonw *w)
{
	close_level(w, '}');
}

void ps_jw_array(struct ps_jsonw *w, const char *key)
{
	open_level(w, key, '[');
}

void ps_jw_end_array(struct ps_jsonw *w)
{
	close_level(w, ']');
}

void ps_jw_str(struct ps_jsonw *w, const char *key, const char *value)
{
	begin_value(w, key);
	if (value)
		put_string(w->out, value, strlen(value));
	else
		ps_buf_puts(w->out, "null");
}

void ps_jw_strn(struct ps_jsonw *w, const char *key, const char *value, size_t n)
{
	begin_value(w, key);
	put_string(w->out, value, n);
}

void ps_jw_int(struct ps_jsonw *w, const char *key, int64_t value)
{
	begin_value(w, key);
	ps_buf_printf(w->out, "%" PRId64, value);
}

void ps_jw_uint(struct ps_jsonw *w, const char *key, uint64_t value)
{
	begin_value(w, key);
	ps_buf_printf(w->out, "%" PRIu64, value);
}

void ps_jw_bool(struct ps_jsonw *w, const char *key, bool value)
{
	begin_value(w, key);
	ps_buf_puts(w->out, value ? "true" : "false");
}

void ps_jw_raw(struct ps_jsonw *w, const char *key, const char *json)
{
	begin_value(w, key);
	ps_buf_puts(w->out, json);
}
