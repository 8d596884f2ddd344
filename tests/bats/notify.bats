#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What a service manager hands to a container: NOTIFY_SOCKET, by a relay, and LISTEN_FDS.

load lib/common
load lib/bundle
load lib/requires
load lib/wait

setup() {
	common_setup
	requires root
	requires podshim
	new_bundle
	cd "$BATS_TEST_TMPDIR" || return
	cp "$REPO/tests/bats/lib/notify.py" .
}
teardown() {
	common_teardown
	[[ -z ${MANAGER:-} ]] || kill "$MANAGER" 2>/dev/null || true
}

# A service manager: each datagram becomes one line of the file "told".
manager() { # manager SOCKET
	python3 notify.py serve "$1" told </dev/null >/dev/null 2>&1 3>&- &
	MANAGER=$!
	wait_until 20 test -e told
	export NOTIFY_SOCKET=$1
}
# What the payload would say by sd_notify(3): sent to the socket that its root file system shows.
says() { # says TEXT
	python3 notify.py say "$(init_pid)" "$1"
}
socket_is_there() {
	[[ -S /proc/$(init_pid)/root/run/notify/notify.sock ]]
}

@test "start waits for READY=1 and passes it on with the pid that the runtime knows, and nothing else" {
	local kind
	for kind in "$PWD/n.sock" "@podshim-$TAG"; do
		rm -f told n.sock
		manager "$kind"
		payload sleep 600
		detached podshim create -b "$BUNDLE" "$CID"
		podshim start "$CID" </dev/null >started 2>&1 3>&- &
		local start=$!
		wait_until 20 socket_is_there
		says 'STATUS=starting
MAINPID=1'
		says 'NOTREADY=1'
		[ -d "/proc/$start" ]
		says 'STATUS=up
READY=1'
		wait "$start"
		wait_file told READY
		[ "$(cat told)" = "READY=1|MAINPID=$(init_pid)" ]
		podshim delete -f "$CID"
		kill "$MANAGER"
		unset NOTIFY_SOCKET
	done
	assert_nothing_left
}

@test "a container that ends without a word ends start, and tells nothing" {
	manager "$PWD/n.sock"
	payload true
	detached podshim create -b "$BUNDLE" "$CID"
	detached podshim start "$CID"
	[ ! -s told ]
}

@test "run: detached waits, in the foreground somebody relays beside it" {
	manager "$PWD/n.sock"
	payload sleep 600
	podshim run -d -b "$BUNDLE" "$CID" </dev/null >ran 2>&1 3>&- &
	local run=$!
	wait_until 20 socket_is_there
	says READY=1
	wait "$run"
	wait_file told "READY=1|MAINPID=$(init_pid)"
	podshim delete -f "$CID"
	: >told
	podshim run -b "$BUNDLE" "$CID" </dev/null >ran 2>&1 3>&- &
	run=$!
	wait_until 20 socket_is_there
	says READY=1
	wait_file told READY
	podshim kill "$CID" KILL
	wait "$run" || [ $? -eq 137 ]
	assert_nothing_left
}

@test "the payload finds the variable and a folder that it cannot write; a socket of the document's own stays" {
	manager "$PWD/n.sock"
	shell 'echo "$NOTIFY_SOCKET"; ls -l /run/notify | grep -c "^srwxrwxrwx"; touch /run/notify/x 2>/dev/null || echo read-only'
	run_bundle
	[ "${lines[0]}" = /run/notify/notify.sock ]
	[ "${lines[1]}" = 1 ]
	[ "${lines[2]}" = read-only ]
	shell 'echo "$NOTIFY_SOCKET"; ls /run/notify/notify.sock 2>&1'
	config '.process.env += ["NOTIFY_SOCKET=/own"]'
	run podshim run -b "$BUNDLE" "$CID"
	[ "${lines[0]}" = /own ]
	has "No such file"
	unset NOTIFY_SOCKET
	"$REPO/example/hello/make-config" sh -c 'echo "[$NOTIFY_SOCKET]"' >"$BUNDLE/config.json"
	run_bundle
	is "[]"
}

@test "LISTEN_FDS: the descriptors, the number, and for whom; --preserve-fds behind them" {
	shell 'echo "$LISTEN_FDS $LISTEN_PID"; cat <&3; cat <&4; ls /proc/self/fd | grep -c "^[345]$"'
	echo three >f3
	echo four >f4
	export LISTEN_FDS=1
	run podshim run -b "$BUNDLE" --preserve-fds 1 "$CID" 3<f3 4<f4
	printf '%s\n' "$output" >&2
	[ "$status" -eq 0 ]
	[ "${lines[0]}" = "1 1" ]
	[ "${lines[1]}" = three ]
	[ "${lines[2]}" = four ]
	no_pid_namespace='.linux.namespaces |= map(if .type == "pid" then .path = "/proc/self/ns/pid" else . end)'
	shell 'echo "$LISTEN_FDS [$LISTEN_PID]"'
	config "$no_pid_namespace"
	run podshim run -b "$BUNDLE" "$CID" 3<f3
	is "1 []"
}
