/* SPDX-License-Identifier: Apache-2.0
 * plan_unit_properties.c - what systemd is told of the container's unit: limits as it knows them, and what annotations say.
 *
 * Limits are written to the cgroup's files as well, exactly and whatever systemd can express.  It is told of them because it
 * writes the files of its units again whenever it sees fit.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/gvariant.h"
#include "base/num.h"
#include "base/scope.h"
#include "shim/plan/builder.h"

static const char annotation_prefix[] = "org.systemd.property.";

static const struct plan_unit_property *row_named(const struct builder *b, const char *name)
{
	const struct plan_unit_property *rows = (const void *)b->unit_properties.buf.data;

	for (uint32_t i = 0; i < b->unit_properties.n && !b->out->failed; i++)
		if (strcmp(b->out->data + rows[i].name, name) == 0)
			return &rows[i];
	return NULL;
}

static void push(struct builder *b, plan_off from, const char *name, const char *type, const char *value)
{
	const struct plan_unit_property row = { .from = from, .name = build_str(b, name), .type = build_str(b, type),
						.value = build_str(b, value) };

	build_push(&b->unit_properties, &row, sizeof(row));
}

/* ---- Annotations ---- */

/* Whatever follows from it would not be what the plan says. */
static bool is_ours(const char *name)
{
	static const char *const ours[] = { "PIDs", "PIDFDs", "Slice", "Delegate", "DelegateControllers", "DelegateSubgroup",
					    "DevicePolicy", "DeviceAllow", "BPFProgram" };

	for (size_t i = 0; i < PS_COUNT(ours); i++)
		if (strcmp(name, ours[i]) == 0)
			return true;
	return false;
}

static bool is_name(const char *name)
{
	const size_t n = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

	return n >= 3 && n < 64 && !name[n];
}

/* "TimeoutStopSec": systemd's property is in microseconds, "TimeoutStopUSec". */
static bool is_seconds(const char *name)
{
	const size_t n = strlen(name);

	return n > 3 && strcmp(name + n - 3, "Sec") == 0 && name[n - 4] >= 'a' && name[n - 4] <= 'z';
}

/* Seconds of any type of number, in microseconds.  -1: it is no such number. */
static int to_usec(const char *value, const char *type, uint64_t *ret)
{
	ps_auto_buf struct ps_buf bytes = { .data = NULL };
	struct dbus_in in;
	uint64_t n;
	double d;

	if (strlen(type) != 1 || !strchr("ynqiuxtd", *type) || gvariant_put(value, type, &bytes, NULL) < 0 || bytes.failed)
		return -1;
	in = (struct dbus_in){ .data = (const uint8_t *)bytes.data, .size = bytes.len };
	if (*type == 'd') {
		n = dbus_get_u64(&in);
		memcpy(&d, &n, sizeof(d));
		if (!(d >= 0) || d > 1e12)
			return -1;
		*ret = (uint64_t)(d * 1e6 + 0.5);
		return 0;
	}
	if (bytes.len == 8) {
		n = dbus_get_u64(&in);
	} else if (bytes.len == 4) {
		n = dbus_get_u32(&in);
		n |= *type == 'i' && n >> 31 ? UINT64_C(1) << 63 : 0;
	} else if (bytes.len == 2) {
		uint16_t half;

		memcpy(&half, bytes.data, sizeof(half));
		n = half | (*type == 'n' && half >> 15 ? UINT64_C(1) << 63 : 0);
	} else {
		n = dbus_get_byte(&in);
	}
	if (n > UINT64_MAX / 2 / 1000000)
		return -1; /* also what is negative */
	*ret = n * 1000000;
	return 0;
}

static int put_seconds(struct builder *b, const char *at, plan_off from, const char *name, const char *type, const char *value)
{
	char micro[80], number[24];
	uint64_t usec;

	if (to_usec(value, type, &usec) < 0)
		return build_fail_at(b, PS_E_CONFIG, at, "'%.60s' is no number of seconds", value);
	(void)snprintf(micro, sizeof(micro), "%.*sUSec", (int)(strlen(name) - 3), name);
	(void)snprintf(number, sizeof(number), "%llu", (unsigned long long)usec);
	push(b, from, micro, "t", number);
	return 0;
}

