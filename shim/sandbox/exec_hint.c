/* SPDX-License-Identifier: Apache-2.0
 * exec_hint.c - why execve(2) refused a file that is there.
 */
#include "shim/sandbox/exec_hint.h"

#include <elf.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/abi.h"
#include "base/scope.h"

#if __SIZEOF_POINTER__ == 8
typedef Elf64_Ehdr elf_head;
typedef Elf64_Phdr elf_segment;
#define ELF_CLASS ELFCLASS64
#else
typedef Elf32_Ehdr elf_head;
typedef Elf32_Phdr elf_segment;
#define ELF_CLASS ELFCLASS32
#endif

/* Our own ELF header, as the linker placed it. */
extern const elf_head __ehdr_start __attribute__((visibility("hidden")));

enum { MAX_SEGMENTS = 64, LINE = 256 };

/* Name to print: up to the first byte that is no plain text. */
static void printable(const char *text, size_t max, char out[LINE])
{
	size_t n = 0;

	while (n < max && n < LINE - 1 && text[n] > ' ' && text[n] < 0x7f) {
		out[n] = text[n];
		n++;
	}
	out[n] = '\0';
}

static bool script_interpreter(const char *head, size_t n, char out[LINE])
{
	size_t at = 2;

	while (at < n && (head[at] == ' ' || head[at] == '\t'))
		at++;
	printable(head + at, n - at, out);
	return true;
}

/* PT_INTERP of an ELF file of this machine's class. */
static bool elf_interpreter(int fd, const elf_head *h, char out[LINE])
{
	elf_segment s;
	char text[LINE];

	for (unsigned i = 0; i < h->e_phnum && i < MAX_SEGMENTS; i++) {
		off_t at = (off_t)(h->e_phoff + (uint64_t)i * sizeof(s));

		if (at < 0 || pread(fd, &s, sizeof(s), at) != (ssize_t)sizeof(s))
			return false;
		if (s.p_type == PT_INTERP) {
			ssize_t n =
				(off_t)s.p_offset < 0 ? -1 : pread(fd, text, sizeof(text), (off_t)s.p_offset);

			if (n <= 0)
				return false;
			printable(text, (size_t)n, out);
			return true;
		}
	}
	return false;
}

/* The word for a missing thing is not ENOENT's: the engines would take it for the program's own absence. */
static bool missing(const char *what, const char *name, const char *path, char *out, size_t size)
{
	if (access(name, F_OK) == 0)
		return false;
	(void)snprintf(out, size, "%s '%s' of '%s' is missing", what, name, path);
	return true;
}

static bool of_elf(int fd, const elf_head *h, const char *path, int cause, char *out, size_t size)
{
	char name[LINE];

	if (h->e_ident[EI_CLASS] == ELF_CLASS && elf_interpreter(fd, h, name) &&
	    missing("ELF interpreter", name, path, out, size))
		return true;
	if (cause != ENOEXEC || h->e_machine == __ehdr_start.e_machine)
		return false;
	(void)snprintf(out, size, "'%s' is built for another machine (ELF machine %u)", path, h->e_machine);
	return true;
}

bool exec_hint(const char *path, int cause, char *out, size_t size)
{
	int saved = errno;
	ps_auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	union {
		char text[LINE];
		elf_head elf;
	} head;
	ssize_t n = fd < 0 ? -1 : pread(fd, &head, sizeof(head), 0);
	bool said = false;
	char name[LINE];

	if (n >= 2 && memcmp(head.text, "#!", 2) == 0)
		said = script_interpreter(head.text, (size_t)n, name) &&
		       missing("interpreter", name, path, out, size);
	else if (n >= (ssize_t)sizeof(head.elf) && memcmp(head.text, ELFMAG, SELFMAG) == 0)
		said = of_elf(fd, &head.elf, path, cause, out, size);
	else if (n >= 0 && cause == ENOEXEC) {
		(void)snprintf(out, size, "'%s' is neither an ELF program nor a script with a '#!' line",
			       path);
		said = true;
	}
	errno = saved;
	return said;
}
