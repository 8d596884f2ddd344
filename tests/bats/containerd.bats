#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# containerd with its own runc shim, whose runc is podshim.

load lib/common
load lib/bundle
load lib/requires
load lib/wait
load lib/containerd

setup_file() {
	containerd_setup_file
}
teardown_file() {
	containerd_teardown_file
}
setup() {
	requires root containerd ctr
	NAME=t$BATS_TEST_NUMBER
}
teardown() {
	containerd_teardown
}

@test "ctr run --rm: output and exit code" {
	run -0 ct_run "$NAME" --rm -- echo from containerd
	is "from containerd"
	run -9 ct_run "$NAME" --rm -- sh -c 'exit 9'
	[ -z "$(ls "$CTD/runtime/default" 2>/dev/null)" ]
}

@test "ctr run -d, task exec, pause, resume, ps, kill, rm" {
	run -0 ct_run "$NAME" -d -- sleep 600
	run -0 ct task ls
	has RUNNING
	run -0 ct task exec --exec-id e1 "$NAME" sh -c 'echo in $(cat /proc/1/comm)'
	has "in sleep"
	run -4 ct task exec --exec-id e2 "$NAME" sh -c 'exit 4'
	run -0 ct task pause "$NAME"
	run -0 ct task ls
	has PAUSED
	run -0 ct task resume "$NAME"
	run -0 ct task ps "$NAME"
	has PID
	run -0 ct task kill -s KILL "$NAME"
	wait_until 10 bash -c "ctr --address $CTD/sock task ls | grep -q STOPPED"
	run -0 ct task rm "$NAME"
	run -0 ct container rm "$NAME"
}

@test "ctr run: errors reach the client" {
	run ct_run "$NAME" --rm -- nosuchprogram
	[ "$status" -ne 0 ]
	has nosuchprogram
	lacks "unable to retrieve OCI runtime error"
}

@test "ctr run: mounts, environment, cwd, read-only" {
	echo content >"$BATS_TEST_TMPDIR/f"
	run -0 ct_run "$NAME" --rm --env K=v --cwd /tmp --read-only \
		--mount "type=bind,src=$BATS_TEST_TMPDIR,dst=/mnt,options=rbind:ro" -- sh -c 'echo $K; pwd; cat /mnt/f; touch /x 2>/dev/null || echo ro'
	is $'v\n/tmp\ncontent\nro'
}

@test "ctr run: memory limit, seccomp, network of the host" {
	run -0 ct_run "$NAME" --rm --memory-limit 67108864 --seccomp --net-host -- sh -c 'readlink /proc/self/ns/net; grep ^Seccomp: /proc/self/status'
	has "$(readlink /proc/self/ns/net)"
	has $'Seccomp:\t2'
}

@test "ctr run -t: a terminal" {
	requires python3
	run -0 python3 "$BATS_TEST_DIRNAME/lib/withpty.py" ctr --address "$CTD/sock" run --runc-binary "$PODSHIM" --runc-root "$CTD/runtime" \
		--rm -t docker.io/test/busybox:test "$NAME" sh -c 'test -t 0 && echo terminal' 3>&-
	has terminal
}

@test "ctr run: twenty at once" {
	local i pids=()
	for i in {1..20}; do
		ct_run "$NAME-$i" --rm -- echo "$i" >"$BATS_TEST_TMPDIR/out.$i" 2>&1 &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		wait "$i"
	done
	for i in {1..20}; do
		[ "$(cat "$BATS_TEST_TMPDIR/out.$i")" = "$i" ]
	done
}

@test "the CRI snippet of example/containerd is a configuration that containerd accepts" {
	[ -e "$REPO/example/containerd/config.toml" ]
	run -0 containerd --config "$REPO/example/containerd/config.toml" config dump 3>&-
	has podshim
	has BinaryName
}
