/* SPDX-License-Identifier: Apache-2.0
 * policy_oci_process.c - config.json's process object: ids, capabilities and limits by value.
 */
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "oci/names.h"
#include "shim/policy/policy_oci.h"

static int cap_mask(struct from_oci *f, const char *set, const struct spec_strs *s, uint64_t *ret)
{
	uint64_t mask = 0;

	for (size_t i = 0; i < s->n; i++) {
		const struct ps_name *n = ps_name_find(names_capability, n_names_capability, s->v[i]);

		if (n)
			mask |= UINT64_C(1) << n->value;
		else if (from_oci_warn(f, "unknown capability '%s' in %s is ignored", s->v[i], set) < 0)
			return -1;
	}
	*ret = mask;
	return 0;
}

/* The kernel gives no capability of `set` that is not `within`: drop those, and say so once. */
static int cap_limit(struct from_oci *f, const char *set, uint64_t *mask, const char *within_name, uint64_t within)
{
	uint64_t extra = *mask & ~within;
	char names[400] = "";
	size_t n = 0;

	*mask &= within;
	for (unsigned bit = 0; bit < 64 && n < sizeof(names); bit++)
		if (extra >> bit & 1)
			n += (size_t)snprintf(names + n, sizeof(names) - n, " %s",
					      ps_name_of(names_capability, n_names_capability, bit));
	return extra ? from_oci_warn(f, "%s capabilities that are not %s are ignored:%s", set, within_name, names) : 0;
}

static int caps(struct from_oci *f, const char *pointer, const struct spec_caps *s, struct policy_caps *c)
{
	char at[64];

	(void)snprintf(at, sizeof(at), "%s/capabilities", pointer);
	c->from = from_oci_at(f, at);
	if (!c->from || cap_mask(f, "bounding", &s->bounding, &c->bounding) < 0 ||
	    cap_mask(f, "effective", &s->effective, &c->effective) < 0 ||
	    cap_mask(f, "inheritable", &s->inheritable, &c->inheritable) < 0 ||
	    cap_mask(f, "permitted", &s->permitted, &c->permitted) < 0 ||
	    cap_mask(f, "ambient", &s->ambient, &c->ambient) < 0)
		return -1;
	if (cap_limit(f, "effective", &c->effective, "permitted", c->permitted) < 0 ||
	    cap_limit(f, "ambient", &c->ambient, "permitted and inheritable", c->permitted & c->inheritable) < 0)
		return -1;
	return 0;
}

static int rlimits(struct from_oci *f, const struct spec_process *s, struct policy_process *out)
{
	struct policy_rlimit *rows = from_oci_rows(f, s->n_rlimits, sizeof(*rows));

	if (!rows)
		return -1;
	for (size_t i = 0; i < s->n_rlimits; i++) {
		const struct spec_rlimit *r = &s->rlimits[i];
		uint64_t resource = 0;

		if (from_oci_value(f, r->at, names_rlimit, n_names_rlimit, r->type, &resource) < 0)
			return -1;
		rows[i] = (struct policy_rlimit){ from_oci_at(f, r->at), (int)resource, r->soft, r->hard };
		if (!rows[i].from)
			return -1;
	}
	out->rlimits = rows;
	out->n_rlimits = s->n_rlimits;
	return 0;
}

static bool same_name(const char *variable, const char *name, size_t len)
{
	return strncmp(variable, name, len) == 0 && (variable[len] == '=' || !variable[len]);
}

/* Each name once: getenv(3) would find the first, shells the last.  The last value counts, at the place of the first. */
static int environment(struct from_oci *f, const struct spec_strs *s, struct spec_strs *ret)
{
	size_t n_slots = 16;

	while (n_slots < 2 * s->n)
		n_slots *= 2;
	const char **v = from_oci_rows(f, s->n + 1, sizeof(*v));
	size_t *slots = from_oci_rows(f, n_slots, sizeof(*slots)), n = 0; /* index in v plus 1; 0 is free */

	if (!v || !slots)
		return -1;
	for (size_t i = 0; i < s->n; i++) {
		size_t len = strcspn(s->v[i], "="), at = ps_fnv64(PS_FNV64_INIT, s->v[i], len) & (n_slots - 1);

		while (slots[at] && !same_name(v[slots[at] - 1], s->v[i], len))
			at = (at + 1) & (n_slots - 1);
		if (!slots[at])
			slots[at] = ++n;
		v[slots[at] - 1] = s->v[i];
	}
	*ret = (struct spec_strs){ v, n };
	return 0;
}

/* Who says so: a flag, a member of the document, or nobody. */
static const char *said_by(struct from_oci *f, const char *flag, bool in_document, const char *pointer, const char *member)
{
	char at[64];

	if (flag || !in_document)
		return flag ? flag : "default";
	(void)snprintf(at, sizeof(at), "%s%s", pointer, member);
	return from_oci_at(f, at);
}

int from_oci_process(struct from_oci *f, const char *pointer, const struct spec_process *s, struct policy_process *out)
{
	out->from = from_oci_at(f, pointer);
	out->args_from = said_by(f, s->args_flag, true, pointer, "/args");
	out->cwd_from = said_by(f, s->cwd_flag, true, pointer, "/cwd");
	out->user_from = said_by(f, s->user_flag, s->user.set, pointer, "/user");
	if (!out->from || !out->args_from || !out->cwd_from || !out->user_from || rlimits(f, s, out) < 0 || environment(f, &s->env, &out->env) < 0 ||
	    (s->caps.set && caps(f, pointer, &s->caps, &out->caps) < 0))
		return -1;
	/* None listed are none, as runtimes have it: not all that the launcher happens to hold. */
	if (!s->caps.set)
		out->caps.from = "default";
	out->has_caps = true;
	if (has_text(s->apparmor_profile)) {
		out->apparmor = s->apparmor_profile;
		out->apparmor_from = said_by(f, s->apparmor_flag, true, pointer, "/apparmorProfile");
	}
	if (has_text(s->selinux_label)) {
		out->selinux = s->selinux_label;
		out->selinux_from = said_by(f, s->label_flag, true, pointer, "/selinuxLabel");
	}
	if ((out->apparmor && !out->apparmor_from) || (out->selinux && !out->selinux_from))
		return -1;
	out->args = s->args;
	out->cwd = s->cwd;
	out->terminal = s->terminal;
	if (s->terminal && s->console_size.set) {
		out->rows = (uint16_t)s->console_size.height;
		out->cols = (uint16_t)s->console_size.width;
	}
	out->uid = s->user.uid;
	out->gid = s->user.gid;
	out->groups = s->user.groups;
	out->n_groups = s->user.n_groups;
	out->umask.set = s->user.umask.set;
	out->umask.v = s->user.umask.v & 07777;
	out->no_new_privileges = s->no_new_privileges;
	out->oom_score_adj.set = s->oom_score_adj.set;
	out->oom_score_adj.v = s->oom_score_adj.v;
	return 0;
}
