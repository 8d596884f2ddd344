#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The life of a container through the OCI verbs, and that nothing of it remains.

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

@test "run: output and exit code are the payload's" {
	run_shell 'echo out; echo err >&2'
	has out
	has err
	shell 'exit 42'
	run_bundle -42
	assert_nothing_left
}

@test "run: a signal that ends the payload becomes 128 + its number" {
	# A pid 1 cannot kill itself, so the signal comes from outside.
	payload sleep 600
	"$PODSHIM" --root "$ROOT" run -b "$BUNDLE" "$CID" </dev/null >"$OUT" 2>&1 3>&- &
	local launcher=$!
	wait_status running
	podshim kill "$CID" KILL
	local rc=0
	wait "$launcher" || rc=$?
	[ "$rc" = 137 ]
	assert_nothing_left
}

@test "run: stdin reaches the payload" {
	payload cat
	run -0 bash -c 'echo through | "$0" --root "$1" run -b "$2" "$3"' "$PODSHIM" "$ROOT" "$BUNDLE" "$CID"
	is through
}

@test "run: TERM to the launcher reaches the payload" {
	shell 'trap "echo got TERM; exit 7" TERM; echo ready; while :; do sleep 0.1; done'
	"$PODSHIM" --root "$ROOT" run -b "$BUNDLE" "$CID" </dev/null >"$OUT" 2>&1 3>&- &
	local launcher=$! rc=0
	wait_file "$OUT" ready
	kill -TERM "$launcher"
	wait "$launcher" || rc=$?
	[ "$rc" = 7 ]
	grep -q 'got TERM' "$OUT"
	assert_nothing_left
}

@test "run --detach returns while the payload runs" {
	payload sleep 600
	detached podshim run --detach -b "$BUNDLE" --pid-file "$BATS_TEST_TMPDIR/pid" "$CID"
	wait_status running
	[ "$(cat "$BATS_TEST_TMPDIR/pid")" = "$(init_pid)" ]
}

@test "run --keep leaves a stopped container" {
	payload true
	run_bundle --keep
	status_is stopped
	run -0 podshim delete "$CID"
	assert_nothing_left
}

@test "run: the bundle defaults to the current folder" {
	payload echo here
	cd "$BUNDLE"
	run -0 podshim run "$CID"
	is here
}

@test "run DIR: a bundle without an id" {
	requires podshim
	payload echo bundle form
	run -0 podshim run "$BUNDLE"
	is "bundle form"
	[ -z "$(ls -A "$ROOT")" ]
}

@test "create, start, state, kill, delete" {
	payload sleep 600
	detached podshim create -b "$BUNDLE" --pid-file "$BATS_TEST_TMPDIR/pid" "$CID"
	local pid
	pid=$(cat "$BATS_TEST_TMPDIR/pid")
	[[ $pid =~ ^[1-9][0-9]*$ ]]

	run -0 podshim state "$CID"
	[ "$(jq -r .status <<<"$output")" = created ]
	[ "$(jq -r .id <<<"$output")" = "$CID" ]
	[ "$(jq -r .pid <<<"$output")" = "$pid" ]
	[ "$(jq -r .bundle <<<"$output")" = "$BUNDLE" ]
	[ "$(jq -r .rootfs <<<"$output")" = "$ROOTFS" ]
	jq -e '.ociVersion | test("^1\\.[0-9]+\\.[0-9]+")' <<<"$output"
	jq -e '.created | test("^20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:.]+(Z|[+-][0-9:]+)$")' <<<"$output"
	# The payload must not run before start.
	[[ $(tr '\0' ' ' <"/proc/$pid/cmdline") != "sleep 600 " ]]

	detached podshim start "$CID"
	status_is running
	[ "$(init_pid)" = "$pid" ]
	[[ $(tr '\0' ' ' <"/proc/$pid/cmdline") == "sleep 600 " ]]

	run -0 podshim kill "$CID" KILL
	wait_status stopped
	run -0 podshim state "$CID"
	[ "$(jq -r .pid <<<"$output")" = 0 ]

	run -0 podshim delete "$CID"
	run -1 podshim state "$CID"
	has "container does not exist"
	assert_nothing_left
}

