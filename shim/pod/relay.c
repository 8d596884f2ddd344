/* SPDX-License-Identifier: Apache-2.0
 * relay.c - datagrams between an empty network namespace and the supervisor's.
 */
#include "shim/pod/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netpacket/packet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/clock.h"
#include "base/scope.h"
#include "shim/plan/plan.h"
#include "shim/pod/flows.h"
#include "shim/pod/packet.h"

enum { BATCH = 32 /* then others have their turn */, STANDS_MAX = 64, ETHERTYPE_4 = 0x0800, ETHERTYPE_6 = 0x86dd };

union address { struct sockaddr any; struct sockaddr_in four; struct sockaddr_in6 six; };

struct stand {
	struct relay *r;
	struct loop_source source;
	struct net_addr addr;
	uint16_t port;
};
struct relay {
	struct relay_config c;
	struct flows *flows;
	struct loop_source uplink;
	int far;                     /* interface of the uplink */
	struct stand stands[STANDS_MAX];
	size_t n_stands;
	struct loop_timer timer;     /* the end of the oldest flow */
	uint8_t bytes[PACKET_MAX];
};

/* ---- Addresses ---- */

static socklen_t address_of(const struct net_addr *a, uint16_t port, union address *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (net_addr_is_ipv4(a)) {
		ret->four = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(port) };
		memcpy(&ret->four.sin_addr, a->b + 12, 4);
		return sizeof(ret->four);
	}
	ret->six = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = htons(port) };
	memcpy(&ret->six.sin6_addr, a->b, sizeof(*a));
	return sizeof(ret->six);
}

static void read_address(const union address *u, struct net_addr *a, uint16_t *port)
{
	if (u->any.sa_family == AF_INET) {
		*a = net_addr_ipv4(ntohl(u->four.sin_addr.s_addr));
		*port = ntohs(u->four.sin_port);
		return;
	}
	memcpy(a->b, &u->six.sin6_addr, sizeof(*a));
	*port = ntohs(u->six.sin6_port);
}

/* ---- Back to the payload ---- */

