#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# exec: another process in a running container, with no more than that process may have.

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

run_exec() { # run_exec [-N] ARG...: FLAGS... -- COMMAND...; the id goes in between
	local expected=-0 flags=()
	if [[ $1 == -[0-9]* ]]; then
		expected=$1
		shift
	fi
	while [[ $1 != -- ]]; do
		flags+=("$1")
		shift
	done
	shift
	run podshim exec "${flags[@]}" "$CID" "$@"
	printf 'exit status %d: %s\n' "$status" "$output" >&2
	((status == ${expected#-}))
}

@test "exec: output, exit code, arguments" {
	start_sleeper
	run_exec -- echo 'a  b' c
	is "a  b c"
	run_exec -7 -- sh -c 'exit 7'
	run_exec -137 -- sh -c 'kill -9 $$'
}

@test "exec: stdin" {
	start_sleeper
	run -0 bash -c 'echo through | "$0" --root "$1" exec "$2" cat' "$PODSHIM" "$ROOT" "$CID"
	is through
}

@test "exec: shares every namespace of the container" {
	start_sleeper
	run_exec -- sh -c 'for n in pid net ipc uts mnt cgroup; do readlink /proc/self/ns/$n; done'
	local pid expected
	pid=$(init_pid)
	expected=$(for n in pid net ipc uts mnt cgroup; do readlink "/proc/$pid/ns/$n"; done)
	is "$expected"
}

@test "exec: joins the container's cgroups" {
	start_sleeper
	detached podshim exec --detach --pid-file "$BATS_TEST_TMPDIR/pid" "$CID" sleep 600
	local pid
	pid=$(cat "$BATS_TEST_TMPDIR/pid")
	[ "$(cat "/proc/$pid/cgroup")" = "$(cat "/proc/$(init_pid)/cgroup")" ]
}

@test "exec: starts from the container's own process" {
	config '.process.env += ["OWN=1"] | .process.cwd = "/etc" | .process.user = {"uid": 1000, "gid": 1001, "additionalGids": [7]}'
	start_sleeper
	run_exec -- sh -c 'echo $OWN; pwd; id -u; id -g; id -G; grep -E "^(CapEff|CapBnd|NoNewPrivs)" /proc/self/status'
	[ "${lines[0]}" = 1 ]
	[ "${lines[1]}" = /etc ]
	[ "${lines[2]}" = 1000 ]
	[ "${lines[3]}" = 1001 ]
	[[ " ${lines[4]} " == *" 7 "* ]]
	has $'CapEff:\t0000000000000000'
	has $'CapBnd:\t0000000020000420'
	has $'NoNewPrivs:\t1'
}

@test "exec: --env, --cwd, --user, --cap, --additional-gids" {
	start_sleeper
	run_exec --env A=1 --env B=2 --cwd /tmp --user 12:34 -- sh -c 'echo $A$B; pwd; id -u; id -g'
	is $'12\n/tmp\n12\n34'
	run_exec --cap CAP_SYS_TIME -- grep CapEff /proc/self/status
	(("0x${output##*[[:space:]]}" & 1 << 25))
	run_exec --additional-gids 55 -- id -G
	[[ " $output " == *" 55 "* ]]
}

@test "exec: --cap is ambient too where the container's inheritable set has it" {
	config '.process.capabilities = {bounding: ["CAP_KILL"], permitted: ["CAP_KILL"], effective: ["CAP_KILL"],
		inheritable: ["CAP_KILL", "CAP_SYSLOG"], ambient: ["CAP_KILL"]}'
	start_sleeper
	run_exec --cap CAP_SYSLOG --cap CAP_CHOWN -- grep CapAmb /proc/self/status
	is $'CapAmb:\t0000000400000020'
}

@test "exec: --user takes ids only, in range" {
	start_sleeper
	local u
	for u in root -1 1: :1 4294967296 1x '' 4294967295; do
		run podshim exec --user "$u" "$CID" id -u
		printf '%s: %s %s\n' "$u" "$status" "$output" >&2
		[ "$status" -ne 0 ]
		lacks $'\n0\n'
		[ "$output" != 0 ]
	done
}

@test "exec: --process FILE" {
	start_sleeper
	jq -n '{cwd: "/etc", user: {uid: 5, gid: 6}, env: ["PATH=/bin", "X=y"], args: ["sh", "-c", "echo $X; pwd; id -u; id -g; grep -E ^CapBnd /proc/self/status"]}' \
		>"$BATS_TEST_TMPDIR/process.json"
	run_exec --process "$BATS_TEST_TMPDIR/process.json" --
	[ "${lines[0]}" = y ]
	[ "${lines[1]}" = /etc ]
	[ "${lines[2]}" = 5 ]
	[ "${lines[3]}" = 6 ]
	run -0 podshim exec --process <(jq '.args = ["echo", "piped"]' "$BATS_TEST_TMPDIR/process.json") "$CID"
	is piped
}

@test "exec: scheduler, I/O priority and CPUs of --process" {
	start_sleeper
	process() {
		jq --argjson more "$1" '.process | .args = ["sh", "-c", "cut -d\" \" -f19,41 /proc/$$/stat; ionice -p $$; grep Cpus_allowed_list /proc/self/status"]
			| . + $more' "$BUNDLE/config.json" >"$BATS_TEST_TMPDIR/process.json"
	}
	local last=$(($(nproc --all) - 1))
	process '{"scheduler": {"policy": "SCHED_BATCH", "nice": 11}, "ioPriority": {"class": "IOPRIO_CLASS_BE", "priority": 5},
		"execCPUAffinity": {"initial": "0", "final": "'$last'"}}'
	run -0 podshim exec --process "$BATS_TEST_TMPDIR/process.json" "$CID"
	[ "${lines[0]}" = "11 3" ]
	[ "${lines[1]}" = "best-effort: prio 5" ]
	[ "${lines[2]}" = $'Cpus_allowed_list:\t'"$last" ]
	is_podshim || return 0
	# Nobody widens again what it had before, and the container's own process has all.
	process '{"execCPUAffinity": {"initial": "0"}}'
	run -0 podshim exec --process "$BATS_TEST_TMPDIR/process.json" "$CID"
	[ "${lines[2]}" = $'Cpus_allowed_list:\t0' ]
	process '{"execCPUAffinity": {"final": "8000"}}'
	run podshim exec --process "$BATS_TEST_TMPDIR/process.json" "$CID"
	[ "$status" -eq 255 ]
	has "process.json: /execCPUAffinity/final: exec failed: none of these CPUs is online"
	process '{"execCPUAffinity": {"initial": "8000"}}'
	run podshim exec --process "$BATS_TEST_TMPDIR/process.json" "$CID"
	[ "$status" -eq 255 ]
	has "process.json: /execCPUAffinity/initial: exec failed: none of these CPUs is online"
	process '{"execCPUAffinity": {"initial": "0-"}}'
	run podshim exec --process "$BATS_TEST_TMPDIR/process.json" "$CID"
	[ "$status" -eq 255 ]
	has "process.json: /execCPUAffinity/initial: exec failed: must be a list of CPUs such as"
	run -0 podshim exec "$CID" grep Cpus_allowed_list /proc/1/status
	[ "$output" = "$(taskset -c 0-8191 grep Cpus_allowed_list /proc/self/status)" ]
}

@test "exec: the inheritable set stays empty" {
	config '.process.user.uid = 1000'
	start_sleeper
	run_exec -- grep -E '^Cap(Inh|Amb)' /proc/self/status
	is $'CapInh:\t0000000000000000\nCapAmb:\t0000000000000000'
}

@test "exec: the container's seccomp filter and rlimits hold" {
	config '.linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28}]}
		| .process.rlimits = [{"type": "RLIMIT_NOFILE", "soft": 99, "hard": 99}]'
	start_sleeper
	run_exec -- sh -c 'mkdir /dev/shm/x; ulimit -n; grep ^Seccomp: /proc/self/status'
	has "No space left on device"
	has $'\n99\n'
	has $'Seccomp:\t2'
}

@test "exec: --detach and the pid file" {
	start_sleeper
	detached podshim exec --detach --pid-file "$BATS_TEST_TMPDIR/pid" "$CID" sleep 601
	local pid
	pid=$(cat "$BATS_TEST_TMPDIR/pid")
	[[ $pid =~ ^[0-9]+$ ]]
	wait_until 5 grep -q 601 "/proc/$pid/cmdline"
}

@test "exec: a program that is not there is 255 and writes no pid file" {
	start_sleeper
	run_exec -255 --pid-file "$BATS_TEST_TMPDIR/pid" -- nosuchprogram
	has nosuchprogram
	[ ! -e "$BATS_TEST_TMPDIR/pid" ]
	run_exec -255 -- /etc/passwd
	[[ ${output,,} == *"permission denied"* ]]
	run_exec -255 --cwd /not/there -- true
}

@test "exec: errors name who asked: the flag, the file of --process, the container's config.json" {
	requires podshim
	start_sleeper
	run_exec -255 --cwd /not/there -- true
	is 'podshim: --cwd: exec failed: chdir to cwd ("/not/there") failed: No such file or directory'
	cd "$BATS_TEST_TMPDIR"
	jq '.process | .cwd = "/not/there"' "$BUNDLE/config.json" >p.json
	run_exec -255 --process p.json --
	is 'podshim: p.json: /cwd: exec failed: chdir to cwd ("/not/there") failed: No such file or directory'
	jq '.process | .user.uid = "1"' "$BUNDLE/config.json" >p.json
	run_exec -255 --process p.json --
	is "podshim: p.json: /user/uid: exec failed: expected an integer from 0 to 4294967294, found the string '1'"
	# Its name does not make it the container's own document.
	jq '.process | .rlimits = [{type: "RLIMIT_CORE", soft: 2, hard: 1}]' "$BUNDLE/config.json" >config.json
	run_exec -255 --process config.json --
	has "podshim: config.json: /rlimits/0"
	podshim delete --force "$CID"
	config '.process.cwd = "/etc/passwd"'
	run podshim run -b "$BUNDLE" "$CID"
	is "podshim: config.json: /process/cwd: working directory: create directory '/etc/passwd': Not a directory"
}

@test "exec: only in a running container" {
	detached podshim create -b "$BUNDLE" "$CID"
	run podshim exec "$CID" true
	# Before start, init still holds more rights than the payload will: nothing else may run beside it.
	! is_podshim || has "cannot exec in container '$CID' before it is started; 'podshim start $CID' does that"
	podshim kill "$CID" KILL
	wait_status stopped
	run podshim exec "$CID" true
	[ "$status" -ne 0 ]
	[[ $output == *"not running"* || $output == *stopped* ]]
	run podshim exec nobody true
	[ "$status" -ne 0 ]
	has "container does not exist"
}

@test "exec: refused in a paused container, unless --ignore-paused" {
	start_sleeper
	podshim pause "$CID"
	run podshim exec "$CID" true
	[ "$status" -ne 0 ]
	has "cannot exec in a paused container"
	podshim resume "$CID"
	run_exec -- true
}

@test "exec: sees only fds 0, 1 and 2" {
	start_sleeper
	exec 7</etc/passwd 8</
	run_exec -- sh -c 'for f in /proc/self/fd/*; do case ${f##*/} in 0|1|2) ;; *) [ -e $f ] && readlink $f;; esac; done; echo done'
	exec 7<&- 8<&-
	[[ $output == "done" ]]
}

@test "exec: --preserve-fds" {
	start_sleeper
	echo three >"$BATS_TEST_TMPDIR/three"
	run -0 bash -c 'exec 3<"$3/three"; "$0" --root "$1" exec --preserve-fds 1 "$2" sh -c "cat <&3"' "$PODSHIM" "$ROOT" "$CID" "$BATS_TEST_TMPDIR"
	is three
}

@test "exec: in a user namespace" {
	config '.linux.namespaces += [{"type": "user"}]
		| .linux.uidMappings = [{"containerID": 0, "hostID": 100000, "size": 65536}]
		| .linux.gidMappings = [{"containerID": 0, "hostID": 200000, "size": 65536}]'
	chown -R -h 100000:200000 "$ROOTFS"
	local d=$ROOTFS
	while [[ $d != / ]]; do
		chmod o+x "$d"
		d=$(dirname "$d")
	done
	start_sleeper
	run_exec -- sh -c 'id -u; cat /proc/self/uid_map; readlink /proc/self/ns/user'
	[ "${lines[0]}" = 0 ]
	[ "$(xargs <<<"${lines[1]}")" = "0 100000 65536" ]
	[ "${lines[2]}" = "$(readlink "/proc/$(init_pid)/ns/user")" ]
	run_exec --user 1000 -- id -u
	is 1000
}

@test "exec: many at once" {
	start_sleeper
	local i pids=()
	for i in {1..20}; do
		podshim exec "$CID" sh -c "echo $i" </dev/null >"$OUT.$i" 2>&1 3>&- &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		wait "$i"
	done
	for i in {1..20}; do
		[ "$(cat "$OUT.$i")" = "$i" ]
	done
}

@test "exec: what it started ends with the container" {
	start_sleeper
	detached podshim exec --detach --pid-file "$BATS_TEST_TMPDIR/pid" "$CID" sleep 600
	podshim delete --force "$CID"
	wait_until 10 gone "$(cat "$BATS_TEST_TMPDIR/pid")"
	assert_nothing_left
}

# A cgroup below the container's in each of its hierarchies, as its payload would make them.
make_below() { # make_below NAME
	local pid line dir
	pid=$(init_pid)
	while IFS= read -r dir; do
		mkdir "$dir/$1"
		[[ ! -e $dir/$1/cpuset.cpus || ! -e $dir/tasks ]] || {
			cat "$dir/cpuset.cpus" >"$dir/$1/cpuset.cpus"
			cat "$dir/cpuset.mems" >"$dir/$1/cpuset.mems"
		}
	done < <(jq -r '.cgroupDirs[]' "$ROOT/$CID/state.json")
}

@test "--cgroup: a cgroup below the container's, in all hierarchies or those of a controller" {
	requires root podshim
	start_sleeper
	make_below sub
	run -0 podshim exec --cgroup sub "$CID" cat /proc/self/cgroup
	# The hierarchies in which the container has one of its own, seen from its cgroup namespace.
	[ "$(grep -c ":/sub$" <<<"$output")" = "$(grep -c "$CID$" "/proc/$(init_pid)/cgroup")" ]
	run -0 podshim exec --cgroup / "$CID" cat /proc/self/cgroup
	lacks sub
	run -0 podshim exec --cgroup pids:/sub "$CID" cat /proc/self/cgroup
	[ "$(grep -c "sub$" <<<"$output")" = 1 ]
	podshim delete --force "$CID"
}

@test "--cgroup: what is not below is refused in words, and nothing runs" {
	requires root podshim
	start_sleeper
	refuse() { # refuse TEXT FLAG...
		local text=$1
		shift
		attempt podshim exec "$@" "$CID" echo it runs
		[ "$status" = 255 ]
		has "$text"
		lacks "it runs"
	}
	refuse "bad sub cgroup path" --cgroup ../..
	refuse "bad sub cgroup path" --cgroup "pids:a/../../b"
	refuse "exec failed: adding pid of the new process to cgroup 'nosuch' below '" --cgroup nosuch
	refuse "(empty <controller> prefix)" --cgroup :x
	refuse "(missing <controller>: prefix)" --cgroup a --cgroup b
	refuse "unknown controller 'nosuch'" --cgroup nosuch:x
	refuse "has another path already: 'a'" --cgroup pids:a --cgroup pids:b
	lacks "no such file or directory"
}

@test "exec: a filter that is loaded before the rights are given up, and knows no close_range(2)" {
	config '.process.noNewPrivileges = false | .mounts |= map(select(.type != "proc")) | del(.linux.maskedPaths, .linux.readonlyPaths) |
		.linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["close_range"], "action": "SCMP_ACT_ERRNO"}]}'
	start_sleeper
	run -0 podshim exec "$CID" echo in
	is in
}
