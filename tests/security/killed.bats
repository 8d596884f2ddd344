#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# SIGKILL of the launcher at every one of its system calls, for every verb: after gc nothing may be left.

load ../bats/lib/common
load ../bats/lib/bundle
load ../bats/lib/requires
load ../bats/lib/wait

setup_file() {
	export KILLER=$BATS_FILE_TMPDIR/killer
	cc -D_GNU_SOURCE -O2 -Wall -Wextra -o "$KILLER" "$BATS_TEST_DIRNAME/killer.c"
}
setup() {
	common_setup
	requires root podshim cc
	new_bundle sleep 600
	# Hooks and a pid file take part, too.
	config '.hooks = {"createRuntime": [{"path": "/bin/true"}], "poststop": [{"path": "/bin/true"}]}'
}
teardown() {
	common_teardown
}

clean() { # quick: is everything of $CID gone?
	local f
	for f in "$ROOT"/* "$ROOT"/.new-* "$ROOT"/.del-* /sys/fs/cgroup/*/podshim/"$CID" "$BATS_TEST_TMPDIR"/pid; do
		[[ ! -e $f ]] || { echo "left: $f"; return 1; }
	done
	! grep -lFs "$ROOT" /dev/shm/podshim-*
}
settled() {
	"$PODSHIM" --root "$ROOT" gc >"$OUT.gc" 2>&1 || return 1
	# What was recorded in full is a container like any other: its owner deletes it.
	[[ ! -e $ROOT/$CID ]] || "$PODSHIM" --root "$ROOT" delete --force "$CID" >>"$OUT.gc" 2>&1 || return 1
	rm -f "$BATS_TEST_TMPDIR/pid"
	clean
}

# kill_everywhere PREPARE ARG...: prepare, run the verb, kill it at call N; for every N.
kill_everywhere() {
	local prepare=$1 n=0 rc
	shift
	while :; do
		n=$((n + 1))
		"$prepare" || { echo "N=$n: prepare failed" >&2; cat "$OUT" >&2; return 1; }
		rc=0
		"$KILLER" "$n" "$PODSHIM" --root "$ROOT" "$@" </dev/null >"$OUT" 2>&1 3>&- || rc=$?
		wait_until 10 settled || { echo "N=$n: $(clean)" >&2; cat "$OUT.gc" >&2; left_behind >&2; return 1; }
		((rc == 0)) || break
	done
	# The last round was a whole one: the program ended by itself.
	[ "$rc" = 3 ]
	[ "$n" -gt 20 ]
	assert_nothing_left
}

nothing() { :; }
created() {
	podshim create -b "$BUNDLE" "$CID" </dev/null >"$OUT" 2>&1 3>&-
}
running() {
	created && podshim start "$CID" </dev/null >"$OUT" 2>&1 3>&-
}

@test "create, killed at every system call" {
	kill_everywhere nothing create -b "$BUNDLE" --pid-file "$BATS_TEST_TMPDIR/pid" "$CID"
}

@test "run, killed at every system call" {
	config '.process.args = ["true"]'
	kill_everywhere nothing run -b "$BUNDLE" "$CID"
}

@test "start, killed at every system call" {
	kill_everywhere created start "$CID"
}

@test "exec, killed at every system call" {
	kill_everywhere running exec "$CID" true
}

@test "delete --force, killed at every system call" {
	kill_everywhere running delete --force "$CID"
}

@test "create with a user namespace, killed at every system call" {
	config 'del(.hooks) | .linux.namespaces += [{"type": "user"}]
		| .linux.uidMappings = [{"containerID": 0, "hostID": 100000, "size": 65536}]
		| .linux.gidMappings = [{"containerID": 0, "hostID": 200000, "size": 65536}]'
	chown -R -h 100000:200000 "$ROOTFS"
	chmod -R o+x "$BATS_RUN_TMPDIR"
	kill_everywhere nothing create -b "$BUNDLE" "$CID"
}

@test "init, killed while it is prepared: create fails and leaves nothing" {
	# The hook ends the container's process in the middle of the launch.
	printf '#!/bin/sh\nkill -KILL $(sed "s/.*\\"pid\\":\\([0-9]*\\).*/\\1/")\n' >"$BATS_TEST_TMPDIR/hook"
	chmod 755 "$BATS_TEST_TMPDIR/hook"
	config --arg p "$BATS_TEST_TMPDIR/hook" '.hooks = {"createRuntime": [{path: $p}]}'
	attempt podshim create -b "$BUNDLE" "$CID"
	[ "$status" -ne 0 ]
	has "init"
	assert_nothing_left
}

@test "init, killed at the gate: start says so, delete works" {
	created
	kill -KILL "$(init_pid)"
	wait_status stopped
	attempt podshim start "$CID"
	[ "$status" -ne 0 ]
	has stopped
	run -0 podshim delete "$CID"
	assert_nothing_left
}