@test "state carries the annotations" {
	config '.annotations = {"org.example.key": "value \"quoted\" /slash"}'
	detached podshim create -b "$BUNDLE" "$CID"
	[ "$(podshim state "$CID" | jq -r '.annotations["org.example.key"]')" = 'value "quoted" /slash' ]
}

@test "the configuration is frozen at create" {
	shell 'echo first'
	detached podshim create -b "$BUNDLE" "$CID"
	shell 'echo second'
	config '.hostname = "changed" | .hooks = {"poststop": [{"path": "/bin/touch", "args": ["touch", "'"$BATS_TEST_TMPDIR/hook"'"]}]}'
	detached podshim start "$CID"
	wait_status stopped
	[ "$(cat "$OUT")" = first ]
	run -0 podshim delete "$CID"
	[ ! -e "$BATS_TEST_TMPDIR/hook" ]
}

@test "a second container with the same id is refused and the first unharmed" {
	start_sleeper
	attempt podshim create -b "$BUNDLE" "$CID"
	[ "$status" -ne 0 ]
	has "container with given ID already exists"
	status_is running
}

@test "ids: what is legal" {
	payload true
	local id
	for id in a A.b_c-d+9 "$(printf 'x%.0s' {1..200})"; do
		run -0 podshim run -b "$BUNDLE" "$id"
	done
	[ -z "$(ls -A "$ROOT")" ]
}

@test "ids: what is not" {
	local id
	for id in . .. a/b 'a b' 'a%b' $'a\nb' "ä"; do
		attempt podshim create -b "$BUNDLE" "$id"
		[ "$status" -ne 0 ]
		has "invalid container ID format"
	done
	attempt podshim create -b "$BUNDLE" ""
	[ "$status" -ne 0 ]
	has "container id cannot be empty"
	[ -z "$(ls -A "$ROOT" 2>/dev/null)" ]
}

@test "start: only what was created" {
	start_sleeper
	run podshim start "$CID"
	[ "$status" -ne 0 ]
	[[ $output == *running* ]]
	status_is running
	podshim kill "$CID" KILL
	wait_status stopped
	run podshim start "$CID"
	[ "$status" -ne 0 ]
	[[ $output == *stopped* ]]
	run podshim start nobody
	[ "$status" -ne 0 ]
	has "container does not exist"
}

@test "kill: signals by number, name, any case" {
	shell 'trap "echo usr1" USR1; trap "echo hup" HUP; echo ready; while :; do sleep 0.05; done'
	detached podshim create -b "$BUNDLE" "$CID"
	detached podshim start "$CID"
	wait_file "$OUT" ready
	podshim kill "$CID" 10
	wait_file "$OUT" usr1
	podshim kill "$CID" SIGHUP
	wait_file "$OUT" hup
	: >"$OUT"
	podshim kill "$CID" hup
	wait_file "$OUT" hup
	run podshim kill "$CID" NOSUCH
	[ "$status" -ne 0 ]
	has "unknown signal"
	has NOSUCH
	status_is running
	podshim kill "$CID" KILL
	wait_status stopped
}

@test "kill: the default is TERM" {
	shell 'trap "exit 3" TERM; echo ready; while :; do sleep 0.05; done'
	detached podshim create -b "$BUNDLE" "$CID"
	detached podshim start "$CID"
	wait_file "$OUT" ready
	podshim kill "$CID"
	wait_status stopped
}

@test "kill: a stopped container is an error that says so" {
	start_sleeper
	podshim kill "$CID" KILL
	wait_status stopped
	run podshim kill "$CID" KILL
	[ "$status" -ne 0 ]
	has "container not running"
	run podshim kill nobody
	[ "$status" -ne 0 ]
	has "container does not exist"
}

@test "kill: a created container may be killed" {
	detached podshim create -b "$BUNDLE" "$CID"
	podshim kill "$CID" KILL
	wait_status stopped
	run -0 podshim delete "$CID"
	assert_nothing_left
}

@test "kill: TERM, INT, HUP and QUIT end a created container, which has a pid namespace and no handlers of its own" {
	local sig
	payload sleep 600
	for sig in TERM INT HUP QUIT; do
		detached podshim create -b "$BUNDLE" "$CID"
		podshim kill "$CID" $sig
		wait_status stopped
		podshim delete "$CID"
	done
	assert_nothing_left
}

