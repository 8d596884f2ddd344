/* SPDX-License-Identifier: Apache-2.0
 * gvariant.c - GVariant text to D-Bus values; see gvariant.h.
 */
#include "base/gvariant.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"

struct reader {
	const char *at;
	struct ps_err *e;
};

static const struct { const char *word; char type; } words[] = {
	{ "boolean", 'b' }, { "byte", 'y' }, { "int16", 'n' }, { "uint16", 'q' }, { "int32", 'i' }, { "uint32", 'u' },
	{ "int64", 'x' }, { "uint64", 't' }, { "double", 'd' }, { "string", 's' }, { "objectpath", 'o' }, { "signature", 'g' },
};

static void space(struct reader *r)
{
	r->at += strspn(r->at, " \t\n\r");
}

static int fail_here(const struct reader *r, const char *what)
{
	return ps_fail(r->e, PS_E_CONFIG, "%s at '%.20s'", what, r->at);
}

/* The word that begins here, of letters and digits. */
static size_t word_length(const struct reader *r)
{
	return strspn(r->at, "abcdefghijklmnopqrstuvwxyz0123456789");
}

static bool is_word(const struct reader *r, const char *word)
{
	size_t n = strlen(word);

	return word_length(r) == n && memcmp(r->at, word, n) == 0;
}

static char type_word(struct reader *r)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (is_word(r, words[i].word)) {
			r->at += strlen(words[i].word);
			space(r);
			return words[i].type;
		}
	return '\0';
}

/* "@TYPE": how long TYPE is. */
static int annotation(struct reader *r, const char **ret, size_t *ret_n)
{
	size_t n;

	r->at++;
	n = dbus_type_length(r->at);
	if (!n || n > DBUS_SIGNATURE_MAX || memchr(r->at, '{', n) || memchr(r->at, 'h', n))
		return fail_here(r, "no type that is supported");
	*ret = r->at;
	*ret_n = n;
	r->at += n;
	space(r);
	return 0;
}

static int put(struct reader *r, const char *type, struct ps_buf *out, unsigned depth);

/* ---- Which type is it? ---- */

static int add_type(const struct reader *r, char *type, const char *more, size_t n)
{
	size_t len = strlen(type);

	if (len + n > DBUS_SIGNATURE_MAX)
		return fail_here(r, "its type is too long");
	memcpy(type + len, more, n);
	type[len + n] = '\0';
	return 0;
}

static int infer(struct reader *r, char *type, unsigned depth);

static int infer_array(struct reader *r, char *type, unsigned depth)
{
	r->at++;
	space(r);
	if (*r->at == ']')
		return fail_here(r, "an empty array needs its type, as in '@as []'");
	return add_type(r, type, "a", 1) < 0 ? -1 : infer(r, type, depth);
}

static int infer_tuple(struct reader *r, char *type, unsigned depth)
{
	if (add_type(r, type, "(", 1) < 0)
		return -1;
	r->at++;
	space(r);
	if (*r->at == ')')
		return fail_here(r, "an empty tuple");
	for (; *r->at != ')'; space(r)) {
		if (infer(r, type, depth) < 0)
			return -1;
		space(r);
		if (*r->at != ',' && *r->at != ')')
			return fail_here(r, "no ',' or ')'");
		r->at += *r->at == ',';
	}
	r->at++;
	return add_type(r, type, ")", 1);
}

static int infer_number(const struct reader *r, char *type)
{
	size_t n = strspn(r->at, "+-0123456789abcdefxABCDEFinINF.");
	bool hex = r->at[strspn(r->at, "+-")] == '0' && (r->at[strspn(r->at, "+-") + 1] | 32) == 'x';

	if (!n || (!strchr("+-0123456789.", *r->at) && !is_word(r, "inf") && !is_word(r, "nan")))
		return fail_here(r, "no value");
	return add_type(r, type, !hex && strcspn(r->at, ".eEin") < n ? "d" : "i", 1);
}

