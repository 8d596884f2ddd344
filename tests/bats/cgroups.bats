#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# linux.resources and cgroupsPath, and the verbs that work through cgroups: pause, resume, ps, kill --all.

load lib/common
load lib/bundle
load lib/requires
load lib/wait

setup() {
	common_setup
	requires root
	new_bundle
}
teardown() {
	common_teardown
	# Others may lend the controller to version 1, which takes one that nobody uses.
	if [[ ${HUGE_FROM:-} ]]; then
		find /sys/fs/cgroup -depth -type d -path "*/$TAG*" -exec rmdir {} + 2>/dev/null || true
		echo -hugetlb >"$HUGE_FROM/cgroup.subtree_control" || true
	fi
}

# The value of a file of the container's cgroup, under its v1 and its v2 name.
limit() { # limit CONTROLLER V1_FILE V2_FILE
	local dir
	dir=$(cgroup_dir "$1" "$(init_pid)")
	if is_v1 "$1"; then
		cat "$dir/$2"
	else
		cat "$dir/$3"
	fi
}

@test "the container is in a cgroup of its own in every hierarchy" {
	start_sleeper
	local line
	while IFS= read -r line; do
		[[ $line == *"$CID" || $line == *hugetlb* ]] || { echo "not its own: $line" >&2; false; }
	done <"/proc/$(init_pid)/cgroup"
}

@test "cgroupsPath: absolute is relative to the mount, deep ones are made and removed" {
	config --arg p "/bats-$TAG/a/b" '.linux.cgroupsPath = $p'
	start_sleeper
	[[ $(cgroup_dir pids "$(init_pid)") == */bats-$TAG/a/b ]]
	podshim delete --force "$CID"
	[ -z "$(find /sys/fs/cgroup -type d -path "*/bats-$TAG/a/b")" ]
	find /sys/fs/cgroup -depth -type d -path "*/bats-$TAG*" -exec rmdir {} +
}

@test "cgroupsPath: dots that climb are refused or stay inside" {
	requires podshim
	config --arg p "/x/../../$TAG" '.linux.cgroupsPath = $p'
	payload true
	attempt podshim create -b "$BUNDLE" "$CID"
	[ "$status" -ne 0 ]
	has cgroupsPath
	assert_nothing_left
}

@test "memory: limit, reservation, swappiness" {
	config '.linux.resources.memory = {"limit": 67108864, "reservation": 33554432}'
	start_sleeper
	[ "$(limit memory memory.limit_in_bytes memory.max)" = 67108864 ]
	[ "$(limit memory memory.soft_limit_in_bytes memory.low)" = 33554432 ]
}

@test "memory: -1 is unlimited" {
	config '.linux.resources.memory = {"limit": -1}'
	start_sleeper
	[[ $(limit memory memory.limit_in_bytes memory.max) =~ ^(max|9223372036854771712)$ ]]
}

@test "memory: over the limit the payload is killed" {
	config '.linux.resources.memory = {"limit": 16777216}'
	# An array that grows in one shell; tail would need a file.
	shell 'x=0123456789abcdef; while :; do x=$x$x; done'
	run podshim run -b "$BUNDLE" "$CID"
	[ "$status" -ne 0 ]
	[[ $status == 137 || $output == *emory* ]]
	assert_nothing_left
}

@test "memory: a limit too small for anything fails the create in words" {
	requires podshim
	config '.linux.resources.memory = {"limit": 4096}'
	payload true
	run timeout 20 "$PODSHIM" --root "$ROOT" run -b "$BUNDLE" "$CID"
	printf '%s %s\n' "$status" "$output" >&2
	[[ $status -ne 0 && $status -ne 124 ]]
	[[ $status == 137 || $output == *emory* ]]
	assert_nothing_left
}

@test "cpu: shares, quota, period, cpuset" {
	config '.linux.resources.cpu = {"shares": 512, "quota": 50000, "period": 100000, "cpus": "0", "mems": "0"}'
	start_sleeper
	if is_v1 cpu; then
		[ "$(limit cpu cpu.shares -)" = 512 ]
		[ "$(limit cpu cpu.cfs_quota_us -)" = 50000 ]
		[ "$(limit cpu cpu.cfs_period_us -)" = 100000 ]
	else
		[ "$(limit cpu - cpu.max)" = "50000 100000" ]
	fi
	[ "$(limit cpuset cpuset.cpus cpuset.cpus)" = 0 ]
	run -0 podshim exec "$CID" nproc
	is 1
}

