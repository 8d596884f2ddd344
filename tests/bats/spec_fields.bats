#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Each field of config.json that a process can see the effect of.  Mounts, hooks and terminals have files of their own.

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
}

no_namespace() { # no_namespace TYPE...
	local t
	for t; do
		config --arg t "$t" '.linux.namespaces |= map(select(.type != $t))'
	done
}
# What create says to a configuration that must not work.
refused() { # refused FILTER TEXT
	"$REPO/example/hello/make-config" true >"$BUNDLE/config.json"
	config "$1"
	attempt podshim create -b "$BUNDLE" "$CID"
	echo "$1" >&2
	[ "$status" -ne 0 ]
	has "$2"
	assert_nothing_left
}

@test "ociVersion: 1.x is accepted" {
	payload true
	local v
	for v in 1.0.0 1.0.2-dev 1.2.1 1.3.0 1.3.0+dev; do
		config --arg v "$v" '.ociVersion = $v'
		run_bundle
	done
}

@test "ociVersion: what is no version, or no 1.x" {
	requires podshim
	refused '.ociVersion = "2.0.0"' ociVersion
	refused '.ociVersion = "banana"' ociVersion
	refused 'del(.ociVersion)' ociVersion
	refused '.ociVersion = 1' ociVersion
}

@test "unknown members are ignored" {
	payload echo fine
	config '.futureField = {"a": [1, 2]} | .linux.futureField = true | .process.futureField = "x"'
	run_bundle
	is fine
}

@test "root.path: relative and absolute; must be a folder" {
	payload echo fine
	config --arg r "$ROOTFS" '.root.path = $r'
	run_bundle
	is fine
	refused '.root.path = "config.json"' director
	refused '.root.path = "nowhere"' nowhere
}

@test "root.readonly" {
	shell 'touch /x 2>/dev/null && echo writable || echo read-only'
	run_bundle
	is read-only
	config '.root.readonly = false'
	run_bundle
	is writable
	[ -e "$ROOTFS/x" ]
}

@test "hostname and domainname" {
	config '.hostname = "host-of-test" | .domainname = "domain-of-test"'
	run_shell 'hostname; cat /proc/sys/kernel/domainname'
	[ "${lines[0]}" = host-of-test ]
	[ "${lines[1]}" = domain-of-test ] || ! is_podshim
	[ "$(hostname)" != host-of-test ]
}

@test "hostname without its own UTS namespace is refused" {
	refused '.linux.namespaces |= map(select(.type != "uts"))' "UTS namespace"
}

@test "process.env: exactly that, plus HOME" {
	config '.process.env = ["PATH=/bin", "A=b c", "EMPTY=", "UTF=\u00e4"]'
	payload env
	run_bundle
	has $'A=b c\n'
	has $'EMPTY=\n'
	has "UTF=ä"
	has "HOME=/root"
	lacks BATS
	lacks PODSHIM
}

@test "process.env: HOME is that of the user, unless given" {
	config '.process.user.uid = 65534'
	run_shell 'echo "$HOME"'
	is /
	config '.process.env += ["HOME=/given"]'
	run_shell 'echo "$HOME"'
	is /given
}

@test "process.env: each name once, the last value counts; an empty HOME is none" {
	config '.process.env = ["A=first", "B=b", "PATH=/bin", "A=last", "HOME=/x", "HOME="]'
	payload env
	run_bundle
	[ "$(grep -c ^A= <<<"$output")" = 1 ]
	has A=last
	[ "$(grep ^HOME= <<<"$output")" = HOME=/root ]
	config '.process.env += [range(3000) | "V\(. % 1500)=\(.)"]'
	run_bundle
	[ "$(grep -c ^V <<<"$output")" = 1500 ]
	has $'V7=1507\n'
}

@test "process.cwd" {
	config '.process.cwd = "/etc"'
	run_shell pwd
	is /etc
	config '.process.cwd = "/made/at/create" | .root.readonly = false'
	run_shell pwd
	is /made/at/create
	refused '.process.cwd = "etc"' "wd"
}

@test "process.cwd: what the user of the process may not enter, the runtime may" {
	mkdir "$ROOTFS/closed"
	chmod 700 "$ROOTFS/closed"
	config '.process.cwd = "/closed" | .process.user.uid = 42 | .process.user.gid = 42'
	run_shell 'id -u; readlink /proc/self/cwd'
	is $'42\n/closed'
}

@test "process.args: found in the container's PATH, not the host's" {
	mkdir "$ROOTFS/opt"
	printf '#!/bin/sh\necho found "$0" "$@"\n' >"$ROOTFS/opt/prog"
	chmod 755 "$ROOTFS/opt/prog"
	payload prog 'a b' c
	config '.process.env = ["PATH=/nowhere:/opt"]'
	run_bundle
	is "found /opt/prog a b c"
}

@test "process.user: uid, gid, additional groups, umask" {
	config '.process.user = {"uid": 1000, "gid": 1001, "additionalGids": [5, 1002], "umask": 63}'
	run_shell 'id -u; id -g; id -G; umask; grep -E "^(Uid|Gid)" /proc/self/status'
	[ "${lines[0]}" = 1000 ]
	[ "${lines[1]}" = 1001 ]
	[ "$(tr ' ' '\n' <<<"${lines[2]}" | sort -n | xargs)" = "5 1001 1002" ]
	[ "${lines[3]}" = 0077 ]
	[ "${lines[4]}" = $'Uid:\t1000\t1000\t1000\t1000' ]
	[ "${lines[5]}" = $'Gid:\t1001\t1001\t1001\t1001' ]
}

