/* SPDX-License-Identifier: Apache-2.0
 * cmd_spec.c - podshim spec: write a config.json to start from.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/scope.h"
#include "oci/spec.h"
#include "shim/cli/cmd.h"

struct spec_flags {
	const char *bundle, *config;
	bool rootless;
};

static const struct opt spec_rows[] = {
	{ "bundle", "b", OPT_STR, "DIR", "write it into DIR (default: the current one)",
	  offsetof(struct spec_flags, bundle) },
	{ "config", "f", OPT_STR, "FILE", "write FILE, a path below DIR, instead of config.json",
	  offsetof(struct spec_flags, config) },
	{ "rootless", NULL, OPT_FLAG, NULL, "for a container that an ordinary user runs",
	  offsetof(struct spec_flags, rootless) },
};

/* Where version 1 is in use, engines and their tests count on seeing the host's paths in /proc/PID/cgroup. */
static bool only_cgroup2(void)
{
	struct statfs fs;

	return statfs("/sys/fs/cgroup", &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC;
}

static int run_spec(struct cli *cli, struct ps_err *e)
{
	ps_auto_buf struct ps_buf out = { 0 };
	ps_auto_fd int dir_fd = -1, fd = -1;
	const struct spec_flags *f = cli->flags;
	const char *dir = f->bundle ? f->bundle : ".", *file = f->config ? f->config : "config.json";

	spec_write_default(&out, f->rootless, only_cgroup2());
	if (out.failed)
		return ps_fail(e, PS_E_OS, "out of memory for %s", file);
	dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0)
		return ps_fail_os(e, "open bundle '%s'", dir);
	fd = openat(dir_fd, file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0 && errno == EEXIST)
		return ps_fail(e, PS_E_EXISTS,
			       "%s exists in '%s'; remove it first, or name another directory with -b DIR", file, dir);
	if (fd < 0)
		return ps_fail_os(e, "create %s in '%s'", file, dir);
	if (ps_write_all(fd, out.data, out.len) < 0) {
		ps_fail_os(e, "write %s in '%s'", file, dir);
		(void)unlinkat(dir_fd, file, 0);
		return -1;
	}
	return 0;
}

const struct command cmd_spec = {
	.name = "spec",
	.words = "",
	.summary = "write a config.json to start from",
	.about = "It runs a shell in ./rootfs. An existing file is left alone. Where only cgroup\n"
		 "version 2 is mounted, the container gets a cgroup namespace.",
	.examples = "podshim spec -b ./bundle\n"
		    "podshim spec -b ./bundle -f other.json\n",
	.opts = OPT_TABLE(spec_rows),
	.flags_size = sizeof(struct spec_flags),
	.run = run_spec,
};
