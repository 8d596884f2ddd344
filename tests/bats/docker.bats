#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Docker's daemon with podshim as one of its runtimes, as example/docker/daemon.json says.

load lib/common
load lib/bundle
load lib/requires
load lib/wait
load lib/docker

setup_file() {
	docker_setup_file
}
teardown_file() {
	docker_teardown_file
}
setup() {
	requires root dockerd docker
	NAME=d$BATS_TEST_NUMBER
}
teardown() {
	docker_teardown
}

@test "docker info: the runtime is known" {
	run -0 dk info --format '{{json .Runtimes}}'
	[[ $(jq -r .podshim.path <<<"$output") == "$PODSHIM" ]]
}

@test "docker run --rm: output, exit code, errors that Docker understands" {
	run -0 dk_run --rm -- echo from docker
	is "from docker"
	run -9 dk_run --rm -- sh -c 'exit 9'
	run -127 dk_run --rm -- /bin/nosuch
	has 'exec: "/bin/nosuch": stat /bin/nosuch: no such file or directory'
	run -126 dk_run --rm -- /etc
	has "permission denied"
	[ -z "$(ls "$DKD/exec/runtime-runc/moby" 2>/dev/null)" ]
}

@test "docker run: user, limits, volume, tmpfs, read-only, seccomp" {
	echo content >"$BATS_TEST_TMPDIR/f"
	run -0 dk_run --rm --memory 64m --pids-limit 20 --cpus 0.5 --read-only --volume "$BATS_TEST_TMPDIR:/mnt:ro" --user 65534:65534 \
		--tmpfs /scratch --hostname named --env K=v --workdir /mnt -- sh -c 'id -u; hostname; echo $K; cat f
			grep ^Seccomp: /proc/self/status; touch /scratch/x && echo written; touch /x /mnt/x 2>&1 | grep -c Read-only
			cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null
			cat /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/pids.max 2>/dev/null; true'
	is $'65534\nnamed\nv\ncontent\nSeccomp:\t2\nwritten\n2\n67108864\n20'
}

@test "docker run -d, exec, top, pause, unpause, stats, logs, stop, rm" {
	run -0 dk_run -d --name "$NAME" -- sh -c 'echo began; exec sleep 1000'
	wait_until 20 bash -c "docker logs $NAME 2>&1 | grep -q began"
	run -0 dk exec "$NAME" cat /proc/1/comm
	is sleep
	run -0 dk exec --user 5:6 --workdir /bin --env A=b "$NAME" sh -c 'id -u; id -g; pwd; echo $A'
	is $'5\n6\n/bin\nb'
	run -4 dk exec "$NAME" sh -c 'exit 4'
	run dk exec "$NAME" nosuchprogram
	((status == 126 || status == 127))
	has nosuchprogram
	run -0 dk pause "$NAME"
	run -0 dk ps --format '{{.Status}}'
	has Paused
	run -0 dk unpause "$NAME"
	run -0 dk top "$NAME"
	has "sleep 1000"
	run -0 dk stats --no-stream --format '{{.PIDs}}' "$NAME"
	is 1
	run -0 dk kill "$NAME"
	run -0 dk wait "$NAME"
	is 137
	run -0 dk rm "$NAME"
}

@test "docker run -t: a terminal" {
	run -0 dk_run --rm -t -- sh -c 'test -t 0 && test -t 1 && echo terminal'
	has terminal
}

@test "runtimeArgs: permissions for all containers of a runtime" {
	run -0 dk_run --rm -- cat /etc/group
	RUNTIME=strict run -1 dk_run --rm -- cat /etc/group
	has "Permission denied"
}