@test "process.user: the caller's groups do not leak" {
	run_shell 'grep ^Groups /proc/self/status'
	[[ $output =~ ^Groups:[[:space:]]*$ || $output =~ ^Groups:[[:space:]]*0[[:space:]]*$ ]]
}

@test "process.user: ids are whole numbers in range" {
	requires podshim
	refused '.process.user.uid = -1' uid
	refused '.process.user.uid = 4294967296' uid
	refused '.process.user.uid = 1.5' uid
	refused '.process.user.uid = "0"' uid
	refused '.process.user.gid = 4294967295' gid
}

@test "process.rlimits" {
	config '.process.rlimits = [{"type": "RLIMIT_NOFILE", "soft": 123, "hard": 456}, {"type": "RLIMIT_CORE", "soft": 0, "hard": 0},
		{"type": "RLIMIT_STACK", "soft": 1048576, "hard": 2097152}]'
	run_shell 'cat /proc/self/limits'
	[[ $output =~ Max\ open\ files\ +123\ +456 ]]
	[[ $output =~ Max\ core\ file\ size\ +0\ +0 ]]
	[[ $output =~ Max\ stack\ size\ +1048576\ +2097152 ]]
}

@test "process.rlimits: unknown and duplicate types are refused" {
	refused '.process.rlimits = [{"type": "RLIMIT_NONSENSE", "soft": 1, "hard": 1}]' RLIMIT_NONSENSE
	is_podshim || return 0
	refused '.process.rlimits = [{"type": "RLIMIT_CORE", "soft": 1, "hard": 1}, {"type": "RLIMIT_CORE", "soft": 2, "hard": 2}]' RLIMIT_CORE
	refused '.process.rlimits = [{"type": "RLIMIT_CORE", "soft": 2, "hard": 1}]' "soft limit 2 is above"
}

capabilities() { # as the payload sees them: Inh Prm Eff Bnd Amb
	run_shell "sed -n 's/^Cap...:\t//p' /proc/self/status"
}

@test "process.capabilities: each of the five sets" {
	config '.process.capabilities = {"bounding": ["CAP_CHOWN", "CAP_KILL", "CAP_NET_RAW"], "permitted": ["CAP_CHOWN", "CAP_KILL"],
		"effective": ["CAP_CHOWN"], "inheritable": ["CAP_KILL"], "ambient": ["CAP_KILL"]} | .process.user.uid = 1000'
	capabilities
	# Through execve an unprivileged user keeps the ambient set.
	is "$(printf '%016x\n' $((1 << 5)) $((1 << 5)) $((1 << 5)) $((1 << 0 | 1 << 5 | 1 << 13)) $((1 << 5)))"
}

@test "process.capabilities: root gets the bounding set through execve" {
	config '.process.capabilities = {"bounding": ["CAP_CHOWN"], "permitted": ["CAP_CHOWN"], "effective": ["CAP_CHOWN"]}'
	capabilities
	is "$(printf '%016x\n' 0 1 1 1 0)"
}

@test "process.capabilities: without the member there are none, not the caller's" {
	config 'del(.process.capabilities)'
	capabilities
	is "$(printf '%016x\n' 0 0 0 0 0)"
}

@test "process.capabilities: an unknown name warns and does not fail" {
	config '.process.capabilities.bounding += ["CAP_FROM_THE_FUTURE"] | .process.args = ["true"]'
	run -0 podshim --log "$BATS_TEST_TMPDIR/log" --debug run -b "$BUNDLE" "$CID"
	grep -q CAP_FROM_THE_FUTURE "$BATS_TEST_TMPDIR/log"
}

@test "process.noNewPrivileges" {
	run_shell 'grep ^NoNewPrivs /proc/self/status'
	is $'NoNewPrivs:\t1'
	config '.process.noNewPrivileges = false'
	run_shell 'grep ^NoNewPrivs /proc/self/status'
	is $'NoNewPrivs:\t0'
}

@test "process.oomScoreAdj: set if given, else left alone" {
	local own
	own=$(cat /proc/self/oom_score_adj)
	run_shell 'cat /proc/self/oom_score_adj'
	is "$own"
	config --argjson v $((own + 100)) '.process.oomScoreAdj = $v'
	run_shell 'cat /proc/self/oom_score_adj'
	is $((own + 100))
}

# Nice value, real-time priority and policy (sched(7)) of the container's first process.
scheduled='cut -d" " -f19,40,41 /proc/1/stat'