/* Append the value's type to `type` and go past the value. */
static int infer(struct reader *r, char *type, unsigned depth)
{
	const size_t had = strlen(type);
	struct reader again;
	const char *said;
	size_t n;
	char word;
	int rc;

	space(r);
	again = *r;
	if (depth > GVARIANT_DEPTH_MAX)
		return fail_here(r, "nested too deeply");
	if (*r->at == '@') {
		rc = annotation(r, &said, &n) < 0 ? -1 : add_type(r, type, said, n);
	} else if ((word = type_word(r))) {
		rc = add_type(r, type, &word, 1);
	} else if (is_word(r, "true") || is_word(r, "false")) {
		rc = add_type(r, type, "b", 1);
	} else if (*r->at == 'b' && (r->at[1] == '\'' || r->at[1] == '"')) {
		rc = add_type(r, type, "ay", 2);
	} else {
		rc = *r->at == '\'' || *r->at == '"' ? add_type(r, type, "s", 1) :
		     *r->at == '<' ? add_type(r, type, "v", 1) :
		     *r->at == '[' ? infer_array(r, type, depth + 1) :
		     *r->at == '(' ? infer_tuple(r, type, depth + 1) : infer_number(r, type);
	}
	*r = again;
	return rc < 0 ? -1 : put(r, type + had, NULL, depth);
}

/* ---- The value ---- */

/* Digits, with a sign where one is allowed.  Everything fits 64 bits. */
static int put_integer(struct reader *r, char type, struct ps_buf *out)
{
	static const struct { char type; bool is_signed; unsigned bits; } kinds[] = {
		{ 'y', false, 8 }, { 'n', true, 16 }, { 'q', false, 16 }, { 'i', true, 32 }, { 'u', false, 32 },
		{ 'x', true, 64 }, { 't', false, 64 },
	};
	const bool negative = *r->at == '-';
	const char *digits = r->at + (*r->at == '-' || *r->at == '+');
	size_t k = 0;
	char *end;

	while (kinds[k].type != type)
		k++;
	if (*digits < '0' || *digits > '9')
		return fail_here(r, "no number");
	errno = 0;
	const uint64_t n = strtoull(digits, &end, digits[0] == '0' && (digits[1] | 32) == 'x' ? 16 : 10);
	const uint64_t max = UINT64_MAX >> (64 - kinds[k].bits + kinds[k].is_signed);

	if (errno || n > max + (negative && kinds[k].is_signed) || (negative && n && !kinds[k].is_signed))
		return fail_here(r, "a number out of the range of its type");
	const uint64_t v = negative ? 0 - n : n;

	r->at = end;
	if (!out)
		return 0;
	if (kinds[k].bits == 8)
		dbus_put_byte(out, (uint8_t)v);
	else if (kinds[k].bits == 16)
		dbus_put_u16(out, (uint16_t)v);
	else if (kinds[k].bits == 32)
		dbus_put_u32(out, (uint32_t)v);
	else
		dbus_put_u64(out, v);
	return 0;
}

static int put_double(struct reader *r, struct ps_buf *out)
{
	uint64_t bits;
	char *end;
	double d;

	if (!strchr("+-0123456789.in", *r->at) || !*r->at)
		return fail_here(r, "no number");
	d = strtod(r->at, &end);
	if (end == r->at)
		return fail_here(r, "no number");
	r->at = end;
	memcpy(&bits, &d, sizeof(bits));
	if (out)
		dbus_put_u64(out, bits);
	return 0;
}

static int put_bool(struct reader *r, struct ps_buf *out)
{
	const bool v = is_word(r, "true");

	if (!v && !is_word(r, "false"))
		return fail_here(r, "neither true nor false");
	r->at += v ? 4 : 5;
	if (out)
		dbus_put_u32(out, v);
	return 0;
}