static int annotation(struct builder *b, const struct spec_kv *kv)
{
	const char *name = kv->key + strlen(annotation_prefix);
	char at[128], type[DBUS_SIGNATURE_MAX + 1];

	(void)snprintf(at, sizeof(at), "/annotations/%s", kv->key);
	if (!is_name(name))
		return build_fail_at(b, PS_E_CONFIG, at, "'%.60s' is no name of a property of systemd: at least three letters", name);
	if (is_ours(name))
		return build_fail_at(b, PS_E_CONFIG, at, "property %s is podshim's to set", name);
	if (gvariant_type(kv->value, type, b->e) < 0) {
		(void)ps_ctx(b->e, "'%.60s' is no GVariant text", kv->value);
		return build_where(b, at);
	}
	const plan_off from = build_fmt(b, "%s#%s", b->p->file, at);

	if (is_seconds(name))
		return put_seconds(b, at, from, name, type, kv->value);
	push(b, from, name, type, kv->value);
	return 0;
}

/* ---- Limits, from the files that they are written to ---- */

enum { MAX_CPUS = 8192 };

/* A file whose content is one number, and the property that has the same. */
struct same {
	const char *file, *property;
	uint64_t least;       /* what systemd takes */
	unsigned since;       /* its version */
};

static const struct same same_v2[] = {
	{ "memory.max", "MemoryMax", 1, 0 },   { "memory.high", "MemoryHigh", 1, 0 },  { "memory.low", "MemoryLow", 0, 0 },
	{ "memory.min", "MemoryMin", 0, 240 }, { "memory.swap.max", "MemorySwapMax", 0, 0 },
	{ "pids.max", "TasksMax", 1, 0 },      { "cpu.weight", "CPUWeight", 1, 0 },    { "io.weight", "IOWeight", 1, 0 },
};
static const struct same same_v1[] = {
	{ "memory.limit_in_bytes", "MemoryLimit", 1, 0 }, { "pids.max", "TasksMax", 1, 0 }, { "cpu.shares", "CPUShares", 2, 0 },
	{ "blkio.weight", "BlockIOWeight", 10, 0 },
};

/* The limits of a container, last written last; "" where a file is not written. */
static const char *written(const struct builder *b, uint32_t version, const char *file, plan_off *ret_from)
{
	const struct plan_cgroup_file *rows = (const void *)b->cgroup_files.buf.data;
	const char *value = "";

	for (uint32_t i = 0; i < b->cgroup_files.n && !b->out->failed; i++)
		if (b->h->cgroups[rows[i].cgroup].version == (int)version && strcmp(b->out->data + rows[i].file, file) == 0) {
			value = b->out->data + rows[i].value;
			*ret_from = rows[i].from;
		}
	return value;
}

static int put_limit(struct builder *b, plan_off from, const char *name, const char *type, const char *value)
{
	const struct plan_unit_property *there = row_named(b, name);
	char at[256];

	if (there) {
		(void)snprintf(at, sizeof(at), "%s", b->out->data + there->from);
		return build_fail(b, PS_E_CONFIG, at, "property %s is set by /linux/resources already", name);
	}
	push(b, from, name, type, value);
	return 0;
}

static int put_number(struct builder *b, plan_off from, const char *name, uint64_t n)
{
	char number[24];

	(void)snprintf(number, sizeof(number), "%llu", (unsigned long long)n);
	return put_limit(b, from, name, "t", number);
}

/* "123", "default 123" (io.weight), "max" or "-1".  false: something else, which is the file's alone. */
static bool number_of(const char *text, uint64_t *ret)
{
	if (strncmp(text, "default ", 8) == 0)
		text += 8;
	if (strcmp(text, "max") == 0 || strcmp(text, "-1") == 0) {
		*ret = UINT64_MAX;
		return true;
	}
	return ps_parse_u64(text, ret) == 0;
}

static int same_limits(struct builder *b, uint32_t version)
{
	const struct same *rows = version == 2 ? same_v2 : same_v1;
	const size_t n_rows = version == 2 ? PS_COUNT(same_v2) : PS_COUNT(same_v1);

	for (size_t i = 0; i < n_rows; i++) {
		plan_off from = 0;
		uint64_t n;

		if (b->r->systemd->version < rows[i].since || !number_of(written(b, version, rows[i].file, &from), &n))
			continue;
		if (put_number(b, from, rows[i].property, n < rows[i].least ? rows[i].least : n) < 0)
			return -1;
	}
	return 0;
}

