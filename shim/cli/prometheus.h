/* SPDX-License-Identifier: Apache-2.0
 * prometheus.h - numbers in Prometheus's text format, version 0.0.4.
 */
#pragma once
#include <stdint.h>
#include "base/buf.h"

struct prom_label { const char *name, *value; };

/* Begin a metric: what it is, in one line, and its type ("counter", "gauge").  All its samples follow at once. */
void prom_metric(struct ps_buf *out, const char *name, const char *type, const char *help);
/* One sample; labels end with a NULL name, and their values may hold any bytes. */
void prom_sample(struct ps_buf *out, const char *name, const struct prom_label *labels, uint64_t value);
/* The same of nanoseconds, as seconds. */
void prom_seconds(struct ps_buf *out, const char *name, const struct prom_label *labels, uint64_t ns);
