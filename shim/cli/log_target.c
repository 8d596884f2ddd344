/* SPDX-License-Identifier: Apache-2.0
 * log_target.c - where a log goes: a file, the journal, or syslog.
 */
#include "shim/cli/log_target.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/scope.h"

static const struct {
	const char *prefix, *socket, *name;
	enum log_target_kind kind;
} kinds[] = {
	{ "file:", NULL, NULL, LOG_TO_FILE },
	{ "journald:", "/run/systemd/journal/socket", "the journal", LOG_TO_JOURNAL },
	{ "syslog:", "/dev/log", "syslog", LOG_TO_SYSLOG },
};

static int connect_to(const char *path, const char *name, struct ps_err *e)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	ps_auto_fd int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	(void)snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&at, sizeof(at)) < 0)
		return ps_fail_os(e, "connect the log to %s at '%s'", name, path);
	return ps_take_fd(&fd);
}

int log_target_open(const char *text, struct log_target *ret, struct ps_err *e)
{
	struct log_target t = { .kind = LOG_TO_FILE, .fd = -1, .id = text };
	size_t i = 0;

	while (i < PS_COUNT(kinds) && strncmp(text, kinds[i].prefix, strlen(kinds[i].prefix)) != 0)
		i++;
	if (i < PS_COUNT(kinds)) {
		t.kind = kinds[i].kind;
		t.id = text + strlen(kinds[i].prefix);
	}
	if (!*t.id)
		return ps_fail(e, PS_E_USAGE, "invalid log: '%s' has nothing behind its colon: file:PATH, journald:ID or syslog:ID", text);
	if (t.kind == LOG_TO_FILE) {
		t.fd = open(t.id, O_WRONLY | O_APPEND | O_CREAT | O_NOCTTY | O_CLOEXEC, 0644);
		if (t.fd < 0)
			return ps_fail_os(e, "open log file '%s'", t.id);
	} else {
		t.fd = connect_to(kinds[i].socket, kinds[i].name, e);
		if (t.fd < 0)
			return -1;
	}
	*ret = t;
	return 0;
}

static int severity(const char *level)
{
	enum { ERROR = 3, WARNING = 4, DEBUG = 7 }; /* syslog(3) */

	return !strcmp(level, "error") ? ERROR : !strcmp(level, "warning") ? WARNING : DEBUG;
}

void log_target_send(const struct log_target *t, const char *level, const char *msg)
{
	enum { FACILITY_USER = 1 << 3 };
	ps_auto_buf struct ps_buf out = { .data = NULL };

	if (t->kind == LOG_TO_JOURNAL)
		ps_buf_printf(&out, "MESSAGE=%s\nPRIORITY=%d\nSYSLOG_IDENTIFIER=%s\n", msg, severity(level), t->id);
	else
		ps_buf_printf(&out, "<%d>%s: %s", FACILITY_USER | severity(level), t->id, msg);
	if (!out.failed)
		(void)send(t->fd, out.data, out.len, MSG_NOSIGNAL | MSG_DONTWAIT);
}
