/* SPDX-License-Identifier: Apache-2.0
 * policy_oci_devices.c - device nodes, links and device rules, with the defaults that every container gets.
 */
#include <string.h>
#include <sys/stat.h>

#include "base/scope.h"
#include "shim/policy/policy_oci.h"

enum { ACC_MKNOD = 1, ACC_READ = 2, ACC_WRITE = 4, ACC_ALL = 7 }; /* BPF_DEVCG_ACC_* */

/* config-linux.md "Default Devices"; the terminal's /dev/console comes with the terminal. */
static const struct policy_device default_devices[] = {
	{ "default#/devices/null", "/dev/null", S_IFCHR, 1, 3, 0666, 0, 0 },
	{ "default#/devices/zero", "/dev/zero", S_IFCHR, 1, 5, 0666, 0, 0 },
	{ "default#/devices/full", "/dev/full", S_IFCHR, 1, 7, 0666, 0, 0 },
	{ "default#/devices/random", "/dev/random", S_IFCHR, 1, 8, 0666, 0, 0 },
	{ "default#/devices/urandom", "/dev/urandom", S_IFCHR, 1, 9, 0666, 0, 0 },
	{ "default#/devices/tty", "/dev/tty", S_IFCHR, 5, 0, 0666, 0, 0 },
};

/* config-linux.md "Default Devices" and runtime-linux.md "Dev symbolic links". */
static const struct policy_link default_links[] = {
	{ "default#/links/fd", "/dev/fd", "/proc/self/fd" },
	{ "default#/links/stdin", "/dev/stdin", "/proc/self/fd/0" },
	{ "default#/links/stdout", "/dev/stdout", "/proc/self/fd/1" },
	{ "default#/links/stderr", "/dev/stderr", "/proc/self/fd/2" },
	{ "default#/links/ptmx", "/dev/ptmx", "pts/ptmx" },
};

#define RULE(name, type, major, minor, access) { "default#/deviceRules/" name, true, type, major, minor, access }
/* What runc appends to every container's rules: any mknod, the default devices, pseudo-terminals. */
static const struct policy_device_rule default_rules[] = {
	RULE("mknod", 'c', -1, -1, ACC_MKNOD), RULE("mknod", 'b', -1, -1, ACC_MKNOD),
	RULE("null", 'c', 1, 3, ACC_ALL),      RULE("random", 'c', 1, 8, ACC_ALL),
	RULE("full", 'c', 1, 7, ACC_ALL),      RULE("tty", 'c', 5, 0, ACC_ALL),
	RULE("zero", 'c', 1, 5, ACC_ALL),      RULE("urandom", 'c', 1, 9, ACC_ALL),
	RULE("pts", 'c', 136, -1, ACC_ALL),    RULE("ptmx", 'c', 5, 2, ACC_ALL),
};
#undef RULE

static uint32_t device_type(char letter)
{
	return letter == 'b' ? S_IFBLK : letter == 'p' ? S_IFIFO : S_IFCHR;
}

static int one_device(struct from_oci *f, const struct spec_device *s, struct policy_device *d)
{
	d->type = device_type(s->type[0]);
	if (d->type != S_IFIFO) {
		d->major = (uint32_t)s->major;
		d->minor = (uint32_t)s->minor;
	}
	d->mode = s->file_mode.set ? s->file_mode.v & 07777 : 0666;
	d->uid = s->uid.set ? s->uid.v : 0;
	d->gid = s->gid.set ? s->gid.v : 0;
	d->from = from_oci_at(f, s->at);
	d->path = from_oci_clean(f, s->at, s->path);
	return d->from && d->path ? 0 : -1;
}

int from_oci_devices(struct from_oci *f, const struct spec *s)
{
	size_t n = PS_COUNT(default_devices), n_asked = s->linux_.n_devices;
	struct policy_device *rows = from_oci_rows(f, n + n_asked, sizeof(*rows)), row;

	if (!rows)
		return -1;
	memcpy(rows, default_devices, sizeof(default_devices));
	for (size_t i = 0; i < n_asked; i++) {
		size_t k = 0;

		row = (struct policy_device){ .from = NULL };
		if (one_device(f, &s->linux_.devices[i], &row) < 0)
			return -1;
		while (k < PS_COUNT(default_devices) && strcmp(rows[k].path, row.path) != 0)
			k++;
		rows[k < PS_COUNT(default_devices) ? k : n++] = row;
	}
	f->p->devices = rows;
	f->p->n_devices = n;
	f->p->links = default_links;
	f->p->n_links = PS_COUNT(default_links);
	return 0;
}

static uint32_t access_mask(const char *access)
{
	static const struct { char letter; uint32_t bit; } bits[] = {
		{ 'r', ACC_READ }, { 'w', ACC_WRITE }, { 'm', ACC_MKNOD },
	};
	uint32_t mask = 0;

	for (size_t i = 0; access && i < PS_COUNT(bits); i++)
		mask |= strchr(access, bits[i].letter) ? bits[i].bit : 0;
	return mask ? mask : ACC_ALL;
}

static int64_t number_or_any(struct opt_i64 n)
{
	return n.set && n.v >= 0 ? n.v : -1;
}

static bool is_everything(const struct policy_device_rule *r)
{
	return r->type == 'a' && r->major < 0 && r->minor < 0 && r->access == ACC_ALL;
}

/* Version 1 takes 'a' for everything, whatever else the line says: narrower ones become one rule per type. */
static size_t put_rule(struct policy_device_rule *rows, size_t n, struct policy_device_rule r)
{
	if (r.type != 'a' || is_everything(&r)) {
		rows[n++] = r;
		return n;
	}
	r.type = 'c';
	rows[n++] = r;
	r.type = 'b';
	rows[n++] = r;
	return n;
}

/* Everything is denied, then the document's rules in order, then the default allow list. */
int from_oci_device_rules(struct from_oci *f, const struct spec_resources *s)
{
	size_t n = 0, max = 1 + 2 * s->n_devices + PS_COUNT(default_rules);
	struct policy_device_rule *rows = from_oci_rows(f, max, sizeof(*rows));

	if (!rows)
		return -1;
	rows[n++] = (struct policy_device_rule){ "default#/deviceRules/all", false, 'a', -1, -1, ACC_ALL };
	for (size_t i = 0; i < s->n_devices; i++) {
		const struct spec_device_rule *d = &s->devices[i];
		struct policy_device_rule r = { from_oci_at(f, d->at), d->allow, d->type ? d->type[0] : 'a',
						number_or_any(d->major), number_or_any(d->minor),
						access_mask(d->access) };

		if (!r.from)
			return -1;
		/* What came before a rule about everything is void. */
		n = put_rule(rows, is_everything(&r) ? 0 : n, r);
	}
	for (size_t i = 0; i < PS_COUNT(default_rules); i++)
		rows[n++] = default_rules[i];
	f->p->resources.device_rules = rows;
	f->p->resources.n_device_rules = n;
	return 0;
}