@test "process.scheduler: the ordinary policies" {
	local row
	for row in "SCHED_OTHER -7 0" "SCHED_BATCH 5 3" "SCHED_IDLE 0 5"; do
		set -- $row
		config --arg p "$1" --argjson n "$2" '.process.scheduler = {"policy": $p, "nice": $n}'
		run_shell "$scheduled"
		is "$2 0 $3"
	done
	requires podshim
	config '.process.scheduler = {"policy": "SCHED_OTHER", "nice": -3, "flags": ["SCHED_FLAG_RESET_ON_FORK"]}'
	run_shell 'cut -d" " -f19 /proc/1/stat /proc/self/stat; :'
	is $'-3\n0'
	config '.process.scheduler = {"policy": "SCHED_ISO"}'
	run podshim run -b "$BUNDLE" "$CID"
	[ "$status" -ne 0 ]
	has "config.json: /process/scheduler: set the scheduler: this kernel does not take the policy"
	assert_nothing_left
}

@test "process.scheduler: real-time, within the budget of the cgroup" {
	requires podshim
	local cpu=/sys/fs/cgroup/cpu parent=rt-$CID
	config '.process.scheduler = {"policy": "SCHED_FIFO", "priority": 7}'
	if [[ -e $cpu/cpu.rt_runtime_us ]]; then
		shell true
		run podshim run -b "$BUNDLE" "$CID"
		[ "$status" -ne 0 ]
		has "config.json: /process/scheduler: set the scheduler: the process's cgroup has no real-time budget"
		has realtimeRuntime
		assert_nothing_left
		mkdir "$cpu/$parent"
		echo 20000 >"$cpu/$parent/cpu.rt_runtime_us" || { rmdir "$cpu/$parent"; skip "no real-time budget is left for a cgroup"; }
		config --arg c "/$parent/c" '.linux.cgroupsPath = $c | .linux.resources.cpu.realtimeRuntime = 10000'
	fi
	run_shell "$scheduled"
	is "0 7 1"
	# In a user namespace, too: it is the launcher's right.
	user_namespace
	config '.process.scheduler = {"policy": "SCHED_RR", "priority": 99} | .process.user.uid = 7'
	run_shell "$scheduled"
	is "0 99 2"
	[[ ! -e $cpu/$parent ]] || find /sys/fs/cgroup -depth -type d -name "$parent" -exec rmdir {} +
}

@test "process.scheduler: SCHED_DEADLINE" {
	requires podshim
	config '.process.scheduler = {"policy": "SCHED_DEADLINE", "runtime": 2000000, "deadline": 20000000, "period": 30000000}'
	run_shell 'read -r l </proc/1/stat; set -- $l; echo ${41}'
	is 6
	config '.process.scheduler.flags = ["SCHED_FLAG_RESET_ON_FORK", "SCHED_FLAG_RECLAIM"]'
	run_shell 'cut -d" " -f41 /proc/1/stat /proc/self/stat; :'
	is $'6\n0'
	# What needs clones is refused before anything is made.
	config '.hooks.startContainer = [{"path": "/bin/true"}]'
	run_shell 'cut -d" " -f41 /proc/1/stat'
	is 6
	refused '.process.scheduler = {"policy": "SCHED_DEADLINE", "runtime": 2000000, "deadline": 20000000}
		| .hooks.startContainer = [{"path": "/bin/true"}]' "config.json: /process/scheduler: SCHED_DEADLINE without SCHED_FLAG_RESET_ON_FORK leaves no way"
	refused '.process.scheduler = {"policy": "SCHED_FIFO", "priority": 1, "flags": ["SCHED_FLAG_RESET_ON_FORK"]}
		| .annotations["io.podshim.reaper"] = "1"' "config.json: /process/scheduler: with the annotation 'io.podshim.reaper'"
	(($(nproc) > 1)) || return 0
	refused '.process.scheduler = {"policy": "SCHED_DEADLINE", "runtime": 2000000, "deadline": 20000000} | .linux.resources.cpu.cpus = "0"' \
		"SCHED_DEADLINE takes all CPUs of its scheduling domain, and the process may use 1 of"
}

@test "process.scheduler: SCHED_DEADLINE beyond what is left is told" {
	requires podshim
	local n=0 max
	max=$(nproc)
	config '.process.scheduler = {"policy": "SCHED_DEADLINE", "runtime": 19800000, "deadline": 20000000, "period": 20000000}'
	payload true
	# Created ones only wait, but they have it.
	while ((n <= max)); do
		attempt podshim create -b "$BUNDLE" "$CID-$n"
		((status == 0)) || break
		n=$((n + 1))
	done
	((n <= max))
	has "config.json: /process/scheduler: set the scheduler: what SCHED_DEADLINE asks for is more than is left"
	while ((n-- > 0)); do
		run -0 podshim delete --force "$CID-$n"
	done
	assert_nothing_left
}

@test "process.ioPriority" {
	local row
	for row in "IDLE 0 idle" "RT 3 realtime:.prio.3" "BE 6 best-effort:.prio.6"; do
		set -- $row
		config --arg c "IOPRIO_CLASS_$1" --argjson n "$2" '.process.ioPriority = {"class": $c, "priority": $n}'
		run_shell 'ionice -p 1'
		[[ $output =~ ^$3 ]]
	done
}