@test "pids: the limit holds" {
	config '.linux.resources.pids = {"limit": 5}'
	start_sleeper
	[ "$(limit pids pids.max pids.max)" = 5 ]
	run podshim exec "$CID" sh -c 'for i in 1 2 3 4 5 6 7 8; do sleep 0.1 & done; wait'
	[ "$status" -ne 0 ]
	has "can't fork"
}

@test "pids: -1 is unlimited" {
	config '.linux.resources.pids = {"limit": -1}'
	start_sleeper
	[ "$(limit pids pids.max pids.max)" = max ]
}

@test "devices: what is not allowed cannot be opened, though the node exists" {
	[ -c /dev/loop-control ] || skip "no /dev/loop-control"
	config '.linux.devices = [{"path": "/dev/ctl", "type": "c", "major": 10, "minor": 237, "fileMode": 438}]'
	run_shell '(exec 3</dev/ctl) || echo refused; echo x >/dev/null && head -c 1 /dev/urandom | wc -c'
	has "Operation not permitted"
	has refused
	[ "${lines[-1]}" = 1 ]
	config '.linux.resources.devices += [{"allow": true, "type": "c", "major": 10, "minor": 237, "access": "r"}]'
	run_shell '(exec 3</dev/ctl) && echo read; (exec 3>/dev/ctl) || echo no write'
	has read
	has "no write"
}

@test "devices: the rules hold for exec, too" {
	config '.linux.devices = [{"path": "/dev/none", "type": "b", "major": 259, "minor": 1048575, "fileMode": 438}]'
	start_sleeper
	run podshim exec "$CID" sh -c 'exec 3</dev/none'
	[ "$status" -ne 0 ]
	has "Operation not permitted"
	run -0 podshim exec "$CID" sh -c 'echo x >/dev/null && echo fine'
	is fine
}

# A disk of the machine, "MAJOR MINOR": one that throttles.
a_disk() {
	lsblk --nodeps --noheadings --raw --output MAJ:MIN,TYPE | awk '$2 == "disk" && $1 !~ /^253:/ { sub(":", " ", $1); print $1; exit }'
}

@test "blockIO: throttles per device" {
	local major minor dir file
	read -r major minor <<<"$(a_disk)"
	[[ -n $minor ]] || skip "no disk"
	config --argjson a "$major" --argjson i "$minor" '.linux.resources.blockIO = {
		throttleReadBpsDevice: [{major: $a, minor: $i, rate: 10485760}], throttleWriteBpsDevice: [{major: $a, minor: $i, rate: 0}],
		throttleReadIOPSDevice: [{major: $a, minor: $i, rate: 1000}], throttleWriteIOPSDevice: [{major: $a, minor: $i, rate: 2000}]}'
	start_sleeper
	if is_v1 blkio; then
		dir=$(cgroup_dir blkio "$(init_pid)")
		[ "$(cat "$dir"/blkio.throttle.{read_bps,write_bps,read_iops,write_iops}_device | paste -sd,)" = "$major:$minor 10485760,$major:$minor 1000,$major:$minor 2000" ]
	else
		[ "$(limit io - io.max)" = "$major:$minor rbps=10485760 wbps=max riops=1000 wiops=2000" ]
	fi
	config '.linux.resources.blockIO = {throttleReadBpsDevice: [{major: 4095, minor: 1048575, rate: 1}]}'
	CID=$CID-none
	attempt podshim create -b "$BUNDLE" "$CID"
	[ "$status" -ne 0 ]
	has "there is no such device"
	has /linux/resources/blockIO/throttleReadBpsDevice/0
	[ -z "$(find /sys/fs/cgroup -type d -name "$CID")" ]
}

