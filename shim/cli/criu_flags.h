/* SPDX-License-Identifier: Apache-2.0
 * criu_flags.h - the flags that checkpoint and restore share; base: where the request has its struct pod_criu.
 */
#pragma once
#include "shim/cli/args.h"
#include "shim/pod/pod.h"

#define CRIU_DEFAULT_IMAGES "checkpoint"
#define CRIU_FLAGS(base)                                                                                            \
	{ "image-path", NULL, OPT_STR, "DIR", "folder of the images (default: ./checkpoint)",                       \
	  (base) + offsetof(struct pod_criu, image_path) },                                                         \
	{ "work-path", NULL, OPT_STR, "DIR", "folder of criu's log and statistics (default: that of the images)",   \
	  (base) + offsetof(struct pod_criu, work_path) },                                                          \
	{ "tcp-established", NULL, OPT_FLAG, NULL, "keep TCP connections that are established",                     \
	  (base) + offsetof(struct pod_criu, tcp_established) },                                                    \
	{ "ext-unix-sk", NULL, OPT_FLAG, NULL, "allow Unix sockets whose other end is outside",                     \
	  (base) + offsetof(struct pod_criu, ext_unix_sk) },                                                        \
	{ "shell-job", NULL, OPT_FLAG, NULL, "allow a session and a terminal of the caller's",                      \
	  (base) + offsetof(struct pod_criu, shell_job) },                                                          \
	{ "file-locks", NULL, OPT_FLAG, NULL, "keep file locks", (base) + offsetof(struct pod_criu, file_locks) },  \
	{ "lazy-pages", NULL, OPT_FLAG, NULL, "memory is fetched when it is used, from a page server",              \
	  (base) + offsetof(struct pod_criu, lazy_pages) },                                                         \
	{ "auto-dedup", NULL, OPT_FLAG, NULL, "drop from the images what a later one has, or what was restored",    \
	  (base) + offsetof(struct pod_criu, auto_dedup) },                                                         \
	{ "manage-cgroups-mode", NULL, OPT_ENUM, "soft|full|strict|ignore",                                         \
	  "what criu does about cgroups below the container's (default: soft)",                                     \
	  (base) + offsetof(struct pod_criu, manage_cgroups_mode) },                                                \
	{ "network-lock", NULL, OPT_ENUM, "iptables|nftables|skip", "how connections are held still meanwhile",     \
	  (base) + offsetof(struct pod_criu, network_lock) }