@test "linux.memoryPolicy" {
	requires podshim
	[[ -e /proc/self/numa_maps ]] || skip "a kernel without NUMA"
	local policy='head -n 1 /proc/self/numa_maps'
	config '.linux.memoryPolicy = {"mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_STATIC_NODES"]}'
	run_shell "$policy"
	has " bind=static:0 "
	config '.linux.memoryPolicy = {"mode": "MPOL_INTERLEAVE", "nodes": "0"}'
	run_shell "$policy"
	has " interleave:0 "
	# exec has the container's, too.
	start_sleeper
	run -0 podshim exec "$CID" sh -c "$policy"
	has " interleave:0 "
	run -0 podshim delete --force "$CID"
	config '.linux.memoryPolicy = {"mode": "MPOL_LOCAL"}'
	run_shell "$policy"
	has " local "
	refused '.linux.memoryPolicy = {"mode": "MPOL_BIND", "nodes": "0-"}' "config.json: /linux/memoryPolicy/nodes: invalid memory policy nodes '0-': must be a list of nodes"
	payload true
	config '.linux.memoryPolicy = {"mode": "MPOL_BIND", "nodes": "1500,20000"}'
	run podshim run -b "$BUNDLE" "$CID"
	[ "$status" -ne 0 ]
	has "config.json: /linux/memoryPolicy: set the memory policy: the nodes are not all online"
	assert_nothing_left
}

# A failure that engines know by the file in back quotes, and not by words that mean the payload.
attribute_refused() { # attribute_refused FILTER PLACE TEXT
	refused "$1" "$3"
	has "$2"
	lacks "o such file"
	lacks "ermission denied"
	lacks "not permitted"
}

@test "process.apparmorProfile: refused by name where AppArmor is not enabled" {
	requires podshim
	# Without AppArmor everybody is.
	payload echo fine
	config '.process.apparmorProfile = "unconfined"'
	run_bundle
	is fine
	[[ ! -e /sys/module/apparmor ]] || skip "AppArmor is there"
	attribute_refused '.process.apparmorProfile = "strict"' "config.json: /process/apparmorProfile: apply AppArmor profile 'strict'" \
		'`/proc/self/attr/apparmor/exec`: AppArmor is not enabled'
	new_bundle
	start_sleeper
	run podshim exec --apparmor strict "$CID" true
	[ "$status" -eq 255 ]
	has '`/proc/self/attr/apparmor/exec`: AppArmor is not enabled'
	has "podshim: --apparmor: "
}

@test "process.apparmorProfile: in force from the execve on" {
	requires podshim
	[[ -e /sys/module/apparmor ]] || skip "no AppArmor in this kernel"
	mountpoint -q /sys/kernel/security || mount -t securityfs securityfs /sys/kernel/security
	attribute_refused '.process.apparmorProfile = "not-loaded"' "config.json: /process/apparmorProfile: apply AppArmor profile 'not-loaded'" \
		'`/proc/self/attr/apparmor/exec`: the profile is not loaded'
	command -v apparmor_parser || skip "apparmor_parser"
	new_bundle
	local name=podshim-$CID attr='cat /proc/self/attr/current; echo x >/dev/shm/x || echo denied'
	printf 'profile %s flags=(attach_disconnected,mediate_deleted) {\n file,\n deny /dev/shm/** w,\n}\n' "$name" |
		apparmor_parser --replace --skip-cache
	config --arg n "$name" '.process.apparmorProfile = $n'
	run_shell "$attr"
	has "$name (enforce)"
	has denied
	new_bundle
	config --arg n "$name" '.process.apparmorProfile = $n | .process.noNewPrivileges = false | del(.linux.seccomp)'
	run_shell "$attr"
	has "$name (enforce)"
	user_namespace
	run_shell "$attr"
	has "$name (enforce)"
	config 'del(.process.apparmorProfile)'
	start_sleeper
	run -0 podshim exec --apparmor "$name" "$CID" sh -c "$attr"
	has "$name (enforce)"
	run -0 podshim exec "$CID" cat /proc/self/attr/current
	lacks "$name"
	run podshim exec --apparmor not-loaded "$CID" true
	[ "$status" -eq 255 ]
	has "--apparmor: exec failed: apply AppArmor profile 'not-loaded' by \`/proc/self/attr/apparmor/exec\`: the profile is not loaded"
	run -0 podshim delete --force "$CID"
	echo -n "$name" >/sys/kernel/security/apparmor/.remove
}

@test "process.selinuxLabel and linux.mountLabel: refused by name where SELinux is not enabled" {
	requires podshim
	[[ ! -e /sys/fs/selinux/enforce ]] || skip "SELinux is there"
	attribute_refused '.process.selinuxLabel = "u:r:t:s0"' "config.json: /process/selinuxLabel: apply SELinux label 'u:r:t:s0'" \
		'`/proc/self/attr/exec`: SELinux is not enabled'
	refused '.linux.mountLabel = "u:r:t:s0"' "config.json: /linux/mountLabel: mount with SELinux label 'u:r:t:s0': SELinux is not enabled"
	new_bundle
	start_sleeper
	run podshim exec --process-label u:r:t:s0 "$CID" true
	[ "$status" -eq 255 ]
	has '`/proc/self/attr/exec`: SELinux is not enabled'
	has "podshim: --process-label: "
}

@test "linux.intelRdt: refused by name where resctrl is not mounted" {
	requires podshim
	[[ ! -e /sys/fs/resctrl/schemata ]] || skip "resctrl is there"
	refused '.linux.intelRdt = {"closID": "x"}' "config.json: /linux/intelRdt: Intel RDT: no resctrl file system is mounted at /sys/fs/resctrl"
	refused '.linux.intelRdt = {"enableMonitoring": true}' "config.json: /linux/intelRdt: Intel RDT: no resctrl"
}

