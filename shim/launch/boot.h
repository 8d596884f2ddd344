/* SPDX-License-Identifier: Apache-2.0
 * boot.h - what the init image is given: one sealed memfd with the numbers of the inherited fds and the plan.
 */
#pragma once
#include <stdint.h>

enum { LAUNCH_BOOT_MAGIC = 0x54424f50, LAUNCH_BOOT_VERSION = 1 };

/* Followed by int32_t fds[n_fds], int32_t tasks[n_tasks]; the plan starts at plan_off (16-aligned). */
struct launch_boot {
	uint32_t magic, version;
	uint32_t size;                /* of the whole block */
	uint32_t plan_off, plan_size;
	int32_t channel_fd, gate_fd;  /* gate_fd -1: the channel is the gate */
	int32_t broker_fd;            /* where the listener of a guard goes; -1 */
	int32_t wait_ms;
	uint32_t n_fds, n_tasks;
	uint32_t dies_with_launcher;  /* behind the gate, too */
};
