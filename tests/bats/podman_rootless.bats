#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# podman --runtime podshim of an ordinary user: podman runs it as root of a user namespace of his.

load lib/common
load lib/requires
load lib/rootless
load lib/wait

setup() {
	common_setup
	requires root podshim podman conmon setpriv unshare newuidmap newgidmap
	open_for_user
	can_user_namespaces
	cat >"$OPEN/containers.conf" <<-END
		[containers]
		default_ulimits = ["nofile=20000:20000", "nproc=30000:30000"]
		log_driver = "k8s-file"
		[engine]
		helper_binaries_dir = ["/usr/libexec/podman", "/usr/lib/podman", "/usr/local/libexec/podman"]
		runtime_supports_json = ["podshim"]
		runtime_supports_nocgroup = ["podshim"]
		[engine.runtimes]
		podshim = ["$OPEN/podshim"]
	END
}
teardown() {
	if [[ -n ${OPEN:-} && -e $OPEN/containers.conf ]]; then
		pm rm --all --force --time 0 >/dev/null 2>&1 3>&- || true
		# podman keeps a process for its user namespace; what others own in there is gone with its storage.
		pm unshare rm -rf "$OPEN/run/storage" >/dev/null 2>&1 3>&- || true
		[[ ! -s $OPEN/run/tmp/pause.pid ]] || kill "$(cat "$OPEN/run/tmp/pause.pid")" || true
	fi
	close_for_user
	common_teardown
}

# podman as the user, in the user's own folders.
pm() {
	as_user CONTAINERS_CONF="$OPEN/containers.conf" podman --root "$OPEN/run/storage" --runroot "$OPEN/run/containers" \
		--tmpdir "$OPEN/run/tmp" --storage-driver vfs --cgroup-manager cgroupfs --events-backend file --runtime podshim "$@" 3>&-
}
# shellcheck disable=SC2154  # bats sets stderr
run_pm() { # run_pm [-N] ARG...
	local expected=-0
	if [[ $1 == -[0-9]* ]]; then
		expected=$1
		shift
	fi
	run --separate-stderr "$expected" pm "$@" || { printf 'podman %s: %s\n%s\n%s\n' "$*" "$status" "$output" "$stderr" >&2; return 1; }
}

@test "rootless podman run: output, status, ids of the user's range" {
	run_pm run --rm --network none --rootfs "$OPEN/b/rootfs" sh -c 'id -u; exit 0'
	is 0
	run_pm -7 run --rm --network none --rootfs "$OPEN/b/rootfs" sh -c 'exit 7'
	run_pm run --rm --network none --user 33:44 --rootfs "$OPEN/b/rootfs" sh -c 'id -u; id -g; cat /proc/self/uid_map'
	[ "${lines[0]} ${lines[1]}" = "33 44" ]
	has "300000      65536"
	run_pm -127 run --rm --network none --rootfs "$OPEN/b/rootfs" nosuchprogram
	[[ $stderr == *nosuchprogram* && $stderr != *'{"'* ]]
}

@test "rootless podman run -d, exec, stop, rm" {
	run_pm run -d --name c --network none --rootfs "$OPEN/b/rootfs" sh -c 'trap "exit 3" TERM; while :; do sleep 0.1; done'
	run_pm exec c sh -c 'id -u; exit 0'
	is 0
	run_pm -5 exec c sh -c 'exit 5'
	run_pm stop --time 10 c
	run_pm inspect --format '{{.State.Status}} {{.State.ExitCode}}' c
	is "exited 3"
	run_pm start c
	run_pm inspect --format '{{.State.Status}}' c
	is running
	run_pm rm --force --time 0 c
	run_pm ps -aq
	is ""
}

@test "rootless podman run --cgroups=disabled, --privileged, --userns keep-id" {
	run_pm run --rm --network none --cgroups disabled --rootfs "$OPEN/b/rootfs" echo ran
	is ran
	run_pm run --rm --network none --privileged --rootfs "$OPEN/b/rootfs" id -u
	is 0
	run_pm run --rm --network none --userns keep-id --rootfs "$OPEN/b/rootfs" id -u
	is 1234
}