@test "plan: labels and groups of resctrl with their places in the document" {
	requires podshim
	payload true
	config '.process.apparmorProfile = "a" | .process.selinuxLabel = "b" | .linux.mountLabel = "c:s0:c1,c2"
		| .linux.intelRdt = {"l3CacheSchema": "L3:0=f", "enableMonitoring": true}'
	run -0 podshim plan --json "$BUNDLE"
	jq -e '.apparmor == "a" and .from.apparmor == "config.json#/process/apparmorProfile" and .selinux == "b"
		and .from.selinux == "config.json#/process/selinuxLabel"
		and .rdt == [{"group": "plan", "flags": ["monitor"], "schemata": ["L3:0=f"], "from": "config.json#/linux/intelRdt"}]' <<<"$output"
	jq -e '[.mounts[] | select(.label == "c:s0:c1,c2") | .fstype] | contains(["tmpfs", "devpts", "mqueue"]) and (contains(["proc"]) | not)' <<<"$output"
}

@test "plan: scheduler, I/O priority and memory policy with their places in the document" {
	requires podshim
	payload true
	config '.process.scheduler = {"policy": "SCHED_OTHER", "nice": 3} | .process.ioPriority = {"class": "IOPRIO_CLASS_BE", "priority": 0}
		| .linux.memoryPolicy = {"mode": "MPOL_PREFERRED", "nodes": "0"}'
	run -0 podshim plan --json "$BUNDLE"
	jq -e '.scheduler == [{"policy": "other", "nice": 3, "from": "config.json#/process/scheduler"}]
		and .io_priority == [{"class": "be", "level": 0, "from": "config.json#/process/ioPriority"}]
		and .memory_policy == [{"mode": "preferred", "nodes": [0], "from": "config.json#/linux/memoryPolicy"}]' <<<"$output"
}

@test "linux.namespaces: new ones differ from the host's, absent ones are shared" {
	shell 'for n in pid net ipc uts mnt cgroup; do readlink /proc/self/ns/$n; done'
	run_bundle
	local i=0 n
	for n in pid net ipc uts mnt cgroup; do
		[ "${lines[i]}" != "$(readlink /proc/self/ns/$n)" ]
		i=$((i + 1))
	done
	no_namespace network ipc cgroup
	run_bundle
	[ "${lines[1]}" = "$(readlink /proc/self/ns/net)" ]
	[ "${lines[2]}" = "$(readlink /proc/self/ns/ipc)" ]
	[ "${lines[5]}" = "$(readlink /proc/self/ns/cgroup)" ]
}

@test "linux.namespaces: by path" {
	shell 'for n in net ipc uts; do readlink /proc/self/ns/$n; done'
	unshare --net --ipc --uts sleep 600 3>&- &
	local holder=$!
	wait_until 5 has_left net "$holder"
	config --arg p "/proc/$holder/ns" 'del(.hostname) | .linux.namespaces |= map(
		if .type == "network" then .path = $p + "/net" elif .type == "ipc" then .path = $p + "/ipc"
		elif .type == "uts" then .path = $p + "/uts" else . end)'
	run_bundle
	local expected
	expected=$(for n in net ipc uts; do readlink "/proc/$holder/ns/$n"; done)
	kill -KILL "$holder"
	is "$expected"
}

@test "linux.namespaces: pid by path" {
	unshare --pid --fork --mount-proc sleep 600 3>&- &
	local outer=$! inner
	wait_until 5 pgrep -P "$outer"
	inner=$(pgrep -P "$outer")
	config --arg p "/proc/$inner/ns/pid" '.linux.namespaces |= map(if .type == "pid" then .path = $p else . end)'
	run_shell 'readlink /proc/self/ns/pid; echo $$'
	[ "${lines[0]}" = "$(readlink "/proc/$inner/ns/pid")" ]
	[ "${lines[1]}" -gt 1 ]
	kill -KILL "$inner"
}

@test "linux.namespaces: a path of another kind, a duplicate, an unknown type" {
	refused '.linux.namespaces |= map(if .type == "network" then .path = "/proc/self/ns/uts" else . end)' ""
	refused '.linux.namespaces += [{"type": "network"}]' "network"
	refused '.linux.namespaces += [{"type": "galaxy"}]' "galaxy"
	refused '.linux.namespaces |= map(if .type == "network" then .path = "ns/net" else . end)' ""
}

@test "network: lo is up and alone" {
	run_shell 'ip link show lo; ls /sys/class/net'
	has "LOOPBACK,UP"
	[ "${lines[-1]}" = lo ]
}

user_namespace() {
	config '.linux.namespaces += [{"type": "user"}]
		| .linux.uidMappings = [{"containerID": 0, "hostID": 100000, "size": 65536}]
		| .linux.gidMappings = [{"containerID": 0, "hostID": 200000, "size": 65536}]'
	chown -R -h 100000:200000 "$ROOTFS"
	# The path to the root must be open to the mapped user.
	local d=$ROOTFS
	while [[ $d != / ]]; do
		chmod o+x "$d"
		d=$(dirname "$d")
	done
}

