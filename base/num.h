/* SPDX-License-Identifier: Apache-2.0
 * num.h - strict integers from text: the whole string, no sign unless allowed, no spaces, no overflow.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

int ps_parse_u32(const char *s, uint32_t *ret); /* decimal; -1 with EINVAL or ERANGE */
int ps_parse_u64(const char *s, uint64_t *ret);
int ps_parse_i64(const char *s, int64_t *ret);  /* one leading '-' allowed */
int ps_parse_octal(const char *s, uint32_t *ret);
/* "0-3, 7" as cpuset(7) has lists: sets these of the n bits, clears all others; -1 with EINVAL or ERANGE. */
int ps_parse_bits(const char *s, uint64_t *bits, size_t n);
/* "512", "512k", "1.5G", "8M", "2T": binary multiples, optional 'b'/'iB' tail; bytes. */
int ps_parse_size(const char *s, uint64_t *ret);
/* "500ms", "10s", "1.5h", "5m", "10" (seconds): milliseconds. */
int ps_parse_time(const char *s, uint64_t *ret_ms);
/* "1.5", "2": thousandths, at most three decimals; not 0. */
int ps_parse_cpus(const char *s, uint64_t *ret_thousandths);
