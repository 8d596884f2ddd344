/* SPDX-License-Identifier: Apache-2.0
 * prometheus.c - numbers in Prometheus's text format, version 0.0.4.
 */
#include "shim/cli/prometheus.h"

static void put_escaped(struct ps_buf *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '\n') {
			ps_buf_puts(out, "\\n");
			continue;
		}
		if (*text == '\\' || *text == '"')
			ps_buf_putc(out, '\\');
		ps_buf_putc(out, *text);
	}
}

void prom_metric(struct ps_buf *out, const char *name, const char *type, const char *help)
{
	ps_buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void begin(struct ps_buf *out, const char *name, const struct prom_label *labels)
{
	ps_buf_printf(out, "%s{", name);
	for (const struct prom_label *l = labels; l->name; l++) {
		ps_buf_printf(out, "%s%s=\"", l == labels ? "" : ",", l->name);
		put_escaped(out, l->value);
		ps_buf_putc(out, '"');
	}
	ps_buf_puts(out, "} ");
}

void prom_sample(struct ps_buf *out, const char *name, const struct prom_label *labels, uint64_t value)
{
	begin(out, name, labels);
	ps_buf_printf(out, "%llu\n", (unsigned long long)value);
}

void prom_seconds(struct ps_buf *out, const char *name, const struct prom_label *labels, uint64_t ns)
{
	begin(out, name, labels);
	ps_buf_printf(out, "%llu.%09llu\n", (unsigned long long)(ns / 1000000000), (unsigned long long)(ns % 1000000000));
}