@test "create: the container holds nothing that the caller had open" {
	payload true
	exec 7<"$BATS_TEST_FILENAME"
	detached podshim create -b "$BUNDLE" "$CID"
	exec 7<&-
	[[ $(readlink "/proc/$(init_pid)/fd/"*) != *"$BATS_TEST_FILENAME"* ]]
	podshim delete --force "$CID"
}

@test "delete: a running container is refused, with --force it goes" {
	start_sleeper
	local pid
	pid=$(init_pid)
	run podshim delete "$CID"
	[ "$status" -ne 0 ]
	has "cannot delete container $CID that is not stopped: running"
	status_is running
	run -0 podshim delete --force "$CID"
	wait_until 5 gone "$pid"
	assert_nothing_left
}

@test "delete: a created container goes with --force" {
	detached podshim create -b "$BUNDLE" "$CID"
	run -0 podshim delete --force "$CID"
	assert_nothing_left
}

@test "delete: an unknown id is an error, with --force it is not" {
	run podshim delete "$CID"
	[ "$status" -ne 0 ]
	has "container does not exist"
	run -0 podshim delete --force "$CID"
}

@test "list: a root that was named and is not there is an error" {
	run -1 podshim list
	has "open root '$ROOT': No such file or directory"
	mkdir -m 700 "$ROOT"
	run -0 podshim list --format json
	[[ $output == "[]" || $output == null ]]
}

@test "list: table, json and quiet" {
	start_sleeper
	run -0 podshim list
	has "$CID"
	has running
	has "$BUNDLE"
	run -0 podshim list -q
	is "$CID"
	run -0 podshim list --format json
	[ "$(jq -r '.[0].id' <<<"$output")" = "$CID" ]
	[ "$(jq -r '.[0].status' <<<"$output")" = running ]
	[ "$(jq -r '.[0].pid' <<<"$output")" = "$(init_pid)" ]
}

@test "a failed create leaves nothing" {
	local change
	for change in '.process.args = ["/no/such/program"]' \
		'.root.path = "missing"' \
		'.mounts += [{"destination": "/mnt/x", "type": "nosuchfs", "source": "none"}]' \
		'.mounts += [{"destination": "/mnt/x", "type": "bind", "source": "/no/such/source", "options": ["bind"]}]' \
		'.hooks = {"createRuntime": [{"path": "/bin/false"}]}' \
		'.linux.namespaces += [{"type": "network", "path": "/proc/self/ns/uts"}]' \
		'.process.rlimits = [{"type": "RLIMIT_NONSENSE", "hard": 1, "soft": 1}]' \
		'.linux.sysctl = {"kernel.nonsense": "1"}' \
		'del(.process.cwd)' '.process.cwd = "relative"' '.process.args = []'; do
		"$REPO/example/hello/make-config" >"$BUNDLE/config.json"
		config "$change"
		attempt podshim create -b "$BUNDLE" --pid-file "$BATS_TEST_TMPDIR/pid" "$CID"
		echo "$change" >&2
		[ "$status" -ne 0 ]
		[ -n "$output" ]
		[ ! -e "$BATS_TEST_TMPDIR/pid" ]
		assert_nothing_left
	done
}

@test "create: an unknown program fails at create and names itself" {
	payload nosuchprogram
	attempt podshim create -b "$BUNDLE" "$CID"
	[ "$status" -ne 0 ]
	[[ $output == *nosuchprogram* ]]
	[[ $output == *"executable file not found"* || $output == *"no such file"* ]]
	payload /etc/passwd
	attempt podshim create -b "$BUNDLE" "$CID"
	[ "$status" -ne 0 ]
	[[ ${output,,} == *"permission denied"* ]]
	assert_nothing_left
}

@test "the pid file appears whole and only when the container exists" {
	detached podshim create -b "$BUNDLE" --pid-file "$BATS_TEST_TMPDIR/pid" "$CID"
	[[ "$(cat "$BATS_TEST_TMPDIR/pid")" =~ ^[0-9]+$ ]]
	[ -e "/proc/$(cat "$BATS_TEST_TMPDIR/pid")" ]
	[ -z "$(find "$BATS_TEST_TMPDIR" -maxdepth 1 -name 'pid?*' -o -maxdepth 1 -name '.pid*')" ]
}

