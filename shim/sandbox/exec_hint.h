/* SPDX-License-Identifier: Apache-2.0
 * exec_hint.h - why execve(2) refused a file that is there.  Private to the sandbox.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

/*
 * One sentence about path for the errno of execve(2): the "#!" or ELF interpreter that is missing, another machine,
 * no program at all.  False when there is nothing to say.  The file is hostile: every read is bounded.  errno is kept.
 */
bool exec_hint(const char *path, int cause, char *out, size_t size);
