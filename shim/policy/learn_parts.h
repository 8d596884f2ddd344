/* SPDX-License-Identifier: Apache-2.0
 * learn_parts.h - private to shim/policy: what names of files tell.  A path of n bytes need not end there.
 */
#pragma once
#include "shim/policy/learn.h"

/* Of the folder that the path is in. */
size_t learn_parent_len(const char *path, size_t n);
/* Does the folder hold what is protected, or nearly everything? */
bool learn_is_wide(const char *home, const char *path, size_t n);
/* Is it a name as programs make them up: tmpk3j2x9a_, ccXq81Zr.s, 1f0c93aa.lock, out.12345? */
bool learn_is_random(const char *name, size_t n);
/* Nobody makes names up there while a program runs. */
bool learn_is_system(const char *path);
/* Would it be a pattern, or something that a list cannot hold? */
bool learn_is_no_value(const char *name, size_t n);
/* Of the tree of packages that the path is in; n: in none. */
size_t learn_tree_len(const char *path, size_t n);
bool learn_has_suffix(const char *name, const char *suffix);
bool learn_is_library(const char *path);
/* Code of an interpreter's language. */
bool learn_is_module(const char *path);
/* The sys name that the file tells; NULL: none. */
const char *learn_sys_name(const char *path);
