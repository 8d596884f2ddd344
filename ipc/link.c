/* SPDX-License-Identifier: Apache-2.0
 * link.c - make, accept and close a link.
 */
#include "ipc/link.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/memfd.h"

enum {
	SEALS_ALL = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW,
	SEALS_HOST = SEALS_ALL | F_SEAL_FUTURE_WRITE,
};

struct fds {
	int fd[LINK_FDS];
};

static void close_all(struct fds *f)
{
	link_close_fds(f->fd);
}

static const char *area_name(enum ring_side side)
{
	return side == RING_HOST ? "host's area" : "runner's area";
}

/* Whole pages, whatever the size of a page. */
static size_t data_offset(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (sizeof(struct ring_area) + page - 1) / page * page;
}

static bool good_data_size(uint32_t n)
{
	return n >= LINK_DATA_MIN && n <= LINK_DATA_MAX && (n & (n - 1)) == 0;
}

static struct ring_constants constants_of(enum ring_side side, uint32_t data_size)
{
	return (struct ring_constants){
		.magic = RING_MAGIC, .version = RING_VERSION, .side = side, .data_offset = (uint32_t)data_offset(),
		.data_size = data_size, .record_max = ring_record_max(data_size),
	};
}

/* ---- Areas ---- */

/* Both areas are made and filled by the host; the runner's is open to writers for as long as it lives. */
static int make_area(enum ring_side side, uint32_t data_size, struct ps_err *e)
{
	const char *name = side == RING_HOST ? "podshim-host" : "podshim-runner";
	struct ring_constants c = constants_of(side, data_size);
	ps_auto_fd int fd = ps_memfd(name, MFD_ALLOW_SEALING, MFD_NOEXEC_SEAL);

	if (fd < 0)
		return ps_fail_os(e, "make a link: create the %s", area_name(side));
	if (ftruncate(fd, (off_t)(data_offset() + data_size)) < 0)
		return ps_fail_os(e, "make a link: size the %s", area_name(side));
	if (pwrite(fd, &c, sizeof(c), 0) != sizeof(c))
		return ps_fail_os(e, "make a link: fill the %s", area_name(side));
	return ps_take_fd(&fd);
}

static int seal_area(int fd, enum ring_side side, struct ps_err *e)
{
	if (fcntl(fd, F_ADD_SEALS, side == RING_HOST ? SEALS_HOST : SEALS_ALL) < 0)
		return ps_fail_os(e, "make a link: seal the %s", area_name(side));
	return 0;
}

/* The area, and its data a second time behind it. */
static void *map_area(int fd, int prot, uint32_t data_size, struct ps_err *e)
{
	size_t first = data_offset() + data_size;
	unsigned char *p = mmap(NULL, first + data_size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED) {
		(void)ps_fail_os(e, "map a link");
		return NULL;
	}
	if (mmap(p, first, prot, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED ||
	    mmap(p + first, data_size, prot, MAP_SHARED | MAP_FIXED, fd, (off_t)data_offset()) == MAP_FAILED) {
		(void)ps_fail_os(e, "map a link");
		(void)munmap(p, first + data_size);
		return NULL;
	}
	return p;
}

static int check_area(int fd, enum ring_side side, uint32_t *ret_data_size, struct ps_err *e)
{
	int needed = side == RING_HOST ? SEALS_HOST : SEALS_ALL, seals = fcntl(fd, F_GET_SEALS);
	struct ring_constants c = { .magic = "" }, want;
	struct stat st;

	if (seals < 0)
		return ps_fail(e, PS_E_PEER, "accept a link: the %s is no memfd", area_name(side));
	if ((seals & needed) != needed)
		return ps_fail(e, PS_E_PEER, "accept a link: the %s has seals %#x and needs %#x", area_name(side),
			       (unsigned)seals, (unsigned)needed);
	if (fstat(fd, &st) < 0)
		return ps_fail_os(e, "accept a link: look at the %s", area_name(side));
	if (pread(fd, &c, sizeof(c), 0) < 0)
		return ps_fail_os(e, "accept a link: read the %s", area_name(side));
	if (memcmp(c.magic, RING_MAGIC, sizeof(c.magic)) != 0)
		return ps_fail(e, PS_E_PEER, "accept a link: the %s does not begin like one", area_name(side));
	if (c.version != RING_VERSION)
		return ps_fail(e, PS_E_UNSUPP, "accept a link: the %s has version %u, known is %d", area_name(side),
			       c.version, RING_VERSION);
	want = constants_of(side, c.data_size);
	if (!good_data_size(c.data_size) || memcmp(&c, &want, sizeof(c)) != 0)
		return ps_fail(e, PS_E_PEER, "accept a link: the %s has bad constants", area_name(side));
	if (st.st_size != (off_t)(data_offset() + c.data_size))
		return ps_fail(e, PS_E_PEER, "accept a link: the %s has %lld bytes, not %zu", area_name(side),
			       (long long)st.st_size, data_offset() + c.data_size);
	*ret_data_size = c.data_size;
	return 0;
}

static int check_bell(int fd, struct ps_err *e)
{
	int domain = -1, type = -1;
	socklen_t n = sizeof(domain);

	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &n) < 0 || domain != AF_UNIX ||
	    getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n) < 0 || type != SOCK_STREAM)
		return ps_fail(e, PS_E_PEER, "accept a link: the bell is no unix stream socket");
	return 0;
}

/* ---- Links ---- */

static unsigned spins(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) < 0 || CPU_COUNT(&set) > 1 ? LINK_SPIN : 0;
}

