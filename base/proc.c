/* SPDX-License-Identifier: Apache-2.0
 * proc.c - processes by pidfd, and who they are.
 */
#include "base/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <time.h>

#include "base/abi.h"
#include "base/clock.h"
#include "base/num.h"
#include "base/scope.h"

int ps_pidfd_open(pid_t pid)
{
	return ps_sys_pidfd_open(pid, 0);
}

int ps_pidfd_kill(int pidfd, int sig)
{
	return ps_sys_pidfd_send_signal(pidfd, sig, NULL, 0);
}

int ps_pidfd_wait_exit(int pidfd, int timeout_ms)
{
	int64_t deadline = timeout_ms < 0 ? 0 : ps_now_ms() + timeout_ms;
	struct pollfd p = { .fd = pidfd, .events = POLLIN };
	int left = timeout_ms, n;

	while ((n = poll(&p, 1, left)) < 0 && errno == EINTR) {
		int64_t rest = deadline - ps_now_ms();

		if (timeout_ms >= 0)
			left = rest > 0 ? (int)rest : 0;
	}
	if (n < 0)
		return -1;
	if (n > 0 && p.revents & POLLNVAL) {
		errno = EBADF;
		return -1;
	}
	return n == 0;
}

int ps_pidfd_reap(int pidfd, int *ret_status, struct ps_err *e)
{
	siginfo_t info = { .si_pid = 0 };
	int r;

	do
		r = waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return ps_fail_os(e, "wait for a child process");
	*ret_status = info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
	return 0;
}

/* A small file of procfs, NUL-terminated.  -1 with errno. */
static ssize_t read_small(const char *path, char *out, size_t size)
{
	ps_auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -1;
	do
		n = read(fd, out, size - 1);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -1;
	out[n] = '\0';
	return n;
}

/* Field 3 (state) and 22 (start time) of a stat line. */
static int parse_stat(char *line, uint64_t *ret_ticks, bool *ret_zombie)
{
	enum { STATE = 3, START_TIME = 22 };
	char *rest = strrchr(line, ')'), *field; /* field 2, the name, may hold spaces and ')' */
	bool zombie = false;

	if (rest && rest[1] == ' ') {
		rest += 2;
		for (int i = STATE; (field = strsep(&rest, " ")); i++) {
			if (i == STATE)
				zombie = *field == 'Z' || *field == 'X';
			if (i == START_TIME && ps_parse_u64(field, ret_ticks) == 0) {
				*ret_zombie = zombie;
				return 0;
			}
		}
	}
	errno = EPROTO;
	return -1;
}

int ps_proc_start_time(pid_t pid, uint64_t *ret_ticks, bool *ret_zombie)
{
	char path[40], line[1024];
	bool zombie;

	(void)snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
	if (read_small(path, line, sizeof(line)) < 0 || parse_stat(line, ret_ticks, &zombie) < 0)
		return -1;
	if (ret_zombie)
		*ret_zombie = zombie;
	return 0;
}

bool ps_proc_is(pid_t pid, uint64_t start_ticks)
{
	uint64_t ticks;
	bool zombie;

	return ps_proc_start_time(pid, &ticks, &zombie) == 0 && !zombie && ticks == start_ticks;
}

int ps_boot_id(char out[37], struct ps_err *e)
{
	static const char path[] = "/proc/sys/kernel/random/boot_id";
	static char text[64]; /* it stays the same as long as we live */

	if (!text[0] && read_small(path, text, sizeof(text)) < 0)
		return ps_fail_os(e, "read '%s'", path);
	if (strspn(text, "0123456789abcdef-") != 36)
		return ps_fail(e, PS_E_OS, "'%s' does not hold a boot id", path);
	memcpy(out, text, 36);
	out[36] = '\0';
	return 0;
}

/* gmtime_r(3) of glibc reads time zone files under a lock.  Days since 1970-01-01 to a date: eras of 400 years from March. */
static void date_of(int64_t days, int *year, unsigned *month, unsigned *day)
{
	int64_t z = days + 719468, era = (z >= 0 ? z : z - 146096) / 146097;
	unsigned doe = (unsigned)(z - era * 146097);
	unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	unsigned mp = (5 * doy + 2) / 153;

	*day = doy - (153 * mp + 2) / 5 + 1;
	*month = mp < 10 ? mp + 3 : mp - 9;
	*year = (int)(yoe + era * 400) + (*month <= 2);
}

void ps_time_format(uint64_t ns, char out[40])
{
	const uint64_t s = ns / 1000000000u;
	const unsigned secs = (unsigned)(s % 86400);
	unsigned month, day;
	char text[64] = "";
	int year;

	date_of((int64_t)(s / 86400), &year, &month, &day);
	(void)snprintf(text, sizeof(text), "%04d-%02u-%02uT%02u:%02u:%02u.%09uZ", year, month, day, secs / 3600,
		       secs / 60 % 60, secs % 60, (unsigned)(ns % 1000000000u));
	memcpy(out, text, 39);
	out[39] = '\0';
}

void ps_time_rfc3339(char out[40])
{
	ps_time_format(ps_clock_ns(CLOCK_REALTIME), out);
}

int ps_random_hex(char *out, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	unsigned char bytes[64];

	for (size_t i = 0; i < n;) {
		ssize_t got = getrandom(bytes, sizeof(bytes), 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		for (ssize_t k = 0; k < got && i < n; k++, i++)
			out[i] = digits[bytes[k] & 15];
	}
	out[n] = '\0';
	return 0;
}
