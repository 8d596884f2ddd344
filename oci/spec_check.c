/* SPDX-License-Identifier: Apache-2.0
 * spec_check.c - applies the rule tables; the rules about the document as a whole, and what all rules share.
 */
#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/scope.h"
#include "oci/spec_rules.h"

/* ---- shared by the rule functions ---- */

int rule_fail(const struct rule_ctx *c, const char *at, const char *fmt, ...)
{
	char msg[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(msg, sizeof(msg), fmt, args);
	va_end(args);
	(void)ps_fail(c->e, PS_E_CONFIG, "%s", msg);
	return ps_at(c->e, "%s: %s", c->s->file, at);
}

const char *rule_at(char *buf, size_t size, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(buf, size, fmt, args);
	va_end(args);
	return buf;
}

static bool ranges_meet(uint32_t a, uint32_t n_a, uint32_t b, uint32_t n_b)
{
	return a < (uint64_t)b + n_b && b < (uint64_t)a + n_a;
}

int rule_id_maps(const struct rule_ctx *c, const struct spec_id_maps *maps, const char *at)
{
	enum { MAX_MAPS = 340 }; /* UID_GID_MAP_MAX_EXTENTS, 4.15 */

	if (maps->n > MAX_MAPS)
		return rule_fail(c, at, "has %zu mappings, the kernel takes %d", maps->n, MAX_MAPS);
	for (size_t i = 0; i < maps->n; i++) {
		const struct spec_id_map *m = &maps->v[i];
		if ((uint64_t)m->container + m->size > UINT32_MAX || (uint64_t)m->host + m->size > UINT32_MAX)
			return rule_fail(c, RULE_AT("%s/%zu", at, i), "the range does not fit into 32 bits");
		for (size_t k = 0; k < i; k++)
			if (ranges_meet(m->container, m->size, maps->v[k].container, maps->v[k].size) ||
			    ranges_meet(m->host, m->size, maps->v[k].host, maps->v[k].size))
				return rule_fail(c, RULE_AT("%s/%zu", at, i), "overlaps mapping %zu", k);
	}
	return 0;
}

const struct spec_namespace *rule_namespace(const struct rule_ctx *c, const char *type)
{
	for (size_t i = 0; i < c->s->linux_.n_namespaces; i++)
		if (!strcmp(c->s->linux_.namespaces[i].type, type))
			return &c->s->linux_.namespaces[i];
	return NULL;
}

/* ---- the document ---- */

static size_t span_number(const char *s)
{
	size_t n = strspn(s, "0123456789");

	return n > 1 && *s == '0' ? 0 : n;
}

/* Dot-separated identifiers up to `stop` or the end; `strict`: numbers have no leading zeros.  NULL: malformed. */
static const char *skip_identifiers(const char *s, char stop, bool strict)
{
	for (;; s++) {
		size_t n = 0, digits = 0;
		for (; isalnum((unsigned char)s[n]) || s[n] == '-'; n++)
			digits += isdigit((unsigned char)s[n]) != 0;
		if (n == 0 || (strict && digits == n && n > 1 && *s == '0'))
			return NULL;
		s += n;
		if (*s == '\0' || *s == stop)
			return s;
		if (*s != '.')
			return NULL;
	}
}

/* SemVer 2.0.0, https://semver.org */
static bool is_semver(const char *s)
{
	for (int part = 0; part < 3; part++) {
		size_t n = span_number(s);
		if (n == 0 || (part < 2 && s[n] != '.'))
			return false;
		s += n + (part < 2);
	}
	if (*s == '-')
		s = skip_identifiers(s + 1, '+', true);
	if (s && *s == '+')
		s = skip_identifiers(s + 1, '\0', false);
	return s && *s == '\0';
}

static int check_version(const struct rule_ctx *c)
{
	const char *version = c->s->oci_version;

	if (!is_semver(version))
		return rule_fail(c, "/ociVersion", "'%s' is not a SemVer 2.0.0 version", version);
	if (strncmp(version, "1.", 2) != 0)
		return rule_fail(c, "/ociVersion", "runtime-spec version '%s' is not supported, only 1.x is", version);
	return 0;
}

static int check_hook_paths(const struct rule_ctx *c)
{
	const struct spec_hooks *const all[] = {
		&c->s->hooks.prestart,	      &c->s->hooks.create_runtime, &c->s->hooks.create_container,
		&c->s->hooks.start_container, &c->s->hooks.poststart,	   &c->s->hooks.poststop,
	};

	for (size_t i = 0; i < PS_COUNT(all); i++)
		for (size_t k = 0; k < all[i]->n; k++)
			if (RULE_ABSOLUTE(c, all[i]->v[k].path, RULE_AT("%s/path", all[i]->v[k].at)) < 0)
				return -1;
	return 0;
}

static const struct rule document_rules[] = {
	{ "ociVersion is SemVer of major 1", check_version },
	{ "hook paths are absolute", check_hook_paths },
};
const struct rules rules_document = RULES(document_rules);

/* ---- all of them ---- */

int spec_check_rules(const struct rules *r, const struct spec *s, const char *base, struct ps_err *e)
{
	const struct rule_ctx c = { s, base, e };

	for (size_t i = 0; i < r->n; i++)
		if (r->v[i].check(&c) < 0)
			return -1;
	return 0;
}

int spec_check(const struct spec *s, struct ps_err *e)
{
	const struct {
		bool wanted;
		const struct rules *rules;
		const char *base;
	} sets[] = {
		{ true, &rules_document, "" },
		{ s->process.set, &rules_process, "/process" },
		{ true, &rules_linux, "/linux" },
		{ true, &rules_mounts, "/mounts" },
		{ s->linux_.resources.set, &rules_resources, "/linux/resources" },
		{ s->linux_.resources.set, &rules_resources_whole, "/linux/resources" },
		{ s->linux_.seccomp.set, &rules_seccomp, "/linux/seccomp" },
	};

	for (size_t i = 0; i < PS_COUNT(sets); i++)
		if (sets[i].wanted && spec_check_rules(sets[i].rules, s, sets[i].base, e) < 0)
			return -1;
	return 0;
}
