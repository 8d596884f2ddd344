#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# check: what would enforce each entry, what this host lacks, and the same judgement as run's.

load lib/callers
load lib/common
load lib/bundle
load lib/requires

setup() {
	common_setup
	requires root podshim setpriv jq
	open_place /var/tmp/podshim-check.XXXXXX work
	unset "${!PODSHIM_@}"
}
teardown() {
	ROOT=$HERE/root
	common_teardown
	ROOT=$HERE/root-user
	common_teardown
	close_place
}

as() {
	local ids=() root=$HERE/root
	[[ $1 == root ]] || ids=("${USER_IDS[@]}") root=$HERE/root-user
	shift
	"${ids[@]}" "$HERE/podshim" --root "$root" "$@"
}
both() {
	"$1" root
	can_userns
	"$1" user
}
# json WHO STATUS ARG...: the report in ./report.
json() {
	local who=$1 expected=$2
	shift 2
	status=0
	as "$who" check --format json "$@" >report 2>err 3>&- || status=$?
	output=$(cat report err)
	((status == expected)) || { printf 'exit status %d, not %d: %s\n%s\n' "$status" "$expected" "$*" "$output" >&2; return 1; }
	jq -e . report >/dev/null
}
# entry FILTER: some entry of the report is so.
entry() {
	jq -e "any(.entries[]; $1)" report >/dev/null || { echo "no entry: $1" >&2; jq -c '.entries[]' report >&2; return 1; }
}
finding() {
	jq -e "any(.findings[]; $1)" report >/dev/null || { echo "no finding: $1" >&2; jq -c '.findings[]' report >&2; return 1; }
}
# Nothing was made but the folder that the resolver's file may be in.
made_nothing() {
	[[ -z $(find "$HERE"/root* -mindepth 1 ! -name '.*' 2>/dev/null) ]] && ! grep -lFs "$HERE/root" /dev/shm/podshim-*
}

host_alone() { # WHO
	local lost
	status=0
	as "$1" check --format json >report 3>&- || status=$?
	lost=$(jq '[.host[] | select(.lost)] | length' report)
	((status == (lost ? 3 : 0)))
	jq -e '.target == null and (.entries | length) == 0 and .ok == ('"$lost"' == 0)' report
	jq -e 'all(.host[]; .lost == (.code != null) and .lost == (.hint != null))' report
	[[ $(jq -r '.host[] | select(.name == "landlock").value' report) == "ABI "* || $(jq -r '.host[] | select(.name == "landlock").code' report) == no-landlock ]]
	jq -e 'any(.host[]; .name == "user namespaces") and any(.host[]; .name == "cgroup memory") and any(.host[]; .name == "newuidmap")' report
	run as "$1" check
	has "landlock"
	has "verdict: "
	made_nothing
}
@test "without words: the host, for whoever asks" {
	both host_alone
}

entries() { # WHO
	mkdir -p granted
	json "$1" 0 --allow-read=granted --deny-read=/etc/shadow --allow-write=granted --allow-net=example.com:443,10.0.0.1:80 --allow-run=ls \
		--allow-env=LANG --warn-run=ls --allow-sys=hostname,uid --output-limit 1M -- sh
	jq -e '.ok and .target == "sh"' report
	entry '.kind == "read" and .action == "allow" and (.value | endswith("/granted")) and .from == "--allow-read" and .sound and (.by | index("mounts"))'
	entry '.kind == "read" and .action == "deny" and .value == "/etc/shadow" and (.by | index("mask"))'
	entry '.kind == "write" and .action == "allow" and (.by | index("read-only"))'
	entry '.kind == "net" and .value == "example.com:443" and .tier == 2 and (.by | index("broker-swap")) and (.by | index("resolver"))'
	entry '.kind == "net" and .value == "10.0.0.1:80" and (.by | index("broker-swap")) and (.by | index("resolver") | not)'
	entry '.kind == "net" and .default and (.by | index("empty-netns"))'
	entry '.kind == "run" and .value == "ls" and (.by | index("noexec"))'
	entry '.kind == "run" and .action == "warn" and .by == ["audit"] and (.sound | not)'
	entry '.kind == "ffi" and (.by | index("mdwe"))'
	entry '.kind == "env" and .value == "LANG" and .by == ["environment"]'
	entry '.kind == "sys" and .value == "hostname" and .by == ["uts"]'
	entry '.kind == "sys" and .value == "uid" and .by == [] and (.sound | not)'
	entry '.kind == "limits" and .action == "output" and .by == ["counter"] and .from == "--output-limit"'
	if jq -e '.host[] | select(.name == "landlock" and (.lost | not))' report; then
		entry '.kind == "read" and .action == "allow" and (.by | index("landlock")) and .tier == 1'
	fi
	run -0 as "$1" check --allow-read=granted -- sh
	has "Landlock [T1]"
	has "verdict: 'run' would enforce all of it"
	# -A: nothing is limited.
	json "$1" 0 -A -- sh
	entry '.kind == "read" and .action == "allow" and .value == null and (.limits | not) and .by == []'
	# JIT takes away what it must.
	json "$1" 0 --jit -- sh
	jq -e 'all(.entries[]; (.by | index("mdwe")) == null)' report
	made_nothing
}
@test "each entry with what enforces it, its tier, and whether that is sound" {
	both entries
}