static void send_frame(const struct relay *r, bool ipv4, const struct iovec *iov, uint8_t n /* a C library has an int for it, another a size_t */)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_protocol = htons(ipv4 ? ETHERTYPE_4 : ETHERTYPE_6), .sll_ifindex = r->far,
				  .sll_halen = 6 };
	const struct msghdr m = { .msg_name = &to, .msg_namelen = sizeof(to), .msg_iov = (struct iovec *)(uintptr_t)iov, .msg_iovlen = n };

	memcpy(to.sll_addr, PLAN_UPLINK_NEAR, to.sll_halen);
	(void)sendmsg(r->uplink.fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void send_error(const struct relay *r, const struct packet *sent, enum packet_problem why)
{
	uint8_t out[PACKET_ERROR_MAX];
	struct iovec iov = { .iov_base = out };

	if (r->uplink.fd < 0)
		return;
	iov.iov_len = packet_error(sent, why, out);
	send_frame(r, net_addr_is_ipv4(&sent->to), &iov, 1);
}

static enum packet_problem problem_of(int err)
{
	switch (err) {
	case ECONNREFUSED:
		return PACKET_NO_PORT;
	case EACCES:
	case EPERM:
		return PACKET_FORBIDDEN;
	case ENETUNREACH:
	case EADDRNOTAVAIL: /* there is no address of its family */
		return PACKET_NO_NET;
	default:
		return PACKET_NO_HOST;
	}
}

/* Of one byte: how much of it there was is not known any more. */
static void flow_error(const struct relay *r, const struct flow *f, int err)
{
	const struct packet sent = { .protocol = f->key.protocol, .from = f->key.from, .to = f->key.to, .from_port = f->key.from_port,
				     .to_port = f->key.to_port };

	if (err != EAGAIN && err != EINTR && err != ENOBUFS && err != EMSGSIZE && f->way < 0)
		send_error(r, &sent, problem_of(err));
}

static void reply(struct relay *r, struct flow *f, size_t n)
{
	const struct packet p = { .protocol = f->key.protocol, .from = f->key.to, .to = f->key.from, .from_port = f->key.to_port,
				  .to_port = f->key.from_port, .data = r->bytes, .n = n };
	uint8_t head[PACKET_HEAD_MAX];
	union address to;

	f->received.datagrams++;
	f->received.bytes += n;
	if (f->way >= 0) {
		const socklen_t len = address_of(&p.to, p.to_port, &to);

		(void)sendto(f->way, r->bytes, n, MSG_DONTWAIT | MSG_NOSIGNAL, &to.any, len);
		return;
	}
	if (p.protocol != IPPROTO_UDP && !packet_echo_reply(&p, f->key.from_port, r->bytes, n))
		return;
	const size_t n_head = packet_head(&p, head);
	const struct iovec iov[] = { { .iov_base = head, .iov_len = n_head }, { .iov_base = r->bytes, .iov_len = n } };

	if (n_head)
		send_frame(r, net_addr_is_ipv4(&p.to), iov, PS_COUNT(iov));
}

/* ---- Flows ---- */

static void tell_end(const struct relay *r, const struct flow *f)
{
	const struct perm_query q = { .permission = POLICY_NET, .net = { .what = f->key.protocol == IPPROTO_UDP ? NET_UDP : NET_ICMP,
									 .has_addr = true, .addr = f->key.to, .port = f->key.to_port } };
	char rooms[2][256];
	ps_auto_buf struct ps_buf target = ps_buf_lent(rooms[0], sizeof(rooms[0])), text = ps_buf_lent(rooms[1], sizeof(rooms[1]));

	if (!r->c.on_event || !(r->c.permissions->settings.audit.allowed & 1U << POLICY_NET))
		return;
	perm_query_target(&q, &target);
	ps_buf_printf(&text, "%" PRIu64 " datagrams of %" PRIu64 " bytes sent, %" PRIu64 " of %" PRIu64 " received", f->sent.datagrams,
		      f->sent.bytes, f->received.datagrams, f->received.bytes);
	r->c.on_event(r->c.ctx, &(struct broker_event){ .permission = POLICY_NET, .action = "relay", .target = target.data,
							.result = POLICY_ALLOW, .mech = "relay", .sound = true, .hint = text.data });
}

static void flow_end(struct relay *r, struct flow *f)
{
	tell_end(r, f);
	loop_remove(r->c.loop, &f->source);
	ps_fd_close(&f->source.fd);
	flows_remove(r->flows, f);
	r->c.budget->used--;
}

static void set_timer(struct relay *r)
{
	const struct flow *f = flows_oldest(r->flows);
	const uint64_t now = (uint64_t)ps_now_ms();

	if (!f)
		loop_timer_clear(r->c.loop, &r->timer);
	else
		loop_timer_set(r->c.loop, &r->timer, f->used_ms + RELAY_IDLE_MS > now ? f->used_ms + RELAY_IDLE_MS - now : 1);
}

static void on_timer(void *ctx)
{
	struct relay *r = ctx;
	const uint64_t now = (uint64_t)ps_now_ms();
	struct flow *f;

	while ((f = flows_oldest(r->flows)) && f->used_ms + RELAY_IDLE_MS <= now)
		flow_end(r, f);
	set_timer(r);
}

static void on_flow(void *ctx, uint32_t events)
{
	struct flow *f = ctx;
	struct relay *r = f->ctx;

	(void)events;
	for (int i = 0; i < BATCH; i++) {
		const ssize_t n = recv(f->source.fd, r->bytes, sizeof(r->bytes), MSG_DONTWAIT);

		if (n < 0) {
			flow_error(r, f, errno);
			break;
		}
		reply(r, f, (size_t)n);
	}
	flows_use(r->flows, f, (uint64_t)ps_now_ms());
}

/* The query of what somebody wants to reach by it; false: a synthetic address that stands for nothing any more. */
static bool query_of(const struct relay *r, const struct flow_key *k, struct perm_query *q)
{
	struct net_meaning m;

	*q = (struct perm_query){ .permission = POLICY_NET, .net = { .what = k->protocol == IPPROTO_UDP ? NET_UDP : NET_ICMP, .has_addr = true,
								      .addr = k->to, .port = k->to_port } };
	if (!r->c.names || !net_names_is_synthetic(&k->to))
		return true;
	if (!net_names_find(r->c.names, &k->to, &m))
		return false;
	q->net.name = m.name;
	q->net.addr = m.real;
	q->pinned = m.pinned;
	return true;
}

static bool is_allowed(const struct relay *r, const struct perm_query *q)
{
	const struct perm_verdict v = permissions_decide(r->c.permissions, q);
	char rooms[2][512];
	ps_auto_buf struct ps_buf target = ps_buf_lent(rooms[0], sizeof(rooms[0])), flag = ps_buf_lent(rooms[1], sizeof(rooms[1]));

	if (v.action == POLICY_ALLOW || v.action == POLICY_WARN)
		return true;
	perm_query_target(q, &target);
	if (!v.rule)
		perm_query_flag(q, &flag);
	if (r->c.on_event)
		r->c.on_event(r->c.ctx, &(struct broker_event){ .permission = POLICY_NET, .action = "send", .target = target.len ? target.data : "",
								.result = v.action, .err = EACCES, .rule = v.rule, .mech = "relay",
								.sound = true, .hint = flag.len ? flag.data : NULL });
	return false;
}

static int host_socket(const struct flow_key *k, const struct perm_query *q)
{
	const bool ipv4 = net_addr_is_ipv4(&q->net.addr);
	const int protocol = k->protocol == IPPROTO_UDP ? IPPROTO_UDP : ipv4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
	union address to;
	const socklen_t len = address_of(&q->net.addr, k->to_port, &to);
	int fd = socket(ipv4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);

	if (fd < 0)
		return -1;
	if (connect(fd, &to.any, len) == 0)
		return fd;
	const int err = errno;

	(void)close(fd);
	errno = err;
	return -1;
}

/* The oldest makes room where there is none; others' flows are not ours to end. */
static struct flow *new_flow(struct relay *r, const struct flow_key *k)
{
	const uint64_t now = (uint64_t)ps_now_ms();
	struct flow *f = r->c.budget->used < r->c.budget->max ? flows_add(r->flows, k, now) : NULL;

	if (!f && flows_oldest(r->flows)) {
		flow_end(r, flows_oldest(r->flows));
		f = flows_add(r->flows, k, now);
	}
	r->c.budget->used += f != NULL;
	return f;
}

/* Decide, and open a way to where it is allowed.  NULL with *ret_why. */
static struct flow *flow_begin(struct relay *r, const struct flow_key *k, int way, enum packet_problem *ret_why)
{
	struct perm_query q;
	int fd = -1;

	*ret_why = PACKET_NO_HOST;
	if (!query_of(r, k, &q))
		return NULL;
	*ret_why = PACKET_FORBIDDEN;
	if (net_addr_is_group(&q.net.addr) || !is_allowed(r, &q))
		return NULL;
	fd = host_socket(k, &q);
	if (fd < 0) {
		*ret_why = problem_of(errno);
		return NULL;
	}
	struct flow *f = new_flow(r, k);

	*ret_why = PACKET_NO_HOST;
	if (!f) {
		(void)close(fd);
		return NULL;
	}
	f->source = (struct loop_source){ .fd = fd, .on = on_flow, .ctx = f };
	f->ctx = r;
	f->way = way;
	if (loop_add(r->c.loop, &f->source, EPOLLIN, NULL) < 0) {
		flow_end(r, f);
		return NULL;
	}
	if (!r->timer.at_ms)
		set_timer(r);
	return f;
}

/* An error that waits at the socket belongs to an earlier datagram, and takes the place of this one. */
static void transmit(struct relay *r, struct flow *f, const struct packet *p)
{
	ssize_t n = send(f->source.fd, p->data, p->n, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n < 0) {
		const int err = errno;

		flow_error(r, f, err);
		n = err == ECONNREFUSED ? send(f->source.fd, p->data, p->n, MSG_DONTWAIT | MSG_NOSIGNAL) : -1;
	}
	if (n < 0)
		return;
	f->sent.datagrams++;
	f->sent.bytes += p->n;
}

static void take_datagram(struct relay *r, const struct packet *p, int way)
{
	const struct flow_key k = { .from = p->from, .to = p->to, .from_port = p->from_port, .to_port = p->to_port, .protocol = p->protocol };
	struct flow *f = flows_find(r->flows, &k);
	enum packet_problem why = PACKET_NO_HOST;

	if (!f)
		f = flow_begin(r, &k, way, &why);
	if (!f) {
		if (way < 0)
			send_error(r, p, why);
		return;
	}
	flows_use(r->flows, f, (uint64_t)ps_now_ms());
	transmit(r, f, p);
}

/* ---- From the payload ---- */

static void on_uplink(void *ctx, uint32_t events)
{
	struct relay *r = ctx;
	struct packet p;

	(void)events;
	for (int i = 0; i < BATCH; i++) {
		const ssize_t n = recv(r->uplink.fd, r->bytes, sizeof(r->bytes), MSG_DONTWAIT | MSG_TRUNC);

		if (n < 0)
			return;
		if ((size_t)n <= sizeof(r->bytes) && packet_parse(r->bytes, (size_t)n, &p))
			take_datagram(r, &p, -1);
	}
}

static void on_stand(void *ctx, uint32_t events)
{
	const struct stand *s = ctx;
	struct relay *r = s->r;

	(void)events;
	for (int i = 0; i < BATCH; i++) {
		struct packet p = { .protocol = IPPROTO_UDP, .to = s->addr, .to_port = s->port, .data = r->bytes };
		union address from = { .any = { .sa_family = AF_UNSPEC } };
		socklen_t len = sizeof(from);
		const ssize_t n = recvfrom(s->source.fd, r->bytes, sizeof(r->bytes), MSG_DONTWAIT, &from.any, &len);

		if (n < 0)
			return;
		read_address(&from, &p.from, &p.from_port);
		p.n = (size_t)n;
		take_datagram(r, &p, s->source.fd);
	}
}

/* ---- Life ---- */

int relay_new(const struct relay_config *c, struct relay **ret, struct ps_err *e)
{
	struct relay *r = calloc(1, sizeof(*r));

	if (!r)
		return ps_fail_os(e, "memory for a relay of datagrams");
	r->c = *c;
	r->uplink.fd = -1;
	r->timer = (struct loop_timer){ .on = on_timer, .ctx = r };
	r->flows = flows_new(e);
	if (!r->flows) {
		relay_free(r);
		return -1;
	}
	*ret = r;
	return 0;
}

static void end_all(struct relay *r)
{
	struct flow *f;

	while (r->flows && (f = flows_oldest(r->flows)))
		flow_end(r, f);
}

void relay_set_permissions(struct relay *r, const struct permissions *p)
{
	r->c.permissions = p;
	end_all(r);
	set_timer(r);
}

void relay_free(struct relay *r)
{
	if (!r)
		return;
	end_all(r);
	flows_free(r->flows);
	for (size_t i = 0; i < r->n_stands; i++) {
		loop_remove(r->c.loop, &r->stands[i].source);
		ps_fd_close(&r->stands[i].source.fd);
	}
	loop_remove(r->c.loop, &r->uplink);
	ps_fd_close(&r->uplink.fd);
	loop_timer_clear(r->c.loop, &r->timer);
	free(r);
}

int relay_take_uplink(struct relay *r, int fd, struct ps_err *e)
{
	ps_auto_fd int sock = fd;
	struct sockaddr_ll at = { .sll_ifindex = 0 };
	socklen_t len = sizeof(at);

	if (r->uplink.fd >= 0)
		return ps_fail(e, PS_E_STATE, "a container has one way out for datagrams, and offers another");
	if (getsockname(sock, (struct sockaddr *)&at, &len) < 0)
		return ps_fail_os(e, "look at the far end of an uplink");
	r->far = at.sll_ifindex;
	r->uplink = (struct loop_source){ .fd = sock, .on = on_uplink, .ctx = r };
	if (loop_add(r->c.loop, &r->uplink, EPOLLIN, e) < 0) {
		r->uplink.fd = -1;
		return -1;
	}
	(void)ps_take_fd(&sock);
	return 0;
}

int relay_take_stand(struct relay *r, int fd, struct ps_err *e)
{
	ps_auto_fd int sock = fd;
	struct stand *s = &r->stands[r->n_stands];
	union address at = { .any = { .sa_family = AF_UNSPEC } };
	socklen_t len = sizeof(at);

	if (r->n_stands == STANDS_MAX)
		return ps_fail(e, PS_E_STATE, "a container has more than %d ports of the host's loopback", STANDS_MAX);
	if (getsockname(sock, &at.any, &len) < 0)
		return ps_fail_os(e, "look at a socket for datagrams");
	*s = (struct stand){ .r = r, .source = { .fd = sock, .on = on_stand, .ctx = s } };
	read_address(&at, &s->addr, &s->port);
	if (loop_add(r->c.loop, &s->source, EPOLLIN, e) < 0)
		return -1;
	(void)ps_take_fd(&sock);
	r->n_stands++;
	return 0;
}
