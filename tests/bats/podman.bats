#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# podman --runtime podshim: what people do with podman every day.

load lib/common
load lib/bundle
load lib/requires
load lib/wait
load lib/podman

setup_file() {
	podman_setup_file
}
teardown_file() {
	podman_teardown_file
}
setup() {
	requires root podman conmon
	NAME=c$BATS_TEST_NUMBER
}
teardown() {
	podman_teardown
}

@test "podman run: output, exit code, arguments, environment" {
	run_pm run --rm --network none busybox:test echo hello 'a  b'
	is "hello a  b"
	run_pm -37 run --rm --network none -e KEY=value busybox:test sh -c '[ $KEY = value ] && exit 37'
	run_pm -137 run --rm --network none busybox:test sh -c 'kill -9 $$ & exec sh -c "sleep 5; exit 137"'
}

@test "podman run: the errors that podman classifies" {
	run_pm -127 run --rm --network none busybox:test nosuchprogram
	has nosuchprogram
	run_pm -126 run --rm --network none busybox:test /etc/passwd
	run_pm -126 run --rm --network none busybox:test /etc
}

@test "podman run -d, logs, exec, stop, rm" {
	run_pm run -d --name "$NAME" --network none busybox:test sh -c 'trap "echo bye; exit 0" TERM; echo started; while :; do sleep 0.1; done'
	wait_until 10 grep -q started <(pm logs "$NAME")
	run_pm ps --format '{{.Names}} {{.Status}}'
	has "$NAME Up"
	run_pm exec "$NAME" sh -c 'echo in; hostname; exit 0'
	has in
	run_pm -5 exec "$NAME" sh -c 'exit 5'
	run_pm stop --time 10 "$NAME"
	run_pm logs "$NAME"
	has bye
	run_pm inspect --format '{{.State.Status}} {{.State.ExitCode}}' "$NAME"
	is "exited 0"
	run_pm rm "$NAME"
}

@test "podman kill, wait, restart" {
	run_pm run -d --name "$NAME" --network none busybox:test sleep 600
	run_pm kill --signal KILL "$NAME"
	run_pm wait "$NAME"
	is 137
	run_pm start "$NAME"
	run_pm inspect --format '{{.State.Status}}' "$NAME"
	is running
	run_pm restart --time 0 "$NAME"
	run_pm exec "$NAME" true
}

@test "podman run: stdin through -i" {
	run -0 bash -c 'echo through | CONTAINERS_CONF='"$PM"'/containers.conf podman --root '"$PM"'/root --runroot '"$PM"'/run --tmpdir '"$PM"'/tmp --cgroup-manager cgroupfs --events-backend file --runtime "$0" run -i --rm --network none busybox:test cat' "$PODSHIM"
	is through
}

with_pty() { # with_pty PODMAN_ARG...: podman with a terminal of its own
	export -f pm
	python3 "$BATS_TEST_DIRNAME/lib/withpty.py" bash -c 'pm "$@"' pm "$@" 3>&-
}

@test "podman run -it: a terminal" {
	requires python3
	run with_pty run --rm -it --network none busybox:test sh -c 'tty; test -t 0 && test -t 1 && echo terminal; stty size; exit 3'
	printf '%s\n' "$output" >&2
	[ "$status" = 3 ]
	has /dev/pts/0
	has terminal
}

@test "podman exec -it: a terminal" {
	requires python3
	run_pm run -d --name "$NAME" --network none busybox:test sleep 600
	run -0 with_pty exec -it "$NAME" sh -c 'test -t 0 && echo terminal; tty'
	has terminal
	has /dev/pts/
}

@test "podman run --network host|none" {
	run_pm run --rm --network none busybox:test ls /sys/class/net
	is lo
	run_pm run --rm --network host busybox:test readlink /proc/self/ns/net
	is "$(readlink /proc/self/ns/net)"
}

@test "podman run --network bridge" {
	PODSHIM=$(command -v runc) pm run --rm busybox:test true >/dev/null 2>&1 3>&- || skip "podman has no working bridge here"
	run_pm run --rm busybox:test ip addr
	has eth0
	has 10.88.
}

@test "podman run -v: bind mounts, rw, ro, a single file" {
	mkdir "$BATS_TEST_TMPDIR/v"
	echo content >"$BATS_TEST_TMPDIR/v/file"
	run_pm run --rm --network none -v "$BATS_TEST_TMPDIR/v:/v" busybox:test sh -c 'cat /v/file; echo new >/v/made'
	is content
	[ "$(cat "$BATS_TEST_TMPDIR/v/made")" = new ]
	run_pm -1 run --rm --network none -v "$BATS_TEST_TMPDIR/v:/v:ro" busybox:test touch /v/x
	has "Read-only file system"
	run_pm run --rm --network none -v "$BATS_TEST_TMPDIR/v/file:/etc/one:ro" busybox:test cat /etc/one
	is content
}

