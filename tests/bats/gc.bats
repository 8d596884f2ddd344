#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# gc: frees what the dead left, and nothing else.

load lib/common
load lib/bundle
load lib/requires
load lib/wait

setup() {
	common_setup
	requires root podshim strace
	new_bundle sleep 600
}
teardown() {
	common_teardown
}

# Kill a create by SIGKILL at its Nth call of a system call.
killed_create() { # killed_create SYSCALL N
	strace -qq -o /dev/null -e trace="$1" -e inject="$1:signal=KILL:when=$2" \
		"$PODSHIM" --root "$ROOT" create -b "$BUNDLE" "$CID" </dev/null >/dev/null 2>&1 3>&- || true
}

@test "gc: nothing to do is silent success" {
	# What others have left on this machine is not ours to judge.
	podshim gc >/dev/null
	run -0 podshim gc
	is ""
}

@test "gc: leaves living, created and stopped containers alone" {
	detached podshim create -b "$BUNDLE" "$CID"
	detached podshim create -b "$BUNDLE" "$CID-2"
	detached podshim start "$CID-2"
	detached podshim create -b "$BUNDLE" "$CID-3"
	podshim kill "$CID-3" KILL
	wait_status stopped "$CID-3"
	run -0 podshim gc
	lacks "$CID"
	status_is created
	status_is running "$CID-2"
	status_is stopped "$CID-3"
}

@test "gc: a create that was killed midway leaves nothing" {
	killed_create clone3 1
	run -0 podshim gc
	printf '%s\n' "$output" >&2
	assert_nothing_left
}

@test "gc: a create that was killed after the cgroups were made" {
	# Version 1 has a directory in each of a dozen hierarchies; version 2 one, made before the first clone.
	if [[ -e /sys/fs/cgroup/cgroup.controllers ]]; then
		killed_create clone3 1
	else
		killed_create mkdir,mkdirat 12
	fi
	[ -n "$(find /sys/fs/cgroup -type d -name "$CID")" ]
	run -0 podshim gc
	has "$CID"
	assert_nothing_left
}

@test "a new create with the id of a dead one works after gc" {
	killed_create clone3 1
	podshim gc
	payload echo again
	run_bundle
	is again
	assert_nothing_left
}

@test "gc: a record of another boot is swept with its tape" {
	detached podshim create -b "$BUNDLE" "$CID"
	local state=$ROOT/$CID/state.json pid
	pid=$(init_pid)
	jq -c '.bootId = "00000000-0000-0000-0000-000000000000"' "$state" >"$state.new" && mv "$state.new" "$state"
	run -0 podshim gc
	# Pids of another boot mean nothing: no process may be hit.
	[ -e "/proc/$pid" ]
	[ ! -e "$ROOT/$CID" ]
	kill -KILL "$pid"
	wait_until 5 gone "$pid"
	find /sys/fs/cgroup -depth -type d -name "*$TAG*" -exec rmdir {} +
}

@test "gc: while containers are made and deleted nothing of theirs is taken" {
	local stop=$BATS_TEST_TMPDIR/stop i
	(while [ ! -e "$stop" ]; do "$PODSHIM" --root "$ROOT" gc; done >"$BATS_TEST_TMPDIR/gc.log" 2>&1 3>&-) &
	local collector=$!
	config '.process.args = ["true"]'
	for i in {1..25}; do
		podshim run -b "$BUNDLE" "$CID-$i" </dev/null 3>&-
	done
	touch "$stop"
	wait "$collector"
	cat "$BATS_TEST_TMPDIR/gc.log" >&2
	! grep -q "$CID" "$BATS_TEST_TMPDIR/gc.log"
	assert_nothing_left
}

@test "gc: temporary files of dead writers go from the seccomp cache, young and other ones stay" {
	# The cache is below the default state root.
	local cache=/run/podshim/.seccomp
	mkdir -m 700 -p /run/podshim "$cache"
	local old=$cache/.0123456789abcdef young=$cache/.fedcba9876543210 other=$cache/.note
	touch "$young"
	touch -d '1 hour ago' "$old" "$other"
	run -0 podshim gc
	has "seccomp cache .0123456789abcdef: its writer is gone"
	local left
	left=$(ls -A "$cache")
	rm -f "$old" "$young" "$other"
	[[ $left != *.0123456789abcdef* && $left == *.fedcba9876543210* && $left == *.note* ]]
}

@test "gc: foreign files in the state root are not touched" {
	mkdir -m 700 -p "$ROOT/not-ours"
	echo keep >"$ROOT/not-ours/file"
	ln -s /etc "$ROOT/link"
	run podshim gc
	[ "$(cat "$ROOT/not-ours/file")" = keep ]
	[ -e /etc/passwd ]
	rm -r "$ROOT/not-ours" "$ROOT/link"
}
