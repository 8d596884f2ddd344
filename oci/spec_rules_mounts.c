/* SPDX-License-Identifier: Apache-2.0
 * spec_rules_mounts.c - the rules about mounts and their options.
 */
#include "oci/names.h"
#include "oci/spec_rules.h"

/* The MOUNT_OPT_* of all options of a mount. */
static uint32_t special_options(const struct spec_mount *m)
{
	uint32_t special = 0;

	for (size_t i = 0; i < m->options.n; i++) {
		const struct mount_option *o = mount_option_find(m->options.v[i]);
		if (o)
			special |= o->special;
	}
	return special;
}

static bool is_bind(const struct spec_mount *m)
{
	return special_options(m) & (MOUNT_OPT_BIND | MOUNT_OPT_RBIND);
}

static bool is_idmapped(const struct spec_mount *m)
{
	return m->uid_maps.n || m->gid_maps.n || (special_options(m) & (MOUNT_OPT_IDMAP | MOUNT_OPT_RIDMAP));
}

/* runc's words. */
#define BIND_DATA "bind mounts cannot have any filesystem-specific options applied: '%s'"

static int check_bind_data(const struct rule_ctx *c)
{
	for (size_t i = 0; i < c->s->n_mounts; i++) {
		const struct spec_mount *m = &c->s->mounts[i];
		if (!is_bind(m))
			continue;
		for (size_t k = 0; k < m->options.n; k++)
			if (!mount_option_find(m->options.v[k]))
				return rule_fail(c, RULE_AT("%s/options/%zu", m->at, k), BIND_DATA, m->options.v[k]);
	}
	return 0;
}

static int check_propagation(const struct rule_ctx *c)
{
	for (size_t i = 0; i < c->s->n_mounts; i++) {
		const struct spec_mount *m = &c->s->mounts[i];
		const struct mount_option *first = NULL;
		for (size_t k = 0; k < m->options.n; k++) {
			const struct mount_option *o = mount_option_find(m->options.v[k]);
			if (!o || !o->propagation)
				continue;
			if (first && first->propagation != o->propagation)
				return rule_fail(c, RULE_AT("%s/options/%zu", m->at, k),
						 "propagation '%s' contradicts '%s'", o->name, first->name);
			first = o;
		}
	}
	return 0;
}

static int check_id_map_pairs(const struct rule_ctx *c)
{
	for (size_t i = 0; i < c->s->n_mounts; i++) {
		const struct spec_mount *m = &c->s->mounts[i];
		if ((m->uid_maps.n == 0) != (m->gid_maps.n == 0))
			return rule_fail(c, m->at, "uidMappings and gidMappings must come together");
	}
	return 0;
}

static int check_id_map_ranges(const struct rule_ctx *c)
{
	for (size_t i = 0; i < c->s->n_mounts; i++) {
		const struct spec_mount *m = &c->s->mounts[i];
		if ((m->uid_maps.n && rule_id_maps(c, &m->uid_maps, RULE_AT("%s/uidMappings", m->at)) < 0) ||
		    (m->gid_maps.n && rule_id_maps(c, &m->gid_maps, RULE_AT("%s/gidMappings", m->at)) < 0))
			return -1;
	}
	return 0;
}

static int check_idmapped_bind(const struct rule_ctx *c)
{
	for (size_t i = 0; i < c->s->n_mounts; i++) {
		const struct spec_mount *m = &c->s->mounts[i];
		if (is_idmapped(m) && !is_bind(m))
			return rule_fail(c, m->at, "id-mapped mounts are only supported for bind-mounts");
	}
	return 0;
}

static int check_idmapped_source(const struct rule_ctx *c)
{
	for (size_t i = 0; i < c->s->n_mounts; i++) {
		const struct spec_mount *m = &c->s->mounts[i];
		if (is_idmapped(m) && m->uid_maps.n == 0 && !rule_namespace(c, "user"))
			return rule_fail(c, m->at,
					 "an id-mapped mount needs uidMappings and gidMappings, or a user namespace");
	}
	return 0;
}

static const struct rule mounts_rules[] = {
	{ "bind mounts carry no file system data", check_bind_data },
	{ "one propagation per mount", check_propagation },
	{ "mount uid and gid mappings come together", check_id_map_pairs },
	{ "mount id ranges are sound", check_id_map_ranges },
	{ "id-mapped mounts are bind mounts", check_idmapped_bind },
	{ "id-mapped mounts have mappings", check_idmapped_source },
};
const struct rules rules_mounts = RULES(mounts_rules);
