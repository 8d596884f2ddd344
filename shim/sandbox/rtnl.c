/* SPDX-License-Identifier: Apache-2.0
 * rtnl.c - requests to the kernel's network configuration, rtnetlink(7).
 */
#include "shim/sandbox/rtnl.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

int rtnl_socket(const char *purpose, struct ps_err *e)
{
	const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	return fd < 0 ? ps_fail_os(e, "make a socket to %s", purpose) : fd;
}

void *rtnl_grow(struct rtnl_request *r, uint32_t n)
{
	void *at = r->v + r->n;

	r->n += (n + 3) & ~3U;
	return at;
}

void rtnl_begin(struct rtnl_request *r, uint16_t type, uint16_t flags, const void *body, uint32_t n)
{
	*r = (struct rtnl_request){ .n = 0 };
	struct nlmsghdr *h = rtnl_grow(r, sizeof(*h));

	*h = (struct nlmsghdr){ .nlmsg_type = type, .nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags) };
	memcpy(rtnl_grow(r, n), body, n);
}

void rtnl_put(struct rtnl_request *r, uint16_t type, const void *v, uint32_t n)
{
	struct rtattr *a = rtnl_grow(r, sizeof(*a));

	*a = (struct rtattr){ .rta_type = type, .rta_len = (uint16_t)(sizeof(*a) + n) };
	if (n)
		memcpy(rtnl_grow(r, n), v, n);
}

uint32_t rtnl_open_nest(struct rtnl_request *r, uint16_t type)
{
	const uint32_t at = r->n;

	rtnl_put(r, type, NULL, 0);
	return at;
}

void rtnl_close_nest(struct rtnl_request *r, uint32_t at)
{
	((struct rtattr *)(void *)(r->v + at))->rta_len = (uint16_t)(r->n - at);
}

static int send_request(int fd, struct rtnl_request *r)
{
	((struct nlmsghdr *)(void *)r->v)->nlmsg_len = r->n;
	return send(fd, r->v, r->n, 0) < 0 ? -1 : 0;
}

int rtnl_talk(int fd, struct rtnl_request *r)
{
	struct { struct nlmsghdr head; struct nlmsgerr err; char more[RTNL_REQUEST_MAX]; } answer;

	if (send_request(fd, r) < 0)
		return -1;
	const ssize_t n = recv(fd, &answer, sizeof(answer), 0);

	if (n < (ssize_t)(sizeof(answer.head) + sizeof(answer.err)) || answer.head.nlmsg_type != NLMSG_ERROR) {
		errno = n < 0 ? errno : EPROTO;
		return -1;
	}
	errno = -answer.err.error;
	return errno ? -1 : 0;
}

/* One datagram of a list.  1: more are to come, 0: that was the last, -1 with errno. */
static int take_part(const char *text, size_t left, int (*fn)(void *ctx, const struct nlmsghdr *h), void *ctx, bool *stopped)
{
	while (left >= sizeof(struct nlmsghdr)) {
		const struct nlmsghdr *h = (const void *)text;
		const size_t n = (h->nlmsg_len + 3U) & ~(size_t)3;

		if (h->nlmsg_len < sizeof(*h) || h->nlmsg_len > left) {
			errno = EPROTO;
			return -1;
		}
		if (h->nlmsg_type == NLMSG_DONE)
			return 0;
		if (h->nlmsg_type == NLMSG_ERROR) {
			const struct nlmsgerr *err = (const void *)(h + 1);

			errno = h->nlmsg_len >= sizeof(*h) + sizeof(*err) ? -err->error : EPROTO;
			return errno ? -1 : 0;
		}
		*stopped = *stopped || fn(ctx, h) != 0;
		text += n < left ? n : left;
		left -= n < left ? n : left;
	}
	return 1;
}

int rtnl_dump(int fd, struct rtnl_request *r, int (*fn)(void *ctx, const struct nlmsghdr *h), void *ctx)
{
	_Alignas(8) char part[16384]; /* what the kernel fills for readers of that size and less */
	bool stopped = false;
	int more = send_request(fd, r) < 0 ? -1 : 1;

	while (more > 0) {
		const ssize_t n = recv(fd, part, sizeof(part), 0);

		if (n < 0 && errno == EINTR)
			continue;
		more = n < 0 ? -1 : take_part(part, (size_t)n, fn, ctx, &stopped);
	}
	return more;
}
