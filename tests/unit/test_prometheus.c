/* SPDX-License-Identifier: Apache-2.0
 * test_prometheus.c - Prometheus's text format: labels with any bytes, numbers of any size.
 */
#include "shim/cli/prometheus.h"
#include "tests/unit/unit.h"

static void labels_are_escaped(void **state)
{
	const struct prom_label labels[] = { { "pod", "a\"b\\c\nd" }, { "runner", "" }, { NULL, NULL } };
	ps_auto_buf struct ps_buf out = { .data = NULL };

	(void)state;
	prom_metric(&out, "x_total", "counter", "What it is.");
	prom_sample(&out, "x_total", labels, UINT64_MAX);
	assert_string_equal(out.data, "# HELP x_total What it is.\n# TYPE x_total counter\n"
				      "x_total{pod=\"a\\\"b\\\\c\\nd\",runner=\"\"} 18446744073709551615\n");
}

static void nanoseconds_are_seconds(void **state)
{
	const struct prom_label labels[] = { { "pod", "p" }, { NULL, NULL } };
	ps_auto_buf struct ps_buf out = { .data = NULL };

	(void)state;
	prom_seconds(&out, "s", labels, 1000000001);
	prom_seconds(&out, "s", labels, 5);
	assert_string_equal(out.data, "s{pod=\"p\"} 1.000000001\ns{pod=\"p\"} 0.000000005\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(labels_are_escaped),
		cmocka_unit_test(nanoseconds_are_seconds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
