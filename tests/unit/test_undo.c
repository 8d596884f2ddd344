/* SPDX-License-Identifier: Apache-2.0
 * test_undo.c - a layer beside a directory: what is different, what is committed, what stays, and what is never followed.
 */
#include "tests/unit/unit.h"

#include <sys/xattr.h>
#include <time.h>

#include "shim/pod/undo_copy.h"
#include "shim/pod/undo_tree.h"

/* scratch/host is the place, scratch/store/0/upper its layer, scratch/outside what nobody may reach. */
struct layer {
	char path[PATH_MAX], source[PATH_MAX + 16];
	int fd, store;
	struct undo_place place;
	struct undo_record record;
	struct ps_err e;
	char seen[4096];
};

static void dir(struct layer *l, const char *name)
{
	assert_int_equal(mkdirat(l->fd, name, 0755), 0);
}

static int setup(void **state)
{
	struct layer *l = calloc(1, sizeof(*l));
	struct stat st;

	assert_non_null(l);
	l->fd = unit_mkdir(l->path);
	dir(l, "host");
	dir(l, "outside");
	unit_write(l->fd, "outside/file", "outside");
	dir(l, "store");
	dir(l, "store/0");
	dir(l, "store/0/upper");
	(void)snprintf(l->source, sizeof(l->source), "%s/host", l->path);
	assert_int_equal(fstatat(l->fd, "host", &st, 0), 0);
	l->store = openat(l->fd, "store", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	l->place = (struct undo_place){ .name = "0", .source = l->source, .target = "/work", .dev = st.st_dev, .ino = st.st_ino };
	/* Long after everything that the tests make on the host. */
	l->record = (struct undo_record){ .id = "x", .root = "/r", .secs = INT32_MAX, .places = &l->place, .n = 1 };
	*state = l;
	return 0;
}

static int teardown(void **state)
{
	struct layer *l = *state;

	close(l->store);
	unit_rmdir(l->path, l->fd);
	free(l);
	return 0;
}

static void put(struct layer *l, const char *name, const char *text)
{
	unit_write(l->fd, name, text);
}

static void opaque(struct layer *l, const char *name)
{
	ps_auto_fd int fd = openat(l->fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_int_equal(fsetxattr(fd, "user.overlay.opaque", "y", 1, 0), 0);
}

static bool exists(const struct layer *l, const char *name)
{
	struct stat st;

	return fstatat(l->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* "+a ~b -c !d": added, changed, removed; "!" in front of one that was not done. */
static int see(void *ctx, const struct undo_change *c)
{
	struct layer *l = ctx;
	size_t n = strlen(l->seen);

	(void)snprintf(l->seen + n, sizeof(l->seen) - n, "%s%s%c%s", n ? " " : "", c->problem ? "!" : c->conflict ? "?" : "",
		       "+~-"[c->kind], c->path + strlen(l->source) + 1);
	return 0;
}

static const char *walk(struct layer *l, enum undo_act act, bool force, const char *const *paths, size_t n)
{
	struct undo_walk w = { .act = act, .force = force, .paths = paths, .n_paths = n, .emit = see, .ctx = l };

	l->seen[0] = '\0';
	if (undo_tree_walk(l->store, &l->record, &w, &l->e) < 0)
		fail_msg("%s", l->e.msg);
	return l->seen;
}
#define LOOK(l) walk((l), UNDO_LOOK, false, NULL, 0)
#define COMMIT(l) walk((l), UNDO_COMMIT, false, NULL, 0)

static void differences(void **state)
{
	struct layer *l = *state;

	assert_string_equal(LOOK(l), "");
	put(l, "host/changed", "a");
	put(l, "host/same", "a");
	put(l, "host/gone", "a");
	put(l, "store/0/upper/changed", "b");
	put(l, "store/0/upper/same", "a");
	put(l, "store/0/upper/new", "b");
	assert_int_equal(mknodat(l->fd, "store/0/upper/gone", S_IFCHR, 0), 0);
	assert_int_equal(mknodat(l->fd, "store/0/upper/never_was", S_IFCHR, 0), 0);
	assert_string_equal(LOOK(l), "~changed -gone +new");
	assert_string_equal(COMMIT(l), "~changed -gone +new");
	assert_string_equal(LOOK(l), "");
	assert_false(exists(l, "host/gone"));
	assert_true(exists(l, "host/new"));
}

/* All below a directory that hides is what the layer has: also in directories below that say nothing themselves. */
static void hiding(void **state)
{
	struct layer *l = *state;
	const char *part[] = { NULL };
	char path[PATH_MAX + 32];

	dir(l, "host/d");
	dir(l, "host/d/e");
	put(l, "host/d/old", "a");
	put(l, "host/d/e/old", "a");
	dir(l, "store/0/upper/d");
	dir(l, "store/0/upper/d/e");
	put(l, "store/0/upper/d/e/new", "b");
	opaque(l, "store/0/upper/d");
	assert_string_equal(LOOK(l), "+d/e/new -d/e/old -d/old");
	/* A part of it: what was committed is no difference any more, and the rest still is one. */
	(void)snprintf(path, sizeof(path), "%s/d/e/new", l->source);
	part[0] = path;
	assert_string_equal(walk(l, UNDO_COMMIT, false, part, 1), "+d/e/new");
	assert_string_equal(LOOK(l), "-d/e/old -d/old");
	assert_string_equal(walk(l, UNDO_DISCARD, false, NULL, 0), "");
	assert_string_equal(LOOK(l), "");
	assert_true(exists(l, "host/d/e/new") && exists(l, "host/d/e/old") && exists(l, "host/d/old"));
}

static void replaced(void **state)
{
	struct layer *l = *state;

	dir(l, "host/dir");
	put(l, "host/dir/in", "a");
	put(l, "host/file", "a");
	put(l, "store/0/upper/dir", "b");
	dir(l, "store/0/upper/file");
	put(l, "store/0/upper/file/in", "b");
	assert_string_equal(LOOK(l), "~dir +file +file/in");
	assert_string_equal(COMMIT(l), "~dir +file +file/in");
	assert_true(exists(l, "host/file/in"));
	assert_false(exists(l, "host/dir/in"));
	assert_string_equal(LOOK(l), "");
}

/* What the host has may have become a link: names are replaced, never followed. */
static void links(void **state)
{
	struct layer *l = *state;
	struct stat st;
	char text[16] = "";

	assert_int_equal(symlinkat("../outside", l->fd, "host/d"), 0);
	assert_int_equal(symlinkat("../outside/file", l->fd, "host/f"), 0);
	dir(l, "store/0/upper/d");
	put(l, "store/0/upper/d/file", "evil");
	put(l, "store/0/upper/f", "evil");
	assert_int_equal(symlinkat("../outside/file", l->fd, "store/0/upper/l"), 0);
	assert_string_equal(COMMIT(l), "+d +d/file ~f +l");
	assert_int_equal(fstatat(l->fd, "host/d", &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_true(S_ISDIR(st.st_mode));
	ps_auto_fd int fd = openat(l->fd, "outside/file", O_RDONLY | O_CLOEXEC);

	assert_true(read(fd, text, sizeof(text) - 1) == 7 && !strcmp(text, "outside"));
}

static void special_files(void **state)
{
	struct layer *l = *state;
	struct stat st;

	assert_int_equal(mkfifoat(l->fd, "store/0/upper/pipe", 0644), 0);
	put(l, "store/0/upper/suid", "x");
	assert_int_equal(fchmodat(l->fd, "store/0/upper/suid", 06755, 0), 0);
	assert_string_equal(LOOK(l), "!+pipe +suid");
	assert_string_equal(COMMIT(l), "!+pipe +suid");
	assert_false(exists(l, "host/pipe"));
	assert_int_equal(fstatat(l->fd, "host/suid", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0755);
	assert_string_equal(LOOK(l), "!+pipe");
}

static void conflicts(void **state)
{
	struct layer *l = *state;

	l->record.secs = 1;
	put(l, "host/f", "host");
	dir(l, "host/d");
	put(l, "host/d/in", "host");
	put(l, "store/0/upper/f", "b");
	assert_int_equal(mknodat(l->fd, "store/0/upper/d", S_IFCHR, 0), 0);
	assert_string_equal(LOOK(l), "?-d ?~f");
	assert_string_equal(COMMIT(l), "!-d !~f");
	assert_true(exists(l, "host/d/in"));
	assert_string_equal(walk(l, UNDO_COMMIT, true, NULL, 0), "?-d ?~f");
	assert_false(exists(l, "host/d"));
}

static void another_directory(void **state)
{
	struct layer *l = *state;
	struct undo_walk w = { .act = UNDO_COMMIT, .force = true };

	put(l, "store/0/upper/f", "b");
	assert_int_equal(renameat(l->fd, "host", l->fd, "moved"), 0);
	dir(l, "host");
	assert_int_equal(undo_tree_walk(l->store, &l->record, &w, &l->e), -1);
	assert_non_null(strstr(l->e.msg, "is not the directory that it was"));
	assert_int_equal(unlinkat(l->fd, "host", AT_REMOVEDIR), 0);
	assert_int_equal(symlinkat("moved", l->fd, "host"), 0);
	assert_int_equal(undo_tree_walk(l->store, &l->record, &w, &l->e), -1);
	assert_false(exists(l, "moved/f"));
}

static void made_by_the_runtime(void **state)
{
	struct layer *l = *state;
	ps_auto_arena struct ps_arena a = { .head = NULL };
	ps_auto_fd int upper = openat(l->store, "0/upper", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	dir(l, "store/0/upper/proc");
	dir(l, "store/0/upper/run");
	put(l, "store/0/upper/run/file", "");
	assert_int_equal(undo_tree_list(&a, upper, &l->place.made, &l->e), 0);
	assert_int_equal(l->place.made.n, 3);
	assert_string_equal(LOOK(l), "");
	put(l, "store/0/upper/run/file", "payload");
	put(l, "store/0/upper/proc/x", "payload");
	assert_string_equal(LOOK(l), "+proc/x +run/file");
}

static void holes(void **state)
{
	struct layer *l = *state;
	struct stat st;

	put(l, "store/0/upper/hole", "x");
	ps_auto_fd int fd = openat(l->fd, "store/0/upper/hole", O_RDWR | O_CLOEXEC);

	assert_int_equal(ftruncate(fd, INT64_C(1) << 40), 0);
	assert_true(pwrite(fd, "end", 3, (INT64_C(1) << 40) - 3) == 3);
	assert_string_equal(COMMIT(l), "+hole");
	assert_int_equal(fstatat(l->fd, "host/hole", &st, 0), 0);
	assert_true(st.st_size == INT64_C(1) << 40 && st.st_blocks < 64);
	ps_auto_fd int host = openat(l->fd, "host/hole", O_RDONLY | O_CLOEXEC);

	assert_int_equal(undo_same_data(fd, host), 1);
	assert_true(pwrite(fd, "END", 3, (INT64_C(1) << 40) - 3) == 3);
	assert_int_equal(undo_same_data(fd, host), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(differences), TEST(hiding), TEST(replaced), TEST(links), TEST(special_files), TEST(conflicts),
		TEST(another_directory), TEST(made_by_the_runtime), TEST(holes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
