/* SPDX-License-Identifier: Apache-2.0
 * elf.c - program headers, dynamic section and the strings that it names, by pread(2) within bounds.
 */
#include "shim/policy/elf.h"

#include <elf.h>
#include <endian.h>
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

enum { PHDRS_MAX = 128, DYNAMIC_MAX = 16384, WINDOW = 8192, NAME_SIZE = 256 };

/* Where members are that differ between the classes. */
static const struct layout {
	uint8_t ehdr, phdr, dyn, word;
	uint8_t e_phoff, e_phentsize, e_phnum;
	uint8_t p_offset, p_vaddr, p_filesz;
} layouts[2] = {
#define L(n)                                                                                                       \
	{ sizeof(Elf##n##_Ehdr),	   sizeof(Elf##n##_Phdr),	     sizeof(Elf##n##_Dyn), (n) / 8,        \
	  offsetof(Elf##n##_Ehdr, e_phoff), offsetof(Elf##n##_Ehdr, e_phentsize), offsetof(Elf##n##_Ehdr, e_phnum), \
	  offsetof(Elf##n##_Phdr, p_offset), offsetof(Elf##n##_Phdr, p_vaddr), offsetof(Elf##n##_Phdr, p_filesz) }
	L(32), L(64),
#undef L
};

struct segment { uint64_t vaddr, offset, size; };

struct reader {
	struct ps_arena *arena;
	int fd;
	bool big;
	const struct layout *l;
	const unsigned char *head;
	size_t n_head;
	struct elf_file *out;
	struct segment load[PHDRS_MAX];
	size_t n_load;
	struct segment dynamic, interpreter;
};

struct wanted { uint64_t v[ELF_NEEDED_MAX], rpath, runpath, table, size; size_t n; };

static uint16_t u16(const struct reader *r, const unsigned char *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return r->big ? be16toh(v) : le16toh(v);
}

static uint32_t u32(const struct reader *r, const unsigned char *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return r->big ? be32toh(v) : le32toh(v);
}

static uint64_t word(const struct reader *r, const unsigned char *p)
{
	uint64_t v;

	if (r->l->word == 4)
		return u32(r, p);
	memcpy(&v, p, sizeof(v));
	return r->big ? be64toh(v) : le64toh(v);
}

/* Up to n bytes at `offset`, of the head or of the file.  How many there are; -1 with errno. */
static ssize_t bytes_at(const struct reader *r, uint64_t offset, void *out, size_t n)
{
	ssize_t got;

	if (offset <= r->n_head && n <= r->n_head - (size_t)offset) {
		memcpy(out, r->head + offset, n);
		return (ssize_t)n;
	}
	if (offset > INT64_MAX - n)
		return 0;
	do
		got = pread(r->fd, out, n, (off_t)offset);
	while (got < 0 && errno == EINTR);
	return got;
}

static int program_headers(struct reader *r)
{
	const struct layout *l = r->l;
	size_t n = u16(r, r->head + l->e_phnum);
	unsigned char table[PHDRS_MAX * sizeof(Elf64_Phdr)];
	ssize_t got;

	if (u16(r, r->head + l->e_phentsize) != l->phdr || !n || n > PHDRS_MAX)
		return 1;
	got = bytes_at(r, word(r, r->head + l->e_phoff), table, n * l->phdr);
	if (got < 0)
		return -1;
	if ((size_t)got < n * l->phdr)
		return 1;
	for (size_t i = 0; i < n; i++) {
		const unsigned char *p = table + i * l->phdr;
		struct segment s = { word(r, p + l->p_vaddr), word(r, p + l->p_offset), word(r, p + l->p_filesz) };

		switch (u32(r, p)) {
		case PT_LOAD:
			r->load[r->n_load++] = s;
			break;
		case PT_DYNAMIC:
			r->dynamic = s;
			break;
		case PT_INTERP:
			r->interpreter = s;
			break;
		default:
			break;
		}
	}
	return 0;
}

/* The text of at most max - 1 bytes at an offset; *ret NULL when it has no end there. */
static int text_at(const struct reader *r, uint64_t offset, size_t max, const char **ret)
{
	char text[PATH_MAX];
	ssize_t got = bytes_at(r, offset, text, max);

	if (got < 0)
		return -1;
	*ret = NULL;
	if (got == 0 || !memchr(text, '\0', (size_t)got))
		return 0;
	*ret = ps_arena_strdup(r->arena, text);
	return *ret ? 0 : -1;
}

static int interpreter(struct reader *r)
{
	uint64_t n = r->interpreter.size;
	const char *text = NULL;

	if (!n || n > PATH_MAX)
		return n ? 1 : 0;
	if (text_at(r, r->interpreter.offset, (size_t)n, &text) < 0)
		return -1;
	if (!text || text[0] != '/')
		return 1;
	r->out->interpreter = text;
	return 0;
}

static void dynamic_entry(struct wanted *w, uint64_t tag, uint64_t v)
{
	switch (tag) {
	case DT_NEEDED:
		if (w->n < ELF_NEEDED_MAX)
			w->v[w->n++] = v;
		break;
	case DT_RPATH:
		w->rpath = v;
		break;
	case DT_RUNPATH:
		w->runpath = v;
		break;
	case DT_STRTAB:
		w->table = v;
		break;
	case DT_STRSZ:
		w->size = v;
		break;
	default:
		break;
	}
}

static int dynamic_section(const struct reader *r, struct wanted *w)
{
	const struct layout *l = r->l;
	unsigned char table[DYNAMIC_MAX];
	size_t n = r->dynamic.size < sizeof(table) ? (size_t)r->dynamic.size : sizeof(table);
	ssize_t got = bytes_at(r, r->dynamic.offset, table, n);

	if (got < 0)
		return -1;
	*w = (struct wanted){ .rpath = UINT64_MAX, .runpath = UINT64_MAX };
	for (size_t i = 0; i + l->dyn <= (size_t)got; i += l->dyn) {
		uint64_t tag = word(r, table + i);

		if (tag == DT_NULL)
			break;
		dynamic_entry(w, tag, word(r, table + i + l->word));
	}
	return 0;
}

/* Where an address of memory is in the file, and how much of its segment follows. */
static bool offset_of(const struct reader *r, uint64_t vaddr, uint64_t *ret, uint64_t *ret_rest)
{
	for (size_t i = 0; i < r->n_load; i++) {
		const struct segment *s = &r->load[i];
		uint64_t in = vaddr - s->vaddr;

		if (vaddr < s->vaddr || in >= s->size || s->offset > UINT64_MAX - in)
			continue;
		*ret = s->offset + in;
		*ret_rest = s->size - in;
		return true;
	}
	return false;
}

/* The names stand close together as a rule: one read for all of them then. */
static int needed_names(struct reader *r, const struct wanted *w, uint64_t table)
{
	uint64_t low = UINT64_MAX, high = 0;
	char window[WINDOW];
	ssize_t got = 0;

	for (size_t i = 0; i < w->n; i++) {
		low = w->v[i] < low ? w->v[i] : low;
		high = w->v[i] < w->size && w->v[i] > high ? w->v[i] : high;
	}
	if (low < w->size && high - low < WINDOW - NAME_SIZE) {
		got = bytes_at(r, table + low, window, (size_t)(high - low) + NAME_SIZE);
		if (got < 0)
			return -1;
	}
	for (size_t i = 0; i < w->n; i++) {
		const char *name = NULL;
		uint64_t at = w->v[i] - low;

		if (w->v[i] >= w->size)
			continue;
		if (at < (uint64_t)got && memchr(window + at, '\0', (size_t)((uint64_t)got - at)))
			name = ps_arena_strdup(r->arena, window + at);
		else if (text_at(r, table + w->v[i], NAME_SIZE, &name) == 0 && !name)
			continue;
		if (!name)
			return -1;
		if (*name)
			r->out->needed[r->out->n_needed++] = name;
	}
	return 0;
}

static int dynamic(struct reader *r)
{
	struct wanted w;
	uint64_t table, rest;

	if (!r->dynamic.size)
		return 0;
	if (dynamic_section(r, &w) < 0)
		return -1;
	/* Nothing is named, or nothing that there is. */
	if (!offset_of(r, w.table, &table, &rest) || table > INT64_MAX)
		return 0;
	w.size = w.size < rest ? w.size : rest;
	if ((w.rpath < w.size && text_at(r, table + w.rpath, PATH_MAX, &r->out->rpath) < 0) ||
	    (w.runpath < w.size && text_at(r, table + w.runpath, PATH_MAX, &r->out->runpath) < 0))
		return -1;
	return w.n ? needed_names(r, &w, table) : 0;
}

int elf_read(struct ps_arena *a, int fd, const unsigned char *head, size_t n, struct elf_file *ret)
{
	struct reader r = { .arena = a, .fd = fd, .head = head, .n_head = n, .out = ret };
	int rc;

	*ret = (struct elf_file){ .interpreter = NULL };
	if (n < sizeof(Elf64_Ehdr) || memcmp(head, ELFMAG, SELFMAG) != 0)
		return 1;
	ret->bits = head[EI_CLASS];
	ret->order = head[EI_DATA];
	if ((ret->bits != ELFCLASS32 && ret->bits != ELFCLASS64) ||
	    (ret->order != ELFDATA2LSB && ret->order != ELFDATA2MSB) || head[EI_VERSION] != EV_CURRENT)
		return 1;
	r.big = ret->order == ELFDATA2MSB;
	r.l = &layouts[ret->bits == ELFCLASS64];
	ret->machine = u16(&r, head + offsetof(Elf64_Ehdr, e_machine));
	uint16_t type = u16(&r, head + offsetof(Elf64_Ehdr, e_type));
	if (type != ET_EXEC && type != ET_DYN)
		return 1;
	rc = program_headers(&r);
	if (rc == 0)
		rc = interpreter(&r);
	return rc ? rc : dynamic(&r);
}