@test "podman volume, --volumes-from" {
	run_pm run --rm --network none -v vol$BATS_TEST_NUMBER:/data busybox:test sh -c 'echo kept >/data/f'
	run_pm run --rm --network none -v vol$BATS_TEST_NUMBER:/data busybox:test cat /data/f
	is kept
}

@test "podman run --read-only, --tmpfs" {
	run_pm run --rm --network none --read-only busybox:test sh -c 'touch /x 2>/dev/null || echo no; touch /tmp/x && echo tmp'
	is $'no\ntmp'
	run_pm run --rm --network none --read-only --tmpfs /scratch:size=1m,mode=1777 busybox:test sh -c 'touch /scratch/x && df -k /scratch | tail -1'
	has 1024
}

@test "podman run --user, --group-add, --workdir, --hostname" {
	run_pm run --rm --network none --user 1234:4321 --group-add 77 --workdir /tmp --hostname named busybox:test sh -c 'id -u; id -g; id -G; pwd; hostname'
	[ "${lines[0]}" = 1234 ]
	[ "${lines[1]}" = 4321 ]
	[[ " ${lines[2]} " == *" 77 "* ]]
	[ "${lines[3]}" = /tmp ]
	[ "${lines[4]}" = named ]
	run_pm run --rm --network none --user nobody2 busybox:test id -u
	is 1234
}

