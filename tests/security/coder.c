/* SPDX-License-Identifier: Apache-2.0
 * coder.c - ways to run code that nobody listed.
 *
 *	coder exec EVIL DIR LOADER DYNAMIC...   start EVIL, which ends with status 42, by every way there is
 *	coder map FILE                          make memory executable that holds code of one's own, or FILE's
 *
 * One line per way: its name and "open" (the code ran) or "shut".  As "evil" it is the code that must not run.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/sendfile.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef MFD_EXEC
#define MFD_EXEC 0x10U
#endif

enum { CODE = 42, PAGE = 4096 };

extern char **environ;

/* mov $42, %eax; ret */
static const unsigned char code[] = { 0xb8, CODE, 0, 0, 0, 0xc3 };
static const char *evil, *dir, *file;

static void tell(const char *name, int status)
{
	printf("%s %s\n", name, WIFEXITED(status) && WEXITSTATUS(status) == CODE ? "open" : "shut");
	fflush(stdout);
}

/* In a child: what it does may end it. */
static void try(const char *name, void (*way)(void))
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		way();
		_exit(1);
	}
	if (pid > 0)
		waitpid(pid, &status, 0);
	tell(name, status);
}

static void fd_exec(int fd)
{
	char path[64], *argv[] = { (char *)"evil", NULL };

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	syscall(SYS_execveat, fd, "", argv, environ, AT_EMPTY_PATH);
	execv(path, argv);
	snprintf(path, sizeof(path), "/dev/fd/%d", fd);
	execv(path, argv);
}

static int copy_to(int to)
{
	int from = open(evil, O_RDONLY);
	char buf[65536];
	ssize_t n;

	while ((n = read(from, buf, sizeof(buf))) > 0)
		if (write(to, buf, (size_t)n) != n)
			return -1;
	return n < 0 ? -1 : 0;
}

static char *in_dir(const char *name)
{
	static char path[4096];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	unlink(path);
	return path;
}

static void path_exec(char *path)
{
	char *argv[] = { (char *)"evil", NULL };

	execv(path, argv);
}

/* ---- exec ---- */

static void by_name(void) { path_exec((char *)(uintptr_t)evil); }
static void by_fd(void) { fd_exec(open(evil, O_RDONLY)); }
static void by_path_fd(void) { fd_exec(open(evil, O_PATH)); }

static void by_vfork(void)
{
	int status;
	pid_t pid = vfork();

	if (pid == 0) {
		path_exec((char *)(uintptr_t)evil);
		_exit(1);
	}
	waitpid(pid, &status, 0);
	_exit(WEXITSTATUS(status));
}

static void by_memfd(void)
{
	static const unsigned flags[] = { 0, MFD_EXEC, MFD_CLOEXEC, MFD_EXEC | MFD_ALLOW_SEALING, MFD_HUGETLB };

	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++) {
		int fd = memfd_create("x", flags[i]);

		if (fd >= 0 && copy_to(fd) == 0)
			fd_exec(fd);
	}
}

static void by_copy(void)
{
	char *path = in_dir("copy");
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0755);

	if (copy_to(fd) == 0 && close(fd) == 0)
		path_exec(path);
}

static void by_tmpfile(void)
{
	char path[64];
	int fd = open(dir, O_TMPFILE | O_RDWR, 0755), ro;

	if (fd < 0 || copy_to(fd) < 0)
		return;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ro = open(path, O_RDONLY);
	close(fd);
	fd_exec(ro);
}

static void by_hard_link(void)
{
	char *path = in_dir("link");

	if (link(evil, path) == 0)
		path_exec(path);
}

static void by_symlink(void)
{
	char *path = in_dir("symlink");

	if (symlink(evil, path) == 0)
		path_exec(path);
}

static void script(const char *interpreter, const char *text)
{
	char *path = in_dir("script");
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0755);

	if (dprintf(fd, "#!%s\n%s", interpreter, text) > 0 && close(fd) == 0)
		path_exec(path);
}
static void by_script(void) { script(evil, ""); }
/* Even of an interpreter that may be run. */
static void by_own_script(void) { script("/bin/sh", "exit 42\n"); }

