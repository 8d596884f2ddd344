/* SPDX-License-Identifier: Apache-2.0
 * landlock.h - what the payload may do with files, decided by the kernel on the objects themselves.
 */
#pragma once
#include <stdbool.h>
#include "shim/sandbox/sandbox.h"

/*
 * Make a ruleset of the plan's rules, resolved in our own root as it is now, and keep it beside what there is.  A path that
 * does not exist, or is not the row's object, is an error unless its row is optional.  No rights and no scopes, no effect.
 * The first ruleset of a new container: sb->objects_fd gets a struct ps_object for each rule, ino 0 where it was left out.
 */
int landlock_prepare(struct sandbox *sb, struct ps_err *e);
/* Do both plans ask for the same domain? */
bool landlock_same(const struct plan *a, const struct plan *b);
/* Enter a domain of each ruleset, for good (mount(2) is EPERM from then on).  Takes no_new_privs. */
int landlock_enter(struct sandbox *sb, struct ps_err *e);