same_judgement() { # WHO
	local flags
	mkdir -p granted
	for flags in "--allow-read=granted" "--deny-write=nowhere" "--deny-sys=uid" "--allow-net=vsock:3:80" "--timeout-is-no-flag" \
		"--memory=64M" "--output-limit=1K" "--allow-run=no-such-program-at-all" "--allow-ffi=/nowhere.so" \
		"-A --deny-read=granted/later" "--best-effort --deny-sys=uid"; do
		local ran=0
		# shellcheck disable=SC2086  # words
		as "$1" run $flags -- true >ran.out 2>&1 3>&- || ran=$?
		status=0
		# shellcheck disable=SC2086
		as "$1" check --format json $flags -- true >report 2>err 3>&- || status=$?
		if ((ran == 0 ? status != 0 : status != 3 && status != 1)); then
			echo "run $flags: $ran ($(cat ran.out)); check: $status" >&2
			jq -c '.findings[]' report >&2
			return 1
		fi
		((status != 3)) || finding '.fails and .code != null and .hint != null and .text != ""'
	done
	made_nothing
}
@test "what run refuses check refuses, and nothing else" {
	both same_judgement
}

@test "findings name the entry, a code and a next step; best effort makes them warnings" {
	json root 3 --deny-sys=uid,gid -- true
	finding '.fails and .code == "told-by-system-calls" and .at == "--deny-sys" and .subject == "sys" and (.hint | startswith("leave the entry out"))'
	[[ $(jq '[.findings[] | select(.code == "told-by-system-calls")] | length' report) == 2 ]]
	json root 0 --best-effort --deny-sys=uid,gid -- true
	finding '(.fails | not) and .code == "told-by-system-calls"'
	run -0 as root check --best-effort --deny-sys=uid -- true
	has "warning: --deny-sys: sys: "
	has "verdict: 'run' would warn of what it cannot enforce"
	run -3 as root check --deny-sys=uid -- true
	has "fails:   --deny-sys: sys: 'uid' is what system calls tell every process [told-by-system-calls]"
	has "next: leave the entry out"
	has "verdict: 'run' would fail"
	json root 3 -d --output-limit 1K -- true
	finding '.code == "unwatched-limit" and .at == "--output-limit"'
	echo '{"podshimPolicy":1,"permissions":{"sys":{"deny":["uid"]}}}' >p.json
	json root 3 --policy p.json
	finding '.at == "p.json: /permissions/sys/deny/0" or (.at | startswith("p.json"))'
	run -1 as root check --allow-net=a:b:c
	run -1 as root check -b x y
	has "takes one bundle"
	run -3 as root check -- no-such-program-at-all
	has "was not found in PATH"
}

@test "an ordinary user's limits take a cgroup, and it says so" {
	can_userns
	[[ ! -w /sys/fs/cgroup/cgroup.procs ]] || skip "delegated"
	json user 3 --memory 64M -- true
	finding '.code == "no-cgroup" and .at == "--memory" and .fails and (.hint | contains("delegated"))'
	[[ $(jq '.findings | length' report) == 1 ]]
	entry '.kind == "limits" and .action == "memory" and .by == [] and (.sound | not)'
	json root 0 --memory 64M -- true
	entry '.kind == "limits" and .action == "memory" and (.by[0] | startswith("cgroup-v")) and .sound'
}

