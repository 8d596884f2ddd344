/* SPDX-License-Identifier: Apache-2.0
 * elf_make.h - for tests: the least ELF files that loaders would look at.
 */
#pragma once
#include <elf.h>
#include <endian.h>

#include "tests/unit/unit.h"

struct em {
	unsigned bits; /* 64 unless 32 */
	bool big;
	uint16_t machine; /* EM_X86_64 unless set */
	const char *interp, *rpath, *runpath;
	const char *needed[8];
};

enum { EM_SIZE = 8192, EM_STRINGS = 2048, EM_DYNAMIC = 1024, EM_BASE = 0x10000 };

struct em_out { unsigned char b[EM_SIZE]; bool big; unsigned bits; };

static inline void em_put(struct em_out *o, size_t at, uint64_t v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		o->b[at + (o->big ? n - 1 - i : i)] = (unsigned char)(v >> (8 * i));
}

#define EM_MEMBER(o, type, at, member, v)                                                                              \
	((o)->bits == 32 ? em_put((o), (at) + offsetof(Elf32_##type, member), (v), sizeof(((Elf32_##type *)0)->member))  \
			 : em_put((o), (at) + offsetof(Elf64_##type, member), (v), sizeof(((Elf64_##type *)0)->member)))

static inline size_t em_string(struct em_out *o, size_t *at, const char *text)
{
	size_t was = *at;

	memcpy(o->b + EM_STRINGS + was, text, strlen(text) + 1);
	*at += strlen(text) + 1;
	return was;
}

/* The file, all of EM_SIZE bytes. */
static inline void em_make(struct em_out *o, const struct em *e)
{
	size_t ehdr, phdr, dyn, n_ph = 2, at = 1, d = EM_DYNAMIC;

	memset(o, 0, sizeof(*o));
	o->big = e->big;
	o->bits = e->bits == 32 ? 32 : 64;
	ehdr = o->bits == 32 ? sizeof(Elf32_Ehdr) : sizeof(Elf64_Ehdr);
	phdr = o->bits == 32 ? sizeof(Elf32_Phdr) : sizeof(Elf64_Phdr);
	dyn = o->bits == 32 ? sizeof(Elf32_Dyn) : sizeof(Elf64_Dyn);
	memcpy(o->b, ELFMAG, SELFMAG);
	o->b[EI_CLASS] = o->bits == 32 ? ELFCLASS32 : ELFCLASS64;
	o->b[EI_DATA] = e->big ? ELFDATA2MSB : ELFDATA2LSB;
	o->b[EI_VERSION] = EV_CURRENT;
	EM_MEMBER(o, Ehdr, 0, e_type, ET_DYN);
	EM_MEMBER(o, Ehdr, 0, e_machine, e->machine ? e->machine : EM_X86_64);
	EM_MEMBER(o, Ehdr, 0, e_phoff, ehdr);
	EM_MEMBER(o, Ehdr, 0, e_phentsize, phdr);

	EM_MEMBER(o, Phdr, ehdr, p_type, PT_LOAD);
	EM_MEMBER(o, Phdr, ehdr, p_vaddr, EM_BASE);
	EM_MEMBER(o, Phdr, ehdr, p_filesz, EM_SIZE);
	EM_MEMBER(o, Phdr, ehdr + phdr, p_type, PT_DYNAMIC);
	EM_MEMBER(o, Phdr, ehdr + phdr, p_offset, EM_DYNAMIC);
	EM_MEMBER(o, Phdr, ehdr + phdr, p_filesz, EM_STRINGS - EM_DYNAMIC);
	if (e->interp) {
		EM_MEMBER(o, Phdr, ehdr + 2 * phdr, p_type, PT_INTERP);
		EM_MEMBER(o, Phdr, ehdr + 2 * phdr, p_offset, EM_STRINGS + at);
		EM_MEMBER(o, Phdr, ehdr + 2 * phdr, p_filesz, strlen(e->interp) + 1);
		(void)em_string(o, &at, e->interp);
		n_ph++;
	}
	EM_MEMBER(o, Ehdr, 0, e_phnum, n_ph);
#define EM_DYN(tag, v) (EM_MEMBER(o, Dyn, d, d_tag, (uint64_t)(tag)), EM_MEMBER(o, Dyn, d, d_un, (uint64_t)(v)), d += dyn)
	for (size_t i = 0; i < PS_COUNT(e->needed) && e->needed[i]; i++)
		EM_DYN(DT_NEEDED, em_string(o, &at, e->needed[i]));
	if (e->rpath)
		EM_DYN(DT_RPATH, em_string(o, &at, e->rpath));
	if (e->runpath)
		EM_DYN(DT_RUNPATH, em_string(o, &at, e->runpath));
	EM_DYN(DT_STRTAB, EM_BASE + EM_STRINGS);
	EM_DYN(DT_STRSZ, at);
#undef EM_DYN
}

static inline void em_write_bytes(int dirfd, const char *path, const void *p, size_t n)
{
	ps_auto_fd int fd = openat(dirfd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);

	assert_true(fd >= 0);
	assert_int_equal(ps_write_all(fd, p, n), 0);
}

static inline void em_write(int dirfd, const char *path, const struct em *e)
{
	static struct em_out o;

	em_make(&o, e);
	em_write_bytes(dirfd, path, o.b, sizeof(o.b));
}