/* The page of the bell words, for the host, whose mapping of the runner's area is read-only. */
static int map_bells(int fd, void *area, struct ps_err *e)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	if (mmap(area, page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED)
		return ps_fail_os(e, "map a link");
	return 0;
}

/* Map both areas; the descriptors stay the caller's. */
static struct link *new_link(enum ring_side side, const int fds[LINK_FDS], uint32_t data_size, struct ps_err *e)
{
	int own_fd = fds[side == RING_HOST ? LINK_FD_HOST : LINK_FD_RUNNER];
	int peer_fd = fds[side == RING_HOST ? LINK_FD_RUNNER : LINK_FD_HOST];
	struct link *l = calloc(1, sizeof(*l));
	struct ring_area *runner;
	void *peer;

	if (!l) {
		(void)ps_fail_os(e, "make a link");
		return NULL;
	}
	l->bell.fd = -1;
	l->map_size = data_offset() + 2 * (size_t)data_size;
	l->own = map_area(own_fd, PROT_READ | PROT_WRITE, data_size, e);
	l->peer = peer = l->own ? map_area(peer_fd, PROT_READ, data_size, e) : NULL;
	if (!peer || (side == RING_HOST && map_bells(peer_fd, peer, e) < 0)) {
		link_close(l);
		return NULL;
	}
	runner = side == RING_HOST ? peer : l->own;
	l->bell.word = &runner->bells[side == RING_HOST ? 0 : 1].word;
	l->bell_word = &runner->bells[side == RING_HOST ? 1 : 0].word;
	l->spin_max = l->spin = spins();
	ring_out_init(&l->out, &l->own->producer, &l->peer->consumer, (unsigned char *)l->own + data_offset(), data_size,
		      &l->bell);
	ring_in_init(&l->in, &l->own->consumer, &l->peer->producer, (const unsigned char *)l->peer + data_offset(),
		     data_size, &l->bell);
	return l;
}

int link_offer(uint32_t data_size, struct link **ret, int ret_fds[LINK_FDS], struct ps_err *e)
{
	ps_auto(close_all) struct fds f = { { -1, -1, -1 } };
	auto_link struct link *l = NULL;
	int bell[2];

	if (!good_data_size(data_size))
		return ps_fail(e, PS_E_USAGE, "make a link: %u bytes is no power of two from %d to %d", data_size,
			       LINK_DATA_MIN, LINK_DATA_MAX);
	f.fd[LINK_FD_HOST] = make_area(RING_HOST, data_size, e);
	if (f.fd[LINK_FD_HOST] < 0)
		return -1;
	f.fd[LINK_FD_RUNNER] = make_area(RING_RUNNER, data_size, e);
	if (f.fd[LINK_FD_RUNNER] < 0)
		return -1;
	/* FUTURE_WRITE (5.1) leaves this mapping writable and makes every later one read-only. */
	l = new_link(RING_HOST, f.fd, data_size, e);
	if (!l || seal_area(f.fd[LINK_FD_HOST], RING_HOST, e) < 0 || seal_area(f.fd[LINK_FD_RUNNER], RING_RUNNER, e) < 0)
		return -1;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, bell) < 0)
		return ps_fail_os(e, "make a link: bell");
	l->bell.fd = bell[0];
	f.fd[LINK_FD_BELL] = bell[1];
	for (int i = 0; i < LINK_FDS; i++)
		ret_fds[i] = ps_take_fd(&f.fd[i]);
	*ret = ps_take_ptr(&l);
	return 0;
}

int link_accept(int fds[LINK_FDS], struct link **ret, struct ps_err *e)
{
	ps_auto(close_all) struct fds f = { { fds[LINK_FD_HOST], fds[LINK_FD_RUNNER], fds[LINK_FD_BELL] } };
	uint32_t size = 0, runner_size = 0;
	struct link *l;

	fds[LINK_FD_HOST] = fds[LINK_FD_RUNNER] = fds[LINK_FD_BELL] = -1;
	if (check_area(f.fd[LINK_FD_HOST], RING_HOST, &size, e) < 0 ||
	    check_area(f.fd[LINK_FD_RUNNER], RING_RUNNER, &runner_size, e) < 0 || check_bell(f.fd[LINK_FD_BELL], e) < 0)
		return -1;
	if (size != runner_size)
		return ps_fail(e, PS_E_PEER, "accept a link: areas of %u and %u bytes", size, runner_size);
	l = new_link(RING_RUNNER, f.fd, size, e);
	if (!l)
		return -1;
	l->bell.fd = ps_take_fd(&f.fd[LINK_FD_BELL]);
	*ret = l;
	return 0;
}

static bool page_is_used(const struct ring_page *p)
{
	return atomic_load_explicit(&p->pos, memory_order_relaxed) || atomic_load_explicit(&p->sleep, memory_order_relaxed) ||
	       atomic_load_explicit(&p->closed, memory_order_relaxed);
}

bool link_is_used(const struct link *l)
{
	return page_is_used(&l->peer->producer) || page_is_used(&l->peer->consumer);
}

void link_close_fds(int fds[LINK_FDS])
{
	for (int i = 0; i < LINK_FDS; i++)
		ps_fd_close(&fds[i]);
}

void link_close(struct link *l)
{
	int saved = errno;

	if (!l)
		return;
	if (l->bell.fd >= 0) {
		ring_in_close(&l->in);
		ring_out_close(&l->out);
		(void)close(l->bell.fd);
	}
	if (l->own)
		(void)munmap(l->own, l->map_size);
	if (l->peer)
		(void)munmap((void *)(uintptr_t)l->peer, l->map_size);
	free(l);
	errno = saved;
}