@test "a bundle: what its configuration needs, field by field" {
	new_bundle true
	json root 0 "$BUNDLE"
	jq -e '(.needs | length) > 5 and all(.needs[]; .there) and any(.needs[]; .what == "a pid namespace")' report
	config '.mounts += [{"destination": "/a", "type": "bind", "source": "/nowhere/at/all", "options": ["bind"]},
		{"destination": "/b", "type": "nosuchfs", "source": "x"}]
		| .linux.namespaces += [{"type": "network", "path": "/nowhere/net"}]
		| .linux.namespaces |= (reverse | unique_by(.type))
		| .linux.sysctl = {"net.core.no_such_thing": "1"}
		| .hooks = {"createRuntime": [{"path": "/nowhere/hook"}]}'
	config '.linux.namespaces |= map(if .type == "network" then {"type": "network", "path": "/nowhere/net"} else . end)'
	json root 3 "$BUNDLE"
	finding '.fails and .code == "no-source" and (.at | test("config.json: /mounts/[0-9]+")) and (.text | contains("/nowhere/at/all"))'
	finding '.fails and .code == "no-filesystem" and (.text | contains("nosuchfs"))'
	finding '.fails and .code == "no-namespace" and (.at | startswith("config.json: /linux/namespaces/"))'
	finding '.fails and .code == "no-hook" and (.at | startswith("config.json: /hooks/createRuntime"))'
	finding '.fails and .code == "no-sysctl"'
	run -3 as root check "$BUNDLE"
	has "the source /nowhere/at/all is not there [no-source]"
	new_bundle true
	config '.linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["kill"], "action": "SCMP_ACT_NOTIFY"}]}'
	json root 3 "$BUNDLE"
	finding '.code == "not-enforceable" and .at == "config.json: /linux/seccomp/syscalls/0/action"'
	# What is refused does not hide what else would be.
	config 'del(.linux.seccomp) | .process.apparmorProfile = "strict" | .process.selinuxLabel = "x" | .linux.mountLabel = "y" | .linux.resources = {"network": {"classID": 7}, "blockIO": {"weight": 100}}
		| .linux.intelRdt = {"closID": "x"} | .mounts += [{"destination": "/a", "type": "bind", "source": "/nowhere", "options": ["bind"]}]'
	json root 3 "$BUNDLE"
	is_v1 net_cls || finding '.fails and .code == "no-controller" and .at == "config.json: /linux/resources/network/classID"'
	finding '.code == "no-source"'
	[[ -e /sys/fs/resctrl/schemata ]] || finding '.fails and .code == "no-resctrl" and .at == "config.json: /linux/intelRdt"'
	[[ -e /sys/module/apparmor ]] || finding '.fails and .code == "no-lsm" and .at == "config.json: /process/apparmorProfile"'
	if [[ ! -e /sys/fs/selinux/enforce ]]; then
		finding '.fails and .code == "no-lsm" and .at == "config.json: /process/selinuxLabel"'
		finding '.fails and .code == "no-lsm" and .at == "config.json: /linux/mountLabel"'
	fi
	# What is said of permissions is judged in the bundle's own files.
	new_bundle true
	json root 3 --allow-read=/nowhere -b "$BUNDLE"
	finding '.code == "missing" and .at == "--allow-read" and (.hint | contains("?"))'
	json root 0 --allow-read='/nowhere?' -b "$BUNDLE"
	made_nothing
}

@test "a user's bundle: each of its limits is named, and what else cannot be" {
	can_userns
	[[ ! -w /sys/fs/cgroup/cgroup.procs ]] || skip "delegated"
	new_bundle true
	config '.linux.resources = {"memory": {"limit": 1000000}, "pids": {"limit": 5}} | .linux.namespaces += [{"type": "user"}]
		| .linux.uidMappings = [{"containerID": 0, "hostID": 65534, "size": 1}] | .linux.gidMappings = .linux.uidMappings'
	cp -r "$BUNDLE" bundle
	chmod -R a+rX bundle
	json user 3 bundle
	finding '.code == "no-cgroup" and .at == "config.json: /linux/resources/memory/limit"'
	finding '.code == "no-cgroup" and .at == "config.json: /linux/resources/pids/limit"'
	[[ $(jq '.findings | length' report) == 2 ]]
	made_nothing
}

@test "a host without user namespaces, as a user without them sees it" {
	# In a user namespace of its own the number that may be made is a root's to write.
	requires unshare
	run unshare -Ur sh -c 'echo 0 >/proc/sys/user/max_user_namespaces && setpriv --bounding-set=-sys_admin --inh-caps=-sys_admin "$1" --root "$2" check --format json -- true' \
		- "$HERE/podshim" "$HERE/root"
	((status == 3)) || { echo "$output"; return 1; }
	jq -e 'any(.host[]; .name == "user namespaces" and .lost and .code == "no-user-namespace" and (.hint | startswith("sysctl user.max_user_namespaces")))' <<<"$output"
	jq -e 'any(.findings[]; .fails and .code == "no-user-namespace")' <<<"$output"
}

of_container() { # WHO
	local id=$CID-$1
	as "$1" run -d --name "$id" --allow-read=/etc --deny-read=/etc/hostname --memory 64M -- sleep 600 </dev/null >/dev/null 2>err 3>&- || { cat err >&2; return 1; }
	# What is recorded counts, whatever this call's environment would permit.
	PODSHIM_DENY_NET='*:1' json "$1" 0 --of "$id"
	jq -e --arg id "$id" '.target == $id and .judged and .ok' report
	entry '.kind == "read" and .action == "allow" and .value == "/etc" and .from == "--allow-read" and any(.by[]; . == "landlock")'
	entry '.kind == "read" and .action == "deny" and .value == "/etc/hostname"'
	entry '.kind == "limits" and .action == "memory"'
	run -0 as "$1" check --of "$id"
	has "verdict: all of it is enforced"
	run -1 as "$1" check --of "$id" --deny-net
	has "takes no bundle, program or permissions: what counts is recorded"
	as "$1" delete --force "$id"
	run -1 as "$1" check --of "$id"
	has "container does not exist: '$id'"
}
@test "check --of: what enforces the permissions of a container that is there" {
	of_container root
}
