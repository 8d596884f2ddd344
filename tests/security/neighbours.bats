#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Containers that share a pid namespace, one of them hostile and with CAP_SYS_PTRACE: what enters beside it, by exec or as
# another container, has at no moment more than a payload has, and shows nothing of the host (CVE-2019-5736, CVE-2024-21626).

load ../bats/lib/common
load ../bats/lib/bundle
load ../bats/lib/requires
load ../bats/lib/wait
load lib/attack

setup() {
	common_setup
	requires root podshim jq gcc
	new_bundle
	cp "$(attacker neighbour)" "$ROOTFS/neighbour"
	# A filter that everybody has: it forbids what nobody needs.
	config '(.process.capabilities | .bounding, .effective, .permitted) += ["CAP_SYS_PTRACE"]
		| .linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["acct"], action: "SCMP_ACT_ERRNO"}]}'
	CAPS=0000000020080420 # CAP_KILL, NET_BIND_SERVICE, SYS_PTRACE, AUDIT_WRITE
	make_canary
}
teardown() {
	common_teardown
}

start_neighbour() {
	payload /neighbour "$(stat -c '%D:%i' "$PODSHIM" | awk -F: '{ printf "%s:%x", $1, $2 }')" "$CAPS" 2
	SEEN=$BATS_TEST_TMPDIR/seen
	"$PODSHIM" --root "$ROOT" run -d -b "$BUNDLE" "$CID" </dev/null >"$SEEN" 2>&1 3>&-
	wait_file "$SEEN" ready
}

# It found nothing, although it had something to look at.
found_nothing() {
	podshim kill "$CID" TERM
	wait_file "$SEEN" saw
	cat "$SEEN" >&2
	grep -qE 'saw [0-9]+, of them [1-9]' "$SEEN"
	[[ $(<"$SEEN") != *FOUND* ]]
	assert_canary
}

@test "exec" {
	start_neighbour
	local i
	for i in {1..100}; do
		timeout 30 "$PODSHIM" --root "$ROOT" exec "$CID" true </dev/null >>"$OUT" 2>&1 3>&- 9<"$CANARY/dir"
	done
	found_nothing
}

@test "a container that joins the pid namespace" {
	start_neighbour
	local i ns
	ns=/proc/$(init_pid)/ns/pid
	payload true
	config --arg p "$ns" '(.linux.namespaces[] | select(.type == "pid")).path = $p'
	for i in {1..100}; do
		timeout 30 "$PODSHIM" --root "$ROOT" run -b "$BUNDLE" "$CID-$i" </dev/null >>"$OUT" 2>&1 3>&- 9<"$CANARY/dir"
	done
	found_nothing
}

@test "the neighbour finds what there is to find" {
	# A process of the host that enters with all it has, as a careless runtime would.
	start_neighbour
	nsenter -p -t "$(init_pid)" sh -c 'exec sleep 60' 9</proc </dev/null >/dev/null 2>&1 3>&- &
	local careless=$!
	wait_file "$SEEN" "FOUND capabilities"
	wait_file "$SEEN" "FOUND no filter"
	wait_file "$SEEN" "FOUND core_pattern writable by fd"
	wait_file "$SEEN" "FOUND a folder by fd"
	podshim delete --force "$CID"
	wait "$careless" || true
}

@test "a link of the rootfs to a descriptor of the launch executes nothing of the host" {
	local n
	cp "$ROOTFS/bin/busybox" "$CANARY/dir/echo"
	bless_canary
	for n in {3..24}; do
		ln -sfn "/proc/self/fd/$n/echo" "$ROOTFS/bin/escape$n"
		payload "escape$n"
		bounded run -b "$BUNDLE" "$CID" 9<"$CANARY/dir" 17<"$CANARY/dir"
		[ "$status" = 1 ]
		lacks "applet"
	done
	payload sleep 600
	detached podshim create -b "$BUNDLE" "$CID" 9<"$CANARY/dir"
	detached podshim start "$CID"
	for n in {3..24}; do
		bounded exec "$CID" "escape$n" 9<"$CANARY/dir" 17<"$CANARY/dir"
		[ "$status" -ne 0 ]
		lacks "applet"
	done
	assert_canary
}

@test "an init that waits for its start holds nothing that the caller left open" {
	payload true
	detached podshim create -b "$BUNDLE" "$CID" 9<"$CANARY/dir" 17<"$CANARY/file"
	run -0 find "/proc/$(init_pid)/fd" -printf '%l\n'
	has socket
	lacks "$CANARY"
}

@test "run, start and exec: the payload has 0, 1, 2 and what is to be preserved" {
	# The shell's own list, without the folder that it reads for it.
	local list='for f in /proc/$$/fd/*; do [ ! -e $f ] || echo ${f##*/}; done'
	shell "$list"
	run -0 bash -c '"$0" --root "$1" run -b "$2" "$3" 4</ 7</etc 12<>/dev/null' "$PODSHIM" "$ROOT" "$BUNDLE" "$CID"
	is $'0\n1\n2'
	run -0 bash -c '"$0" --root "$1" run --preserve-fds 2 -b "$2" "$3" 3</dev/null 4</dev/zero 7</etc 12<>/dev/null' \
		"$PODSHIM" "$ROOT" "$BUNDLE" "$CID"
	is $'0\n1\n2\n3\n4'
	start_sleeper 5</ 8</etc
	run -0 bash -c '"$0" --root "$1" exec "$2" sh -c "$3" 4</ 7</etc 12<>/dev/null' "$PODSHIM" "$ROOT" "$CID" "$list"
	is $'0\n1\n2'
	run -0 bash -c '"$0" --root "$1" exec --preserve-fds 1 "$2" sh -c "$3" 3</dev/null 7</etc 12<>/dev/null' \
		"$PODSHIM" "$ROOT" "$CID" "$list"
	is $'0\n1\n2\n3'
}