/* What may be run is us. */
static void by_replacing(void)
{
	char self[4096], *path;
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	int fd;

	self[n > 0 ? n : 0] = '\0';
	path = in_dir("moved");
	if (rename(self, path) < 0 || rename(evil, self) < 0) {
		unlink(self);
		if (link(evil, self) < 0 && symlink(evil, self) < 0) {
			fd = open(self, O_WRONLY | O_TRUNC);
			if (fd < 0 || copy_to(fd) < 0)
				return;
			close(fd);
		}
	}
	path_exec(self);
}

static const struct { const char *name; void (*way)(void); } execs[] = {
	{ "name", by_name }, { "fd", by_fd }, { "path-fd", by_path_fd }, { "vfork", by_vfork }, { "memfd", by_memfd }, { "copy", by_copy },
	{ "tmpfile", by_tmpfile }, { "hard-link", by_hard_link }, { "symlink", by_symlink }, { "script", by_script },
	{ "own-script", by_own_script }, { "replacing", by_replacing },
};

static char **loader_args;
static void by_loader(void) { execv(loader_args[0], loader_args); }

static int execs_all(char **rest)
{
	for (size_t i = 0; i < sizeof(execs) / sizeof(*execs); i++)
		try(execs[i].name, execs[i].way);
	if (rest[0]) {
		loader_args = rest;
		try("loader", by_loader);
	}
	return 0;
}

/* ---- map ---- */

static void call(const void *p)
{
	if (p != MAP_FAILED && p != NULL)
		_exit(((int (*)(void))(uintptr_t)p)());
}

static void *pages(int prot, int flags, int fd)
{
	return mmap(NULL, PAGE, prot, flags, fd, 0);
}

static void put(void *p)
{
	if (p != MAP_FAILED)
		memcpy(p, code, sizeof(code));
}

static void write_execute(void)
{
	void *p = pages(PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1);

	put(p);
	call(p);
}

static void anon_protect(void)
{
	void *p = pages(PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);

	put(p);
	if (mprotect(p, PAGE, PROT_READ | PROT_EXEC) == 0)
		call(p);
}

static void pkey_protect(void)
{
	void *p = pages(PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);

	put(p);
	if (syscall(SYS_pkey_mprotect, p, PAGE, PROT_READ | PROT_EXEC, -1) == 0)
		call(p);
}

/* Executable first, so that it gains nothing; a second mapping of the same pages is the writable one. */
static void shared_remap(void)
{
	void *x = pages(PROT_READ | PROT_EXEC, MAP_SHARED | MAP_ANONYMOUS, -1), *w;

	if (x == MAP_FAILED)
		return;
	w = mremap(x, 0, PAGE, MREMAP_MAYMOVE);
	if (w == MAP_FAILED || mprotect(w, PAGE, PROT_READ | PROT_WRITE) < 0)
		return;
	put(w);
	call(x);
}

/* The same with a second process. */
static void shared_fork(void)
{
	void *x = pages(PROT_READ | PROT_EXEC, MAP_SHARED | MAP_ANONYMOUS, -1);
	pid_t pid = x == MAP_FAILED ? -1 : fork();

	if (pid == 0) {
		if (mprotect(x, PAGE, PROT_READ | PROT_WRITE) == 0)
			put(x);
		_exit(0);
	}
	if (pid > 0 && waitpid(pid, NULL, 0) == pid)
		call(x);
}

static void map_fd_both(int fd)
{
	void *w = pages(PROT_READ | PROT_WRITE, MAP_SHARED, fd), *x = pages(PROT_READ | PROT_EXEC, MAP_SHARED, fd);

	if (w == MAP_FAILED)
		return;
	put(w);
	if (x != MAP_FAILED)
		call(x);
	if (mprotect(w, PAGE, PROT_READ | PROT_EXEC) == 0)
		call(w);
}

