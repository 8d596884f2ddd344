/* SPDX-License-Identifier: Apache-2.0
 * create_flags.h - the flags that create and run share; they write into struct pod_create_request.
 */
#pragma once
#include "shim/cli/args.h"
#include "shim/pod/pod.h"

#define CREATE_AT(field) offsetof(struct pod_create_request, field)
#define CREATE_FLAGS                                                                                               \
	{ "bundle", "b", OPT_STR, "DIR", "bundle directory (default: the current one)", CREATE_AT(bundle) },       \
	{ "config", "f", OPT_STR, "FILE", "read FILE instead of the bundle's config.json", CREATE_AT(config) },    \
	{ "console-socket", NULL, OPT_STR, "SOCKET", "socket that receives the terminal's master side",            \
	  CREATE_AT(console_socket) },                                                                             \
	{ "pidfd-socket", NULL, OPT_STR, "SOCKET", "socket that receives a pidfd of the first process",            \
	  CREATE_AT(pidfd_socket) },                                                                               \
	{ "pid-file", NULL, OPT_STR, "FILE", "write the first process's pid to FILE once it exists",               \
	  CREATE_AT(pid_file) },                                                                                   \
	{ "no-pivot", NULL, OPT_FLAG, NULL, "move the root mount instead of pivot_root (for ramdisks; less safe)", \
	  CREATE_AT(no_pivot) },                                                                                   \
	{ "no-new-keyring", NULL, OPT_FLAG, NULL, "keep the caller's session keyring", CREATE_AT(no_new_keyring) }, \
	{ "no-subreaper", NULL, OPT_NONE, NULL, "accepted, no effect", 0 },                                        \
	{ "preserve-fds", NULL, OPT_U32, "N", "pass N file descriptors from 3 on, besides those of LISTEN_FDS",    \
	  CREATE_AT(preserve_fds) }