@test "blockIO: the weight" {
	requires podshim
	config '.linux.resources.blockIO = {weight: 500}'
	payload sleep 600
	attempt podshim create -b "$BUNDLE" "$CID" </dev/null >"$OUT" 2>&1 3>&-
	if [ "$status" -ne 0 ]; then
		cat "$OUT"
		# Nothing that knows weights.
		grep -q "modprobe bfq" "$OUT"
		assert_nothing_left
	elif is_v1 blkio; then
		cat "$(cgroup_dir blkio "$(init_pid)")"/blkio.{bfq.,}weight 2>/dev/null | grep -x 500
	else
		cat "$(cgroup_dir io "$(init_pid)")"/io.{bfq.,}weight 2>/dev/null | grep -xE "default (500|4950)"
	fi
}

@test "hugepageLimits: used and reserved" {
	[ -d /sys/kernel/mm/hugepages/hugepages-2048kB ] || skip "no huge pages of 2 MB"
	local top
	top=$(v2_mount)
	is_v1 hugetlb || grep -qw hugetlb "$top/cgroup.controllers" || skip "no hierarchy here has the controller of huge pages"
	is_v1 hugetlb || grep -qw hugetlb "$top/cgroup.subtree_control" || HUGE_FROM=$top
	config --arg p "/$TAG/c" '.linux.cgroupsPath = $p | .linux.resources.hugepageLimits = [{"pageSize": "2MB", "limit": 4194304}]'
	start_sleeper
	[ "$(limit hugetlb hugetlb.2MB.limit_in_bytes hugetlb.2MB.max)" = 4194304 ]
	[ "$(limit hugetlb hugetlb.2MB.rsvd.limit_in_bytes hugetlb.2MB.rsvd.max)" = 4194304 ]
	config --arg p "/$TAG/d" '.linux.cgroupsPath = $p | .linux.resources.hugepageLimits = [{"pageSize": "3MB", "limit": 0}]'
	CID=$CID-none
	attempt podshim create -b "$BUNDLE" "$CID"
	[ "$status" -ne 0 ]
	has "this machine has no huge pages of this size"
	has /linux/resources/hugepageLimits/0
}

@test "network: class and priority where version 1 has them, else refused by name" {
	requires podshim
	config '.linux.resources.network = {"classID": 1048577, "priorities": [{"name": "lo", "priority": 3}]}'
	if is_v1 net_cls; then
		start_sleeper
		[ "$(limit net_cls net_cls.classid -)" = 1048577 ]
		grep -qx "lo 3" "$(cgroup_dir net_prio "$(init_pid)")/net_prio.ifpriomap"
	else
		payload true
		attempt podshim create -b "$BUNDLE" "$CID"
		[ "$status" -ne 0 ]
		has "no cgroup hierarchy has the controller 'net_cls'"
		has /linux/resources/network/classID
		assert_nothing_left
	fi
}

@test "rdma: a device that is not there, or no controller, is refused by name" {
	requires podshim
	config '.linux.resources.rdma = {"nosuch0": {"hcaHandles": 1}}'
	payload true
	attempt podshim create -b "$BUNDLE" "$CID"
	[ "$status" -ne 0 ]
	has /linux/resources/rdma/nosuch0
	[[ $output == *"no such device"* || $output == *"controller 'rdma'"* ]]
	assert_nothing_left
}

@test "unified: unknown keys and traversal are refused" {
	requires podshim
	local key
	for key in ../../x a/b nosuchcontroller.max; do
		config --arg k "$key" '.linux.resources.unified = {($k): "1"}'
		payload true
		attempt podshim create -b "$BUNDLE" "$CID"
		[ "$status" -ne 0 ]
		assert_nothing_left
	done
}

@test "a value that the kernel refuses fails the create and names the file" {
	requires podshim
	config '.linux.resources.cpu = {"cpus": "4096"}'
	payload true
	attempt podshim create -b "$BUNDLE" "$CID"
	[ "$status" -ne 0 ]
	has cpus
	assert_nothing_left
}

@test "pause and resume" {
	shell 'i=0; while :; do i=$((i + 1)); echo $i; sleep 0.02; done'
	detached podshim create -b "$BUNDLE" "$CID"
	detached podshim start "$CID"
	wait_file "$OUT" 3
	podshim pause "$CID"
	status_is paused
	run podshim pause "$CID"
	! is_podshim || [ "$status" -ne 0 ]
	local before
	before=$(stat -c %s "$OUT")
	# Frozen means that nothing is written, however long one looks.
	sleep 0.3
	[ "$(stat -c %s "$OUT")" = "$before" ]
	podshim resume "$CID"
	status_is running
	wait_until 10 is_larger "$OUT" "$before"
	run podshim resume "$CID"
	[ "$status" -ne 0 ]
	has "container not paused"
}

