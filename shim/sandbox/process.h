/* SPDX-License-Identifier: Apache-2.0
 * process.h - attributes of the payload's process: rlimits, personality, session keyring, sysctls, loopback.
 */
#pragma once
#include "shim/sandbox/sandbox.h"

int rlimits_apply(const struct sandbox *sb, struct ps_err *e);   /* prlimit(2) on ourselves */
int personality_apply(const struct sandbox *sb, struct ps_err *e);
/* set_mempolicy(2): the nodes that our memory, and that of whoever we clone or execute, comes from. */
int memory_policy_apply(const struct sandbox *sb, struct ps_err *e);
/* Join a fresh session keyring "_ses.<id>" (ENOSYS is success). */
int keyring_join(const struct sandbox *sb, struct ps_err *e);
/* Write plan->sysctl through the private procfs (full, not subset=pid), the namespace being ours. */
int sysctls_apply(struct sandbox *sb, struct ps_err *e);
/* lo up: SIOCSIFFLAGS in the current network namespace. */
int net_lo_up(struct ps_err *e);
/* The UDP socket at PLAN_RESOLVER_ADDRESS, to the supervisor; a new network namespace's lo gets PLAN_RESOLVER_OWN, too. */
int net_open_resolver(const struct sandbox *sb, struct ps_err *e);
/* uplink.c: what of the plan's way out for datagrams there is, its ends to the supervisor; PLAN_RESOLVER_OWN is its address. */
int uplink_open(const struct sandbox *sb, struct ps_err *e);
