/* SPDX-License-Identifier: Apache-2.0
 * personality.c - execution domain of the payload.
 */
#include "shim/sandbox/process.h"

#include <sys/personality.h>

int personality_apply(const struct sandbox *sb, struct ps_err *e)
{
	if (!sb->plan->has_personality || personality(sb->plan->personality) >= 0)
		return 0;
	(void)ps_fail_os(e, "set the execution domain to 0x%x", sb->plan->personality);
	return ps_at(e, "%s: /linux/personality", plan_str(sb->plan, sb->plan->file));
}