@test "pause: neither created nor stopped containers" {
	start_sleeper
	podshim kill "$CID" KILL
	wait_status stopped
	run podshim pause "$CID"
	[ "$status" -ne 0 ]
	run podshim resume "$CID"
	[ "$status" -ne 0 ]
}

@test "kill and delete --force work on a paused container" {
	start_sleeper
	podshim pause "$CID"
	podshim kill "$CID" KILL
	podshim resume "$CID" 2>/dev/null || true
	wait_status stopped
	podshim delete "$CID"
	assert_nothing_left

	new_bundle
	start_sleeper
	podshim pause "$CID"
	run -0 podshim delete --force "$CID"
	assert_nothing_left
}

@test "ps: the host's pids" {
	start_sleeper
	detached podshim exec --detach --pid-file "$BATS_TEST_TMPDIR/pid" "$CID" sleep 601
	run -0 podshim ps --format json "$CID"
	[ "$(jq -c sort <<<"$output")" = "[$(printf '%s\n' "$(init_pid)" "$(cat "$BATS_TEST_TMPDIR/pid")" | sort -n | paste -sd,)]" ]
	run -0 podshim ps "$CID"
	has "$(init_pid)"
	has sleep
}

@test "kill --all: everything in a container that shares the host's pid namespace" {
	config '.linux.namespaces |= map(select(.type != "pid"))'
	shell 'sleep 600 & sleep 601 & echo ready; wait'
	detached podshim create -b "$BUNDLE" "$CID"
	detached podshim start "$CID"
	wait_file "$OUT" ready
	local pids
	pids=$(podshim ps --format json "$CID" | jq '.[]')
	[ "$(wc -w <<<"$pids")" = 3 ]
	podshim kill --all "$CID" KILL
	local p
	for p in $pids; do
		wait_until 10 gone "$p"
	done
	run -0 podshim kill --all "$CID" KILL
	run -0 podshim delete "$CID"
	assert_nothing_left
}

@test "kill KILL: what outlived init in a shared pid namespace ends too" {
	config '.linux.namespaces |= map(select(.type != "pid"))'
	start_sleeper
	detached podshim exec --detach --pid-file "$BATS_TEST_TMPDIR/pid" "$CID" sleep 601
	kill -KILL "$(init_pid)"
	wait_status stopped
	attempt podshim kill "$CID" TERM
	[ "$status" -ne 0 ]
	has "container not running"
	podshim kill "$CID" KILL
	wait_until 10 gone "$(cat "$BATS_TEST_TMPDIR/pid")"
	attempt podshim kill "$CID" KILL
	[ "$status" -ne 0 ]
	has "container not running"
	podshim delete "$CID"
	assert_nothing_left
}

@test "a frozen cgroup is refused" {
	local dir file=freezer.state frozen=FROZEN thawed=THAWED
	dir=/sys/fs/cgroup/freezer
	is_v1 freezer || { dir=$(v2_mount) file=cgroup.freeze frozen=1 thawed=0; }
	mkdir "$dir/$TAG"
	echo $frozen >"$dir/$TAG/$file"
	config --arg p "/$TAG/c" '.linux.cgroupsPath = $p'
	payload true
	attempt timeout -s KILL 30 "$PODSHIM" --root "$ROOT" run -b "$BUNDLE" "$CID"
	echo $thawed >"$dir/$TAG/$file"
	[ "$status" = 1 ]
	has "container's cgroup unexpectedly frozen"
	# A frozen cgroup that was there stays there, and is refused again.
	mkdir "$dir/$TAG/own"
	echo $frozen >"$dir/$TAG/own/$file"
	config --arg p "/$TAG/own" '.linux.cgroupsPath = $p'
	for _ in 1 2; do
		run -1 timeout -s KILL 30 "$PODSHIM" --root "$ROOT" create -b "$BUNDLE" "$CID"
		has "container's cgroup unexpectedly frozen"
		[ -d "$dir/$TAG/own" ]
	done
	echo $thawed >"$dir/$TAG/own/$file"
	find /sys/fs/cgroup -depth -type d -path "*/$TAG*" -exec rmdir {} +
	assert_nothing_left
}

