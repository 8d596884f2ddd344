/* SPDX-License-Identifier: Apache-2.0
 * perm_save.c - a set as one document and back, exactly.  One table per structure serves both ways.
 */
#include <stdio.h>
#include <string.h>

#include "base/scope.h"
#include "shim/policy/perm_codec.h"

enum { VERSION = 1 };
#define VERSION_KEY "podshimPermissions"

/* ---- net patterns ---- */

static const char *const hosts[] = {
	[NET_HOST_ANY] = "any", [NET_HOST_NAME] = "name", [NET_HOST_SUFFIX] = "suffix", [NET_HOST_ADDRESS] = "address",
	[NET_HOST_PRIVATE] = "private", [NET_HOST_METADATA] = "metadata", [NET_HOST_UNIX] = "unix", [NET_HOST_VSOCK] = "vsock",
};

static void put_host(struct ps_jsonw *w, const char *key, const void *p)
{
	ps_jw_str(w, key, hosts[*(const enum net_host *)p]);
}
static int get_host(struct load *l, const struct json *v, void *p)
{
	for (size_t i = 0; v->type == JSON_STRING && i < PS_COUNT(hosts); i++) {
		if (strcmp(v->v.s, hosts[i]) != 0)
			continue;
		*(enum net_host *)p = (enum net_host)i;
		return 0;
	}
	return json_fail(v, l->file, l->e, "is no kind of host");
}