static void dev_zero(void)
{
	int fd = open("/dev/zero", O_RDWR);
	void *p = pages(PROT_READ | PROT_WRITE, MAP_PRIVATE, fd), *x, *w;

	put(p);
	if (p != MAP_FAILED && mprotect(p, PAGE, PROT_READ | PROT_EXEC) == 0)
		call(p);
	x = pages(PROT_READ | PROT_EXEC, MAP_SHARED, fd);
	if (x == MAP_FAILED)
		return;
	w = mremap(x, 0, PAGE, MREMAP_MAYMOVE);
	if (w != MAP_FAILED && mprotect(w, PAGE, PROT_READ | PROT_WRITE) == 0) {
		put(w);
		call(x);
	}
}

static void memory_file(void)
{
	static const unsigned flags[] = { 0, MFD_EXEC, 8U /* MFD_NOEXEC_SEAL */ };

	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++) {
		int fd = memfd_create("x", flags[i]);

		if (fd >= 0 && ftruncate(fd, PAGE) == 0)
			map_fd_both(fd);
	}
}

static void temporary_file(void)
{
	static const char *const dirs[] = { "/tmp", "/dev/shm", "/dev", "/run", "." };

	for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++) {
		int fd = open(dirs[i], O_TMPFILE | O_RDWR, 0700);

		if (fd >= 0 && ftruncate(fd, PAGE) == 0)
			map_fd_both(fd);
	}
}

static void shm_execute(void)
{
	int id = shmget(IPC_PRIVATE, PAGE, IPC_CREAT | 0700);
	void *w = shmat(id, NULL, 0), *x = shmat(id, NULL, SHM_EXEC | SHM_RDONLY);

	shmctl(id, IPC_RMID, NULL);
	if (w == (void *)-1)
		return;
	put(w);
	if (x != (void *)-1)
		call(x);
	if (mprotect(w, PAGE, PROT_READ | PROT_EXEC) == 0)
		call(w);
}

static void read_implies_execute(void)
{
	void *p;

	if (personality(READ_IMPLIES_EXEC) < 0)
		return;
	p = pages(PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	put(p);
	call(p);
}

static void stack(void)
{
	unsigned char here[2 * PAGE];
	void *p = (void *)(((uintptr_t)here + PAGE - 1) & ~(uintptr_t)(PAGE - 1));

	put(p);
	if (mprotect(p, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC) == 0 || mprotect(p, PAGE, PROT_READ | PROT_EXEC) == 0)
		call(p);
}

/* Text of ours, of which the attacks make something else. */
__attribute__((noinline, aligned(4096), section(".text.victim"))) static int victim(void)
{
	__asm__ volatile("");
	return 7;
}

static void own_text(void)
{
	void *p = (void *)((uintptr_t)victim & ~(uintptr_t)(PAGE - 1));

	if (mprotect(p, PAGE, PROT_READ | PROT_WRITE) == 0) {
		put((void *)(uintptr_t)victim);
		(void)mprotect(p, PAGE, PROT_READ | PROT_EXEC);
	}
	call((const void *)(uintptr_t)victim);
}

static void proc_mem(void)
{
	static const char *const paths[] = { "/proc/self/mem", "/proc/thread-self/mem", "/proc/self/task/../mem" };

	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		int fd = open(paths[i], O_RDWR);

		if (fd < 0)
			fd = open(paths[i], O_WRONLY);
		if (fd >= 0 && pwrite(fd, code, sizeof(code), (off_t)(uintptr_t)victim) > 0)
			call((const void *)(uintptr_t)victim);
	}
}

static pid_t waiting_child(int wait_on[2])
{
	pid_t pid;
	char c;

	if (pipe(wait_on) < 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		close(wait_on[1]);
		if (read(wait_on[0], &c, 1) >= 0)
			call((const void *)(uintptr_t)victim);
		_exit(1);
	}
	close(wait_on[0]);
	return pid;
}

static void pass_on(int fd, pid_t pid)
{
	int status;

	close(fd);
	waitpid(pid, &status, 0);
	_exit(WEXITSTATUS(status));
}

static void vm_writev(void)
{
	int p[2];
	pid_t pid = waiting_child(p);
	struct iovec from = { (void *)(uintptr_t)code, sizeof(code) }, to = { (void *)(uintptr_t)victim, sizeof(code) };

	(void)process_vm_writev(pid, &from, 1, &to, 1, 0);
	pass_on(p[1], pid);
}