@test "delete --force: shared pid namespace, nothing of it survives" {
	config '.linux.namespaces |= map(select(.type != "pid"))'
	shell 'trap "" TERM; (trap "" TERM; sleep 600) & echo ready; wait'
	detached podshim create -b "$BUNDLE" "$CID"
	detached podshim start "$CID"
	wait_file "$OUT" ready
	podshim delete --force "$CID"
	assert_nothing_left
}

@test "--cgroup-manager disabled: no cgroup is made" {
	requires podshim
	payload sleep 600
	detached podshim --cgroup-manager disabled create -b "$BUNDLE" "$CID"
	[ -z "$(find /sys/fs/cgroup -type d -name "*$TAG*")" ]
	[ "$(cat "/proc/$(init_pid)/cgroup")" = "$(cat /proc/self/cgroup)" ]
	detached podshim start "$CID"
	podshim delete --force "$CID"
	assert_nothing_left
}


# ---- Version 2 alone: its rules about who may be in a cgroup, and what the container sees of its own ----

# The directory of a cgroup that the test makes itself, and all below it.
drop() { # drop NAME
	find "/sys/fs/cgroup/$1" -depth -type d -exec rmdir {} +
}

@test "v2: unified lands in the files, after what the other limits wrote" {
	requires cgroup_v2_only
	config '.linux.resources = {"memory": {"limit": 67108864, "swap": 134217728}, "pids": {"limit": 50},
		"unified": {"memory.high": "33554432", "pids.max": "60", "hugetlb.2MB.max": "0"}}'
	start_sleeper
	[ "$(limit memory - memory.max)" = 67108864 ]
	[ "$(limit memory - memory.swap.max)" = 67108864 ]
	[ "$(limit memory - memory.high)" = 33554432 ]
	[ "$(limit pids - pids.max)" = 60 ]
	[ "$(limit hugetlb - hugetlb.2MB.max)" = 0 ]
}

@test "v2: the view of the cgroup mount is the container's own, read-only or not" {
	requires cgroup_v2_only
	config '.mounts |= map(if .type == "cgroup" then .options = ["nosuid", "noexec", "nodev", "ro"] else . end)'
	run_shell 'cat /proc/self/cgroup; cat /sys/fs/cgroup/cgroup.procs; mkdir /sys/fs/cgroup/x 2>&1 || true'
	[ "${lines[0]}" = 0::/ ]
	[ "${lines[1]}" = 1 ]
	has "Read-only file system"
	config '.mounts |= map(if .type == "cgroup" then .options -= ["ro"] else . end)'
	run_shell 'mkdir /sys/fs/cgroup/x && rmdir /sys/fs/cgroup/x && [ ! -e /sys/fs/cgroup/../cgroup.controllers ] && echo fine'
	is fine
	assert_nothing_left
}

@test "v2: exec, ps, pause and kill where the payload has divided its cgroup" {
	requires cgroup_v2_only
	config '.mounts |= map(if .type == "cgroup" then .options -= ["ro"] else . end)'
	shell 'cd /sys/fs/cgroup && mkdir -p a/b && echo 0 >a/b/cgroup.procs && echo +memory +pids >cgroup.subtree_control &&
		echo +pids >a/cgroup.subtree_control && echo ready; while :; do sleep 600; done'
	detached podshim create -b "$BUNDLE" "$CID"
	detached podshim start "$CID"
	wait_file "$OUT" ready
	run -0 podshim exec "$CID" cat /proc/self/cgroup
	is 0::/a/b
	detached podshim exec --detach --pid-file "$BATS_TEST_TMPDIR/pid" "$CID" sleep 601
	run -0 podshim ps --format json "$CID"
	[ "$(jq length <<<"$output")" = 3 ]
	podshim pause "$CID"
	status_is paused
	podshim resume "$CID"
	podshim kill --all "$CID" KILL
	wait_status stopped
	run -0 podshim delete "$CID"
	assert_nothing_left
}

