/* SPDX-License-Identifier: Apache-2.0
 * perm_query.c - a query for people: its target, the flag that would allow it, and what that would put at risk.
 */
#include <fnmatch.h>
#include <inttypes.h>
#include <string.h>

#include "base/jsonw.h"
#include "base/scope.h"
#include "shim/policy/permissions.h"

/* ---- text that others chose ---- */

/* What a terminal acts on, what turns text around, and what has no looks at all. */
static bool is_invisible(uint32_t c)
{
	static const struct { uint32_t from, to; } ranges[] = {
		{ 0x00, 0x1f }, { 0x7f, 0x9f }, { 0xad, 0xad }, { 0x61c, 0x61c }, { 0x115f, 0x1160 }, { 0x180e, 0x180e },
		{ 0x200b, 0x200f }, { 0x2028, 0x202e }, { 0x2060, 0x206f }, { 0x3164, 0x3164 }, { 0xfeff, 0xfeff },
		{ 0xfff9, 0xfffb }, { 0xe0000, 0xe007f },
	};

	for (size_t i = 0; i < PS_COUNT(ranges); i++)
		if (c >= ranges[i].from && c <= ranges[i].to)
			return true;
	return false;
}

static uint32_t decode(const char *s, size_t n)
{
	static const unsigned char masks[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	uint32_t c = (unsigned char)s[0] & masks[n];

	for (size_t i = 1; i < n; i++)
		c = c << 6 | ((unsigned char)s[i] & 0x3f);
	return c;
}

/* Length of what comes first in the n > 0 bytes at s; *ret_c: its code point, where one should be seen as it is. */
static size_t first_char(const char *s, size_t n, uint32_t *ret_c, bool *ret_visible)
{
	size_t len = ps_utf8_len(s, n);

	*ret_c = len ? decode(s, len) : (unsigned char)*s;
	*ret_visible = len && !is_invisible(*ret_c);
	return len ? len : 1;
}

static bool is_visible(const char *s)
{
	bool visible = true;
	uint32_t c;

	for (size_t left = strlen(s), n; visible && left; s += n, left -= n)
		n = first_char(s, left, &c, &visible);
	return visible;
}

/* A backslash is doubled, so that the text can be read back. */
static void put_escaped(struct ps_buf *out, const char *s)
{
	uint32_t c;
	bool visible;

	for (size_t left = strlen(s), n; left; s += n, left -= n) {
		n = first_char(s, left, &c, &visible);
		if (visible && c == '\\')
			ps_buf_puts(out, "\\\\");
		else if (visible)
			ps_buf_put(out, s, n);
		else if (ps_utf8_len(s, left))
			ps_buf_printf(out, "\\u{%" PRIx32 "}", c);
		else
			ps_buf_printf(out, "\\x%02" PRIx32, c);
	}
}

/* One word for a shell: as it is, in quotes, or, with bytes that should not be seen, as $'...'. */
void perm_put_word(struct ps_buf *out, const char *s)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%+=:,./_-";
	bool raw = !is_visible(s);

	if (s[strspn(s, plain)] == '\0') {
		ps_buf_puts(out, s);
		return;
	}
	ps_buf_puts(out, raw ? "$'" : "'");
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;
		if (raw && (c < 0x20 || c >= 0x7f))
			ps_buf_printf(out, "\\x%02x", c);
		else if (raw && (c == '\'' || c == '\\'))
			ps_buf_printf(out, "\\%c", c);
		else if (c == '\'')
			ps_buf_puts(out, "'\\''");
		else
			ps_buf_putc(out, (char)c);
	}
	ps_buf_putc(out, '\'');
}

/* ---- targets ---- */

static void put_address(struct ps_buf *out, const struct net_addr *a)
{
	ps_auto_buf struct ps_buf text = { .data = NULL };

	net_addr_print(a, &text);
	if (text.failed)
		out->failed = true;
	else
		ps_buf_printf(out, strchr(text.data, ':') ? "[%s]" : "%s", text.data);
}

/* by_address: even where there is a name. */
static void put_net(struct ps_buf *out, const struct net_target *t, bool by_address)
{
	if (t->unix_path) {
		ps_buf_printf(out, "unix:%s", t->unix_path);
		return;
	}
	if (t->vsock) {
		ps_buf_printf(out, "vsock:%" PRIu32 ":%" PRIu32, t->cid, t->vsock_port);
		return;
	}
	if (t->what != NET_TCP)
		ps_buf_puts(out, t->what == NET_UDP ? "udp:" : t->what == NET_ICMP ? "icmp:" : t->what == NET_LISTEN ? "listen:" : "");
	if (t->has_addr && (by_address || !t->name))
		put_address(out, &t->addr);
	else
		ps_buf_puts(out, t->name ? t->name : "*");
	if (t->port && t->what != NET_ICMP)
		ps_buf_printf(out, ":%u", t->port);
}