@test "--config: another file than config.json" {
	requires podshim
	payload echo other
	mv "$BUNDLE/config.json" "$BATS_TEST_TMPDIR/other.json"
	run_bundle --config "$BATS_TEST_TMPDIR/other.json"
	is other
}

@test "state root: 0700, refuses / and folders that others may write" {
	requires podshim
	detached podshim create -b "$BUNDLE" "$CID"
	[ "$(stat -c %a "$ROOT")" = 700 ]
	run "$PODSHIM" --root / list
	[ "$status" -ne 0 ]
	mkdir -m 777 "$BATS_TEST_TMPDIR/open"
	chmod 777 "$BATS_TEST_TMPDIR/open"
	attempt "$PODSHIM" --root "$BATS_TEST_TMPDIR/open" create -b "$BUNDLE" "$CID"
	[ "$status" -ne 0 ]
	[ -z "$(ls -A "$BATS_TEST_TMPDIR/open")" ]
}

@test "--log: one JSON object on failure, nothing on success" {
	payload true
	local log=$BATS_TEST_TMPDIR/log
	run -0 "$PODSHIM" --root "$ROOT" --log "$log" --log-format json run -b "$BUNDLE" "$CID"
	is ""
	[ ! -s "$log" ]
	payload nosuchprogram
	attempt "$PODSHIM" --root="$ROOT" --log="$log" --log-format=json create --bundle "$BUNDLE" "$CID"
	[ "$status" -ne 0 ]
	jq -e '.level == "error" and (.msg | test("nosuchprogram")) and (.time | test("^20"))' "$log"
	[ "$(grep -c . "$log")" = 1 ] || ! is_podshim
	has nosuchprogram
}

@test "a pid that was reused is not the container" {
	requires podshim
	start_sleeper
	podshim kill "$CID" KILL
	wait_status stopped
	# The record now names another living process, with another start time.
	local state=$ROOT/$CID/state.json
	jq --argjson pid $$ '.pid = $pid' "$state" >"$state.new" && mv "$state.new" "$state"
	status_is stopped
	run podshim kill "$CID" 0
	[ "$status" -ne 0 ]
}

@test "two creates of one id at the same time: exactly one wins" {
	payload sleep 600
	local i
	for i in 1 2 3 4 5 6; do
		podshim create -b "$BUNDLE" "$CID" </dev/null >"$OUT.$i" 2>&1 3>&- &
		echo $! >>"$BATS_TEST_TMPDIR/pids"
	done
	local won=0 p
	while read -r p; do
		wait "$p" && won=$((won + 1))
	done <"$BATS_TEST_TMPDIR/pids"
	[ "$won" = 1 ]
	status_is created
	run -0 podshim delete --force "$CID"
	assert_nothing_left
}

@test "twenty containers at once" {
	payload true
	local i pids=()
	for i in {1..20}; do
		podshim run -b "$BUNDLE" "$CID-$i" </dev/null >"$OUT.$i" 2>&1 3>&- &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		wait "$i"
	done
	assert_nothing_left
}

@test "state: an init that is stopped at its gate is no reason to wait" {
	requires podshim
	detached podshim create -b "$BUNDLE" "$CID"
	local pid i
	pid=$(init_pid)
	kill -STOP "$pid"
	# More than its backlog takes.
	for i in {1..40}; do
		timeout 5 "$PODSHIM" --root "$ROOT" state "$CID" >"$OUT.state"
		[ "$(jq -r .status "$OUT.state")" = created ]
	done
	run timeout 20 "$PODSHIM" --root "$ROOT" start "$CID"
	[ "$status" = 1 ]
	has "container '$CID': reach init at its gate: connect to socket 'start.sock': nobody accepts it"
	kill -CONT "$pid"
	wait_until 10 podshim start "$CID"
	wait_status stopped
}

@test "create: init has none of the caller's environment" {
	requires podshim
	SECRET=hunter2 detached podshim create -b "$BUNDLE" "$CID"
	[ -r "/proc/$(init_pid)/environ" ]
	[ -z "$(tr -d '\0' <"/proc/$(init_pid)/environ")" ]
}

