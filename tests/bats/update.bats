#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# update: other limits for a container that exists, all of them or none.

load lib/common
load lib/bundle
load lib/requires
load lib/wait

setup() {
	common_setup
	requires root podshim
	new_bundle
	config '.linux.resources.memory = {"limit": 67108864, "swap": 67108864} | .linux.resources.pids = {"limit": 50} |
		.linux.resources.cpu = {"shares": 512, "quota": 50000, "period": 100000}'
}
teardown() {
	common_teardown
}

limit() { # limit CONTROLLER V1_FILE V2_FILE
	local dir
	dir=$(cgroup_dir "$1" "$(init_pid)")
	if is_v1 "$1"; then cat "$dir/$2"; else cat "$dir/$3"; fi
}

# update with a document: standard input is not attempt's to give.
update_by() { # update_by JSON
	printf '%s\n' "$1" >"$BATS_TEST_TMPDIR/by.json"
	podshim update -r "$BATS_TEST_TMPDIR/by.json" "$CID"
}

recorded() { # recorded FILTER: of the configuration that the record keeps
	jq -c ".linux.resources | $1" "$ROOT/$CID/config.json"
}

# Everything that these tests change, in one line.
in_force() {
	printf '%s %s %s %s\n' "$(limit memory memory.limit_in_bytes memory.max)" "$(limit pids pids.max pids.max)" \
		"$(limit cpu cpu.cfs_quota_us cpu.max)" "$(limit cpu cpu.shares cpu.weight)"
}

@test "flags: memory up and down, with swap in whatever order the kernel takes it" {
	start_sleeper
	podshim update --memory 128M --memory-swap 128M --memory-reservation 16M "$CID"
	[ "$(limit memory memory.limit_in_bytes memory.max)" = 134217728 ]
	[ "$(limit memory memory.soft_limit_in_bytes memory.low)" = 16777216 ]
	! is_v1 memory || [ "$(limit memory memory.memsw.limit_in_bytes -)" = 134217728 ]
	podshim update --memory 33554432 --memory-swap=33554432 "$CID"
	[ "$(limit memory memory.limit_in_bytes memory.max)" = 33554432 ]
	[ "$(recorded .memory)" = '{"limit":33554432,"swap":33554432,"reservation":16777216}' ]
	attempt podshim update --memory 64M "$CID"
	[ "$status" = 1 ]
	has "memory and swap together, 33554432, are below the memory limit 67108864"
	podshim update --memory -1 --memory-swap -1 "$CID"
	[[ $(limit memory memory.limit_in_bytes memory.max) =~ ^(max|9223372036854771712)$ ]]
}

@test "memory without a limit has none of memory and swap together either, unless one is given" {
	start_sleeper
	podshim update --memory -1 "$CID"
	[[ $(limit memory memory.limit_in_bytes memory.max) =~ ^(max|9223372036854771712)$ ]]
	! is_v1 memory || [ "$(limit memory memory.memsw.limit_in_bytes -)" = 9223372036854771712 ]
	[ "$(recorded .memory)" = '{"limit":-1,"swap":-1}' ]
	podshim update --memory 32M --memory-swap 64M "$CID"
	update_by '{"memory": {"limit": -1, "swap": 0}}'
	[ "$(recorded .memory)" = '{"limit":-1,"swap":-1}' ]
	podshim update --memory 32M --memory-swap 64M "$CID"
	attempt podshim update --memory -1 --memory-swap 64M "$CID"
	[ "$status" = 1 ]
	[ "$(recorded .memory)" = '{"limit":33554432,"swap":67108864}' ]
}

@test "flags: cpu, cpuset and pids; the quota and its period stay together" {
	start_sleeper
	podshim update --cpu-period 50000 --cpuset-cpus 0 --cpuset-mems 0 --pids-limit 20 "$CID"
	if is_v1 cpu; then
		[ "$(limit cpu cpu.cfs_quota_us -) $(limit cpu cpu.cfs_period_us -)" = "50000 50000" ]
	else
		[ "$(limit cpu - cpu.max)" = "50000 50000" ]
	fi
	[ "$(limit cpuset cpuset.cpus cpuset.cpus)" = 0 ]
	[ "$(limit pids pids.max pids.max)" = 20 ]
	podshim update --cpu-quota -1 --cpu-share 1024 --pids-limit -1 "$CID"
	is_v1 cpu || [ "$(limit cpu - cpu.max) $(limit cpu - cpu.weight)" = "max 50000 100" ]
	! is_v1 cpu || [ "$(limit cpu cpu.cfs_quota_us -) $(limit cpu cpu.shares -)" = "-1 1024" ]
	[ "$(limit pids pids.max pids.max)" = max ]
	podshim update --cpu-quota 30000 --cpu-burst 10000 "$CID"
	[ "$(limit cpu cpu.cfs_burst_us cpu.max.burst)" = 10000 ]
	podshim update --cpu-idle 1 "$CID"
	[ "$(limit cpu cpu.idle cpu.idle)" = 1 ]
	podshim update --cpu-share 2048 "$CID"
	podshim update --cpu-idle 0 "$CID"
	! is_v1 cpu || [ "$(limit cpu cpu.shares -)" = 2048 ]
}

