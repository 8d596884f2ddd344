/* SPDX-License-Identifier: Apache-2.0
 * test_plan_hooks.c - hooks, and what annotations make of them, become rows.
 */
#include "tests/unit/plan_test.h"

static void hooks_get_the_state_document(void **state)
{
	ps_auto_arena struct ps_arena a = { .head = NULL };
	ps_auto_buf struct ps_buf out = { .data = NULL };
	const struct plan *p = pt_plan(&a, PT_DOC("", ",'annotations':{'a/b':'c'},'hooks':{'startContainer':[{'path':'/h','args':['h','x'],'env':['K=v'],'timeout':9}]}"),
				       PT_HOST_V2, &out);
	const struct plan_hook *h = PLAN_ROWS(p, struct plan_hook, p->start_container);

	(void)state;
	assert_int_equal(p->start_container.n, 1);
	assert_int_equal(p->prestart.n, 0);
	assert_string_equal(plan_str(p, h->path), "/h");
	assert_string_equal(plan_list_str(p, h->args, 1), "x");
	assert_true(h->has_env && h->timeout_s == 9);
	assert_string_equal(plan_str(p, p->hook_state_head), "{\"ociVersion\":\"1.3.0\",\"id\":\"c1\",\"status\":\"");
	assert_string_equal(plan_str(p, p->hook_state_tail), ",\"bundle\":\"/bundle\",\"annotations\":{\"a/b\":\"c\"}}");
	p = pt_plan(&a, PT_DOC("", ",'hooks':{'poststop':[{'path':'/h'}]}"), PT_HOST_V2, &out);
	assert_string_equal(plan_str(p, p->hook_state_tail), ",\"bundle\":\"/bundle\"}");
	assert_true(p->hook_stdout == PLAN_NO_FD && p->hook_stderr == PLAN_NO_FD);
}

static void annotations_become_rows(void **state)
{
	ps_auto_arena struct ps_arena a = { .head = NULL };
	ps_auto_buf struct ps_buf out = { .data = NULL };
	const struct plan *p = pt_plan(&a, PT_DOC(",'mountLabel':'l'", ",'hooks':{'poststop':[{'path':'/h'}]},'annotations':{"
					  "'run.oci.hooks.stderr':'/e','run.oci.mount_context_type':'rootcontext'}"), PT_HOST_V2, &out);

	(void)state;
	assert_int_equal(p->hook_stdout, PLAN_NO_FD);
	const struct plan_fd *fd = PLAN_ROWS(p, struct plan_fd, p->fds) + p->hook_stderr;

	assert_int_equal(fd->kind, PLAN_FD_OUTPUT);
	assert_string_equal(plan_str(p, fd->path), "/e");
	assert_string_equal(plan_str(p, fd->from), "config.json#/annotations/run.oci.hooks.stderr");
	assert_string_equal(plan_str(p, p->mount_context), "rootcontext");
	p = pt_plan(&a, PT_DOC("", ",'annotations':{'run.oci.hooks.stderr':'/e','run.oci.mount_context_type':'context'}"), PT_HOST_V2, &out);
	assert_true(p->hook_stderr == PLAN_NO_FD && !p->mount_context);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hooks_get_the_state_document),
		cmocka_unit_test(annotations_become_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