@test "v2: exec into a divided cgroup without a place for it says why" {
	requires podshim cgroup_v2_only
	config --arg p "/$TAG/c" '.linux.cgroupsPath = $p | .linux.namespaces |= map(select(.type != "cgroup"))'
	start_sleeper
	local dir=/sys/fs/cgroup/$TAG
	mkdir "$dir/out"
	init_pid >"$dir/out/cgroup.procs"
	echo +pids >"$dir/cgroup.subtree_control"
	echo +pids >"$dir/c/cgroup.subtree_control"
	attempt podshim exec "$CID" true
	[ "$status" -ne 0 ]
	has "join cgroup '$dir/c': its payload has enabled controllers in it (pids), and process $(init_pid) is in none below"
	podshim delete --force "$CID"
	wait_until 10 grep -q "populated 0" "$dir/cgroup.events"
	drop "$TAG"
	assert_nothing_left
}

@test "v2: below a cgroup that holds processes there are no limits, and it stays what it is" {
	requires podshim cgroup_v2_only
	local dir=/sys/fs/cgroup/$TAG sleeper
	mkdir "$dir"
	sleep 600 3>&- &
	sleeper=$!
	echo $sleeper >"$dir/cgroup.procs"
	config --arg p "/$TAG/c" '.linux.cgroupsPath = $p | .linux.resources = {"pids": {"limit": 9}}'
	payload true
	attempt podshim run -b "$BUNDLE" "$CID"
	[ "$status" -ne 0 ]
	has "cgroup controller 'pids' cannot be enabled in '$dir' because processes are in it"
	[ ! -e "$dir/c" ]
	[ "$(cat "$dir/cgroup.type" "$dir/cgroup.subtree_control")" = domain ]
	config '.linux.resources = {}'
	# shellcheck disable=SC2119
	run_bundle
	[ ! -e "$dir/c" ]
	[ "$(cat "$dir/cgroup.type" "$dir/cgroup.subtree_control")" = domain ]
	kill $sleeper
	wait_until 10 grep -q "populated 0" "$dir/cgroup.events"
	drop "$TAG"
	assert_nothing_left
}

@test "v2: threaded cgroups, and those that nobody can be in, are refused in words" {
	requires podshim cgroup_v2_only
	local dir=/sys/fs/cgroup/$TAG
	mkdir -p "$dir/t" "$dir/stays"
	echo threaded >"$dir/t/cgroup.type"
	echo threaded >"$dir/stays/cgroup.type"
	payload true
	config '.linux.resources = {}'
	config --arg p "/$TAG/t" '.linux.cgroupsPath = $p'
	attempt podshim run -b "$BUNDLE" "$CID"
	[ "$status" -ne 0 ]
	has "container's cgroup '$dir/t' is of type 'threaded'"
	config --arg p "/$TAG/n" '.linux.cgroupsPath = $p'
	attempt podshim run -b "$BUNDLE" "$CID"
	[ "$status" -ne 0 ]
	has "container's cgroup '$dir/n' is of type 'domain invalid'"
	# An empty one that could not be used is gone with the container.
	rmdir "$dir/stays"
	mkdir -p "$dir/d/e"
	echo +pids >"$dir/cgroup.subtree_control"
	echo +pids >"$dir/d/cgroup.subtree_control"
	config --arg p "/$TAG/d" '.linux.cgroupsPath = $p'
	attempt podshim run -b "$BUNDLE" "$CID"
	[ "$status" -ne 0 ]
	has "container's cgroup '$dir/d' has controllers enabled for cgroups below (pids)"
	drop "$TAG"
	assert_nothing_left
}

@test "cgroupsPath: a relative one is below the runtime's own cgroup, in version 2 beside it" {
	requires podshim cgroup_v2_only
	local dir=/sys/fs/cgroup/$TAG
	mkdir -p "$dir/own"
	config --arg p "rel/c" '.linux.cgroupsPath = $p | .linux.resources = {"pids": {"limit": 9}} |
		.linux.namespaces |= map(select(.type != "cgroup"))'
	payload cat /proc/self/cgroup
	run -0 bash -c 'echo $$ >"$1/own/cgroup.procs"; exec "$PODSHIM" --root "$ROOT" run -b "$BUNDLE" "$CID"' - "$dir"
	is "0::/$TAG/rel/c"
	[ "$(cat "$dir/own/cgroup.type")" = domain ]
	drop "$TAG"
	assert_nothing_left
}