static void child_mem(void)
{
	char path[64];
	int p[2], fd;
	pid_t pid = waiting_child(p);

	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	fd = open(path, O_RDWR);
	if (fd >= 0)
		(void)!pwrite(fd, code, sizeof(code), (off_t)(uintptr_t)victim);
	pass_on(p[1], pid);
}

static void poke(void)
{
	int p[2], status;
	pid_t pid = waiting_child(p);
	long word;

	if (ptrace(PTRACE_ATTACH, pid, 0, 0) == 0) {
		waitpid(pid, &status, 0);
		memcpy(&word, code, sizeof(code));
		ptrace(PTRACE_POKETEXT, pid, victim, word);
		ptrace(PTRACE_DETACH, pid, 0, 0);
	}
	pass_on(p[1], pid);
}

static void traced_me(void)
{
	int status;
	long word = 0;
	pid_t pid = fork();

	if (pid == 0) {
		if (ptrace(PTRACE_TRACEME, 0, 0, 0) < 0)
			_exit(1);
		raise(SIGSTOP);
		call((const void *)(uintptr_t)victim);
	}
	waitpid(pid, &status, 0);
	memcpy(&word, code, sizeof(code));
	ptrace(PTRACE_POKETEXT, pid, victim, word);
	ptrace(PTRACE_CONT, pid, 0, 0);
	if (WIFSTOPPED(status))
		waitpid(pid, &status, 0);
	_exit(WEXITSTATUS(status));
}

static void undo_mdwe(void)
{
	(void)prctl(65 /* PR_SET_MDWE */, 0, 0, 0, 0);
	anon_protect();
}

/* A library is a file that may be read and mapped: what of it runs does not matter here. */
static void readable_file(void)
{
	int fd = open(file, O_RDONLY);

	if (fd >= 0 && pages(PROT_READ | PROT_EXEC, MAP_PRIVATE, fd) != MAP_FAILED)
		_exit(CODE);
}

static void readable_file_protect(void)
{
	void *p = pages(PROT_READ, MAP_PRIVATE, open(file, O_RDONLY));

	if (p != MAP_FAILED && mprotect(p, PAGE, PROT_READ | PROT_EXEC) == 0)
		_exit(CODE);
}

static void file_written(void)
{
	void *p = pages(PROT_READ | PROT_WRITE, MAP_PRIVATE, open(file, O_RDONLY));

	put(p);
	if (p != MAP_FAILED && mprotect(p, PAGE, PROT_READ | PROT_EXEC) == 0)
		call(p);
}

static const struct { const char *name; void (*way)(void); } maps[] = {
	{ "write-execute", write_execute }, { "mprotect", anon_protect }, { "pkey-mprotect", pkey_protect },
	{ "shared-remap", shared_remap }, { "shared-fork", shared_fork }, { "dev-zero", dev_zero }, { "memfd", memory_file },
	{ "tmpfile", temporary_file }, { "shm-exec", shm_execute }, { "personality", read_implies_execute }, { "stack", stack },
	{ "own-text", own_text }, { "proc-mem", proc_mem }, { "child-mem", child_mem }, { "vm-writev", vm_writev },
	{ "poketext", poke }, { "traceme", traced_me }, { "undo-mdwe", undo_mdwe }, { "file", readable_file },
	{ "file-mprotect", readable_file_protect }, { "file-written", file_written },
};

int main(int argc, char **argv)
{
	const char *base = strrchr(argv[0], '/');

	if (strcmp(base ? base + 1 : argv[0], "evil") == 0)
		return CODE;
	if (argc >= 4 && strcmp(argv[1], "exec") == 0) {
		evil = argv[2];
		dir = argv[3];
		return execs_all(argv + 4);
	}
	if (argc != 3 || strcmp(argv[1], "map") != 0)
		return 2;
	file = argv[2];
	for (size_t i = 0; i < sizeof(maps) / sizeof(*maps); i++)
		try(maps[i].name, maps[i].way);
	return 0;
}
