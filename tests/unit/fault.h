/* SPDX-License-Identifier: Apache-2.0
 * fault.h - make the Nth wrapped call fail: every fallible function is tried with a failure at each of its calls.
 *
 * The test source has a line "WRAP: openat read" (the Makefile turns it into -Wl,--wrap=...) and one FAULT_WRAP per
 * name.  Then:
 *
 *	int n;
 *	for (n = 1; fault_arm(n, EIO); n++) {
 *		r = function_under_test(...);
 *		if (!fault_disarm())
 *			break;                  // went through untouched: all calls were tried
 *		assert_int_equal(r, -1);
 *	}
 *	assert_int_equal(n, CALLS + 1);         // shows that the wraps are hit
 */
#pragma once
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

static int fault_countdown, fault_errno;
static const char *fault_tripped;

/* The nth wrapped call from now on fails with err.  Always true. */
__attribute__((unused)) static bool fault_arm(int n, int err)
{
	fault_countdown = n;
	fault_errno = err;
	fault_tripped = NULL;
	return true;
}

/* Calls pass again; the name of the call that failed, or NULL. */
__attribute__((unused)) static const char *fault_disarm(void)
{
	fault_countdown = 0;
	return fault_tripped;
}

__attribute__((unused)) static bool fault_trip(const char *name)
{
	if (fault_countdown <= 0 || --fault_countdown > 0)
		return false;
	errno = fault_errno;
	fault_tripped = name;
	return true;
}

#define FAULT_WRAP(type, name, params, args, failure)                           \
	type __real_##name params;                                              \
	type __wrap_##name params;                                              \
	type __wrap_##name params                                               \
	{                                                                       \
		return fault_trip(#name) ? (failure) : __real_##name args;      \
	}
