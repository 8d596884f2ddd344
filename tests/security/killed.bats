#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# kill -9 at every moment: of the runtime at each of its system calls, of the container's init at each of the launcher's.
#
# Afterwards nothing runs that `list` does not know, and gc (with delete --force for what list knows) leaves nothing.

load ../bats/lib/common
load ../bats/lib/bundle
load ../bats/lib/requires
load ../bats/lib/wait
load lib/attack

setup() {
	common_setup
	requires root podshim jq gcc
	new_bundle sleep 600
	# Everything of it can be told by these: the cgroups by their path, the processes by their environment.
	MARK=mark$TAG
	config --arg m "$MARK" '.linux.cgroupsPath = "/" + $m | .process.env += ["MARK=" + $m]'
	KILLER=$(attacker killer)
}
teardown() {
	common_teardown
}

marked() { # the runtime with the mark in its environment, for which everything that it makes is searched
	MARK=$MARK "$@" </dev/null >>"$OUT" 2>&1 3>&-
}

# Processes of it that have not ended.
marked_processes() {
	local p
	for p in $(grep -lsF "MARK=$MARK" /proc/[0-9]*/environ | cut -d/ -f3); do
		case $(sed -n 's/^State:[[:space:]]*//p' "/proc/$p/status" 2>/dev/null) in
		"" | Z* | X*) ;;
		*) echo "$p" ;;
		esac
	done
}

listed() { podshim list -q; }

# Either nothing of it runs, or the record tells of it.
recorded_or_gone() {
	[[ -z $(marked_processes) ]] || listed | grep -qx "$CID"
}

# What it left on the machine: cgroups, shared memory, state, processes, mounts.
remains() {
	compgen -G "/sys/fs/cgroup/$MARK"
	compgen -G "/sys/fs/cgroup/*/$MARK"
	for tape in /dev/shm/podshim-*; do
		[[ -e $tape && ! $BEFORE == *"$tape"* ]] && grep -lFs "$ROOT" "$tape"
	done
	find "$ROOT" -mindepth 1 ! -name .lock 2>/dev/null
	marked_processes
	grep -F "$BATS_TEST_TMPDIR" /proc/self/mountinfo
	return 0
}

# Clean up as the operator would, and look.
sweep() {
	local left
	wait_until 10 recorded_or_gone || return 1
	podshim gc >>"$OUT" 2>&1 || { echo "gc failed" >&2; tail -3 "$OUT" >&2; return 1; }
	if listed | grep -qx "$CID"; then
		podshim delete --force "$CID" >>"$OUT" 2>&1 || { echo "delete failed" >&2; tail -3 "$OUT" >&2; return 1; }
	fi
	left=$(remains)
	[[ -z $left ]] || { printf 'left:\n%s\n' "$left" >&2; return 1; }
}

# at_each_call self|child STEP FIRST PREPARE ARG...: the runtime with ARGs after PREPARE, until N is past its end.
at_each_call() {
	local who=$1 step=$2 n=$3 before=$4 rc
	local first=$n
	shift 4
	BEFORE=$(echo /dev/shm/podshim-*)
	for ((; ; n += step)); do
		"$before" || { echo "before call $n of $*" >&2; return 1; }
		rc=0
		marked timeout -k 5 60 "$KILLER" "$who" "$n" "$PODSHIM" --root "$ROOT" "$@" || rc=$?
		sweep || { echo "killed $who at call $n of $* ($rc)" >&2; return 1; }
		((rc != 124 && rc != 102)) || { echo "hangs or breaks at call $n: $rc" >&2; tail -3 "$OUT" >&2; return 1; }
		((rc != 100)) || break
	done
	echo "$(((n - first) / step)) moments" >&2
	((n > first + 20))
}

nothing() { :; }
created() { marked podshim create -b "$BUNDLE" "$CID"; }
running() { created && marked podshim start "$CID"; }
stopped() { running && marked podshim kill "$CID" KILL && wait_status stopped; }

@test "the killer kills where it is told to" {
	local rc=0
	"$KILLER" self 3 /bin/true || rc=$?
	[ "$rc" = 101 ]
	rc=0
	"$KILLER" self 100000 /bin/true || rc=$?
	[ "$rc" = 100 ]
}

@test "what is left is noticed" {
	running
	BEFORE=
	[ -n "$(marked_processes)" ]
	[ -n "$(remains)" ]
	sweep
}

@test "create killed at each of its system calls" {
	at_each_call self 1 1 nothing create -b "$BUNDLE" "$CID"
}

@test "create with a pid file, hooks and a user namespace killed" {
	local sh
	sh=$(command -v sh)
	config --arg sh "$sh" '.linux.namespaces += [{type: "user"}]
		| .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] | .linux.gidMappings = .linux.uidMappings
		| .hooks = {createRuntime: [{path: $sh, args: ["sh", "-c", ":"]}], poststop: [{path: $sh, args: ["sh", "-c", ":"]}]}'
	chmod 0755 "$BATS_TEST_TMPDIR" "$BUNDLE" "$ROOTFS"
	at_each_call self 5 2 nothing create -b "$BUNDLE" --pid-file "$BATS_TEST_TMPDIR/pid" "$CID"
}

@test "run --detach killed" {
	at_each_call self 3 1 nothing run -d -b "$BUNDLE" "$CID"
}

@test "start killed" {
	at_each_call self 3 1 created start "$CID"
}

@test "exec killed: what it started ends with the container" {
	at_each_call self 5 1 running exec -d "$CID" sleep 600
}

@test "delete and delete --force killed" {
	at_each_call self 3 1 stopped delete "$CID"
	at_each_call self 3 2 running delete --force "$CID"
}

@test "gc killed: the next one does its work" {
	half_made() {
		marked "$KILLER" self 150 "$PODSHIM" --root "$ROOT" create -b "$BUNDLE" "$CID"
		true
	}
	at_each_call self 5 1 half_made gc
}

@test "init killed at each moment of create and of run --detach" {
	[ -e "/proc/$$/task/$$/children" ] || skip "the kernel tells no children (CONFIG_PROC_CHILDREN)"
	at_each_call child 3 1 nothing create -b "$BUNDLE" "$CID"
	at_each_call child 5 2 nothing run -d -b "$BUNDLE" "$CID"
}

@test "init killed at each moment of exec: the container lives on" {
	[ -e "/proc/$$/task/$$/children" ] || skip "the kernel tells no children (CONFIG_PROC_CHILDREN)"
	at_each_call child 7 1 running exec "$CID" true
}