@test "podman run --cap-add, --cap-drop, --privileged" {
	run_pm run --rm --network none --cap-drop all --cap-add chown busybox:test grep CapEff /proc/self/status
	has 0000000000000001
	run_pm run --rm --network none --cap-add sys_time busybox:test grep CapEff /proc/self/status
	local with=0x${output##*[[:space:]]}
	((with & 1 << 25))
	run_pm run --rm --network none --privileged busybox:test sh -c 'mount -t tmpfs none /mnt 2>/dev/null || mkdir /mnt && mount -t tmpfs none /mnt; echo $?'
	[ "${lines[-1]}" = 0 ]
}

@test "podman run --security-opt" {
	run_pm run --rm --network none --security-opt no-new-privileges busybox:test grep NoNewPrivs /proc/self/status
	has 1
	run_pm run --rm --network none busybox:test grep Seccomp: /proc/self/status
	has 2
	run_pm run --rm --network none --security-opt seccomp=unconfined busybox:test grep Seccomp: /proc/self/status
	has 0
	run_pm run --rm --network none --security-opt mask=/etc busybox:test sh -c 'ls /etc | wc -l'
	is 0
}

@test "podman run --security-opt seccomp=FILE" {
	local profile=$BATS_TEST_TMPDIR/profile.json
	jq -n '{defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 28}]}' >"$profile"
	run_pm -1 run --rm --network none --security-opt "seccomp=$profile" busybox:test mkdir /x
	has "No space left on device"
}

@test "podman run --memory, --pids-limit, --cpus" {
	run_pm run -d --name "$NAME" --network none --memory 64m --pids-limit 50 --cpus 0.5 busybox:test sleep 600
	local pid
	pid=$(pm inspect --format '{{.State.Pid}}' "$NAME")
	if is_v1 memory; then
		[ "$(cat "$(cgroup_dir memory "$pid")/memory.limit_in_bytes")" = 67108864 ]
		[ "$(cat "$(cgroup_dir cpu "$pid")/cpu.cfs_quota_us")" = 50000 ]
	else
		[ "$(cat "$(cgroup_dir memory "$pid")/memory.max")" = 67108864 ]
		[ "$(cat "$(cgroup_dir cpu "$pid")/cpu.max")" = "50000 100000" ]
	fi
	[ "$(cat "$(cgroup_dir pids "$pid")/pids.max")" = 50 ]
}

@test "podman run --device" {
	run_pm run --rm --network none --device /dev/null:/dev/mynull:rw busybox:test sh -c 'stat -c %t:%T /dev/mynull; echo x >/dev/mynull && echo works'
	is $'1:3\nworks'
	run_pm run --rm --network none --device /dev/kmsg:/dev/kmsg:r busybox:test sh -c 'exec 2>/dev/null; (echo x >/dev/kmsg) || echo read only'
	is "read only"
}

@test "podman run --ulimit, --sysctl, --shm-size, --oom-score-adj" {
	run_pm run --rm --network none --ulimit nofile=111:222 --ulimit nproc=30000:30000 --sysctl net.ipv4.ip_forward=1 --shm-size 1m --oom-score-adj 500 busybox:test \
		sh -c 'ulimit -n; cat /proc/sys/net/ipv4/ip_forward; df -k /dev/shm | tail -1; cat /proc/self/oom_score_adj'
	[ "${lines[0]}" = 111 ]
	[ "${lines[1]}" = 1 ]
	[[ ${lines[2]} == *1024* ]]
	[ "${lines[3]}" = 500 ]
}

@test "podman run --init" {
	requires catatonit
	run_pm run --rm --network none --init busybox:test sh -c 'cat /proc/1/comm'
	has podman-init
}

@test "podman run --pid, --ipc, --uts, --network container:" {
	run_pm run -d --name "$NAME" --network none --hostname shared busybox:test sh -c 'echo $$ >/dev/shm/mark; exec sleep 600'
	run_pm run --rm --network container:"$NAME" --pid container:"$NAME" busybox:test sh -c 'cat /proc/1/cmdline | tr "\0" " "; for p in self 1; do readlink /proc/$p/ns/net; done | uniq | wc -l'
	has "sleep 600"
	[[ ${lines[-1]} == *1 ]]
	run_pm run --rm --network none --pid host busybox:test readlink /proc/self/ns/pid
	is "$(readlink /proc/self/ns/pid)"
}

@test "podman exec: user, workdir, environment, detached, privileged" {
	run_pm run -d --name "$NAME" --network none busybox:test sleep 600
	run_pm exec --user 1234 --workdir /tmp --env K=v "$NAME" sh -c 'id -u; pwd; echo $K'
	is $'1234\n/tmp\nv'
	run_pm exec -d "$NAME" sh -c 'echo ran >/tmp/ran'
	wait_until 10 pm exec "$NAME" test -s /tmp/ran
	run_pm -127 exec "$NAME" nosuchprogram
	run_pm exec --privileged "$NAME" grep CapEff /proc/self/status
	local caps=0x${output##*[[:space:]]}
	((caps & 1 << 21))
}

@test "podman top, pause, unpause, stats, cp, diff, commit" {
	run_pm run -d --name "$NAME" --network none busybox:test sleep 600
	run_pm top "$NAME" pid comm
	has sleep
	run_pm pause "$NAME"
	run_pm inspect --format '{{.State.Status}}' "$NAME"
	is paused
	run_pm unpause "$NAME"
	run_pm stats --no-stream --format '{{.PIDs}}' "$NAME"
	is 1
	echo copied >"$BATS_TEST_TMPDIR/f"
	run_pm cp "$BATS_TEST_TMPDIR/f" "$NAME:/f"
	run_pm exec "$NAME" cat /f
	is copied
	run_pm diff "$NAME"
	has "A /f"
}

@test "podman update: limits of a running container" {
	run_pm run -d --name "$NAME" --network none --memory 64m busybox:test sleep 600
	local pid
	pid=$(pm inspect --format '{{.State.Pid}}' "$NAME")
	run_pm update --memory 128m --memory-swap 128m --cpus 0.5 "$NAME"
	if is_v1 memory; then
		[ "$(cat "$(cgroup_dir memory "$pid")/memory.limit_in_bytes")" = 134217728 ]
		[ "$(cat "$(cgroup_dir cpu "$pid")/cpu.cfs_quota_us")" = 50000 ]
	else
		[ "$(cat "$(cgroup_dir memory "$pid")/memory.max")" = 134217728 ]
		[ "$(cat "$(cgroup_dir cpu "$pid")/cpu.max")" = "50000 100000" ]
	fi
}

@test "podman pod: shared namespaces" {
	requires catatonit
	PODSHIM=$(command -v runc) pm pod create --network none --name probe >/dev/null 2>&1 3>&- \
		&& PODSHIM=$(command -v runc) pm pod start probe >/dev/null 2>&1 3>&- || skip "podman cannot make its infra image here"
	# conmon may still be on its way out of the pod's cgroup.  A plain folder among the hierarchies, which podman takes for one, never lets it.
	wait_until 10 pm pod rm --force --time 0 probe || skip "podman cannot remove a pod here"
	run_pm pod create --name "p$NAME" --network none --share net,ipc,uts,pid
	run_pm run -d --name "$NAME" --pod "p$NAME" busybox:test sh -c 'httpd -f -p 127.0.0.1:8080 -h /etc'
	run_pm run --rm --pod "p$NAME" busybox:test sh -c 'i=0; until wget -q -O - http://127.0.0.1:8080/passwd; do i=$((i + 1)); [ $i -lt 50 ] || exit 1; sleep 0.1; done; ps | grep -c httpd'
	has root:x:0
	run_pm pod inspect --format '{{.State}}' "p$NAME"
	run_pm pod stop --time 0 "p$NAME"
	wait_until 10 pm pod rm --force --time 0 "p$NAME"
}

@test "podman healthcheck" {
	run_pm run -d --name "$NAME" --network none --health-cmd 'test -e /healthy' --health-interval disable busybox:test sleep 600
	run_pm -1 healthcheck run "$NAME"
	run_pm exec "$NAME" touch /healthy
	run_pm healthcheck run "$NAME"
}

@test "podman run --userns" {
	run_pm run --rm --network none --uidmap 0:100000:65536 --gidmap 0:200000:65536 busybox:test sh -c 'cat /proc/self/uid_map; id -u; touch /x && stat -c %u /x'
	[ "$(xargs <<<"${lines[0]}")" = "0 100000 65536" ]
	[ "${lines[1]}" = 0 ]
	[ "${lines[2]}" = 0 ]
}

@test "podman run --cgroup-parent" {
	run_pm run --rm --network none --cgroup-parent "/$NAME-$$" busybox:test true
	# What conmon was put into, and leaves when it ends, is podman's own.
	[ -z "$(find /sys/fs/cgroup -type d -path "*/$NAME-$$/libpod-*" ! -name 'libpod-conmon-*')" ]
	find /sys/fs/cgroup -depth -path "*/$NAME-$$*" -fstype tmpfs -delete
	wait_until 10 find /sys/fs/cgroup -depth -type d -path "*/$NAME-$$*" -exec rmdir {} +
	[ -z "$(find /sys/fs/cgroup -path "*/$NAME-$$*")" ]
}

@test "podman: hooks of the OCI hooks folder run" {
	mkdir "$BATS_TEST_TMPDIR/hooks"
	cat >"$BATS_TEST_TMPDIR/hook.sh" <<-EOF
		#!/bin/sh
		cat >"$BATS_TEST_TMPDIR/state"
	EOF
	chmod 755 "$BATS_TEST_TMPDIR/hook.sh"
	jq -n --arg p "$BATS_TEST_TMPDIR/hook.sh" '{version: "1.0.0", hook: {path: $p}, when: {always: true}, stages: ["prestart"]}' >"$BATS_TEST_TMPDIR/hooks/x.json"
	run -0 pm --hooks-dir "$BATS_TEST_TMPDIR/hooks" run --rm --network none busybox:test true
	jq -e '.id and .pid and .status == "created" or .status == "creating"' "$BATS_TEST_TMPDIR/state"
}

@test "podman run --rm leaves no container, mount or cgroup" {
	run_pm run -d --name "$NAME" --network none busybox:test sleep 600
	local id
	id=$(pm inspect --format '{{.Id}}' "$NAME")
	[ -n "$(find /sys/fs/cgroup -type d -name "libpod-$id")" ]
	run_pm rm --force --time 0 "$NAME"
	[ -z "$(find /sys/fs/cgroup -type d -name "libpod-$id")" ]
	[ -z "$(grep -F "$id" /proc/self/mountinfo)" ]
	run_pm ps -aq
	is ""
}

@test "example/podman/containers.conf: podshim as the default, JSON errors, --cgroups=disabled" {
	requires podshim
	{
		sed "s|\"/usr/local/bin/podshim\"|\"$PODSHIM\"|" "$REPO/example/podman/containers.conf"
		grep -A 2 '^\[containers\]' "$PM/containers.conf"
	} >"$BATS_TEST_TMPDIR/containers.conf"
	local podman=(env "CONTAINERS_CONF=$BATS_TEST_TMPDIR/containers.conf" podman --root "$PM/root" --runroot "$PM/run" --tmpdir "$PM/tmp" --events-backend file)
	run -0 --separate-stderr "${podman[@]}" info --format '{{.Host.OCIRuntime.Path}} {{.Host.CgroupManager}}'
	is "$PODSHIM cgroupfs"
	run -0 "${podman[@]}" run --rm --network none --cgroups disabled busybox:test sh -c 'sort -u -t: -k3 /proc/self/cgroup; echo ran'
	has ran
	lacks libpod
	run -127 "${podman[@]}" run --rm --network none busybox:test nosuchprogram
	has nosuchprogram
	lacks '{"'
}

@test "podman run --group-add keep-groups: the caller's groups" {
	podman() { setpriv --groups 4242 podman "$@"; }
	run_pm run --rm --network none --group-add keep-groups busybox:test grep Groups: /proc/self/status
	[[ $output =~ Groups:[[:space:]]*4242 ]]
}
