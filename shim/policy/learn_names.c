/* SPDX-License-Identifier: Apache-2.0
 * learn_names.c - what names of files tell: which of them nobody can list, which are made up, which hold nearly everything.
 */
#include <ctype.h>
#include <fnmatch.h>
#include <limits.h>
#include <string.h>

#include "base/jsonw.h"
#include "base/scope.h"
#include "shim/policy/learn_parts.h"

size_t learn_parent_len(const char *path, size_t n)
{
	while (n && path[n - 1] != '/')
		n--;
	return n > 1 ? n - 1 : n;
}

static size_t depth_of(const char *path, size_t n)
{
	size_t depth = 0;

	for (size_t i = 0; i + 1 < n; i++)
		depth += path[i] == '/';
	return depth;
}

bool learn_is_wide(const char *home, const char *path, size_t n)
{
	static const char *const many[] = { "/home/*", "/var/*", "/run/*", "/usr/lib", "/usr/share", "/proc/*", "/dev/*", "/mnt/*", "/media/*" };
	char dir[PATH_MAX];
	const char *pattern;

	if (n >= sizeof(dir) || depth_of(path, n) < 2)
		return true;
	memcpy(dir, path, n);
	dir[n] = '\0';
	if (home && perm_path_below(home, dir))
		return true;
	for (size_t i = 0; i < PS_COUNT(many); i++)
		if (!fnmatch(many[i], dir, FNM_PATHNAME))
			return true;
	for (size_t i = 0; (pattern = perm_protected_file(i)); i++)
		if (*pattern == '/' && strlen(pattern) > n && !strncmp(pattern, dir, n) && pattern[n] == '/')
			return true;
	return false;
}

/* Names as they are made up: tmpk3j2x9a_, ccXq81Zr.s, 1f0c93aa.lock, out.12345. */
static bool is_random_token(const char *s, size_t n)
{
	size_t digits = 0, lower = 0, upper = 0, hex = 0, changes = 0;

	for (size_t i = 0; i < n; i++) {
		const unsigned char c = (unsigned char)s[i];

		digits += isdigit(c) != 0;
		lower += islower(c) != 0;
		upper += isupper(c) != 0;
		hex += isxdigit(c) != 0;
		changes += i && (isdigit(c) != 0) != (isdigit((unsigned char)s[i - 1]) != 0);
	}
	if (digits == n)
		return n >= 3 && n <= 10;
	if (hex == n && n >= 8 && digits >= 2)
		return true;
	if (n == 8 && !strncmp(s, "cc", 2) && (upper || digits))
		return true;
	return n >= 6 && ((upper && lower && digits && changes >= 2) || changes >= 4);
}

bool learn_is_random(const char *name, size_t n)
{
	/* mkstemp(3) as Python calls it. */
	if (n >= 11 && !strncmp(name, "tmp", 3) && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == 11)
		return true;
	for (size_t i = 0, len; i < n; i += len + 1) {
		for (len = 0; i + len < n && isalnum((unsigned char)name[i + len]); len++)
			;
		if (len && is_random_token(name + i, len))
			return true;
	}
	return false;
}

bool learn_is_system(const char *path)
{
	static const char *const dirs[] = { "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc", "/opt", "/nix" };

	for (size_t i = 0; i < PS_COUNT(dirs); i++)
		if (perm_path_below(path, dirs[i]))
			return true;
	return false;
}

bool learn_is_no_value(const char *name, size_t n)
{
	for (size_t i = 0, len; i < n; i += len) {
		len = ps_utf8_len(name + i, n - i);
		if (!len || strchr("*?[]{}\\", name[i]) || (unsigned char)name[i] < 0x20 || name[i] == 0x7f)
			return true;
	}
	return n && (name[n - 1] == ' ' || *name == '+');
}

size_t learn_tree_len(const char *path, size_t n)
{
	static const char *const trees[] = { "site-packages", "dist-packages", "node_modules", "vendor", "gems", "perl5", "__pycache__" };

	for (size_t i = 1, len; i < n; i += len + 1) {
		len = strcspn(path + i, "/");
		for (size_t k = 0; k < PS_COUNT(trees); k++)
			if (len == strlen(trees[k]) && !strncmp(path + i, trees[k], len) && i + len < n)
				return i + len;
	}
	return n;
}

bool learn_has_suffix(const char *name, const char *suffix)
{
	const size_t n = strlen(name), k = strlen(suffix);

	return n > k && !strcmp(name + n - k, suffix);
}

bool learn_is_library(const char *path)
{
	const char *name = strrchr(path, '/');

	return learn_has_suffix(path, ".so") || learn_has_suffix(path, ".node") || (name && strstr(name, ".so."));
}

bool learn_is_module(const char *path)
{
	static const char *const suffixes[] = { ".py", ".pyc", ".so", ".js", ".mjs", ".cjs", ".rb", ".pm" };

	for (size_t i = 0; i < PS_COUNT(suffixes); i++)
		if (learn_has_suffix(path, suffixes[i]))
			return true;
	return false;
}

const char *learn_sys_name(const char *path)
{
	static const struct { const char *path, *name; } rows[] = {
		{ "/proc/loadavg", "loadavg" }, { "/proc/uptime", "osUptime" }, { "/proc/meminfo", "systemMemoryInfo" },
		{ "/proc/vmstat", "systemMemoryInfo" }, { "/proc/swaps", "systemMemoryInfo" }, { "/proc/zoneinfo", "systemMemoryInfo" },
		{ "/proc/cpuinfo", "cpus" }, { "/proc/stat", "cpus" }, { "/proc/interrupts", "cpus" }, { "/proc/version", "osRelease" },
		{ "/proc/cmdline", "osRelease" }, { "/proc/sys/kernel", "osRelease" }, { "/sys/class/net", "networkInterfaces" },
		{ "/sys", "cpus" },
	};

	for (size_t i = 0; i < PS_COUNT(rows); i++)
		if (perm_path_below(path, rows[i].path))
			return rows[i].name;
	return NULL;
}
