#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What a hostile payload can see of podshim: no host binary, no host fd, no process with more rights than its own.

load ../bats/lib/common
load ../bats/lib/bundle
load ../bats/lib/requires
load ../bats/lib/wait

setup_file() {
	export OBSERVER=$BATS_FILE_TMPDIR/observer
	musl-gcc -D_GNU_SOURCE -static -O2 -Wall -Wextra -o "$OBSERVER" "$BATS_TEST_DIRNAME/observer.c"
}
setup() {
	common_setup
	requires root musl-gcc
	new_bundle
	cp "$OBSERVER" "$ROOTFS/observer"
	config '(.process.capabilities | .bounding, .effective, .permitted) += ["CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH", "CAP_DAC_OVERRIDE"]'
}
teardown() {
	common_teardown
}

# The observer as the payload, and twenty execs beside it; $SEEN has what it found.
observe() { # observe [TRACE]
	SEEN=$BATS_TEST_TMPDIR/seen
	payload /observer 4000 "$@"
	podshim create -b "$BUNDLE" "$CID" </dev/null >"$SEEN" 2>&1 3>&-
	podshim start "$CID"
	wait_file "$SEEN" ready
	local i
	for i in {1..20}; do
		podshim exec "$CID" true </dev/null >/dev/null 2>&1 3>&- || true
	done
	wait_status stopped
	cat "$SEEN" >&2
}
host_binary() {
	stat -L -c '%Hd:%Ld:%i' "$PODSHIM" 2>/dev/null || python3 -c 'import os,sys; s=os.stat(sys.argv[1]); print(f"{os.major(s.st_dev)}:{os.minor(s.st_dev)}:{s.st_ino}")' "$PODSHIM"
}

@test "exec: the binary of the host is never visible as /proc/PID/exe" {
	requires podshim
	observe
	# The observer did see something: the programs that were executed.
	grep -q busybox "$SEEN"
	! grep -F "exe $(host_binary)" "$SEEN"
	! grep -F "$PODSHIM" "$SEEN"
}

@test "exec: no fd of the host is visible in a process of the launch" {
	requires podshim
	exec 7<"$BATS_TEST_TMPDIR" 8</etc/passwd
	observe
	exec 7<&- 8<&-
	! grep -F "fd $BATS_TEST_TMPDIR" "$SEEN" | grep -vF -e "$OUT" -e "$SEEN"
	! grep -F "fd /etc/passwd" "$SEEN"
	! grep -F "fd $ROOT" "$SEEN"
}

@test "exec: a process of the launch cannot be traced while it has more than the payload" {
	requires podshim
	# What can be traced has the payload's own rights; so the binary and fds stay as above.
	observe trace
	! grep -F "exe $(host_binary)" "$SEEN"
	! grep -F "fd $ROOT" "$SEEN"
}

@test "the payload gets only promised fds, whatever the launcher was started with" {
	shell 'for f in /proc/self/fd/*; do [ -e "$f" ] && readlink "$f"; done; ls -l /proc/1/fd | tail -n +2 | wc -l'
	exec 5<"$BATS_TEST_TMPDIR" 6</ 7</etc/shadow 8<>/dev/null 9</proc/self/ns/mnt
	run podshim run -b "$BUNDLE" "$CID" </dev/null
	exec 5<&- 6<&- 7<&- 8<&- 9<&-
	printf '%s\n' "$output" >&2
	lacks shadow
	lacks "$BATS_TEST_TMPDIR"$'\n'
	lacks mnt:
}

@test "cwd through a leaked descriptor is refused" {
	local n
	for n in 3 4 5 6 7 8 9 10 12 20; do
		config --arg d "/proc/self/fd/$n" '.process.cwd = $d'
		payload cat etc/hostname etc/machine-id etc/shadow
		exec 7</
		run podshim run -b "$BUNDLE" "$CID" </dev/null
		exec 7<&-
		[ "$status" -ne 0 ]
		lacks root:
	done
	assert_nothing_left
}

@test "exec --cwd through a descriptor is refused" {
	start_sleeper
	local n
	for n in 3 5 7 8 10; do
		exec 7</
		run podshim exec --cwd "/proc/self/fd/$n" "$CID" cat etc/shadow </dev/null
		exec 7<&-
		[ "$status" -ne 0 ]
		lacks root:
	done
}

@test "the environment of the launcher does not reach the payload" {
	SECRET_OF_CALLER=hunter2 run podshim run -b "$BUNDLE" "$CID" </dev/null
	shell 'cat /proc/1/environ | tr "\0" "\n"; env'
	SECRET_OF_CALLER=hunter2 run podshim run -b "$BUNDLE" "$CID" </dev/null
	lacks hunter2
	lacks PODSHIM
}

@test "the payload is in a session keyring of its own" {
	[ -e /proc/keys ] || skip "no /proc/keys"
	config '.linux.maskedPaths = []'
	shell 'cat /proc/keys 2>/dev/null; true'
	run -0 podshim run -b "$BUNDLE" "$CID" </dev/null
	[[ $output == *"_ses.$CID"* || $output == "" ]]
}

@test "a payload that is pid 1 cannot be reached through the state root" {
	start_sleeper
	run podshim exec "$CID" ls "$ROOT"
	[ "$status" -ne 0 ]
	run podshim exec "$CID" ls /run/podshim /dev/shm
	lacks podshim-
}