@test "--resources: a file, standard input; 0 and null change nothing" {
	start_sleeper
	echo '{"pids": {"limit": 30}}' >"$BATS_TEST_TMPDIR/r.json"
	podshim update -r "$BATS_TEST_TMPDIR/r.json" "$CID"
	[ "$(limit pids pids.max pids.max)" = 30 ]
	local before
	before=$(in_force)
	podshim update --resources=- "$CID" <<<'{"memory":{"limit":0,"swap":0,"reservation":null},"cpu":{"shares":0,"quota":0,"period":0,"cpus":"","mems":""}}'
	[ "$(in_force)" = "$before" ]
	[ "$(recorded .cpu)" = '{"shares":512,"quota":50000,"period":100000}' ]
	podshim update --resources - "$CID" <<<'{"pids":{"limit":31},"memory":{"limit":33554432,"swap":67108864}}'
	[ "$(limit pids pids.max pids.max)" = 31 ]
	[ "$(limit memory memory.limit_in_bytes memory.max)" = 33554432 ]
	[ "$(limit memory memory.memsw.limit_in_bytes memory.swap.max 2>/dev/null || echo 33554432)" = "$(is_v1 memory && echo 67108864 || echo 33554432)" ]
}

@test "created and paused containers take it, stopped ones do not" {
	payload sleep 600
	detached podshim create -b "$BUNDLE" "$CID"
	podshim update --pids-limit 10 "$CID"
	[ "$(limit pids pids.max pids.max)" = 10 ]
	detached podshim start "$CID"
	podshim pause "$CID"
	podshim update --pids-limit 11 --memory 32M --memory-swap 32M "$CID"
	status_is paused
	[ "$(limit pids pids.max pids.max)" = 11 ]
	podshim resume "$CID"
	podshim kill "$CID" KILL
	wait_status stopped
	attempt podshim update --pids-limit 12 "$CID"
	[ "$status" = 1 ]
	has "container not running: '$CID'"
	attempt podshim update --pids-limit 12 nosuch
	has "container does not exist"
}

@test "all or nothing: what was written before a refusal is put back" {
	start_sleeper
	local before
	before=$(in_force)
	attempt podshim update --memory 32M --memory-swap 32M --cpu-share 100 --cpu-quota 20000 --pids-limit 10 --cpuset-cpus 4096 "$CID"
	[ "$status" = 1 ]
	has cpuset.cpus
	has "command line: /cpu/cpus"
	[ "$(in_force)" = "$before" ]
	[ "$(recorded .pids.limit)" = 50 ]
	attempt update_by '{"pids":{"limit":10},"blockIO":{"throttleReadBpsDevice":[{"major":4095,"minor":1048575,"rate":1}]}}'
	[ "$status" = 1 ]
	has "by.json: /blockIO/throttleReadBpsDevice/0"
	[ "$(in_force)" = "$before" ]
}

@test "bad requests are refused in words" {
	start_sleeper
	local before
	before=$(in_force)
	refuse() { # refuse TEXT FLAG...
		local text=$1
		shift
		attempt podshim update "$@" "$CID"
		[ "$status" = 1 ]
		has "$text"
		[ "$(in_force)" = "$before" ]
	}
	refuse "invalid value for memory: '1X' is no size such as 512M, nor -1" --memory 1X
	refuse "invalid value for pids-limit: 'many' is no number" --pids-limit many
	refuse "command line: /blockIO/weight: must be from 10 to 1000, not 5" --blkio-weight 5
	refuse "command line: /cpu/burst: the burst 20000 is above the quota 10000" --cpu-quota 10000 --cpu-burst 20000
	refuse "groups of resctrl are not changed by update" --l3-cache-schema "L3:0=f"
	refuse "groups of resctrl are not changed by update" --mem-bw-schema "MB:0=70"
	refuse "not both" --resources /dev/null --memory 1G
	refuse "no/such" -r no/such
	echo '{"pids":{"limit":"1"}}' >"$BATS_TEST_TMPDIR/r.json"
	refuse "r.json: /pids/limit" -r "$BATS_TEST_TMPDIR/r.json"
	echo '{"unified":{"cgroup.freeze":"1"}}' >"$BATS_TEST_TMPDIR/r.json"
	refuse "'cgroup.freeze' is about processes, not resources" -r "$BATS_TEST_TMPDIR/r.json"
	run -0 podshim --log /dev/stderr --log-level warning update --kernel-memory 1M --kernel-memory-tcp 1M "$CID"
	has "--kernel-memory and --kernel-memory-tcp are ignored"
	run -0 podshim update --help
	lacks kernel-memory
}

