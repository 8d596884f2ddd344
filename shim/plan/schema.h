/* SPDX-License-Identifier: Apache-2.0
 * schema.h - private to shim/plan: every field of every plan row as data, for the printers and the check.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/table.h"
#include "shim/plan/plan.h"

enum field_kind {
	FIELD_STR,      /* plan_off of text */
	FIELD_FROM,     /* the same: the row's provenance */
	FIELD_HIDDEN,   /* the same: the provenance of other fields */
	FIELD_STRS,     /* plan_list of plan_off */
	FIELD_ROWS,     /* plan_list of rows `of` */
	FIELD_NUMS,     /* plan_list of uint32_t */
	FIELD_PROGRAM,  /* plan_list of struct sock_filter */
	FIELD_BOOL,     /* uint8_t */
	FIELD_CHAR,     /* char */
	FIELD_U16,
	FIELD_U32,
	FIELD_I32,
	FIELD_U64,
	FIELD_I64,
	FIELD_OCTAL,    /* uint32_t */
	FIELD_ENUM,     /* uint32_t, names `of` */
	FIELD_BITS16,   /* uint16_t, names `of` */
	FIELD_BITS32,   /* uint32_t, names `of` */
	FIELD_BITS64,   /* uint64_t, names `of` */
	FIELD_CAPS,     /* uint64_t, capability mask */
	FIELD_FD,       /* uint32_t, index into plan.fds or PLAN_NO_FD */
	FIELD_MOUNT,    /* uint32_t, index into plan.mounts or PLAN_NO_FD */
	FIELD_CGROUP,   /* uint32_t, index into plan.cgroups */
};

struct field {
	const char *name;
	enum field_kind kind;
	bool always;    /* printed even when it is 0 */
	uint32_t off;
	const void *of; /* struct row_type, or struct ps_name rows up to a null name */
	/* Provenance of a field of the plan itself, unless its rows have their own. */
	uint32_t from;  /* offset of the plan_off that says who asked; 0: the plan's document */
	const char *at; /* the place in it, or words for another source; NULL: a default */
};

struct row_type {
	size_t size;
	const struct field *fields; /* up to a null name */
};

extern const struct row_type plan_type; /* struct plan itself */

/* Size of the elements of a list field. */
size_t field_element_size(const struct field *f);
/* The field's number (sign-extended where it has a sign); the length of a list. */
uint64_t field_number(const struct field *f, const void *row);
struct plan_list field_list(const struct field *f, const void *row);
