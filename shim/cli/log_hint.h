/* SPDX-License-Identifier: Apache-2.0
 * log_hint.h - a failure for machines: a code that stays, and what to try next.
 */
#pragma once
#include "base/err.h"

/* "invalid-config"; never changes between versions, unlike texts. */
const char *log_code(const struct ps_err *e);
/* One sentence for a person, without the words that engines classify failures by. */
const char *log_hint(const struct ps_err *e);
