/* SPDX-License-Identifier: Apache-2.0
 * bus.c - a connection that speaks D-Bus; see bus.h.
 */
#include "ipc/bus.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/scope.h"
#include "ipc/sock.h"

enum { LINE_MAX_BYTES = 256, CHUNK = 4096 };

static const char bus_name[] = "org.freedesktop.DBus", bus_path[] = "/org/freedesktop/DBus";

static int malformed(const struct bus *b, const char *what, struct ps_err *e)
{
	return ps_fail(e, PS_E_PEER, "'%s' sent %s", b->path, what);
}

/* Until the socket is ready for `events`, or the deadline. */
static int wait_for(const struct bus *b, short events, struct ps_err *e)
{
	for (;;) {
		struct pollfd p = { .fd = b->fd, .events = events };
		const int64_t left = b->deadline_ms - ps_now_ms();

		if (left <= 0) {
			(void)ps_fail(e, PS_E_PEER, "'%s' does not answer within %u ms", b->path, b->patience_ms);
			if (e)
				e->sys = ETIMEDOUT;
			return -1;
		}
		const int n = poll(&p, 1, left > INT_MAX ? INT_MAX : (int)left);

		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return ps_fail_os(e, "wait for '%s'", b->path);
	}
}

static int send_all(const struct bus *b, const char *data, size_t n, struct ps_err *e)
{
	while (n) {
		const ssize_t sent = send(b->fd, data, n, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (sent < 0 && errno == EAGAIN) {
			if (wait_for(b, POLLOUT, e) < 0)
				return -1;
		} else if (sent < 0 && errno != EINTR) {
			return errno == EPIPE || errno == ECONNRESET ? malformed(b, "nothing and hung up", e)
								     : ps_fail_os(e, "write to '%s'", b->path);
		} else if (sent > 0) {
			data += sent;
			n -= (size_t)sent;
		}
	}
	return 0;
}

/* Have `need` bytes that were not handed out yet. */
static int fill(struct bus *b, size_t need, struct ps_err *e)
{
	if (b->used) {
		memmove(b->in.data, b->in.data + b->used, b->in.len - b->used + 1);
		b->in.len -= b->used;
		b->used = 0;
	}
	while (b->in.len < need) {
		const size_t room = need - b->in.len < CHUNK ? CHUNK : need - b->in.len;
		ssize_t n;

		if (!ps_buf_reserve(&b->in, room))
			return ps_fail_os(e, "memory for a message of '%s'", b->path);
		n = recv(b->fd, b->in.data + b->in.len, room, MSG_DONTWAIT);
		if (n > 0) {
			b->in.len += (size_t)n;
		} else if (n == 0 || errno == ECONNRESET) {
			return malformed(b, b->in.len ? "a part of a message and hung up" : "nothing more and hung up", e);
		} else if (errno == EAGAIN) {
			if (wait_for(b, POLLIN, e) < 0)
				return -1;
		} else if (errno != EINTR) {
			return ps_fail_os(e, "read from '%s'", b->path);
		}
	}
	return 0;
}

/* ---- Authentication ---- */

/* A line of the handshake, "\r\n" taken off; what comes behind stays. */
static int read_line(struct bus *b, char out[LINE_MAX_BYTES], struct ps_err *e)
{
	for (size_t need = 1; need < LINE_MAX_BYTES; need++) {
		const char *end;

		if (fill(b, need, e) < 0)
			return -1;
		end = memmem(b->in.data, b->in.len, "\r\n", 2);
		if (end && end - b->in.data < LINE_MAX_BYTES) {
			const size_t n = (size_t)(end - b->in.data);

			memcpy(out, b->in.data, n);
			out[n] = '\0';
			b->used = n + 2;
			return 0;
		}
	}
	return malformed(b, "no line where it should say whether it takes us", e);
}

static int authenticate(struct bus *b, struct ps_err *e)
{
	/* Without a name: it would be one of our user namespace, which means another there. */
	static const char ours[] = "\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n";
	char line[LINE_MAX_BYTES];

	if (send_all(b, ours, sizeof(ours) - 1, e) < 0 || read_line(b, line, e) < 0)
		return -1;
	if (strcmp(line, "DATA") == 0 && read_line(b, line, e) < 0)
		return -1;
	if (strncmp(line, "OK ", 3) == 0)
		return 0;
	if (strncmp(line, "REJECTED", 8) == 0)
		return ps_fail(e, PS_E_DENIED, "'%s' does not take us", b->path);
	return malformed(b, "something else than whether it takes us", e);
}

int bus_connect(const char *path, bool direct, unsigned patience_ms, struct bus *ret, struct ps_err *e)
{
	auto_bus struct bus b = { .direct = direct };
	struct dbus_msg reply;

	(void)snprintf(b.path, sizeof(b.path), "%s", path);
	bus_wait_at_most(&b, patience_ms);
	b.fd = sock_connect_path(path, e);
	if (b.fd < 0 || authenticate(&b, e) < 0)
		return -1;
	if (!direct) {
		const struct dbus_call hello = { bus_name, bus_path, bus_name, "Hello", NULL };

		if (bus_call(&b, &hello, NULL, &reply, e) < 0 || (reply.type == DBUS_ERROR && bus_raise(&b, &reply, e) < 0))
			return -1;
	}
	*ret = b;
	b = (struct bus)BUS_NONE;
	return 0;
}

void bus_close(struct bus *b)
{
	ps_fd_close(&b->fd);
	ps_buf_done(&b->in);
	b->used = 0;
}

void bus_wait_at_most(struct bus *b, unsigned patience_ms)
{
	b->patience_ms = patience_ms;
	b->deadline_ms = ps_now_ms() + patience_ms;
}

/* ---- Addresses ---- */

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

/* "%20" is a byte; n characters from s. */
static bool unescape(const char *s, size_t n, char *out, size_t size)
{
	size_t len = 0;

	for (size_t i = 0; i < n; i++) {
		char c = s[i];

		if (c == '%') {
			if (n - i < 3 || hex_digit(s[i + 1]) < 0 || hex_digit(s[i + 2]) < 0)
				return false;
			c = (char)(hex_digit(s[i + 1]) * 16 + hex_digit(s[i + 2]));
			i += 2;
		}
		if (!c || len + 1 >= size)
			return false;
		out[len++] = c;
	}
	out[len] = '\0';
	return len > 0;
}

bool bus_address_path(const char *addresses, char *out, size_t size)
{
	for (const char *a = addresses; *a; a += *a == ';') {
		const char *end = a + strcspn(a, ";");

		if (strncmp(a, "unix:", 5) == 0)
			for (const char *kv = a + 5; kv < end; kv += *kv == ',') {
				const size_t n = strcspn(kv, ",;");

				if (n > 5 && memcmp(kv, "path=", 5) == 0 && unescape(kv + 5, n - 5, out, size))
					return true;
				kv += n;
			}
		a = end;
	}
	return false;
}

/* ---- Messages ---- */

static int read_message(struct bus *b, struct dbus_msg *ret, struct ps_err *e)
{
	size_t n;

	if (fill(b, DBUS_HEAD, e) < 0)
		return -1;
	n = dbus_size((const uint8_t *)b->in.data);
	if (!n)
		return malformed(b, "what is no message, or one that is too large", e);
	if (fill(b, n, e) < 0)
		return -1;
	if (!dbus_parse((const uint8_t *)b->in.data, n, ret))
		return malformed(b, "a malformed message", e);
	b->used = n;
	return 0;
}

int bus_call(struct bus *b, const struct dbus_call *c, const struct ps_buf *body, struct dbus_msg *ret, struct ps_err *e)
{
	ps_auto_buf struct ps_buf out = { .data = NULL };
	struct dbus_call call = *c;
	struct dbus_msg m;

	if (b->direct)
		call.destination = NULL;
	if (!dbus_write_call(&out, ++b->serial, &call, body))
		return ps_fail(e, PS_E_CONFIG, "call %s of '%s': too much to say, or no memory for it", c->member, b->path);
	if (send_all(b, out.data, out.len, e) < 0)
		return -1;
	do {
		if (read_message(b, &m, e) < 0)
			return ps_ctx(e, "call %s", c->member);
	} while ((m.type != DBUS_REPLY && m.type != DBUS_ERROR) || m.reply_serial != b->serial);
	*ret = m;
	return 0;
}

int bus_match(struct bus *b, const char *rule, struct ps_err *e)
{
	const struct dbus_call add = { bus_name, bus_path, bus_name, "AddMatch", "s" };
	ps_auto_buf struct ps_buf body = { .data = NULL };
	struct dbus_msg reply;

	if (b->direct)
		return 0;
	dbus_put_str(&body, rule);
	if (bus_call(b, &add, &body, &reply, e) < 0)
		return -1;
	return reply.type == DBUS_ERROR ? bus_raise(b, &reply, e) : 0;
}

int bus_wait_signal(struct bus *b, struct dbus_msg *ret, struct ps_err *e)
{
	struct dbus_msg m;

	do {
		if (read_message(b, &m, e) < 0)
			return -1;
	} while (m.type != DBUS_SIGNAL);
	*ret = m;
	return 0;
}

int bus_raise(const struct bus *b, const struct dbus_msg *error, struct ps_err *e)
{
	struct dbus_in body = error->body;
	const char *text = error->signature[0] == 's' ? dbus_get_str(&body) : "";
	const bool denied = strcmp(error->error, "org.freedesktop.DBus.Error.AccessDenied") == 0 ||
			    strcmp(error->error, "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired") == 0;

	return ps_fail(e, denied ? PS_E_DENIED : PS_E_PEER, "'%s' says: %.300s (%.100s)", b->path, *text ? text : "no", error->error);
}

/* ---- Who is it? ---- */

int bus_check_pids(const struct bus *b, struct ps_err *e)
{
	ps_auto_buf struct ps_buf status = { .data = NULL };
	char path[40];
	const char *line;
	pid_t pid;
	uid_t uid;

	if (sock_peer(b->fd, &pid, &uid, e) < 0)
		return -1;
	(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	/* Hidden from us, it is still somebody with a number here. */
	if (pid > 0 && ps_read_file_at(AT_FDCWD, path, 1 << 16, &status, NULL) < 0)
		return 0;
	line = pid > 0 && status.data ? strstr(status.data, "\nNSpid:\t") : NULL;
	if (pid > 0 && (!line || strcspn(line + 8, "\t\n") == strcspn(line + 8, "\n")))
		return 0;
	return ps_fail(e, PS_E_UNSUPP, "'%s' is of another pid namespace: its service would take our processes for others", b->path);
}