@test "checkBeforeUpdate: a limit below what is in use" {
	start_sleeper
	attempt update_by '{"memory":{"limit":4096,"checkBeforeUpdate":true}}'
	[ "$status" = 1 ]
	has "rejecting memory limit 4096: the container uses "
	[ "$(limit memory memory.limit_in_bytes memory.max)" = 67108864 ]
}

@test "device rules are replaced, and what stays permitted is so all the time" {
	[ -c /dev/loop-control ] || skip "no /dev/loop-control"
	config '.linux.devices = [{"path": "/dev/ctl", "type": "c", "major": 10, "minor": 237, "fileMode": 438}]'
	# Counts failures of what nobody takes away, and says at once when the other one opens.
	shell 'while :; do (exec 3</dev/null) 2>/dev/null || echo lost; if (exec 3</dev/ctl) 2>/dev/null; then echo open; else echo shut; fi; sleep 0.01; done'
	detached podshim create -b "$BUNDLE" "$CID"
	detached podshim start "$CID"
	wait_file "$OUT" shut
	local allow='{"devices":[{"allow":false},{"allow":true,"type":"c","major":10,"minor":237,"access":"rw"}]}'
	podshim update -r - "$CID" <<<"$allow"
	wait_file "$OUT" open
	# Refused for another reason: the old rules hold on.
	attempt update_by '{"devices":[{"allow":false}],"cpu":{"cpus":"4096"}}'
	[ "$status" = 1 ]
	run -0 podshim exec "$CID" sh -c 'exec 3</dev/ctl'
	podshim update --pids-limit 40 "$CID"
	run -0 podshim exec "$CID" sh -c 'exec 3</dev/ctl'
	podshim update -r - "$CID" <<<'{"devices":[{"allow":false}]}'
	attempt podshim exec "$CID" sh -c 'exec 3</dev/ctl'
	[ "$status" -ne 0 ]
	has "Operation not permitted"
	run -0 podshim exec "$CID" sh -c 'echo x >/dev/null && head -c 1 /dev/urandom | wc -c'
	! grep -q lost "$OUT"
}

@test "the permissions of a container hold on" {
	payload sleep 600
	detached podshim --memory 64M --pids 20 create -b "$BUNDLE" "$CID"
	detached podshim start "$CID"
	attempt podshim update --memory 128M --memory-swap 128M "$CID"
	[ "$status" = 1 ]
	has "memory limit 134217728 is more than the permissions of the container allow: 67108864"
	attempt podshim update --pids-limit 21 "$CID"
	has "limit of processes 21 is more than the permissions of the container allow: 20"
	podshim update --pids-limit 10 "$CID"
	[ "$(limit pids pids.max pids.max)" = 10 ]
}

@test "block I/O: throttles of other devices stay" {
	local disk
	disk=$(lsblk --nodeps --noheadings --raw --output MAJ:MIN,TYPE | awk '$2 == "disk" && $1 !~ /^253:/ { print $1; exit }')
	[[ -n $disk ]] || skip "no disk"
	local major=${disk%:*} minor=${disk#*:}
	config --argjson a "$major" --argjson i "$minor" '.linux.resources.blockIO.throttleReadBpsDevice = [{major: $a, minor: $i, rate: 10485760}]'
	start_sleeper
	podshim update -r - "$CID" <<<"{\"blockIO\":{\"throttleReadBpsDevice\":[{\"major\":$major,\"minor\":$minor,\"rate\":20971520}]}}"
	[[ $(limit blkio blkio.throttle.read_bps_device io.max) == "$disk "*20971520* ]]
	[ "$(recorded '.blockIO.throttleReadBpsDevice | length')" = 1 ]
	attempt update_by "{\"blockIO\":{\"throttleReadBpsDevice\":[{\"major\":$major,\"minor\":$minor,\"rate\":1048576}],\"throttleWriteBpsDevice\":[{\"major\":4095,\"minor\":1048575,\"rate\":1}]}}"
	[ "$status" = 1 ]
	[[ $(limit blkio blkio.throttle.read_bps_device io.max) == "$disk "*20971520* ]]
}

@test "v2: unified, huge pages and controllers that nobody had enabled" {
	requires cgroup_v2_only
	start_sleeper
	podshim update -r - "$CID" <<<'{"unified":{"memory.high":"33554432"},"hugepageLimits":[{"pageSize":"2MB","limit":2097152}]}'
	[ "$(limit memory - memory.high)" = 33554432 ]
	[ "$(limit hugetlb - hugetlb.2MB.max)" = 2097152 ]
	[ "$(recorded .unified)" = '{"memory.high":"33554432"}' ]
	attempt update_by '{"unified":{"memory.high":"16777216","memory.nosuch":"1"}}'
	[ "$status" = 1 ]
	[ "$(limit memory - memory.high)" = 33554432 ]
}