static int quota(struct builder *b, plan_off from, uint64_t usec, uint64_t period)
{
	const uint64_t percent = 10000; /* microseconds of each second; systemd rounds to whole ones */
	uint64_t per_sec = UINT64_MAX;

	if (!period)
		period = 100000;
	if (usec != UINT64_MAX) {
		if (__builtin_mul_overflow(usec, UINT64_C(1000000), &per_sec))
			return 0;
		per_sec = (per_sec / period + percent - 1) / percent * percent;
		per_sec = per_sec ? per_sec : percent;
	}
	if (put_number(b, from, "CPUQuotaPerSecUSec", per_sec) < 0)
		return -1;
	/* What an update does not say stays. */
	return (period == 100000 && !b->r->unit) || b->r->systemd->version < 242 ? 0 : put_number(b, from, "CPUQuotaPeriodUSec", period);
}

/* "QUOTA PERIOD", "max"; version 1 has a file for each. */
static int bandwidth(struct builder *b, uint32_t version)
{
	char text[64], *rest = text;
	uint64_t usec, period = 0;
	plan_off from = 0;

	(void)snprintf(text, sizeof(text), "%s", written(b, version, version == 2 ? "cpu.max" : "cpu.cfs_quota_us", &from));
	if (!number_of(strsep(&rest, " "), &usec))
		return 0;
	if (version == 1)
		(void)ps_parse_u64(written(b, version, "cpu.cfs_period_us", &(plan_off){ 0 }), &period);
	else if (rest)
		(void)ps_parse_u64(rest, &period);
	return quota(b, from, usec, period);
}

/* "0-3,7" to bits, the lowest first.  Bytes, or 0: what it is the kernel will say. */
static size_t bits_of(const char *list, uint8_t bits[MAX_CPUS / 8])
{
	size_t n = 0;

	memset(bits, 0, MAX_CPUS / 8);
	while (*list) {
		char *end;
		const unsigned long first = strtoul(list, &end, 10);
		const unsigned long last = *end == '-' ? strtoul(end + 1, &end, 10) : first;

		if (*list < '0' || *list > '9' || first > last || last >= MAX_CPUS || (*end && *end != ','))
			return 0;
		for (unsigned long i = first; i <= last; i++)
			bits[i / 8] |= (uint8_t)(1U << i % 8);
		n = last / 8 + 1 > n ? last / 8 + 1 : n;
		list = end + (*end == ',');
	}
	return n;
}

static int cpuset(struct builder *b, const char *file, const char *name)
{
	ps_auto_buf struct ps_buf text = { .data = NULL };
	uint8_t bits[MAX_CPUS / 8];
	plan_off from = 0;
	const size_t n = bits_of(written(b, 2, file, &from), bits);

	if (!n || b->r->systemd->version < 244)
		return 0;
	for (size_t i = 0; i < n; i++)
		ps_buf_printf(&text, "%s0x%02x", i ? ", " : "[", bits[i]);
	ps_buf_puts(&text, "]");
	if (text.failed)
		return ps_fail_os(b->e, "memory for property %s", name);
	return put_limit(b, from, name, "ay", text.data);
}

static int limits(struct builder *b)
{
	plan_off from = 0;

	if (same_limits(b, 1) < 0 || same_limits(b, 2) < 0 || bandwidth(b, 1) < 0 || bandwidth(b, 2) < 0 ||
	    cpuset(b, "cpuset.cpus", "AllowedCPUs") < 0 || cpuset(b, "cpuset.mems", "AllowedMemoryNodes") < 0)
		return -1;
	if (strcmp(written(b, 2, "cpu.idle", &from), "1") != 0 || b->r->systemd->version < 252 || row_named(b, "CPUWeight"))
		return 0;
	return put_number(b, from, "CPUWeight", 0);
}

/* ---- Devices, version 1: systemd would allow all of them again ---- */