@test "linux.uidMappings and gidMappings" {
	user_namespace
	run_shell 'cat /proc/self/uid_map /proc/self/gid_map; id -u; stat -c %u:%g /bin/busybox'
	[ "$(xargs <<<"${lines[0]}")" = "0 100000 65536" ]
	[ "$(xargs <<<"${lines[1]}")" = "0 200000 65536" ]
	[ "${lines[2]}" = 0 ]
	[ "${lines[3]}" = 0:0 ]
}

@test "user namespace: devices, proc, sys and a user other than root work" {
	user_namespace
	config '.process.user = {"uid": 7, "gid": 8, "additionalGids": [9]}'
	run_shell 'echo x >/dev/null && head -c 4 /dev/zero | wc -c; id -u; id -g; cat /proc/self/setgroups; ls /sys/class/net'
	[ "${lines[0]}" = 4 ]
	[ "${lines[1]}" = 7 ]
	[ "${lines[2]}" = 8 ]
	[ "${lines[3]}" = allow ]
	[ "${lines[4]}" = lo ]
}

@test "user namespace: host root's files are nobody's" {
	user_namespace
	echo secret >"$ROOTFS/secret"
	chmod 600 "$ROOTFS/secret"
	chown 0:0 "$ROOTFS/secret"
	run_shell 'stat -c %u /secret; cat /secret 2>/dev/null || echo denied'
	[ "${lines[0]}" = 65534 ]
	[ "${lines[1]}" = denied ]
}

@test "linux.uidMappings without a user namespace are refused" {
	refused '.linux.uidMappings = [{"containerID": 0, "hostID": 1000, "size": 1}]' "user namespace"
}

@test "linux.timeOffsets" {
	requires podshim ns:time
	config '.linux.namespaces += [{"type": "time"}] | .linux.timeOffsets = {"monotonic": {"secs": 86400}, "boottime": {"secs": 864000, "nanosecs": 5}}'
	local up
	up=$(cut -d. -f1 /proc/uptime)
	run_shell 'cut -d. -f1 /proc/uptime; cat /proc/self/timens_offsets'
	((lines[0] >= up + 864000 && lines[0] < up + 864000 + 60))
	[[ $output =~ monotonic\ +86400\ +0 ]]
	[[ $output =~ boottime\ +864000\ +5 ]]
}

@test "linux.timeOffsets without a time namespace are refused" {
	requires podshim
	refused '.linux.timeOffsets = {"monotonic": {"secs": 1}}' "time namespace"
}

@test "cgroup namespace: the container sees its cgroup as the root" {
	run_shell 'cut -d: -f3 /proc/self/cgroup | sort -u'
	is /
	no_namespace cgroup
	run_shell 'cut -d: -f3 /proc/self/cgroup | sort -u'
	has "$CID"
}

@test "linux.sysctl" {
	config '.linux.sysctl = {"net.ipv4.ip_forward": "1", "kernel.msgmax": "1234", "net/ipv4/ip_default_ttl": "33"}'
	run_shell 'cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/msgmax /proc/sys/net/ipv4/ip_default_ttl'
	is $'1\n1234\n33'
}

@test "linux.sysctl: not namespaced, or without its namespace, or not a name" {
	refused '.linux.sysctl = {"kernel.panic": "1"}' kernel.panic
	refused '.linux.sysctl = {"vm.swappiness": "1"}' vm.swappiness
	refused '.linux.sysctl = {"net.ipv4.ip_forward": "1"} | .linux.namespaces |= map(select(.type != "network"))' net.ipv4.ip_forward
	refused '.linux.sysctl = {"kernel.msgmax": "1"} | .linux.namespaces |= map(select(.type != "ipc"))' kernel.msgmax
	refused '.linux.sysctl = {"net.../../kernel.panic": "1"}' net
	refused '.linux.sysctl = {"kernel.hostname": "x"}' kernel.hostname
}

@test "linux.maskedPaths, readonlyPaths: what is listed twice is mounted once" {
	mkdir "$ROOTFS/twice" "$ROOTFS/ro"
	config '.linux.maskedPaths += ["/twice", "/twice/"] | .linux.readonlyPaths += ["/ro", "/ro"]'
	run_shell 'grep -c " /twice " /proc/self/mountinfo; grep -c " /ro " /proc/self/mountinfo'
	is $'1\n1'
}

@test "linux.maskedPaths: files read empty, folders are empty" {
	mkdir "$ROOTFS/secrets"
	echo hidden >"$ROOTFS/secrets/key"
	echo hidden >"$ROOTFS/secret"
	config '.linux.maskedPaths += ["/secrets", "/secret", "/not/there"]'
	run_shell 'ls /secrets | wc -l; cat /secret | wc -c; touch /secrets/x 2>/dev/null || echo no; ls /sys/firmware | wc -l'
	is $'0\n0\nno\n0'
	[ "$(cat "$ROOTFS/secret")" = hidden ]
}

@test "linux.readonlyPaths" {
	mkdir "$ROOTFS/data"
	config '.linux.readonlyPaths += ["/data", "/not/there"] | .root.readonly = false'
	run_shell 'touch /data/x 2>/dev/null || echo no; touch /y && echo yes; echo 1 2>/dev/null >/proc/sys/kernel/panic || echo no'
	is $'no\nyes\nno'
	[ ! -e "$ROOTFS/data/x" ]
}