void perm_query_target(const struct perm_query *q, struct ps_buf *out)
{
	ps_auto_buf struct ps_buf text = { .data = NULL };

	if (q->permission != POLICY_NET) {
		put_escaped(out, q->value ? q->value : "*");
		return;
	}
	put_net(&text, &q->net, /* by_address= */ false);
	out->failed |= text.failed;
	put_escaped(out, text.data ? text.data : "");
}

/* A name reaches public addresses alone; for another its flag is that of the address. */
static bool needs_address(const struct perm_query *q)
{
	return q->net.has_addr && !q->pinned && (net_addr_is_private(&q->net.addr) || net_addr_is_metadata(&q->net.addr));
}

/* A '?' at the end of a path would say that the path may be missing: then the folder that it is in. */
static int path_len(const char *path)
{
	size_t n = strlen(path);

	while (n && path[n - 1] == '?')
		while (n > 1 && path[--n] != '/')
			;
	return (int)n;
}

void perm_query_entry(const struct perm_query *q, struct ps_buf *out)
{
	bool path = q->value && *q->value == '/';

	if (q->permission == POLICY_NET)
		put_net(out, &q->net, needs_address(q));
	else if (q->value)
		ps_buf_printf(out, "%.*s", path ? path_len(q->value) : (int)strlen(q->value), q->value);
}

void perm_query_flag(const struct perm_query *q, struct ps_buf *out)
{
	ps_auto_buf struct ps_buf value = { .data = NULL }, list = { .data = NULL };

	ps_buf_printf(out, "--allow-%s", policy_permission_name(q->permission));
	perm_query_entry(q, &value);
	for (const char *c = value.data ? value.data : ""; *c; c++)
		ps_buf_puts(&list, (const char[3]){ *c, *c == ',' ? ',' : '\0', '\0' });
	out->failed |= value.failed || list.failed;
	if (!list.len)
		return;
	ps_buf_putc(out, '=');
	perm_put_word(out, list.data);
}

/* ---- what is worth protecting ---- */

enum { FILES = 1U << POLICY_READ | 1U << POLICY_WRITE };

/* A pattern of whole path components, as in fnmatch(3); without a '/' in front it may begin at any of them. */
static const struct {
	const char *pattern, *what;
} files[] = {
	{ ".ssh", "SSH keys" },
	{ "/etc/ssh/*key", "the machine's SSH keys" },
	{ ".gnupg", "GnuPG keys" },
	{ ".aws", "credentials of AWS" },
	{ ".azure", "credentials of Azure" },
	{ ".config/gcloud", "credentials of Google Cloud" },
	{ ".config/doctl", "credentials of DigitalOcean" },
	{ ".oci", "credentials of Oracle Cloud" },
	{ ".kube", "credentials of Kubernetes" },
	{ "/etc/kubernetes", "credentials of Kubernetes" },
	{ "/var/run/secrets", "credentials of the pod" },
	{ "/run/secrets", "credentials of the pod" },
	{ ".docker/config.json", "credentials of registries" },
	{ "containers/auth.json", "credentials of registries" },
	{ ".netrc", "passwords of hosts" },
	{ ".git-credentials", "passwords of git hosts" },
	{ ".config/git/credentials", "passwords of git hosts" },
	{ ".config/gh", "credentials of GitHub" },
	{ ".npmrc", "tokens of package registries" },
	{ ".pypirc", "tokens of package registries" },
	{ ".cargo/credentials*", "tokens of package registries" },
	{ ".m2/settings.xml", "passwords of package registries" },
	{ ".pgpass", "passwords of databases" },
	{ ".my.cnf", "passwords of databases" },
	{ ".vault-token", "a token of Vault" },
	{ ".terraform.d/credentials*", "tokens of Terraform" },
	{ ".password-store", "a password store" },
	{ ".local/share/keyrings", "a keyring" },
	{ ".bash_history", "what was typed before" },
	{ ".zsh_history", "what was typed before" },
	{ ".mozilla", "a browser's passwords and sessions" },
	{ ".config/google-chrome", "a browser's passwords and sessions" },
	{ ".config/chromium", "a browser's passwords and sessions" },
	{ ".config/BraveSoftware", "a browser's passwords and sessions" },
	{ ".thunderbird", "mail" },
	{ ".bitcoin", "a wallet" },
	{ ".ethereum", "a wallet" },
	{ "/etc/shadow*", "password hashes" },
	{ "/etc/gshadow*", "password hashes" },
	{ "/etc/sudoers*", "who may become root" },
	{ "/etc/ssl/private", "the machine's TLS keys" },
	{ "docker.sock", "a container engine: who reaches it is root" },
	{ "containerd.sock", "a container engine: who reaches it is root" },
	{ "podman.sock", "a container engine: who reaches it can start anything" },
	{ "crio.sock", "a container engine: who reaches it is root" },
	{ "/proc/*/environ", "the variables of a process, secrets among them" },
	{ "/proc/*/task/*/environ", "the variables of a process, secrets among them" },
	{ "/proc/*/mem", "the memory of a process" },
	{ "/proc/*/task/*/mem", "the memory of a process" },
	{ "/proc/kcore", "the memory of the machine" },
	{ "/dev/mem", "the memory of the machine" },
	{ "/dev/kmem", "the memory of the machine" },
	{ "/dev/sd*", "a whole disk" },
	{ "/dev/nvme*", "a whole disk" },
	{ "/dev/vd*", "a whole disk" },
};

