/* SPDX-License-Identifier: Apache-2.0
 * elf.h - what an ELF file says about the files that are mapped with it.  The file may be anything: nothing that it says
 * is believed beyond the bytes that it has.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

enum { ELF_NEEDED_MAX = 128, ELF_HEAD = 4096 };

struct elf_file {
	uint8_t bits, order;         /* EI_CLASS, EI_DATA: who differs is never mapped together */
	uint16_t machine;            /* EM_* */
	const char *interpreter;     /* absolute; NULL: none */
	const char *rpath, *runpath; /* as written; NULL: none */
	const char *needed[ELF_NEEDED_MAX];
	size_t n_needed;
};

/*
 * head[n]: the first bytes of the file, ELF_HEAD of them where it has as many.  0; 1: no ELF file, or none that a loader
 * would take; -1 with errno.  All texts are in the arena.  An executable or shared object; n_needed is cut at the maximum.
 */
int elf_read(struct ps_arena *a, int fd, const unsigned char *head, size_t n, struct elf_file *ret);