@test "linux.devices: the default ones and their links" {
	run_shell 'for d in null zero full random urandom tty; do stat -c "%n %F %t:%T %a" /dev/$d; done
		for l in fd stdin stdout stderr ptmx; do echo $l $(readlink /dev/$l); done; head -c 5 /dev/zero | wc -c; echo x >/dev/full || echo full'
	has "/dev/null character special file 1:3 666"
	has "/dev/zero character special file 1:5 666"
	has "/dev/full character special file 1:7 666"
	has "/dev/random character special file 1:8 666"
	has "/dev/urandom character special file 1:9 666"
	has "/dev/tty character special file 5:0 666"
	has "fd /proc/self/fd"
	has "stdin /proc/self/fd/0"
	has "stdout /proc/self/fd/1"
	has "stderr /proc/self/fd/2"
	has "ptmx pts/ptmx"
	[[ $output == *full* ]]
}

@test "linux.devices: more of them, with mode and owner" {
	config '.linux.devices = [{"path": "/dev/mine", "type": "c", "major": 1, "minor": 3, "fileMode": 420, "uid": 0, "gid": 34},
		{"path": "/dev/deep/pipe", "type": "p", "fileMode": 438}]
		| .linux.resources.devices += [{"allow": true, "type": "c", "major": 1, "minor": 3, "access": "rwm"}]'
	run_shell 'stat -c "%F %t:%T %a %u:%g" /dev/mine; stat -c %F /dev/deep/pipe; echo x >/dev/mine && echo works'
	is $'character special file 1:3 644 0:34\nfifo\nworks'
}

@test "linux.devices: an existing node that does not match is refused" {
	requires podshim
	# Without a /dev mount the node would be made in the root file system itself.
	mkdir "$ROOTFS/dev/sub"
	mknod "$ROOTFS/dev/sub/node" c 1 5
	refused '.mounts |= map(select(.destination | startswith("/dev") | not)) | .root.readonly = false
		| .linux.devices = [{"path": "/dev/sub/node", "type": "c", "major": 1, "minor": 3}]' "/dev/sub/node"
}

@test "linux.personality" {
	requires podshim
	config '.linux.personality = {"domain": "LINUX32"}'
	run_shell 'uname -m'
	[[ $output == i686 || $output == armv8l ]]
}

@test "linux.seccomp: an action per syscall, errno, arguments" {
	config '.linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
		"syscalls": [{"names": ["mkdir", "mkdirat", "no_such_call"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28},
			{"names": ["sethostname"], "action": "SCMP_ACT_ERRNO"},
			{"names": ["kill"], "action": "SCMP_ACT_ERRNO", "errnoRet": 22, "args": [{"index": 1, "value": 10, "op": "SCMP_CMP_EQ"}]}]}'
	run_shell 'mkdir /dev/shm/x; hostname x; kill -USR1 1 || echo blocked; kill -0 1 && echo passed; grep ^Seccomp: /proc/self/status'
	has "No space left on device"
	has "Operation not permitted"
	has blocked
	has passed
	has $'Seccomp:\t2'
}

@test "linux.seccomp: SCMP_ACT_KILL_PROCESS" {
	config '.linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_KILL_PROCESS"}]}'
	payload mkdir /dev/shm/x
	run_bundle -159
}

@test "linux.seccomp: the default action denies what is not listed, errnoRet given" {
	config '.linux.seccomp = {"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38, "syscalls": [{"action": "SCMP_ACT_ALLOW", "names": [
		"execve", "brk", "arch_prctl", "mmap", "mprotect", "munmap", "write", "read", "open", "openat", "close", "fstat", "newfstatat", "stat", "lstat",
		"exit", "exit_group", "set_tid_address", "set_robust_list", "rseq", "prlimit64", "getrandom", "readlink", "readlinkat", "ioctl", "fcntl",
		"getuid", "geteuid", "getgid", "getegid", "getpid", "getppid", "rt_sigaction", "rt_sigprocmask", "uname", "prctl", "capget", "capset", "futex",
		"setuid", "setgid", "setgroups", "close_range", "getcwd", "chdir", "sigaltstack", "getdents64", "getsockopt", "fstatfs", "statfs", "epoll_pwait", "nanosleep", "getppid", "clone", "tgkill", "epoll_ctl"]}]}'
	payload mkdir /dev/shm/x
	run podshim run -b "$BUNDLE" "$CID"
	[ "$status" -ne 0 ]
	has "Function not implemented"
}

@test "linux.seccomp: unknown actions, operators and architectures are refused" {
	refused '.linux.seccomp = {"defaultAction": "SCMP_ACT_MAYBE"}' SCMP_ACT_MAYBE
	refused '.linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_ABACUS"]}' SCMP_ARCH_ABACUS
	refused '.linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["kill"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_ISH"}]}]}' SCMP_CMP_ISH
}