const char *perm_protected_file(size_t i)
{
	return i < PS_COUNT(files) ? files[i].pattern : NULL;
}

static const struct {
	const char *pattern, *what;
} variables[] = {
	{ "*PASSWORD*", "a password, by its name" },
	{ "*PASSWD*", "a password, by its name" },
	{ "*SECRET*", "a secret, by its name" },
	{ "*TOKEN*", "a token, by its name" },
	{ "*API_KEY*", "a key, by its name" },
	{ "*APIKEY*", "a key, by its name" },
	{ "*PRIVATE_KEY*", "a key, by its name" },
	{ "*CREDENTIALS*", "credentials, by their name" },
	{ "AWS_ACCESS_KEY*", "credentials of AWS" },
	{ "SSH_AUTH_SOCK", "the way to an SSH agent" },
	{ "LD_*", "code loaded into every program" },
};

/* Where the k-th component behind s ends; NULL: there are fewer. */
static const char *end_of(const char *s, size_t k)
{
	for (; k; k--) {
		if (!*s)
			return NULL;
		s += strcspn(s, "/");
		s += k > 1 && *s;
	}
	return s;
}

static bool holds(const char *path, const char *pattern)
{
	size_t components = 1;
	char part[512];

	for (const char *c = pattern + 1; *c; c++)
		components += *c == '/';
	for (const char *s = path + (*pattern != '/'); *s; s += strcspn(s, "/"), s += *s == '/') {
		const char *end = end_of(s + (*pattern == '/'), components);
		if (end && (size_t)(end - s) < sizeof(part)) {
			memcpy(part, s, (size_t)(end - s));
			part[end - s] = '\0';
			if (!fnmatch(pattern, part, FNM_PATHNAME))
				return true;
		}
		if (*pattern == '/')
			break;
	}
	return false;
}

static const char *file_risk(const char *path)
{
	for (size_t i = 0; *path == '/' && i < PS_COUNT(files); i++)
		if (holds(path, files[i].pattern))
			return files[i].what;
	return NULL;
}

static const char *net_risk(const struct net_target *t)
{
	static const char metadata[] = "credentials of the machine, from its cloud";

	if (t->unix_path)
		return file_risk(t->unix_path);
	if (t->has_addr && net_addr_is_metadata(&t->addr))
		return metadata;
	return t->name && (!strcmp(t->name, "metadata.google.internal") || !strcmp(t->name, "metadata")) ? metadata : NULL;
}

static const char *variable_risk(const char *name)
{
	for (size_t i = 0; i < PS_COUNT(variables); i++)
		if (!fnmatch(variables[i].pattern, name, 0))
			return variables[i].what;
	return NULL;
}

const char *perm_query_risk(const struct perm_query *q)
{
	if (q->permission == POLICY_NET)
		return net_risk(&q->net);
	if (!q->value)
		return NULL;
	if (q->permission == POLICY_ENV)
		return variable_risk(q->value);
	return FILES & 1U << q->permission ? file_risk(q->value) : NULL;
}
