#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# SIGKILL of the container's processes while the runtime is at work on them, at each of its system calls and in hooks: the
# verb ends, with success only if there is a container, and nothing stays that no record names.

load ../bats/lib/common
load ../bats/lib/bundle
load ../bats/lib/requires
load ../bats/lib/wait
load lib/attack

setup() {
	common_setup
	requires root podshim jq gcc
	[[ -e /proc/self/task/$BASHPID/children || -e /proc/$$/task/$$/children ]] ||
		skip "the kernel tells no children (CONFIG_PROC_CHILDREN)"
	new_bundle sleep 600
}
teardown() {
	common_teardown
}

nothing() { :; }
running() {
	detached podshim create -b "$BUNDLE" "$CID" && detached podshim start "$CID"
}

clean() {
	local left
	"$PODSHIM" --root "$ROOT" gc >>"$OUT" 2>&1 || return 1
	[[ ! -e $ROOT/$CID ]] || "$PODSHIM" --root "$ROOT" delete --force "$CID" >>"$OUT" 2>&1 || return 1
	left=$(compgen -G "$ROOT/*" || compgen -G "/sys/fs/cgroup/*/podshim/$CID" || grep -lFs "$ROOT" /dev/shm/podshim-* || :)
	[[ -z $left ]] || { echo "left: $left" >&2; return 1; }
}

# at_each_call STEP PREPARE ARG...: PREPARE, then the runtime with ARGs, its children killed at call 1, 1 + STEP, ...
at_each_call() {
	local step=$1 prepare=$2 killer n rc failures=0
	shift 2
	killer=$(attacker kill_children)
	for ((n = 1; ; n += step)); do
		"$prepare"
		rc=0
		timeout -k 5 60 "$killer" "$n" "$PODSHIM" --root "$ROOT" "$@" </dev/null >>"$OUT" 2>&1 3>&- || rc=$?
		((rc != 100)) || break
		((rc < 2 || rc == 137 || rc == 255)) || { echo "call $n: exit status $rc" >&2; tail -3 "$OUT" >&2; return 1; }
		((rc == 0)) || failures=$((failures + 1))
		after "$rc" "$n" || return 1
		clean || { echo "call $n: not clean" >&2; tail -3 "$OUT" >&2; return 1; }
	done
	clean
	# Some of them hit.
	((failures > 0))
	assert_nothing_left
}

@test "create" {
	after() { # a created container whose init is dead is a stopped one; a failed create leaves none
		if (($1 == 0)); then
			[[ -e $ROOT/$CID ]]
		else
			[[ ! -e $ROOT/$CID ]] || { echo "call $2: a container remains of a failure" >&2; return 1; }
		fi
	}
	at_each_call 2 nothing create -b "$BUNDLE" "$CID"
}

@test "run --detach, in a user namespace" {
	config '.linux.namespaces += [{type: "user"}]
		| .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] | .linux.gidMappings = .linux.uidMappings'
	chmod -R o+x "$BATS_RUN_TMPDIR"
	after() { (($1 == 0)) || [[ ! -e $ROOT/$CID ]]; }
	at_each_call 4 nothing run -d -b "$BUNDLE" "$CID"
}

@test "exec: the container lives on" {
	after() { status_is running || { echo "call $2: the container is not running" >&2; return 1; }; }
	at_each_call 6 running exec "$CID" true
}

# The process of the container that waits while a hook of it runs; the hook tells its pid in the host's eyes by the state.
waiting_hook() { # waiting_hook LIST: a hook that reports by a file and blocks until it is killed
	mkfifo "$BATS_TEST_TMPDIR/never"
	printf '#!/bin/sh\necho here >%s\nread line <%s\n' "$BATS_TEST_TMPDIR/here" "$BATS_TEST_TMPDIR/never" \
		>"$BATS_TEST_TMPDIR/hook"
	chmod 755 "$BATS_TEST_TMPDIR/hook"
	config --arg l "$1" --arg p "$BATS_TEST_TMPDIR/hook" '.hooks = {($l): [{path: $p}]}'
}
children_of() { tr ' ' '\n' <"/proc/$1/task/$1/children"; }

@test "in the hooks createRuntime and createContainer: create fails, nothing stays" {
	local list launcher rc init
	for list in prestart createRuntime createContainer; do
		rm -f "$BATS_TEST_TMPDIR"/{never,here}
		waiting_hook "$list"
		"$PODSHIM" --root "$ROOT" create -b "$BUNDLE" "$CID" </dev/null >"$OUT" 2>&1 3>&- &
		launcher=$!
		wait_file "$BATS_TEST_TMPDIR/here" here
		# Init is the launcher's first child; a hook of the runtime's namespaces is the second.
		init=$(children_of "$launcher" | head -1)
		[ "$(cat "/proc/$init/comm")" = podshim:init ]
		kill -KILL "$init"
		# A hook of the runtime's namespaces is no process of the container; it ends by itself.
		[[ $list == createContainer ]] || echo go >"$BATS_TEST_TMPDIR/never"
		rc=0
		wait "$launcher" || rc=$?
		cat "$OUT" >&2
		[ "$rc" = 1 ]
		assert_nothing_left
	done
}

@test "in the hook startContainer: start fails, delete works" {
	mkfifo "$ROOTFS/never"
	printf '#!/bin/sh\necho here >/here\nread line </never\n' >"$ROOTFS/hook"
	chmod 755 "$ROOTFS/hook"
	config '.root.readonly = false | .hooks = {startContainer: [{path: "/hook"}]}'
	detached podshim create -b "$BUNDLE" "$CID"
	"$PODSHIM" --root "$ROOT" start "$CID" </dev/null >"$OUT" 2>&1 3>&- &
	local launcher=$! rc=0
	wait_file "$ROOTFS/here" here
	kill -KILL "$(init_pid)"
	wait "$launcher" || rc=$?
	[ "$rc" = 1 ]
	podshim delete --force "$CID"
	assert_nothing_left
}

@test "in the hook poststart: the container is stopped, delete works" {
	printf '#!/bin/sh\nkill -KILL $(sed "s/.*\\"pid\\":\\([0-9]*\\).*/\\1/")\n' >"$BATS_TEST_TMPDIR/hook"
	chmod 755 "$BATS_TEST_TMPDIR/hook"
	config --arg p "$BATS_TEST_TMPDIR/hook" '.hooks = {poststart: [{path: $p}]}'
	detached podshim create -b "$BUNDLE" "$CID"
	detached podshim start "$CID"
	wait_status stopped
	run -0 podshim delete "$CID"
	assert_nothing_left
}