@test "a payload sees only fds 0, 1 and 2" {
	shell 'ls /proc/self/fd | grep -vxE "0|1|2" | while read -r fd; do [ -e /proc/self/fd/$fd ] && echo leaked $fd; done; echo done'
	exec 7</etc/passwd 8</ 9</proc
	run_bundle
	exec 7<&- 8<&- 9<&-
	is "done"
}

@test "--preserve-fds hands over what was promised and no more" {
	echo three >"$BATS_TEST_TMPDIR/three"
	echo four >"$BATS_TEST_TMPDIR/four"
	shell 'cat <&3; cat <&4 2>/dev/null || echo closed'
	run -0 bash -c 'exec 3<"$5/three" 4<"$5/four"; "$0" --root "$1" run --preserve-fds 1 -b "$2" "$3"' \
		"$PODSHIM" "$ROOT" "$BUNDLE" "$CID" - "$BATS_TEST_TMPDIR"
	has three
	lacks four
}

@test "process.args may be absent: create works, start says why not" {
	requires podshim
	config 'del(.process)'
	detached podshim create -b "$BUNDLE" "$CID"
	run podshim start "$CID"
	[ "$status" -ne 0 ]
	has process
	run -0 podshim delete --force "$CID"
	assert_nothing_left
}

@test "a minimal configuration: nothing but version, root and process" {
	requires podshim
	jq -n '{ociVersion: "1.3.0", root: {path: "rootfs"}, process: {cwd: "/", user: {uid: 0, gid: 0}, args: ["/bin/echo", "minimal"]},
		linux: {namespaces: [{type: "mount"}, {type: "pid"}]}}' >"$BUNDLE/config.json"
	run_bundle
	is minimal
}

@test "annotations: what crun's ask for and is not applied is refused by name" {
	local name
	for name in delegate-cgroup handler seccomp.plugins seccomp_bpf_data systemd.force_cgroup_v1 systemd.subgroup; do
		refused ".annotations[\"run.oci.$name\"] = \"x\"" \
			"config.json: /annotations/run.oci.$name: the annotation 'run.oci.$name' is not supported: leave it out; "
	done
	for name in hooks.stdout hooks.stderr seccomp.receiver; do
		refused ".annotations[\"run.oci.$name\"] = \"x\"" "config.json: /annotations/run.oci.$name: 'x' is not an absolute path"
	done
	refused '.annotations["run.oci.mount_context_type"] = "x"' "config.json: /annotations/run.oci.mount_context_type: 'x' is none of "
	run -3 podshim check "$BUNDLE"
	has "/annotations/run.oci.mount_context_type"
}

@test "annotations: those of engines that ask for nothing here, and one that nobody knows" {
	config '.annotations = {"run.oci.systemd.subgroup": "", "run.oci.delegate-cgroup": "", "run.oci.mount_context_type": "rootcontext",
		"run.oci.keep_original_groups": "0"}'
	run_shell 'echo works'
	is "works"
	config '.annotations = {"run.oci.hooks.stdot": "/x"}'
	run_bundle --log-level warning
	has "unknown annotation 'run.oci.hooks.stdot' is ignored (did you mean 'run.oci.hooks.stdout'?)"
	has "works"
}

@test "run.oci.keep_original_groups: the caller's groups in place of additionalGids, also for exec and in a user namespace" {
	local maps='[{"containerID":0,"hostID":0,"size":1000}]'
	config '.process.user.additionalGids = [7]'
	shell 'grep ^Groups: /proc/self/status'
	run -0 setpriv --groups 4242,77 "$PODSHIM" --root "$ROOT" run -b "$BUNDLE" "$CID"
	[ "$(tr -s ' \t' ' ' <<<"$output")" = "Groups: 7 " ]
	config '.annotations["run.oci.keep_original_groups"] = "1"'
	run -0 setpriv --groups 4242,77 "$PODSHIM" --root "$ROOT" --log-level warning run -b "$BUNDLE" "$CID"
	has "additionalGids are not set"
	[ "$(tail -n 1 <<<"$output" | tr -s ' \t' ' ')" = "Groups: 77 4242 " ]
	config --argjson m "$maps" 'del(.process.user.additionalGids) | .linux.namespaces += [{type: "user"}] | .linux.uidMappings = $m | .linux.gidMappings = $m'
	run -0 setpriv --groups 4242,77 "$PODSHIM" --root "$ROOT" run -b "$BUNDLE" "$CID"
	[ "$(tr -s ' \t' ' ' <<<"$output")" = "Groups: 77 65534 " ]
	start_sleeper
	run -0 setpriv --groups 4242,77 "$PODSHIM" --root "$ROOT" exec "$CID" grep ^Groups: /proc/self/status
	[ "$(tr -s ' \t' ' ' <<<"$output")" = "Groups: 77 65534 " ]
}

@test "run.oci.seccomp_fail_unknown_syscall: a name that nobody knows is an error" {
	config '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["mkdir", "no_such_call"], action: "SCMP_ACT_ERRNO"}]}'
	run_shell 'echo works'
	is "works"
	config '.annotations["run.oci.seccomp_fail_unknown_syscall"] = "0"'
	run_bundle
	config '.annotations["run.oci.seccomp_fail_unknown_syscall"] = "1"'
	run_bundle -1
	has "config.json: /linux/seccomp"
	has "no system call 'no_such_call' is known"
	assert_nothing_left
}
