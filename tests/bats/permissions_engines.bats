#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Permissions of containers that podman and containerd make: flags of the runtime, annotations.

load lib/common
load lib/bundle
load lib/requires
load lib/wait
load lib/podman
load lib/containerd

setup_file() {
	requires python3
	podman_setup_file
	containerd_setup_file
	# A web server of the host on its loopback device.
	mkdir "$PM/www"
	echo served >"$PM/www/page"
	python3 -u -m http.server --bind 127.0.0.1 --directory "$PM/www" 0 >"$PM/server" 2>&1 3>&- &
	echo $! >"$PM/server.pid"
	wait_file "$PM/server" "Serving HTTP"
	PORT=$(sed -n 's/.* port \([0-9]*\) .*/\1/p' "$PM/server")
	export PORT
}
teardown_file() {
	kill "$(cat "$PM/server.pid")"
	containerd_teardown_file
	podman_teardown_file
}
setup() {
	requires root podman containerd ctr podshim jq
	NAME=t$BATS_TEST_NUMBER
	PAGE="wget -q -O - http://127.0.0.1:$PORT/page"
	echo data >"$BATS_TEST_TMPDIR/f"
}
teardown() {
	podman_teardown
	containerd_teardown
}

@test "podman --runtime-flag: allow lists and denies" {
	run_pm -1 --runtime-flag=allow-read=/data run --rm --network none -v "$BATS_TEST_TMPDIR:/data" busybox:test sh -c 'cat /data/f; ls /bin'
	has data
	has "ls: can't open '/bin': Permission denied"
	run_pm --runtime-flag=deny-write=/data run --rm --network none -v "$BATS_TEST_TMPDIR:/data" busybox:test sh -c 'touch /data/x || touch /x && echo x'
	has "/data/x: Read-only file system"
	has x
	run_pm --runtime-flag=allow-net=127.0.0.1:"$PORT" run --rm --network none busybox:test sh -c "$PAGE; wget -q -O - http://127.0.0.1:1/ || echo no"
	# In whatever order podman shows the two streams.
	has served
	has "wget: can't connect to remote host (127.0.0.1): Permission denied"
	has no
}

@test "podman --annotation: denies, narrowing lists, a policy" {
	run_pm -1 run --rm --network none --annotation io.podshim.deny-read=/etc/group busybox:test cat /etc/group
	has "can't open '/etc/group': Permission denied"
	run_pm run --rm --network none --annotation io.podshim.allow-read=/etc busybox:test sh -c 'cat /etc/group; cat /proc/uptime; ls / || echo no'
	has root:x:0
	has no
	# podman reads annotations as rows of CSV.
	run_pm run --rm --network none --annotation '"io.podshim.policy={""podshimPolicy"":1,""permissions"":{""write"":{""deny"":[""/etc""]}}}"' \
		busybox:test sh -c 'touch /tmp/y && echo y; touch /etc/x || echo no'
	has y
	has "/etc/x: Read-only file system"
	run_pm run --rm --network none --annotation 'io.podshim.deny-env=T*' --env TOKEN=1 --env APP=2 busybox:test sh -c 'echo ${TOKEN-} $APP'
	is 2
	run_pm -1 run --rm --network host --annotation 'io.podshim.deny-net=*' busybox:test sh -c "$PAGE"
	has "Permission denied"
	run_pm run --rm --network none --annotation '"io.podshim.policy={""podshimPolicy"":1,""permissions"":{""env"":[]}}"' --env TOKEN=1 \
		busybox:test sh -c 'echo "${TOKEN-}"; test -n "$PATH"'
	is ""
}

@test "podman: flags of the operator and annotations together allow what both do" {
	run_pm --runtime-flag=allow-read=/etc,/home run --rm --network none --annotation io.podshim.allow-read=/etc/group busybox:test \
		sh -c 'cat /etc/group; ls /home || echo no'
	has root:x:0
	has no
}

@test "podman run -d, exec, logs, stop, rm under permissions" {
	run_pm run -d --name "$NAME" --network host --annotation io.podshim.deny-read=/etc/group --annotation io.podshim.deny-net=127.0.0.1:"$PORT" \
		busybox:test sh -c "trap 'echo bye; exit 0' TERM; $PAGE || echo refused; while :; do sleep 0.1; done"
	refused() { pm logs "$NAME" 2>&1 | grep -q refused; }
	wait_until 10 refused
	run_pm exec "$NAME" sh -c "cat /etc/group || echo no group; $PAGE || echo no page; id -u; grep NoNewPrivs /proc/self/status"
	has "no group"
	has "no page"
	has 0
	has "NoNewPrivs:	1"
	run_pm -1 exec --user 1234 "$NAME" cat /etc/group
	run_pm exec --privileged "$NAME" cat /etc/passwd
	local id
	id=$(pm inspect --format '{{.Id}}' "$NAME")
	told() { "$PODSHIM" audit "$id" | grep -q "deny   net   127.0.0.1:$PORT"; }
	wait_until 10 told
	run -0 "$PODSHIM" explain "$id"
	has "Denied by deny 127.0.0.1:$PORT (annotation io.podshim.deny-net)"
	run_pm stop --time 10 "$NAME"
	run_pm logs "$NAME"
	has bye
	run_pm inspect --format '{{.State.Status}} {{.State.ExitCode}}' "$NAME"
	is "exited 0"
	run_pm rm "$NAME"
	run -1 "$PODSHIM" state "$id"
}

@test "podman --runtime-flag=audit=FILE: opens, too" {
	run_pm -1 --runtime-flag=audit="$BATS_TEST_TMPDIR/audit" --runtime-flag=deny-read=/etc/group run --rm --network none busybox:test cat /etc/group
	told() { jq -es 'any(.[]; .target == "/etc/group" and .result == "deny" and .comm == "cat")' "$BATS_TEST_TMPDIR/audit"; }
	wait_until 10 told
}

@test "podman: what cannot be enforced, or is misspelt, reaches the user" {
	run_pm -126 run --rm --network none --annotation io.podshim.allow-red=/etc busybox:test true
	has "unknown annotation 'io.podshim.allow-red' (did you mean 'io.podshim.allow-read'?)"
	run_pm -126 run --rm --network none --annotation io.podshim.ignore-read=/etc/group busybox:test true
	has "annotation io.podshim.ignore-read: read: '/etc/group' exists, and can be denied but not be made to look missing"
	run_pm -126 run --rm --network none --annotation io.podshim.deny-net=true busybox:test true
	has "write '*' for everything"
	run_pm -126 --runtime-flag=allow-read=/nonexistent run --rm --network none busybox:test true
	has "--allow-read: read: the container has no '/nonexistent'"
	run_pm ps -aq
	is ""
}

@test "containerd: annotations, exec under them" {
	run ct_run "$NAME" --rm --annotation io.podshim.deny-read=/etc/group -- cat /etc/group
	[ "$status" = 1 ]
	has "can't open '/etc/group': Permission denied"
	run ct_run "$NAME" --rm --annotation io.podshim.allow-red=/etc -- true
	[ "$status" != 0 ]
	has "unknown annotation 'io.podshim.allow-red'"
	run -0 ct_run "$NAME" -d --net-host --annotation io.podshim.deny-net=127.0.0.1:"$PORT" --annotation io.podshim.deny-read=/etc/group -- sleep 600
	run ct task exec --exec-id e1 "$NAME" sh -c "cat /etc/group; $PAGE"
	[ "$status" = 1 ]
	has "can't open '/etc/group': Permission denied"
	has "Permission denied"
	lacks served
	run -0 ct task kill -s KILL "$NAME"
}