@test "run and exec: the caller's CPU affinity is not the container's" {
	requires taskset
	(($(nproc) > 1)) || skip "one CPU"
	local all one
	all=$(sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' /proc/self/status)
	one=${all%%[,-]*}
	shell 'sed -n "s/^Cpus_allowed_list:[[:space:]]*//p" /proc/self/status; exec sleep 600'
	detached taskset -c "$one" "$PODSHIM" --root "$ROOT" run --detach -b "$BUNDLE" "$CID"
	wait_file "$OUT" "^$all\$"
	run -0 taskset -c "$one" "$PODSHIM" --root "$ROOT" exec "$CID" sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' /proc/self/status
	is "$all"
}

@test "run: a cpuset still limits the CPUs" {
	requires taskset cgroup_v1:cpuset
	(($(nproc) > 1)) || skip "one CPU"
	config '.linux.resources.cpu.cpus = "1"'
	run_shell 'sed -n "s/^Cpus_allowed_list:[[:space:]]*//p" /proc/self/status'
	is 1
}

@test "a pid file that is killed half-way leaves no temporary file" {
	requires podshim strace
	mkdir "$BATS_TEST_TMPDIR/pids"
	strace -qq -o /dev/null -e trace=linkat,renameat,renameat2,rename -P "$BATS_TEST_TMPDIR/pids" \
		-e inject=linkat,renameat,renameat2,rename:signal=KILL:when=1 \
		"$PODSHIM" --root "$ROOT" create -b "$BUNDLE" --pid-file "$BATS_TEST_TMPDIR/pids/pid" "$CID" </dev/null >"$OUT" 2>&1 3>&- || true
	[ -z "$(find "$BATS_TEST_TMPDIR/pids" -name '.*' -type f)" ]
	# One that is there is replaced.
	echo old >"$BATS_TEST_TMPDIR/pids/pid"
	podshim delete --force "$CID"
	detached podshim create -b "$BUNDLE" --pid-file "$BATS_TEST_TMPDIR/pids/pid" "$CID"
	[ "$(cat "$BATS_TEST_TMPDIR/pids/pid")" = "$(init_pid)" ]
	[ "$(ls -A "$BATS_TEST_TMPDIR/pids")" = pid ]
}

freezer() { # of the container, version 1
	awk -F: '$2 == "freezer" { print "/sys/fs/cgroup/freezer" $3 }' "/proc/$(init_pid)/cgroup"
}

@test "delete --force: what somebody froze by the version 1 freezer ends" {
	requires podshim cgroup_v1:freezer
	start_sleeper
	echo FROZEN >"$(freezer)/freezer.state"
	run -0 timeout 8 "$PODSHIM" --root "$ROOT" delete --force "$CID"
	assert_nothing_left
}

@test "a container that runs in the foreground can be paused, resumed and deleted by others" {
	payload sleep 600
	podshim run -b "$BUNDLE" "$CID" </dev/null >/dev/null 2>&1 3>&- &
	local runner=$!
	wait_status running
	run -0 podshim pause "$CID"
	run -0 podshim resume "$CID"
	run -0 podshim delete --force "$CID"
	wait_until 10 gone "$runner"
	assert_nothing_left
}

@test "--debug: the steps of create, start and exec, in the log or on standard error; without it, none" {
	local log=$BATS_TEST_TMPDIR/log
	payload sleep 600
	config '.linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW", "flags": ["SECCOMP_FILTER_FLAG_LOG"], "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO"}]}'
	detached podshim --debug --log "$log" --log-format json create -b "$BUNDLE" "$CID"
	jq -se 'map(.level) == map("debug")' "$log"
	jq -se 'map(.msg) | index("seccomp filter flags: 2") < (map(startswith("launch: spawn: ")) | index(true))' "$log"
	jq -se 'map(.msg) | any(startswith("launch: wait for init: prepared: ")) and (any(startswith("launch: wait for init: ready: ")) | not)' "$log"
	run -0 podshim --debug start "$CID"
	has 'level=debug msg="launch: wait for init: ready: '
	run -0 podshim --log-level debug exec "$CID" true
	has 'level=debug msg="launch: spawn: '
	run -0 podshim --log-level warning exec "$CID" true
	is ""
}
