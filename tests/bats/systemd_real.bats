#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The systemd cgroup manager beside a systemd that is PID 1, on cgroup version 2 (hack/vm run --systemd).

load lib/common
load lib/bundle
load lib/requires
load lib/wait

setup() {
	common_setup
	requires root podshim systemd cgroup_v2_only
	new_bundle
	SCOPE=podshim-$CID.scope
}
teardown() {
	common_teardown
}

shown() { # shown UNIT PROPERTY
	systemctl show --value --property "$2" "$1"
}

no_unit() { # no_unit UNIT: systemd has forgotten it
	[[ $(shown "$1" LoadState) == not-found && ! -e /sys/fs/cgroup/system.slice/$1 ]]
}

@test "a scope has its limits, and keeps them when systemd reads its units again; delete ends it" {
	config '.linux.resources.memory = {"limit": 67108864} | .linux.resources.pids.limit = 50 |
		.linux.resources.cpu = {"shares": 512, "quota": 25000, "period": 50000, "cpus": "0"} |
		.annotations["org.systemd.property.TimeoutStopSec"] = "uint64 9"'
	payload sleep 600
	detached podshim --systemd-cgroup create -b "$BUNDLE" "$CID"
	local dir=/sys/fs/cgroup/system.slice/$SCOPE file
	[ "$(cat "/proc/$(init_pid)/cgroup")" = "0::/system.slice/$SCOPE" ]
	[ "$(shown "$SCOPE" ActiveState)" = active ]
	[ "$(shown "$SCOPE" Delegate)" = yes ]
	[ "$(shown "$SCOPE" MemoryMax)" = 67108864 ]
	[ "$(shown "$SCOPE" TasksMax)" = 50 ]
	[ "$(shown "$SCOPE" CPUWeight)" = 59 ]
	[ "$(shown "$SCOPE" CPUQuotaPerSecUSec)" = 500ms ]
	[ "$(shown "$SCOPE" AllowedCPUs)" = 0 ]
	[ "$(shown "$SCOPE" TimeoutStopUSec)" = 9s ]
	systemctl daemon-reload
	file=$(cd "$dir" && cat memory.max pids.max cpu.weight cpu.max cpuset.cpus)
	[ "$file" = $'67108864\n50\n59\n25000 50000\n0' ] || { echo "$file" >&2; false; }
	detached podshim start "$CID"
	podshim update --memory 134217728 --memory-swap 134217728 --cpu-period 100000 --cpu-quota 12345 --pids-limit -1 "$CID"
	[ "$(shown "$SCOPE" MemoryMax)" = 134217728 ]
	[ "$(shown "$SCOPE" TasksMax)" = infinity ]
	file=$(cd "$dir" && cat memory.max pids.max cpu.max cpuset.cpus)
	[ "$file" = $'134217728\nmax\n12345 100000\n0' ] || { echo "$file" >&2; false; }
	systemctl daemon-reload
	file=$(cd "$dir" && cat memory.max pids.max cpuset.cpus)
	[ "$file" = $'134217728\nmax\n0' ] || { echo "$file" >&2; false; }
	podshim pause "$CID"
	wait_status paused
	podshim resume "$CID"
	detached podshim exec --detach --pid-file "$BATS_TEST_TMPDIR/pid" "$CID" sleep 600
	[ "$(cat "/proc/$(cat "$BATS_TEST_TMPDIR/pid")/cgroup")" = "0::/system.slice/$SCOPE" ]
	podshim delete --force "$CID"
	wait_until 60 no_unit "$SCOPE"
}

@test "run leaves no unit; a slice of its own is made and stopped" {
	shell 'exit 7'
	run -7 podshim --systemd-cgroup run -b "$BUNDLE" "$CID"
	wait_until 60 no_unit "$SCOPE"
	config --arg p "ignored.slice:x:$TAG-a.slice" '.linux.cgroupsPath = $p'
	payload sleep 600
	detached podshim --systemd-cgroup create -b "$BUNDLE" "$CID"
	[ "$(cat "/proc/$(init_pid)/cgroup")" = "0::/$TAG.slice/$TAG-a.slice" ]
	podshim delete --force "$CID"
	[ "$(shown "$TAG-a.slice" ActiveState)" = inactive ]
	systemctl stop "$TAG.slice"
}

@test "what systemd refuses leaves nothing, and a name that is taken is told" {
	payload sleep 600
	config '.annotations["org.systemd.property.NoSuchThing"] = "true"'
	attempt podshim --systemd-cgroup create -b "$BUNDLE" "$CID"
	[ "$status" -eq 1 ]
	has "start unit '$SCOPE': '/run/systemd/private' says: Cannot set property NoSuchThing"
	no_unit "$SCOPE"
	[ ! -e "$ROOT/$CID" ]
	config 'del(.annotations)'
	systemd-run --quiet --scope --unit "$SCOPE" sleep 600 </dev/null >/dev/null 2>&1 3>&- &
	local taker=$!
	wait_until 60 test -e "/sys/fs/cgroup/system.slice/$SCOPE"
	attempt podshim --systemd-cgroup create -b "$BUNDLE" "$CID"
	[ "$status" -eq 1 ]
	has "container's cgroup is not empty"
	[ "$(shown "$SCOPE" ActiveState)" = active ]
	kill "$taker"
	wait_until 60 no_unit "$SCOPE"
}

@test "podman --cgroup-manager systemd: limits, exec and a status" {
	requires podman conmon
	load lib/podman
	podman_setup_file
	local id rc=0
	pms() {
		CONTAINERS_CONF=$PM/containers.conf podman --root "$PM/root" --runroot "$PM/run" --tmpdir "$PM/tmp" \
			--cgroup-manager systemd --events-backend file --runtime "$PODSHIM" "$@" </dev/null 3>&-
	}
	id=$(pms run --detach --network none --memory 64m --pids-limit 40 busybox:test sleep 600)
	[ "$(shown "libpod-$id.scope" MemoryMax)" = 67108864 ]
	[ "$(shown "libpod-$id.scope" TasksMax)" = 40 ]
	[[ $(pms inspect --format '{{.State.Pid}}' "$id" | xargs -I{} cat /proc/{}/cgroup) == */machine.slice/libpod-$id.scope* ]]
	pms exec "$id" true
	pms rm --force --time 0 "$id"
	wait_until 60 no_unit "libpod-$id.scope"
	pms run --rm --network none busybox:test sh -c 'exit 7' || rc=$?
	[ "$rc" -eq 7 ]
	podman_teardown_file
}