static void put_addr(struct ps_jsonw *w, const char *key, const void *p)
{
	static const struct net_addr none;
	char hex[2 * sizeof(none.b) + 1];

	if (!memcmp(p, &none, sizeof(none)))
		return;
	for (size_t i = 0; i < sizeof(none.b); i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", ((const struct net_addr *)p)->b[i]);
	ps_jw_str(w, key, hex);
}
static int get_addr(struct load *l, const struct json *v, void *p)
{
	struct net_addr *a = p;
	size_t n;

	if (read_hex(l, v, a->b, sizeof(a->b), &n) < 0)
		return -1;
	return n == sizeof(a->b) ? 0 : wrong_type(l, v, "an address of 16 bytes");
}

CODEC(host) CODEC(addr)
FIELDS_OF(net_pattern) {
	FIELD(net_pattern, "what", u32, what),
	FIELD(net_pattern, "host", host, host),
	FIELD(net_pattern, "publicOnly", bool, public_only),
	FIELD(net_pattern, "name", text, name),
	FIELD(net_pattern, "addr", addr, addr),
	FIELD(net_pattern, "bits", u32, bits),
	FIELD(net_pattern, "cid", u32, cid),
	FIELD(net_pattern, "port", u32, port),
};

static void write_net(struct ps_jsonw *w, const char *key, const struct net_pattern *p)
{
	ps_jw_object(w, key);
	put_fields(w, net_pattern_fields, PS_COUNT(net_pattern_fields), p);
	if (p->n_ports)
		ps_jw_array(w, "ports");
	for (size_t i = 0; i < p->n_ports; i++) {
		ps_jw_uint(w, NULL, p->ports[i].from);
		ps_jw_uint(w, NULL, p->ports[i].to);
	}
	if (p->n_ports)
		ps_jw_end_array(w);
	ps_jw_end_object(w);
}

/* [from, to, from, to ...], ascending and apart. */
static int read_ports(struct load *l, const struct json *v, struct net_pattern *p)
{
	uint64_t last = 0, from, to;
	struct net_ports *ports = list_of(l, v, sizeof(*ports));

	if (!ports)
		return -1;
	for (size_t i = 0; i + 1 < v->v.list.n; i += 2) {
		if (read_number(l, &v->v.list.items[i], UINT16_MAX, &from) < 0 || read_number(l, &v->v.list.items[i + 1], UINT16_MAX, &to) < 0)
			return -1;
		if (from > to || (i && from <= last))
			return json_fail(&v->v.list.items[i], l->file, l->e, "is not in order");
		last = to;
		ports[i / 2] = (struct net_ports){ (uint16_t)from, (uint16_t)to };
	}
	if (!v->v.list.n || v->v.list.n % 2)
		return wrong_type(l, v, "pairs of ports");
	p->ports = ports;
	p->n_ports = v->v.list.n / 2;
	return 0;
}

static int read_net(struct load *l, const struct json *v, struct net_pattern *p)
{
	if (get_fields(l, v, net_pattern_fields, PS_COUNT(net_pattern_fields), "ports", p) < 0)
		return -1;
	bool named = p->host == NET_HOST_NAME || p->host == NET_HOST_SUFFIX || p->host == NET_HOST_UNIX;
	const struct json *ports = json_get(v, "ports");

	if (!p->what || p->what & ~(unsigned)NET_ALL || p->bits > 128 || (named && !p->name) || !json_get(v, "host"))
		return json_fail(v, l->file, l->e, "is no net entry");
	return ports ? read_ports(l, ports, p) : 0;
}

/* ---- entries ---- */

FIELDS_OF(perm_entry) {
	FIELD(perm_entry, "value", text, value),
	FIELD(perm_entry, "from", text, from),
	FIELD(perm_entry, "optional", bool, optional),
	FIELD(perm_entry, "makeDir", bool, make_dir),
	FIELD(perm_entry, "append", bool, append),
	FIELD(perm_entry, "implied", bool, implied),
};

static void put_entries(struct ps_jsonw *w, const char *key, const void *p)
{
	const struct perm_list *list = p;

	if (!list->n)
		return;
	ps_jw_array(w, key);
	for (size_t i = 0; i < list->n; i++) {
		ps_jw_object(w, NULL);
		put_fields(w, perm_entry_fields, PS_COUNT(perm_entry_fields), &list->v[i]);
		if (list->v[i].permission == POLICY_NET && list->v[i].value)
			write_net(w, "net", &list->v[i].net);
		ps_jw_end_object(w);
	}
	ps_jw_end_array(w);
}

static int read_entry(struct load *l, const struct json *v, struct perm_entry *en)
{
	const struct json *net = json_get(v, "net");

	*en = (struct perm_entry){ .permission = l->permission, .action = l->action };
	if (get_fields(l, v, perm_entry_fields, PS_COUNT(perm_entry_fields), "net", en) < 0)
		return -1;
	bool path = en->permission == POLICY_READ || en->permission == POLICY_WRITE || en->permission == POLICY_FFI;

	if (!en->from)
		return json_fail(v, l->file, l->e, "has no \"from\"");
	if (path && en->value && *en->value != '/')
		return json_fail(v, l->file, l->e, "has a value that is no absolute path");
	if (!net != !(en->permission == POLICY_NET && en->value))
		return json_fail(v, l->file, l->e, net ? "has a member \"net\" that it cannot have" : "has no member \"net\"");
	return net ? read_net(l, net, &en->net) : 0;
}

static int get_entries(struct load *l, const struct json *v, void *p)
{
	struct perm_entry *items = list_of(l, v, sizeof(*items));

	for (int a = POLICY_ALLOW; a <= POLICY_IGNORE; a++)
		if (!strcmp(v->key, policy_action_name((enum policy_action)a)))
			l->action = (enum policy_action)a;
	if (!items)
		return -1;
	for (size_t i = 0; i < v->v.list.n; i++)
		if (read_entry(l, &v->v.list.items[i], &items[i]) < 0)
			return -1;
	*(struct perm_list *)p = (struct perm_list){ items, v->v.list.n };
	return 0;
}

CODEC(entries)
FIELDS_OF(perm_rules) {
	FIELD(perm_rules, "byConfig", bool, by_config),
	FIELD(perm_rules, "all", bool, all),
	FIELD(perm_rules, "said", bool, said),
	FIELD(perm_rules, "narrows", bool, narrows),
	FIELD(perm_rules, "asks", bool, asks),
	FIELD(perm_rules, "allow", entries, allow),
	FIELD(perm_rules, "deny", entries, deny),
	FIELD(perm_rules, "warn", entries, warn),
	FIELD(perm_rules, "ignore", entries, ignore),
};

/* ---- settings ---- */

static const char *const modes[] = { [PERM_ENFORCE] = "enforce", [PERM_ASK] = "ask", [PERM_LEARN] = "learn", [PERM_AUDIT] = "audit" };

static void put_mode(struct ps_jsonw *w, const char *key, const void *p)
{
	const struct perm_settings *s = p;

	if (!s->mode.set)
		return;
	ps_jw_object(w, key);
	ps_jw_str(w, "is", modes[s->mode.v]);
	text_codec.put(w, "from", &s->mode.from);
	ps_jw_end_object(w);
}
static int get_mode(struct load *l, const struct json *v, void *p)
{
	static const struct field fields[] = { FIELD(perm_settings, "from", text, mode.from) };
	const struct json *is = json_get(v, "is");
	struct perm_settings *s = p;
	size_t i = 0;

	if (get_fields(l, v, fields, PS_COUNT(fields), "is", s) < 0)
		return -1;
	while (i < PS_COUNT(modes) && !(is && is->type == JSON_STRING && !strcmp(is->v.s, modes[i])))
		i++;
	if (i == PS_COUNT(modes))
		return json_fail(v, l->file, l->e, "is no mode");
	s->mode.set = true;
	s->mode.v = (enum perm_mode)i;
	return 0;
}

static void put_limit(struct ps_jsonw *w, const char *key, const void *p)
{
	const struct perm_limit *t = p;

	if (!t->set)
		return;
	ps_jw_object(w, key);
	ps_jw_uint(w, "is", t->v);
	text_codec.put(w, "from", &t->from);
	ps_jw_end_object(w);
}
static int get_limit(struct load *l, const struct json *v, void *p)
{
	static const struct field fields[] = { FIELD(perm_limit, "from", text, from) };
	const struct json *is = json_get(v, "is");
	struct perm_limit *t = p;

	if (get_fields(l, v, fields, PS_COUNT(fields), "is", t) < 0)
		return -1;
	t->set = true;
	return is ? read_number(l, is, UINT64_MAX, &t->v) : json_fail(v, l->file, l->e, "has no \"is\"");
}

FIELDS_OF(spec_kv) {
	FIELD(spec_kv, "name", text, key),
	FIELD(spec_kv, "value", text, value),
	FIELD(spec_kv, "at", text, at),
};

static void put_kvs(struct ps_jsonw *w, const char *key, const void *p)
{
	const struct spec_kvs *list = p;

	if (!list->n)
		return;
	ps_jw_array(w, key);
	for (size_t i = 0; i < list->n; i++) {
		ps_jw_object(w, NULL);
		put_fields(w, spec_kv_fields, PS_COUNT(spec_kv_fields), &list->v[i]);
		ps_jw_end_object(w);
	}
	ps_jw_end_array(w);
}
static int get_kvs(struct load *l, const struct json *v, void *p)
{
	struct spec_kv *kv = list_of(l, v, sizeof(*kv));

	if (!kv)
		return -1;
	for (size_t i = 0; i < v->v.list.n; i++) {
		if (get_fields(l, &v->v.list.items[i], spec_kv_fields, PS_COUNT(spec_kv_fields), NULL, &kv[i]) < 0)
			return -1;
		if (!kv[i].key || !kv[i].value)
			return json_fail(&v->v.list.items[i], l->file, l->e, "is no variable");
	}
	*(struct spec_kvs *)p = (struct spec_kvs){ kv, v->v.list.n };
	return 0;
}

FIELDS_OF(perm_secret) {
	FIELD(perm_secret, "name", text, name),
	FIELD(perm_secret, "source", text, source),
	FIELD(perm_secret, "only", strs, only),
	FIELD(perm_secret, "from", text, from),
};

static void put_secrets(struct ps_jsonw *w, const char *key, const void *p)
{
	const struct perm_settings *s = p;

	if (!s->n_secrets)
		return;
	ps_jw_array(w, key);
	for (size_t i = 0; i < s->n_secrets; i++) {
		ps_jw_object(w, NULL);
		put_fields(w, perm_secret_fields, PS_COUNT(perm_secret_fields), &s->secrets[i]);
		ps_jw_end_object(w);
	}
	ps_jw_end_array(w);
}
static int get_secrets(struct load *l, const struct json *v, void *p)
{
	struct perm_settings *s = p;
	struct perm_secret *items = list_of(l, v, sizeof(*items));

	if (!items)
		return -1;
	for (size_t i = 0; i < v->v.list.n; i++) {
		if (get_fields(l, &v->v.list.items[i], perm_secret_fields, PS_COUNT(perm_secret_fields), NULL, &items[i]) < 0)
			return -1;
		if (!items[i].name || !items[i].source)
			return json_fail(&v->v.list.items[i], l->file, l->e, "is no secret");
	}
	s->secrets = items;
	s->n_secrets = v->v.list.n;
	return 0;
}

CODEC(mode) CODEC(limit) CODEC(kvs) CODEC(secrets)
FIELDS_OF(perm_settings) {
	{ "mode", &mode_codec, 0 },
	FIELD(perm_settings, "bestEffort", opt_bool, best_effort),
	FIELD(perm_settings, "jit", opt_bool, jit),
	FIELD(perm_settings, "dns", strs, dns),
	FIELD(perm_settings, "hosts", strs, hosts),
	FIELD(perm_settings, "undo", opt_bool, undo),
	FIELD(perm_settings, "noPrompt", opt_bool, no_prompt),
	FIELD(perm_settings, "broker", text, broker),
	FIELD(perm_settings, "env", kvs, env_set),
	{ "secrets", &secrets_codec, 0 },
	FIELD(perm_settings, "memory", limit, memory),
	FIELD(perm_settings, "pids", limit, pids),
	FIELD(perm_settings, "cpu", limit, cpu),
	FIELD(perm_settings, "wallMs", limit, wall_ms),
	FIELD(perm_settings, "output", limit, output),
	FIELD(perm_settings, "disk", limit, disk),
	FIELD(perm_settings, "audit", bool, audit.set),
	FIELD(perm_settings, "auditAllowed", u32, audit.allowed),
	FIELD(perm_settings, "auditDenied", u32, audit.denied),
	FIELD(perm_settings, "auditBatchMs", opt_u64, audit.batch_ms),
	FIELD(perm_settings, "auditBroadcastMs", opt_u64, audit.broadcast_ms),
	FIELD(perm_settings, "name", text, name),
	FIELD(perm_settings, "description", text, description),
};

/* ---- the set ---- */

static void put_settings(struct ps_jsonw *w, const char *key, const void *p)
{
	ps_jw_object(w, key);
	put_fields(w, perm_settings_fields, PS_COUNT(perm_settings_fields), p);
	ps_jw_end_object(w);
}
static int get_settings(struct load *l, const struct json *v, void *p)
{
	return get_fields(l, v, perm_settings_fields, PS_COUNT(perm_settings_fields), NULL, p);
}

static void put_rules(struct ps_jsonw *w, const char *key, const void *p)
{
	const struct perm_rules *r = p;

	ps_jw_object(w, key);
	for (int i = 0; i < POLICY_N_PERMISSIONS; i++) {
		ps_jw_object(w, policy_permission_name((enum policy_permission)i));
		put_fields(w, perm_rules_fields, PS_COUNT(perm_rules_fields), &r[i]);
		ps_jw_end_object(w);
	}
	ps_jw_end_object(w);
}
static int get_rules(struct load *l, const struct json *v, void *p)
{
	struct perm_rules *r = p;

	if (v->type != JSON_OBJECT || v->v.list.n != POLICY_N_PERMISSIONS)
		return wrong_type(l, v, "an object of all permissions");
	for (int i = 0; i < POLICY_N_PERMISSIONS; i++) {
		const struct json *rules = json_get(v, policy_permission_name((enum policy_permission)i));
		l->permission = (enum policy_permission)i;
		if (!rules)
			return json_fail(v, l->file, l->e, "has no \"%s\"", policy_permission_name(l->permission));
		if (get_fields(l, rules, perm_rules_fields, PS_COUNT(perm_rules_fields), NULL, &r[i]) < 0)
			return -1;
	}
	return 0;
}

CODEC(settings) CODEC(rules)
FIELDS_OF(permissions) {
	FIELD(permissions, "active", bool, active),
	FIELD(permissions, "denyByDefault", bool, deny_by_default),
	FIELD(permissions, "permissions", rules, of),
	FIELD(permissions, "settings", settings, settings),
	FIELD(permissions, "notes", strs, notes),
};

void permissions_save(const struct permissions *p, struct ps_buf *out)
{
	struct ps_jsonw w = { .out = out };

	ps_jw_object(&w, NULL);
	ps_jw_uint(&w, VERSION_KEY, VERSION);
	put_fields(&w, permissions_fields, PS_COUNT(permissions_fields), p);
	ps_jw_end_object(&w);
	ps_buf_putc(out, '\n');
}

int permissions_load(struct ps_arena *a, const char *name, const char *text, size_t n, const struct permissions **ret, struct ps_err *e)
{
	struct permissions *p = ps_arena_new(a, struct permissions);
	struct load l = { .arena = a, .file = name, .e = e };
	struct json *root;

	if (!p)
		return load_no_memory(&l);
	if (json_parse(a, name, text, n, &root, e) < 0)
		return -1;
	const struct json *version = json_get(root, VERSION_KEY);

	if (!version || version->type != JSON_INT)
		return json_fail(root, name, e, "has no \"" VERSION_KEY "\": it is no set of permissions");
	if (version->v.i != VERSION)
		return json_fail(version, name, e, "is a version that this podshim does not know (it knows %d)", VERSION);
	if (!json_get(root, "permissions"))
		return json_fail(root, name, e, "has no \"permissions\"");
	if (get_fields(&l, root, permissions_fields, PS_COUNT(permissions_fields), VERSION_KEY, p) < 0)
		return -1;
	*ret = p;
	return 0;
}