static void put_utf8(struct ps_buf *out, uint32_t c)
{
	static const uint8_t lead[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
	unsigned n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

	ps_buf_putc(out, (char)(n == 1 ? c : lead[n] | c >> (6 * (n - 1))));
	while (--n)
		ps_buf_putc(out, (char)(0x80 | (c >> (6 * (n - 1)) & 0x3f)));
}

/* "\uXXXX" and "\UXXXXXXXX", at the letter. */
static int unicode(struct reader *r, unsigned digits, struct ps_buf *text)
{
	char hex[9] = "", *end;

	strncat(hex, r->at + 1, digits);
	const unsigned long c = strtoul(hex, &end, 16);

	if (strspn(hex, "0123456789abcdefABCDEF") != digits || !c || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return fail_here(r, "no character");
	put_utf8(text, (uint32_t)c);
	r->at += digits;
	return 0;
}

static int quoted(struct reader *r, struct ps_buf *text)
{
	static const char letters[] = "abfnrtv", meant[] = "\a\b\f\n\r\t\v";
	const char quote = *r->at++;

	for (; *r->at != quote; r->at++) {
		const char *letter;

		if (!*r->at)
			return fail_here(r, "a text without its end");
		if (*r->at != '\\') {
			ps_buf_putc(text, *r->at);
			continue;
		}
		r->at++;
		letter = *r->at ? strchr(letters, *r->at) : NULL;
		if (!*r->at)
			return fail_here(r, "a text without its end");
		if (*r->at == 'u' || *r->at == 'U') {
			if (unicode(r, *r->at == 'u' ? 4 : 8, text) < 0)
				return -1;
		} else {
			ps_buf_putc(text, letter ? meant[letter - letters] : *r->at);
		}
	}
	r->at++;
	return 0;
}

static int put_text(struct reader *r, char type, struct ps_buf *out)
{
	ps_auto_buf struct ps_buf text = { .data = NULL };
	const struct reader start = *r;

	if (*r->at != '\'' && *r->at != '"')
		return fail_here(r, "no quoted text");
	ps_buf_puts(&text, "");
	if (quoted(r, &text) < 0)
		return -1;
	if (text.failed)
		return ps_fail_os(r->e, "memory for a text");
	if (type == 'o' && !dbus_path_ok(text.data))
		return fail_here(&start, "no object path");
	if (type == 'g' && !dbus_signature_ok(text.data, /* many= */ true))
		return fail_here(&start, "no signature");
	if (out && type == 'g')
		dbus_put_sig(out, text.data);
	else if (out)
		dbus_put_str(out, text.data);
	return 0;
}

/* b'text': its bytes and a zero. */
static int put_bytes(struct reader *r, struct ps_buf *out)
{
	ps_auto_buf struct ps_buf text = { .data = NULL };

	r->at++;
	ps_buf_puts(&text, "");
	if (quoted(r, &text) < 0)
		return -1;
	if (text.failed)
		return ps_fail_os(r->e, "memory for a text");
	if (out) {
		dbus_put_u32(out, (uint32_t)text.len + 1);
		ps_buf_put(out, text.data, text.len + 1);
	}
	return 0;
}

static int put_array(struct reader *r, const char *type, struct ps_buf *out, unsigned depth)
{
	struct dbus_array a = { .length_at = 0 };

	if (type[1] == 'y' && *r->at == 'b' && (r->at[1] == '\'' || r->at[1] == '"'))
		return put_bytes(r, out);
	if (*r->at != '[')
		return fail_here(r, "no array");
	if (out)
		a = dbus_begin(out, type[1]);
	r->at++;
	for (space(r); *r->at != ']'; space(r)) {
		if (put(r, type + 1, out, depth) < 0)
			return -1;
		space(r);
		if (*r->at != ',' && *r->at != ']')
			return fail_here(r, "no ',' or ']'");
		r->at += *r->at == ',';
	}
	r->at++;
	if (out)
		dbus_end(out, a);
	return 0;
}

static int put_tuple(struct reader *r, const char *type, struct ps_buf *out, unsigned depth)
{
	if (*r->at != '(')
		return fail_here(r, "no tuple");
	r->at++;
	if (out)
		dbus_pad(out, 8);
	for (const char *t = type + 1; *t != ')'; t += dbus_type_length(t)) {
		space(r);
		if (put(r, t, out, depth) < 0)
			return -1;
		space(r);
		if (*r->at == ',')
			r->at++;
		else if (*r->at != ')')
			return fail_here(r, "no ',' or ')'");
	}
	space(r);
	if (*r->at != ')')
		return fail_here(r, "more than its type has");
	r->at++;
	return 0;
}

static int put_variant(struct reader *r, struct ps_buf *out, unsigned depth)
{
	char type[DBUS_SIGNATURE_MAX + 1] = "";
	struct reader again;

	if (*r->at != '<')
		return fail_here(r, "no variant");
	r->at++;
	space(r);
	again = *r;
	if (infer(r, type, depth) < 0)
		return -1;
	if (out) {
		dbus_put_sig(out, type);
		*r = again;
		if (put(r, type, out, depth) < 0)
			return -1;
	}
	space(r);
	if (*r->at != '>')
		return fail_here(r, "no '>'");
	r->at++;
	return 0;
}

/* What the text says of its type has to be what it is taken for. */
static int check_said(struct reader *r, const char *type)
{
	const struct reader start = *r;
	const char *said;
	size_t n = 1;
	char word;

	if (*r->at == '@') {
		if (annotation(r, &said, &n) < 0)
			return -1;
	} else if ((word = type_word(r))) {
		said = &word;
	} else {
		return 0;
	}
	return n == dbus_type_length(type) && memcmp(said, type, n) == 0 ? 0 : fail_here(&start, "a value of another type");
}

static int put(struct reader *r, const char *type, struct ps_buf *out, unsigned depth)
{
	space(r);
	if (depth > GVARIANT_DEPTH_MAX)
		return fail_here(r, "nested too deeply");
	if (check_said(r, type) < 0)
		return -1;
	switch (*type) {
	case 'b':
		return put_bool(r, out);
	case 'd':
		return put_double(r, out);
	case 's':
	case 'o':
	case 'g':
		return put_text(r, *type, out);
	case 'v':
		return put_variant(r, out, depth + 1);
	case 'a':
		return put_array(r, type, out, depth + 1);
	case '(':
		return put_tuple(r, type, out, depth + 1);
	default:
		return put_integer(r, *type, out);
	}
}

static int at_end(struct reader *r)
{
	space(r);
	return *r->at ? fail_here(r, "more than one value") : 0;
}

int gvariant_type(const char *text, char ret[DBUS_SIGNATURE_MAX + 1], struct ps_err *e)
{
	char type[DBUS_SIGNATURE_MAX + 1] = "";
	struct reader r = { .at = text, .e = e };

	if (strlen(text) > GVARIANT_TEXT_MAX)
		return ps_fail(e, PS_E_CONFIG, "longer than %d bytes", GVARIANT_TEXT_MAX);
	if (infer(&r, type, 0) < 0 || at_end(&r) < 0)
		return -1;
	memcpy(ret, type, sizeof(type));
	return 0;
}

int gvariant_put(const char *text, const char *type, struct ps_buf *out, struct ps_err *e)
{
	struct reader r = { .at = text, .e = e };

	if (!dbus_signature_ok(type, /* many= */ false) || strpbrk(type, "{h"))
		return ps_fail(e, PS_E_CONFIG, "'%s' is no type that is supported", type);
	return put(&r, type, out, 0) < 0 ? -1 : at_end(&r);
}

void gvariant_quote(struct ps_buf *out, const char *s)
{
	ps_buf_putc(out, '\'');
	for (; *s; s++) {
		if (*s == '\'' || *s == '\\')
			ps_buf_putc(out, '\\');
		ps_buf_putc(out, *s);
	}
	ps_buf_putc(out, '\'');
}
