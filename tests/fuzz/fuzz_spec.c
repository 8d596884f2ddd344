/* SPDX-License-Identifier: Apache-2.0
 * fuzz_spec.c - any bytes as config.json, process and resources: parsed or refused with a place, never worse.
 *
 * A tree that was parsed must survive being written and read again.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "oci/spec.h"
#include "tests/unit/json_write.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "fuzz_spec: %s\n", what);
	abort();
}

/* An input is refused as such: with its class, its place, and words. */
static void check_refusal(const struct ps_err *e)
{
	expect(e->cls == PS_E_CONFIG, "refused with another class");
	/* Of a long place the end is kept. */
	expect(!strncmp(e->where, "fuzz", 4) || !strncmp(e->where, "...", 3), "refused without a place");
	expect(*e->msg, "refused without a message");
}

static void try_tree(const char *text, size_t n)
{
	ps_auto_arena struct ps_arena a = { 0 };
	ps_auto_buf struct ps_buf once = { .data = NULL }, twice = { .data = NULL };
	struct ps_err e = { .cls = PS_OK };
	struct json *tree;

	if (json_parse(&a, "fuzz", text, n, &tree, &e) < 0) {
		check_refusal(&e);
		return;
	}
	json_write(tree, &once);
	expect(json_parse(&a, "fuzz", once.data, once.len, &tree, &e) == 0, "the written tree is refused");
	json_write(tree, &twice);
	expect(!strcmp(once.data, twice.data), "the written tree reads differently");
}

static void try_documents(const char *text, size_t n)
{
	ps_auto_arena struct ps_arena a = { 0 };
	const struct spec_resources *resources;
	const struct spec_process *process;
	const struct spec *spec;
	struct ps_err e = { .cls = PS_OK };

	if (spec_parse(&a, "fuzz", text, n, &spec, &e) < 0)
		check_refusal(&e);
	else
		expect(spec->root.set && spec->oci_version, "accepted without what is required");
	if (spec_parse_process(&a, "fuzz", text, n, &process, &e) < 0)
		check_refusal(&e);
	else
		expect(process->cwd && process->args.n && !process->args.v[process->args.n],
		       "accepted a broken process");
	if (spec_parse_resources(&a, "fuzz", text, n, &resources, &e) < 0)
		check_refusal(&e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	try_tree((const char *)data, size);
	try_documents((const char *)data, size);
	return 0;
}