static int device(struct builder *b, const struct policy_device_rule *r, struct ps_buf *out)
{
	const char *kind = r->type == 'b' ? "block" : "char";

	if (!r->allow || r->type == 'a' || (r->major < 0 && r->minor >= 0))
		return build_fail(b, PS_E_UNSUPP, r->from, "the systemd cgroup manager has no such device rule on cgroup version 1: "
							   "use --cgroup-manager cgroupfs");
	ps_buf_puts(out, out->len > 1 ? ", (" : "(");
	if (r->major < 0)
		ps_buf_printf(out, "'%s-*'", kind);
	else if (r->minor < 0)
		ps_buf_printf(out, "'%s-%lld'", kind, (long long)r->major);
	else
		ps_buf_printf(out, "'/dev/%s/%lld:%lld'", kind, (long long)r->major, (long long)r->minor);
	ps_buf_printf(out, ", '%s%s%s')", r->access & 2 ? "r" : "", r->access & 4 ? "w" : "", r->access & 1 ? "m" : "");
	return 0;
}

static int devices(struct builder *b)
{
	const struct policy_resources *r = &b->p->resources;
	ps_auto_buf struct ps_buf list = { .data = NULL };
	const plan_off from = r->n_device_rules ? build_str(b, r->device_rules[0].from) : 0;

	if (build_find_cgroup(b, "devices") < 0 || !r->n_device_rules || r->device_rules[0].allow || r->device_rules[0].type != 'a')
		return 0;
	ps_buf_puts(&list, "[");
	for (size_t i = 1; i < r->n_device_rules; i++)
		if (device(b, &r->device_rules[i], &list) < 0)
			return -1;
	ps_buf_puts(&list, "]");
	if (list.failed)
		return ps_fail_os(b->e, "memory for the device rules of a unit");
	push(b, from, "DevicePolicy", "s", "'strict'");
	push(b, from, "DeviceAllow", "a(ss)", list.data);
	return 0;
}

/* ---- The whole ---- */

static int put_text(struct builder *b, const char *name, const char *text)
{
	ps_auto_buf struct ps_buf quoted = { .data = NULL };

	gvariant_quote(&quoted, text);
	if (quoted.failed)
		return ps_fail_os(b->e, "memory for property %s", name);
	push(b, build_str(b, "default#/unit"), name, "s", quoted.data);
	return 0;
}

static void unless_said(struct builder *b, const char *name, const char *type, const char *value)
{
	if (!row_named(b, name))
		push(b, build_str(b, "default#/unit"), name, type, value);
}

static int basics(struct builder *b)
{
	static const char *const counted[] = { "CPUAccounting", "MemoryAccounting", "TasksAccounting" };
	const bool v2 = b->h->cgroup_mode == HOST_CGROUP_V2;
	char text[sizeof("podshim container ") + 1024];

	(void)snprintf(text, sizeof(text), "podshim container %s", b->r->id);
	if (!row_named(b, "Description") && put_text(b, "Description", text) < 0)
		return -1;
	if (!b->plan.unit_slice) {
		if (put_text(b, "Slice", b->out->failed ? "" : b->out->data + b->plan.unit_in) < 0)
			return -1;
		push(b, build_str(b, "default#/unit"), "Delegate", "b", "true");
		/* It ends with the container, not with the order in which services are stopped. */
	}
	unless_said(b, "DefaultDependencies", "b", "false");
	if (b->r->systemd->version >= 236)
		unless_said(b, "CollectMode", "s", "'inactive-or-failed'");
	for (size_t i = 0; i < PS_COUNT(counted); i++)
		unless_said(b, counted[i], "b", "true");
	unless_said(b, v2 ? "IOAccounting" : "BlockIOAccounting", "b", "true");
	return 0;
}

int build_unit_properties(struct builder *b)
{
	const struct spec_kvs *a = &b->p->annotations;

	if (!b->plan.unit)
		return 0;
	for (size_t i = 0; i < a->n; i++)
		if (strncmp(a->v[i].key, annotation_prefix, strlen(annotation_prefix)) == 0 && annotation(b, &a->v[i]) < 0)
			return -1;
	return basics(b) < 0 || limits(b) < 0 ? -1 : devices(b);
}

int build_unit_update(struct builder *b)
{
	if (!b->r->unit)
		return 0;
	b->plan.unit = build_str(b, b->r->unit);
	b->plan.unit_user = b->r->systemd->user;
	return limits(b);
}
