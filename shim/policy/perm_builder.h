/* SPDX-License-Identifier: Apache-2.0
 * perm_builder.h - what perm_builder.c shares with the other sources: single items, empty lists.
 */
#pragma once
#include "shim/policy/permissions.h"

enum { PERM_MAX_ENTRIES = 4096, PERM_MAX_ITEM = 4095 };

/*
 * One item, NULL: everything; its commas are its own.  Errors are PS_E_USAGE (PS_E_OS without memory) and name the item,
 * not where it stands.
 */
int perm_builder_item(struct perm_builder *b, enum policy_permission p, enum policy_action act, const char *item,
		      const char *from, struct ps_err *e);
/* There is an allow list, though it may have no item. */
void perm_builder_mention(struct perm_builder *b, enum policy_permission p, const char *from);
/* A name of env.set, of secrets, of env lists: not empty, without '=' and control characters. */
int perm_check_variable(const char *name, struct ps_err *e);
/* Refuse control characters and what is no UTF-8: what is shown, stored and compared is then the same. */
int perm_check_text(const char *item, struct ps_err *e);
/* "enforce", "ask", "learn", "audit". */
bool perm_parse_mode(const char *text, enum perm_mode *ret);
