/* SPDX-License-Identifier: Apache-2.0
 * commands.c - the list of commands and the global flags.
 */
#include <string.h>

#include "base/scope.h"
#include "shim/cli/cmd.h"

const struct command *const commands[] = {
#define X(sym) &cmd_##sym,
	COMMANDS(X)
#undef X
};
const size_t n_commands = PS_COUNT(commands);

const struct command *command_find(const char *name)
{
	for (size_t i = 0; i < n_commands; i++)
		if (!strcmp(commands[i]->name, name))
			return commands[i];
	return NULL;
}

const char *command_word(const struct command *c)
{
	const char *blank = strchr(c->name, ' ');

	return blank ? blank + 1 : c->name;
}

bool command_is_in(const struct command *c, const struct command *group)
{
	const size_t len = group ? strlen(group->name) : 0;

	return group ? !strncmp(c->name, group->name, len) && c->name[len] == ' ' : !strchr(c->name, ' ');
}

const struct command *command_in(const struct command *group, const char *word)
{
	for (size_t i = 0; i < n_commands; i++)
		if (command_is_in(commands[i], group) && !strcmp(command_word(commands[i]), word))
			return commands[i];
	return NULL;
}

const struct command *command_of_words(const char *const *words, size_t n)
{
	const struct command *c = n ? command_in(NULL, words[0]) : NULL;

	return c && n > 1 ? command_in(c, words[1]) : c;
}

#define AT(field) offsetof(struct global_flags, field)
static const struct opt global_rows[] = {
	{ "root", NULL, OPT_STR, "DIR",
	  "where the containers' records are (default: /run/podshim, or $XDG_RUNTIME_DIR/podshim unless root, or /tmp/podshim-UID; called as runc or crun, that name)",
	  AT(root) },
	{ "log", NULL, OPT_STR, "FILE", "append failures and warnings to FILE (or file:FILE), or send them: journald:ID, syslog:ID", AT(log) },
	{ "log-format", NULL, OPT_ENUM, "text|json", "format of the log (default: text)", AT(log_format) },
	{ "log-level", NULL, OPT_ENUM, "error|warning|debug",
	  "what is logged (default: error; warning on a terminal without --log; debug: each step of a launch, too)", AT(log_level) },
	{ "debug", NULL, OPT_FLAG, NULL, "the same as --log-level debug", AT(debug) },
	{ "cgroup-manager", NULL, OPT_ENUM, "cgroupfs|disabled|systemd",
	  "who makes cgroups (default: cgroupfs)", AT(cgroup_manager) },
	{ "systemd-cgroup", NULL, OPT_FLAG, NULL, "the same as --cgroup-manager systemd, where that is not given", AT(systemd_cgroup) },
	{ "rootless", NULL, OPT_ENUM, "true|false|auto", "accepted, no effect: the effective user id decides",
	  AT(rootless) },
	{ "version", "vV", OPT_FLAG, NULL, "print the version", AT(version) },
	{ "help", "h", OPT_FLAG, NULL, "print help, also for one command", AT(help) },
};
const struct opt_table global_opts = OPT_TABLE(global_rows);
