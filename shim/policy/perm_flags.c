/* SPDX-License-Identifier: Apache-2.0
 * perm_flags.c - the permissions as flags, and what else derives from a flag: its variable in the environment.
 */
#include <ctype.h>
#include <string.h>

#include "base/scope.h"
#include "shim/policy/permissions.h"

#define PATHS "PATH,..."
#define HOSTS "HOST[:PORT],..."
#define NAMES "NAME,..."
#define PROGRAMS "PROGRAM,..."

#define BY_READ "mounts, masks, Landlock"
#define BY_WRITE "read-only mounts, Landlock"
#define BY_NET "network namespace, seccomp, supervisor"
#define BY_ENV "the environment that is handed over"
#define BY_RUN "noexec mounts, Landlock"
#define BY_FFI "noexec mounts, no writable code"
#define BY_SYS "namespaces, private procfs, seccomp"
#define BY_AUDIT "audit"

#define ROW(letter, word, perm, act, grammar, help, mechanism) \
	{ word, letter, POLICY_##perm, POLICY_##act, grammar, help, mechanism }

const struct perm_flag perm_flags[] = {
	ROW("R", "allow-read", READ, ALLOW, PATHS, "files and directories that can be read", BY_READ),
	ROW(NULL, "deny-read", READ, DENY, PATHS, "files and directories that cannot be read", BY_READ),
	ROW(NULL, "ignore-read", READ, IGNORE, PATHS, "files and directories that do not seem to be there", BY_READ),
	ROW(NULL, "warn-read", READ, WARN, PATHS, "files and directories whose reading is told", BY_AUDIT),
	ROW("W", "allow-write", WRITE, ALLOW, PATHS, "files and directories that can be written", BY_WRITE),
	ROW(NULL, "deny-write", WRITE, DENY, PATHS, "files and directories that cannot be written", BY_WRITE),
	ROW(NULL, "warn-write", WRITE, WARN, PATHS, "files and directories whose writing is told", BY_AUDIT),
	ROW("N", "allow-net", NET, ALLOW, HOSTS, "hosts to reach (also udp:HOST:PORT), addresses to listen at", BY_NET),
	ROW(NULL, "deny-net", NET, DENY, HOSTS, "hosts that cannot be reached", BY_NET),
	ROW(NULL, "warn-net", NET, WARN, HOSTS, "hosts whose use is told", BY_AUDIT),
	ROW("E", "allow-env", ENV, ALLOW, NAMES, "variables that are handed over, PREFIX* among them", BY_ENV),
	ROW(NULL, "deny-env", ENV, DENY, NAMES, "variables that are not handed over", BY_ENV),
	ROW(NULL, "ignore-env", ENV, IGNORE, NAMES, "variables that are left out without a word", BY_ENV),
	ROW(NULL, "warn-env", ENV, WARN, NAMES, "variables that are handed over and told", BY_AUDIT),
	ROW(NULL, "allow-run", RUN, ALLOW, PROGRAMS, "programs that can be run", BY_RUN),
	ROW(NULL, "deny-run", RUN, DENY, PROGRAMS, "programs that cannot be run", BY_RUN),
	ROW(NULL, "warn-run", RUN, WARN, PROGRAMS, "programs whose start is told", BY_AUDIT),
	ROW(NULL, "allow-ffi", FFI, ALLOW, PATHS, "libraries that can be loaded", BY_FFI),
	ROW(NULL, "deny-ffi", FFI, DENY, PATHS, "libraries that cannot be loaded", BY_FFI),
	ROW(NULL, "warn-ffi", FFI, WARN, PATHS, "libraries whose loading is told", BY_AUDIT),
	ROW("S", "allow-sys", SYS, ALLOW, NAMES, "what the system tells of itself: hostname, cpus, ...", BY_SYS),
	ROW(NULL, "deny-sys", SYS, DENY, NAMES, "what the system does not tell of itself", BY_SYS),
	ROW(NULL, "warn-sys", SYS, WARN, NAMES, "what of the system is told to us when it is asked for", BY_AUDIT),
};
const size_t n_perm_flags = PS_COUNT(perm_flags);

void perm_flag_variable(const struct perm_flag *f, char out[40])
{
	static const char prefix[] = "PODSHIM_";
	size_t n = sizeof(prefix) - 1;

	memcpy(out, prefix, n);
	for (const char *s = f->name; *s && n < 39; s++)
		out[n++] = *s == '-' ? '_' : (char)toupper((unsigned char)*s);
	out[n] = '\0';
}

const struct perm_flag *perm_flag_find(enum policy_permission p, enum policy_action a)
{
	for (size_t i = 0; i < n_perm_flags; i++)
		if (perm_flags[i].permission == p && perm_flags[i].action == a)
			return &perm_flags[i];
	return NULL;
}
