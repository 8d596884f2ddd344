#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# pod: runners that are prepared, what is launched in them, and what is left when anybody dies.

load lib/common
load lib/bundle
load lib/requires
load lib/wait
load lib/pods

setup() {
	pods_setup
}
teardown() {
	pods_teardown
	[[ -z ${HERE:-} ]] || { cd / && rm -rf "$HERE"; }
}

launch() { # launch [FLAG...] -- COMMAND...
	podshim pod launch "$POD" "$@" 3>&-
}
# The id of a runner that was launched with --detach.
launched() {
	podshim pod launch "$POD" -d "$@" </dev/null 3>&-
}
row() { # row ID FILTER: of its row in the list
	podshim pod ls --format json "$POD" | jq -r --arg id "$1" ".[] | select(.id == \$id) | $2"
}
state_is() { # state_is ID STATE
	[[ $(row "$1" .state) == "$2" ]]
}
is_warm() { # is_warm N
	[[ $(podshim pod ls --format json | jq --arg p "$POD" '.[] | select(.name == $p).warm') == "$1" ]]
}

# ---- Launch ----

@test "launch: output, standard error and exit status are the program's" {
	create --warm 2
	run -7 --separate-stderr launch -- sh -c 'echo out; echo err >&2; exit 7'
	is out
	# shellcheck disable=SC2154  # set by run
	[ "$stderr" = err ]
	run -0 launch -- true
	is ""
	podshim pod rm "$POD"
	nothing_left
}

@test "launch: without a command the bundle's program" {
	payload echo from the bundle
	create
	run -0 launch
	is "from the bundle"
}

@test "launch: arguments, environment and directory" {
	create
	# shellcheck disable=SC2016  # the runner's own
	run -0 launch -e A=1 --env=B='2 3' --cwd /tmp -- sh -c 'echo "$A|$B|$PWD|$1"' x '--json -d'
	is "1|2 3|/tmp|--json -d"
	# Without --, flags end behind the command.
	run -0 podshim pod launch "$POD" echo -d
	is -d
	run -125 launch -e nonsense -- true
	is "podshim: invalid env: 'nonsense' is not NAME=VALUE"
}

@test "launch: 127 and 126 are the program's, 125 is podshim's" {
	create
	run -127 launch -- nosuchprogram
	is 'podshim: exec: "nosuchprogram": executable file not found in $PATH'
	run -127 launch -- /no/such
	has 'podshim: exec: "/no/such": stat /no/such: no such file or directory'
	run -126 launch -- /etc
	has "is a directory"
	echo text >"$ROOTFS/tmp/text"
	chmod 755 "$ROOTFS/tmp/text"
	run -126 launch -- /tmp/text
	has "neither an ELF program nor a script"
	run -125 launch --cwd /no/such -- true
	has '"/no/such"'
	run -125 podshim pod launch nosuchpod -- true
	is "podshim: no pod, runner or container is named 'nosuchpod' below '$ROOT'; 'podshim pod ls' lists the pods"
	run -125 launch --json -- true
	is "podshim: --json is for --code and --detach"
	run -125 launch --code x -- true
	has "--code runs in a program that runs already"
	run -125 launch --code 1
	has "has no interpreter runners: make one with 'pod create --interpreter'"
	run -125 launch -t -- true
	has "have no terminals: make it with 'pod create --tty'"
	# None of them costs the pod anything.
	run -0 launch -- echo alive
	is alive
}

@test "launch: 64 MiB arrive as they were written, also through a slow reader" {
	create --warm 2
	local want
	want=$(head -c 67108864 /dev/zero | tr '\0' x | sha256sum)
	[ "$(launch -- sh -c 'head -c 67108864 /dev/zero | tr "\0" x' | sha256sum)" = "$want" ]
	# Far more than the history holds is written before the first byte is read.
	want=$(seq 400000 | sha256sum)
	[ "$(launch -- seq 400000 | (sleep 1; sha256sum))" = "$want" ]
	[ "$(launch -- sh -c 'seq 400000 >&2' 2>&1 >/dev/null | sha256sum)" = "$want" ]
}

@test "launch: standard input, any bytes, to its end; without --stdin it is empty" {
	create
	head -c 8000000 /dev/urandom >in
	[ "$(launch -i -- cat <in | sha256sum)" = "$(sha256sum <in)" ]
	run -0 launch -- cat <in
	is ""
	# A program that does not read it to its end.
	run -0 launch -i -- head -c 3 < <(yes)
	is $'y\ny'
}

@test "launch: who reads our output may leave" {
	create
	run -0 bash -c '"$1" --root "$2" pod launch "$3" -- yes 3>&- | head -1; exit "${PIPESTATUS[1]}"' - "$PODSHIM" "$ROOT" "$POD"
	is y
	wait_until 10 is_warm 1
	[ "$(podshim pod ls -q "$POD" | wc -l)" -eq 1 ]
}

@test "launch: 50 at once" {
	create --warm 4
	local i pids=()
	for i in {1..50}; do
		launch -- sh -c "echo $i; exit $((i % 7))" >"out.$i" 2>&1 &
		pids+=($!)
	done
	for i in {1..50}; do
		local rc=0
		wait "${pids[i - 1]}" || rc=$?
		[ "$(cat "out.$i")" = "$i" ]
		[ "$rc" -eq $((i % 7)) ]
	done
	podshim pod ls --format json | jq -e '.[0].launched == 50 and .[0].failed == 0'
	podshim pod rm "$POD"
	nothing_left
}

@test "launch: the poststart hook runs then, and not when a runner is made" {
	config --arg f "$BATS_TEST_TMPDIR/told" '.hooks.poststart = [{path: "/bin/sh", args: ["sh", "-c", "cat >\($f)"]}]'
	create
	[ ! -e told ]
	run -0 launch -- echo alive
	is alive
	wait_until 10 test -s told
	jq -e --arg id "$POD.0" '.id == $id and .status == "running"' told
}

@test "launch: signals are the program's" {
	create
	local sig client
	# Background jobs of a script ignore INT and QUIT; that is no matter of the program's.
	for sig in INT TERM QUIT HUP; do
		: >ready
		"$PODSHIM" --root "$ROOT" pod launch "$POD" -- \
			sh -c "trap 'echo got $sig; exit 42' $sig; echo ready; while :; do sleep 0.05; done" >ready 2>&1 3>&- &
		client=$!
		wait_file ready ready
		kill -"$sig" "$client"
		local rc=0
		wait "$client" || rc=$?
		[ "$rc" -eq 42 ]
		grep -qx "got $sig" ready
	done
}

@test "launch: three signals end what heeds none" {
	create
	"$PODSHIM" --root "$ROOT" pod launch "$POD" -- \
		sh -c 'trap "echo no" TERM; echo ready; while :; do sleep 0.05; done' >out 2>&1 3>&- &
	local client=$! i rc=0
	wait_file out ready
	for i in 1 2; do
		kill -TERM "$client"
		counted() { [[ $(grep -cx no out) == "$i" ]]; }
		wait_until 10 counted
	done
	kill -TERM "$client"
	wait "$client" || rc=$?
	[ "$rc" -eq 143 ]
	grep -q "one more signal kills '$POD." out
	grep -q "is killed: three signals have not ended it" out
	wait_until 10 is_warm 1
	[ "$(podshim pod ls -q "$POD" | wc -l)" -eq 1 ]
}

@test "launch: a killed client takes its runner with it" {
	create
	launch -- sh -c 'echo ready; sleep 600' >out 2>&1 &
	wait_file out ready
	local client id pid
	client=$(pgrep -f "pod launch $POD -- sh")
	id=$(podshim pod ls --format json "$POD" | jq -r '.[] | select(.state == "running").id')
	pid=$(row "$id" .pid)
	kill -KILL "$client"
	wait_until 10 gone "$pid"
	freed() { [ -z "$(row "$id" .id)" ]; }
	wait_until 10 freed
}

# ---- Limits ----

@test "limits: time, output, memory and processes, each with its reason" {
	create --warm 2
	run -137 launch --timeout 200ms -- sleep 600
	is "podshim: '$POD.0' was killed: it ran for longer than 200 ms (--timeout)"
	run -137 bash -c '"$1" --root "$2" pod launch "$3" --output-limit 100K -- yes 2>&1 >/dev/null 3>&-' - "$PODSHIM" "$ROOT" "$POD"
	has "was killed: it printed more than 102400 bytes (--output-limit)"
	# shellcheck disable=SC2016  # the runner's own
	run -137 launch --memory 16M -- sh -c 'x=$(head -c 100000000 /dev/zero | tr "\0" x); echo "${#x}"'
	has "was killed: it needed more memory than its limit or its pod's (--memory)"
	run launch --pids 4 -- sh -c 'for i in 1 2 3 4 5 6 7 8; do sleep 1 & done; wait'
	has "fork"
	local id
	id=$(launched --timeout 100ms -- sleep 600)
	run -137 podshim pod wait "$id"
	[ "$(row "$id" .reason)" = timeout ]
}

@test "limits: of the pod, for all together" {
	create --memory 64M --pids 30 --cpus 0.5
	local dir
	dir=$(cgroup_dir memory "$(podshim pod ls --format json "$POD" | jq '.[0].pid')")
	dir=${dir%/*}
	[ "${dir##*/}" = "$POD" ]
	[ "$(cat "$dir/memory.max" 2>/dev/null || cat "$dir/memory.limit_in_bytes")" -eq 67108864 ]
	run -125 launch --memory none -- true
	is "podshim: invalid memory: none is no size, as in 512K, 64M, 2G"
}

@test "limits: memory of a pod whose runners share namespaces, also of a program that does not get to run" {
	create --warm 2 --memory 32M --share net,ipc,uts
	local id
	id=$(launched -- sleep 600)
	run -137 launch -- tail -c 100000000 /dev/zero
	is "podshim: '$POD.1' was killed: it needed more memory than its limit or its pod's (--memory)"
	# A process of the program's that is killed is its own matter.
	run -5 launch -- sh -c 'tail -c 100000000 /dev/zero; exit 5'
	state_is "$id" running
	local size told=
	for size in 32K 64K 96K 128K 160K 192K; do
		attempt launch --memory "$size" -- true
		[[ $status == 125 || $status == 137 ]] || break
		lacks "ended unexpectedly"
		[[ $output != *"needed more memory than its limit or its pod's"* ]] || told=1
	done
	[ -n "$told" ]
	run -0 launch -- echo alive
	is alive
}

# ---- Detached ----

@test "detached: id, list, logs, wait, rm" {
	create --warm 2
	local id
	id=$(launched -- sh -c 'echo one; echo two >&2; read x; echo "three $x"; exit 5')
	[ "$id" = "$POD.0" ]
	run -5 podshim pod wait "$id"
	is 5
	run -0 --separate-stderr podshim pod logs "$id"
	is $'one\nthree '
	[ "$stderr" = two ]
	run -0 podshim pod logs --stderr "$id"
	is two
	run -0 podshim pod logs --timestamps --stdout "$id"
	[[ ${lines[0]} =~ ^20[0-9-]+T[0-9:.]+Z\ one$ ]]
	run -0 podshim pod ls "$POD"
	[[ $output =~ $id\ +exited\ +5\ +exited\ +[0-9]+s\ +sh\ -c ]]
	[ "$(row "$id" '[.state, .status, .reason, .detached] | @csv')" = '"exited",5,"exited",true' ]
	podshim pod rm "$id"
	run -1 podshim pod logs "$id"
	is "podshim: there is no runner '$id'; 'podshim pod ls $POD' lists them"
	run -0 podshim pod launch "$POD" -d --json -- true
	jq -e --arg p "$POD" '.id == "\($p).\(.n)" and .pid > 0' <<<"$output"
}

@test "detached: logs --follow to the end, wait for several" {
	create --warm 2
	local a b
	a=$(launched -- sh -c 'for i in 1 2 3; do echo $i; sleep 0.1; done; exit 3')
	b=$(launched -- sh -c 'exit 4')
	run -0 podshim pod logs --follow "$a"
	is $'1\n2\n3'
	run -4 podshim pod wait "$a" "$b"
	is $'3\n4'
}

@test "logs: what was overwritten is told" {
	create --history 64K
	local id
	id=$(launched -- seq 100000)
	podshim pod wait "$id"
	run -0 --separate-stderr podshim pod logs "$id"
	[[ ${lines[-1]} == 100000 ]]
	[[ $stderr =~ ^podshim:\ [0-9]+\ bytes\ here\ were\ overwritten ]]
	run -1 podshim pod create --history 100K other "$BUNDLE"
	is "podshim: invalid history: 102400 bytes is no power of two from 64K to 64M"
}

@test "interrupt and stop" {
	create --warm 3
	local id stubborn
	id=$(launched -- sh -c 'trap "echo interrupted" INT; trap "exit 9" TERM; echo ready; while :; do sleep 0.05; done')
	stubborn=$(launched -- sleep 600)
	ready() { podshim pod logs "$id" | grep -q "$1"; }
	wait_until 10 ready ready
	podshim pod interrupt "$id"
	wait_until 10 ready interrupted
	podshim pod stop "$id"
	run -9 podshim pod wait "$id"
	[ "$(row "$id" .reason)" = stopped ]
	# sleep is the first process of its namespace and has no handler.
	podshim pod stop --time 100ms "$stubborn"
	run -137 podshim pod wait "$stubborn"
	id=$(launched -- sleep 600)
	run -1 podshim pod rm "$id"
	is "podshim: runner '$id' is running: stop it first, or use force; 'podshim pod stop $id' ends it, --force kills it"
	podshim pod rm --force "$id"
	[ -z "$(row "$id" .id)" ]
	run -1 podshim pod stop --time soon "$stubborn"
	is "podshim: invalid time: soon is no duration, as in 500ms, 10s, 5m, 1h"
}

@test "stats: a row for each runner" {
	create
	local id
	id=$(launched -- sh -c 'echo 123; while :; do :; done')
	busy() { podshim pod stats --format json "$POD" | jq -e --arg id "$id" '.runners[] | select(.id == $id) | .cpuNs > 0 and .memory > 0 and .pids == 1 and .outputBytes == 4'; }
	wait_until 10 busy
	podshim pod stats --format json "$POD" | jq -e --arg p "$POD" '.pod == $p and .launched == 1 and .warmWanted == 1'
	run -0 podshim pod stats "$POD"
	[[ ${lines[0]} =~ ^ID\ +CPU\ +MEMORY\ +PEAK\ +PIDS\ +OUTPUT\ +DENIED\ +RING\ +TAPE$ ]]
	[[ ${lines[1]} =~ ^$id\ +[0-9.]+s\ +[0-9.]+[KM] ]]
	run -1 podshim pod stats "$id"
	has "is a runner; 'podshim pod stats $POD' shows all of its pod"
}

@test "stats: denials, and how full ring and tape are; the same for Prometheus" {
	create --allow-net=127.0.0.1:1
	local id
	id=$(launched -- sh -c 'for i in 1 2 3; do nc -w 1 10.0.0.1 80; done; head -c 40000 /dev/zero; exec sleep 600')
	row_of() { podshim pod stats --format json "$POD" | jq -e --arg id "$id" ".runners[] | select(.id == \$id) | $1"; }
	wait_until 10 row_of '.denied == 3 and .outputBytes > 40000'
	row_of '.outputKept > 40000 and .outputKept <= .outputRoom and .outputRoom == 262144 and .tapeUsed > 500 and .tapeUsed < .tapeRoom and .tapeRoom == 65536
		and .dropped == 0 and .warned == 0'
	run -0 podshim pod stats "$POD"
	[[ $output =~ $id\ .*\ 3\ +1[56]%\ +[0-9]+% ]]
	podshim pod stats --format prometheus "$POD" >"$OUT.prom"
	python3 "$BATS_TEST_DIRNAME/lib/promtext.py" <"$OUT.prom" >"$OUT.json"
	jq -e --arg p "$POD" --arg id "$id" '
		def of($m): .[$m].samples[] | select(.[0] == {pod: $p, runner: $id}) | .[1];
		of("podshim_runner_denied_total") == 3 and of("podshim_runner_output_bytes_total") > 40000 and of("podshim_runner_cpu_seconds_total") > 0
		and of("podshim_runner_output_room_bytes") == 262144 and of("podshim_runner_tape_room_bytes") == 65536 and of("podshim_runner_memory_bytes") > 0
		and .podshim_pod_launched_total == {type: "counter", samples: [[{pod: $p}, 1]]} and (keys | length) == 17' "$OUT.json"
}

@test "members of --observe-group look on, and nothing else" {
	HERE=$(mktemp -d /tmp/podshim-observe-test.XXXXXX)
	chmod 755 "$HERE"
	cp "$PODSHIM" "$HERE/podshim"
	ROOT=$HERE/root
	create --observe-group 65533
	local id member=(setpriv --reuid 65534 --regid 65534 --groups 65533 "$HERE/podshim" --root "$ROOT")
	id=$(launched -- sh -c 'echo seen by others; exec sleep 600')
	[ "$(stat -c %g:%a "$ROOT.observe/$POD.sock")" = 65533:660 ]
	stats() { "${member[@]}" pod stats --format json "$POD" | jq -e --arg id "$id" '.runners[] | select(.id == $id) | .outputBytes == 15'; }
	wait_until 10 stats
	run -0 "${member[@]}" pod logs "$id"
	is "seen by others"
	run -0 "${member[@]}" pod ls --format json
	jq -e --arg pod "$POD" 'map([.name, .state, .running, .owner]) == [[$pod, "running", 1, 0]]' <<<"$output"
	run -0 setpriv --reuid 65534 --regid 65534 --clear-groups "$HERE/podshim" --root "$ROOT" pod ls --format json
	jq -e 'map(.state) == ["denied"]' <<<"$output"
	run -1 "${member[@]}" pod stop "$id"
	has "is not for those who only look on"
	run -125 "${member[@]}" pod launch "$POD" -- true
	run -1 setpriv --reuid 65534 --regid 65534 --clear-groups "$HERE/podshim" --root "$ROOT" pod stats "$POD"
	has "ermission denied"
	# Nobody else's directory is taken for the owner's.
	chmod 777 "$ROOT.observe"
	run -1 "${member[@]}" pod stats "$POD"
	has "is not its owner's alone to write"
	run -1 "${member[@]}" pod ls
	has "is not its owner's alone to write"
	chmod 755 "$ROOT.observe"
	# Nor one beside a root of our own.
	mkdir -m 0700 "$HERE/own"
	chown 65534 "$HERE/own"
	cp -a "$ROOT.observe" "$HERE/own.observe"
	run -0 "${member[@]/"$ROOT"/"$HERE/own"}" pod ls --format json
	is "[]"
	run -1 "${member[@]/"$ROOT"/"$HERE/own"}" pod stats "$POD"
	has "is named '$POD'"
	podshim pod rm --force "$POD"
	run -1 "${member[@]}" pod ls
	has "no pod there lets others look on"
}

# ---- Terminals ----

dialogue() { # dialogue STEPS COMMAND...
	run "$BATS_TEST_DIRNAME/lib/dialogue.py" "$1" "$PODSHIM" --root "$ROOT" "${@:2}"
	printf '%s\n' "$output" >&2
}

@test "terminal: launch, detach, attach, size, exit status" {
	requires python3
	create --tty
	dialogue '[["see", "# "], ["type", "stty size; echo $((6*7))\n"], ["see", "42"], ["type", "\u0010\u0011"]]' pod launch -t "$POD" -- sh
	[ "$status" -eq 0 ]
	has "24 80"
	has "podshim: detached from '$POD.0'; 'podshim pod attach $POD.0' comes back"
	state_is "$POD.0" running
	# The history comes first; a new size is the terminal's; other keys of the sequence pass through.
	dialogue '[["see", "42"], ["size", [33, 77]], ["type", "\u0010"], ["type", "\u0015stty size\n"], ["see", "33 77"], ["type", "exit 3\n"]]' \
		pod attach "$POD.0"
	[ "$status" -eq 3 ]
	[ "$(row "$POD.0" .status)" = 3 ]
}

@test "terminal: other detach keys, or none" {
	requires python3
	create --tty --warm 2
	dialogue '[["see", "# "], ["type", "ax"]]' pod launch -t --detach-keys a,x "$POD" -- sh
	[ "$status" -eq 0 ]
	has "detached from"
	dialogue '[["see", "# "], ["type", "\u0010\u0011\u0015"], ["type", "exit 6\n"]]' pod launch -t --detach-keys none "$POD" -- sh
	[ "$status" -eq 6 ]
	run -125 launch -t --detach-keys ctrl-1 -- sh
	is "podshim: invalid detach-keys: ctrl-1 is no sequence of at most 16 keys, as in ctrl-p,ctrl-q"
}

@test "attach: streams of a runner that was launched with --stdin" {
	create
	local id
	id=$(launched -i -- sh -c 'echo first; cat; exit 3')
	run -3 podshim pod attach "$id" <<<hello
	is $'first\nhello'
	run -1 podshim pod attach "$POD"
	is "podshim: '$POD' is a pod, a runner is $POD.N; 'podshim pod ls $POD' lists them"
}

# ---- Containers ----

@test "runners are containers: state, list, exec, ps, kill, delete" {
	create --warm 2
	local id
	id=$(launched -- sh -c 'echo here >/dev/shm/x; echo ready; while :; do sleep 0.05; done')
	ready() { podshim pod logs "$id" | grep -q ready; }
	wait_until 10 ready
	status_is running "$id"
	run -0 podshim exec "$id" cat /dev/shm/x
	is here
	podshim ps "$id" | grep -q sleep
	podshim list -q | grep -qx "$id"
	podshim list --format json | jq -e --arg id "$POD.1" '.[] | select(.id == $id).status == "created"'
	podshim kill "$id" KILL
	run -137 podshim pod wait "$id"
	podshim delete "$id"
	wait_until 10 is_warm 2
	podshim delete --force "$POD.1"
	wait_until 10 is_warm 2
	run -0 launch -- echo alive
	is alive
	podshim pod rm "$POD"
	nothing_left
}

@test "names: taken, invalid, of a container" {
	create
	run -1 podshim pod create "$POD" "$BUNDLE"
	is "podshim: pod '$POD' exists: 'podshim pod rm $POD' ends it"
	run -1 podshim pod create a/b "$BUNDLE"
	has "invalid pod name 'a/b'"
	run -1 podshim pod create ok "$BATS_TEST_TMPDIR/nowhere"
	has "nowhere"
	detached podshim create -b "$BUNDLE" plain
	run -125 podshim pod launch plain -- true
	is "podshim: 'plain' is no pod; 'podshim pod ls' lists them"
	run -1 podshim pod rm plain
	is "podshim: 'plain' is a container that belongs to no pod; 'podshim delete plain' frees it"
	run -1 podshim pod logs plain
	is "podshim: 'plain' is a container that belongs to no pod; see 'podshim help' for its commands"
	run -1 podshim pod send plain
	is "podshim: container 'plain' has no channel: make it with the annotation io.podshim.channel=1, or by 'podshim run DIR'"
	# A container has the id of the next runner.
	podshim pod rm "$POD"
	detached podshim create -b "$BUNDLE" "$POD.0"
	attempt podshim pod create "$POD" "$BUNDLE"
	[ "$status" -eq 1 ]
	has "container with given ID already exists"
	podshim delete --force "$POD.0"
	podshim delete --force plain
	nothing_left
}

@test "create: flags that are refused, and why" {
	local rows=(
		"--warm 257|invalid warm: 257 is not a number from 0 to 256"
		"--warm x|invalid warm: x is not a number from 0 to 256"
		"--ring-size 3M|invalid ring-size: 3145728 bytes is no power of two from 64K to 64M"
		"--share net,pid|invalid share: pid (one of net|ipc|uts)"
		"--cpus 0|invalid cpus: 0 is no number of CPUs, as in 0.5 or 2"
		"--observe-group no-such-group|invalid observe-group: 'no-such-group' is not in /etc/group; a number does, too"
	)
	local row
	for row in "${rows[@]}"; do
		# shellcheck disable=SC2086
		run -1 podshim pod create ${row%%|*} "$POD" "$BUNDLE"
		is "podshim: ${row#*|}"
	done
	nothing_left
}

@test "create: a bundle that does not work leaves no pod" {
	config '.mounts += [{"destination": "/x", "type": "nosuchfs", "source": "x"}]'
	attempt podshim pod create "$POD" "$BUNDLE"
	[ "$status" -eq 1 ]
	has nosuchfs
	podshim pod ls --format json | jq -e '. == []'
	nothing_left
}

@test "create --share: the same namespaces in all runners" {
	create --warm 2 --share net,uts --share ipc
	local a b ns
	a=$(launched -- sleep 600)
	b=$(launched -- sleep 600)
	for ns in net uts ipc; do
		[ "$(readlink "/proc/$(row "$a" .pid)/ns/$ns")" = "$(readlink "/proc/$(row "$b" .pid)/ns/$ns")" ]
		has_left "$ns" "$(row "$a" .pid)"
	done
	[ "$(readlink "/proc/$(row "$a" .pid)/ns/pid")" != "$(readlink "/proc/$(row "$b" .pid)/ns/pid")" ]
}

@test "create --foreground: the pod ends with its process" {
	"$PODSHIM" --root "$ROOT" pod create --foreground "$POD" "$BUNDLE" </dev/null >/dev/null 2>&1 3>&- &
	local pid=$!
	wait_until 10 is_warm 1
	run -0 launch -- echo alive
	is alive
	kill -TERM "$pid"
	wait "$pid" || true
	nothing_left
}

@test "hooks without a timeout do not hold the pod up for ever" {
	# shellcheck disable=SC2016  # jq's variable
	config '.hooks.poststart = [{path: "/bin/sleep", args: ["sleep", "600"]}]'
	create
	local id started=$SECONDS
	id=$(launched -- sleep 600)
	# A poststart hook that fails ends its container, and the spawner has time for the next one.
	run -137 podshim pod wait "$id"
	wait_until 10 is_warm 1
	((SECONDS - started >= 5 && SECONDS - started < 30))
	podshim pod rm --force "$POD"
	config '.hooks = {createRuntime: [{path: "/bin/sleep", args: ["sleep", "600"], timeout: 1}]}'
	attempt podshim pod create "$POD" "$BUNDLE"
	[ "$status" -eq 1 ]
	has "error running createRuntime hook #0: '/bin/sleep': timed out"
	nothing_left
}

# ---- Deaths ----

@test "kill -9 of the supervisor: the spawner ends everything" {
	create --warm 3
	launched -- sleep 600 >/dev/null
	local pids=("$SUPERVISOR" "$SPAWNER")
	kill -KILL "${pids[0]}"
	wait_until 10 gone "${pids[1]}"
	nothing_left
	# Of others' tapes it may tell.
	run -0 podshim gc
	lacks "$POD"
}

@test "kill -9 of the spawner: the supervisor ends everything" {
	create --warm 3
	launched -- sleep 600 >/dev/null
	local pids=("$SUPERVISOR" "$SPAWNER")
	kill -KILL "${pids[1]}"
	wait_until 10 gone "${pids[0]}"
	podshim gc
	nothing_left
}

@test "kill -9 of both: told as dead, refused, and swept by gc" {
	create --warm 3
	launched -- sleep 600 >/dev/null
	local pids=("$SUPERVISOR" "$SPAWNER")
	kill -KILL "${pids[@]}"
	wait_until 10 gone "${pids[0]}"
	wait_until 10 gone "${pids[1]}"
	run -0 podshim pod ls
	has " dead "
	has "podshim: what dead pods left is freed by 'podshim gc'"
	run -125 launch -- true
	is "podshim: pod '$POD' is dead: its supervisor was killed; 'podshim gc' frees what it left"
	run -0 podshim gc
	has "pod $POD: its processes are gone"
	nothing_left
}

@test "kill -9 of both: the next create of that name sweeps, and so does rm" {
	create --warm 2
	local pids=("$SUPERVISOR" "$SPAWNER")
	kill -KILL "${pids[@]}"
	wait_until 10 gone "${pids[0]}"
	wait_until 10 gone "${pids[1]}"
	create
	run -0 launch -- echo again
	is again
	pids=("$SUPERVISOR" "$SPAWNER")
	kill -KILL "${pids[@]}"
	wait_until 10 gone "${pids[0]}"
	wait_until 10 gone "${pids[1]}"
	podshim pod rm "$POD"
	nothing_left
}

# die: both twins, at once.
die() {
	kill -KILL "$SUPERVISOR" "$SPAWNER"
	wait_until 10 gone "$SUPERVISOR"
	wait_until 10 gone "$SPAWNER"
}

@test "kill -9 of both while one removes a runner: what is left of that is swept, too" {
	local again
	for again in rm create; do
		create --warm 2
		die
		# As a removal leaves it that is killed between two of its steps; a folder in the making; a pod's.
		mkdir "$ROOT/.del-0123456789ab" "$ROOT/.new-0123456789ab" "$ROOT/.pods/.del-0123456789ab"
		mv "$ROOT/$POD.0/start.sock" "$ROOT/.del-0123456789ab/"
		cp "$ROOT/$POD.1/config.json" "$ROOT/.new-0123456789ab/"
		cp "$ROOT/$POD.1/config.json" "$ROOT/.pods/.del-0123456789ab/"
		[ "$again" = rm ] || create
		podshim pod rm "$POD"
		nothing_left
	done
}

@test "kill -9 of both: who dies with them is waited for" {
	local again holder
	for again in rm create; do
		create
		die
		# Has the spawner's descriptors, as a process that it forked.
		flock "$ROOT/.pods/$POD" sh -c 'echo held; exec sleep 1' >held 3>&- &
		holder=$!
		wait_file held held
		[ "$again" = rm ] || create
		podshim pod rm "$POD"
		wait "$holder"
		rm held
		nothing_left
	done
}

@test "kill -9 of both: a runner that cannot be freed keeps no other" {
	create --warm 3
	die
	mkdir "$ROOT/$POD.0/x"
	mount -t tmpfs none "$ROOT/$POD.0/x"
	attempt podshim pod rm "$POD"
	umount "$ROOT"/*/x "$ROOT"/.del-*/x 2>/dev/null || true
	[ "$status" -eq 1 ]
	has "something is mounted on 'x'"
	[ ! -e "$ROOT/$POD.1" ]
	[ ! -e "$ROOT/$POD.2" ]
	podshim pod rm "$POD"
	nothing_left
}

@test "rm: runners are asked to end first, or killed" {
	config '.root.readonly = false'
	create --warm 2
	launched -- sh -c 'trap "sleep 0.3; echo done >/tmp/done; exit 0" TERM; echo ready >/tmp/ready; while :; do sleep 0.05; done' >/dev/null
	wait_until 10 test -e "$ROOTFS/tmp/ready"
	podshim pod rm "$POD"
	[ -e "$ROOTFS/tmp/done" ]
	nothing_left
	create
	launched -- sleep 600 >/dev/null
	podshim pod rm --force "$POD"
	nothing_left
}

@test "rm --time: how long runners have to end, as for stop" {
	create
	run -1 podshim pod rm --time soon "$POD"
	is "podshim: invalid time: soon is no duration, as in 500ms, 10s, 5m, 1h"
	# sleep is the first process of its namespace and has no handler.
	local id started=$SECONDS long
	id=$(launched -- sleep 600)
	run -1 podshim pod rm --time 1s "$id"
	is "podshim: --time is for a pod; 'podshim pod stop --time 1s $id' ends a runner"
	# An earlier one that asks for more time is not what counts.
	podshim pod rm --time 1h "$POD" 3>&- &
	long=$!
	ending() { podshim pod launch "$POD" -- true 2>&1 | grep -q "is ending"; }
	wait_until 10 ending
	podshim pod rm --time 100ms "$POD"
	wait "$long"
	((SECONDS - started < 9))
	nothing_left
	create
	launched -- sleep 600 >/dev/null
	started=$SECONDS
	podshim pod rm --time 0s "$POD"
	((SECONDS - started < 9))
	nothing_left
}

# The parent of all pods' cgroups, where it has nothing below: other pods of this machine may come and go.
empty_parents() {
	find /sys/fs/cgroup -type d -name podshim-pods -links 2
}
no_empty_parents() {
	[[ -z $(empty_parents) ]]
}

@test "the last pod takes the parent of the cgroups along, while others are made" {
	local i n pids=()
	for n in 1 2 3; do
		(
			for i in {1..8}; do
				podshim pod create --warm 0 "$POD-$n" "$BUNDLE" </dev/null >/dev/null && podshim pod rm "$POD-$n" || exit 1
			done
		) 3>&- &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		wait "$i"
	done
	wait_until 10 no_empty_parents
	nothing_left
}

@test "gc leaves a living pod, its runners and its tapes alone" {
	create --warm 2
	local id
	id=$(launched -- sleep 600)
	run -0 podshim gc
	lacks "$POD"
	state_is "$id" running
	[ -e "/dev/shm$(podshim pod ls --format json | jq -r '.[0].shm')" ]
	run -0 launch -- echo alive
	is alive
}

# ---- Links ----

echo_bundle() { # the bundle's program sends records back
	requires gcc
	local lib=${PODSHIM%/*}/libpodshim.a
	[[ -e $lib ]] || skip "no libpodshim.a beside $PODSHIM"
	mkdir -p include
	cp "$REPO/ipc/podshim.h" include/
	gcc -static -Iinclude -o "$ROOTFS/bin/echo-records" "$REPO/example/client-c/echo.c" "$lib" || skip "no static C library"
}

@test "send: records through shared memory and back" {
	echo_bundle
	create
	local id
	id=$(launched -- echo-records)
	head -c 16777216 /dev/urandom >in
	[ "$(podshim pod send "$id" <in | sha256sum)" = "$(sha256sum <in)" ]
	# The next client's link; a small ring; one that is not read back.
	[ "$(podshim pod send --ring-size 64K "$id" <in | sha256sum)" = "$(sha256sum <in)" ]
	run -0 podshim pod send --no-reply "$id" <<<hello
	is ""
	run -0 podshim pod send "$id" </dev/null
	is ""
	# STOP ends it.
	podshim pod send --type 6 --no-reply "$id" <<<stop
	run -0 podshim pod wait "$id"
	run -1 podshim pod send "$id" </dev/null
	has "runner '$id' has ended"
	run -1 podshim pod send --type 65536 "$id"
	is "podshim: invalid type: 65536 is more than 65535"
	run -1 podshim pod send --ring-size 1000 "$id"
	has 1000
}

@test "send: a program that accepts no link is waited for, which is told once" {
	echo_bundle
	create
	local id sender
	id=$(launched -- sleep 600)
	"$PODSHIM" --root "$ROOT" pod send "$id" <<<hello >sent 2>note 3>&- &
	sender=$!
	wait_file note "accept the link"
	# It waits on, in silence, and says so only once.
	sleep 1.5
	[ "$(cat note)" = "podshim: waiting for the program of '$id' to accept the link (PODSHIM_CHANNEL_FD, libpodshim): it may have no use for links; Ctrl-C ends this" ]
	kill -0 "$sender"
	kill -TERM "$sender"
	wait "$sender" || true
	# One that has accepted may take its time.
	id=$(launched -- echo-records)
	(sleep 1.5; echo hello) | podshim pod send "$id" >sent 2>note 3>&-
	[ "$(cat sent)" = hello ]
	[ ! -s note ]
}

@test "send and attach: a container of any caller's with the annotation" {
	echo_bundle
	payload echo-records
	config '.annotations["io.podshim.channel"] = "1"'
	detached podshim create -b "$BUNDLE" "$CID"
	detached podshim start "$CID"
	run -0 podshim pod send "$CID" <<<hello
	is hello
	run -0 podshim pod attach "$CID" <<<hello
	is hello
	podshim delete --force "$CID"
	nothing_left
}

@test "run DIR has a channel, unless --no-channel; run -b has none" {
	# shellcheck disable=SC2016  # the container's own
	shell 'echo "channel ${PODSHIM_CHANNEL_FD:-none}"'
	run -0 podshim run "$BUNDLE"
	is "channel 3"
	run -0 podshim run --no-channel "$BUNDLE"
	is "channel none"
	run -0 podshim run -b "$BUNDLE" "$CID"
	is "channel none"
	nothing_left
}

@test "create: a name that a runner could have is refused" {
	run -1 podshim pod create "$POD.7" "$BUNDLE"
	has "NAME.NUMBER is how a runner is called"
	nothing_left
}

@test "code: what it prints, its result, its status" {
	requires python3 jq
	BUNDLE=$BATS_TEST_TMPDIR/python
	"$REPO/example/python-runner/make-bundle" "$BUNDLE"
	create --interpreter
	run -0 --separate-stderr podshim pod launch "$POD" --code 'import sys; print("out"); print("err", file=sys.stderr); 42'
	is out
	[ "$stderr" = err ]
	run -0 podshim pod launch "$POD" --json --code 'sum(range(10))'
	[ "$(jq -c '[.status, .value]' <<<"$output")" = '[0,45]' ]
	run -0 podshim pod launch "$POD" --json --code-file - <<<'object'
	[ "$(jq -r .repr <<<"$output")" = "<class 'object'>" ]
	echo 'print("from a file")' >job.py
	run -0 podshim pod launch "$POD" --code-file job.py
	is "from a file"
	run -1 podshim pod launch "$POD" --code '1/0'
	has ZeroDivisionError
	run podshim pod launch "$POD" --json --code '1/0'
	jq -e '.status == 1 and (.error | test("ZeroDivisionError"))' <<<"$output"
	run -137 podshim pod launch "$POD" --timeout 300ms --code 'import time; time.sleep(60)'
	has "ran for longer than 300 ms (--timeout)"
	run -3 podshim pod launch "$POD" --code 'import os; os._exit(3)'
	has "ended before it gave a result"
	# Limits hold for code as for programs; one that cannot is refused.
	run podshim pod launch "$POD" --memory 40M --code 'len(b"x" * (200 << 20))'
	[ "$status" -ne 0 ]
	run -1 podshim pod launch "$POD" --pids 1 --code 'import os; os.fork()'
	has "Resource temporarily unavailable"
	run -125 podshim pod launch "$POD" --output-limit 64K --code 'print("x")'
	has "an output limit does not hold for code"
	run -125 podshim pod launch "$POD" -- true
	has "are interpreters: they take code, not a command ('pod launch --code')"
	podshim pod rm "$POD"
	nothing_left
}

@test "code: an interpreter whose launch fails counts once, and after three the pool waits" {
	requires python3 jq
	BUNDLE=$BATS_TEST_TMPDIR/python
	"$REPO/example/python-runner/make-bundle" "$BUNDLE"
	config '.hooks.startContainer = [{path: "/bin/sh", args: ["sh", "-c", "! test -e /opt/podshim/broken"]}]'
	create --interpreter
	touch "$BUNDLE/rootfs/opt/podshim/broken"
	run -0 podshim pod launch "$POD" --json --code 1
	failed_three() { podshim pod ls --format json | jq -e '.[0] | .failed == 3 and .warm == 0'; }
	wait_until 10 failed_three
	# The next launch is reason to try again, and hears why that fails.
	run -125 podshim pod launch "$POD" --code 1
	has "startContainer"
	# One was made for it, one for the pool.
	failed_five() { podshim pod ls --format json | jq -e '.[0].failed == 5'; }
	wait_until 10 failed_five
	podshim pod rm "$POD"
	nothing_left
}

# ---- Looking on ----

@test "watch: a pod with all its runners, to its end" {
	create
	"$PODSHIM" --root "$ROOT" watch "$POD" </dev/null >events 2>events.err 3>&- &
	local watcher=$!
	wait_file events '"running"'
	launch -- sh -c 'exit 5' || [ $? = 5 ]
	wait_file events '"status":5'
	podshim pod rm "$POD"
	wait_until 10 gone "$watcher"
	wait "$watcher"
	[ "$(jq -r --arg p "$POD" 'select(.id == $p and .type == "state").state' events | xargs)" = "preparing running gone" ]
	jq -es --arg id "$POD.0" 'map(select(.id == $id and .type == "exit")) | length == 1 and .[0].status == 5' events
	run -1 podshim watch "$POD"
	has "does not exist"
}

@test "list --all: containers below every root" {
	create
	detached podshim create -b "$BUNDLE" "$CID-a"
	run -0 "$PODSHIM" --root "$BATS_TEST_TMPDIR/other" list --all --format json
	jq -e --arg root "$ROOT" --arg id "$CID-a" '.[] | select(.id == $id) | .root == $root and .status == "created"' <<<"$output"
	jq -e --arg id "$POD.0" '.[] | select(.id == $id) | .pids >= 1 and .memory > 0 and .cpuNs > 0' <<<"$output"
	mkdir "$BATS_TEST_TMPDIR/other"
	run -0 "$PODSHIM" --root "$BATS_TEST_TMPDIR/other" list
	lacks "$CID"
	run -0 podshim list --all
	[[ ${lines[0]} =~ \ ROOT$ ]]
	has "$ROOT"
}

@test "the command line: two words, help, mistakes, completion" {
	run -0 "$PODSHIM" help pod launch
	has "Usage: podshim [GLOBAL FLAGS] pod launch [FLAGS] NAME [-- COMMAND [ARGS]]"
	is "$("$PODSHIM" pod launch --help)"
	run -0 "$PODSHIM" pod --help
	has "  launch     run a program in a runner of a pod"
	has "'podshim help pod COMMAND' explains a command."
	run -0 "$PODSHIM" help
	has "  pod        "
	lacks "pod launch"
	run -1 "$PODSHIM" pod
	is "podshim: 'pod' needs COMMAND [ARGUMENTS]; see 'podshim pod --help'"
	run -1 "$PODSHIM" pod lauch x
	is "podshim: unknown command 'pod lauch' (did you mean 'launch'?); see 'podshim help pod'"
	run -125 "$PODSHIM" pod launch --tymeout 1s x
	is "podshim: unknown flag '--tymeout' for 'pod launch' (did you mean '--timeout'?); see 'podshim pod launch --help'"
	run -1 "$PODSHIM" pod create x
	is "podshim: 'pod create' needs NAME BUNDLE; see 'podshim pod create --help'"
	run -1 "$PODSHIM" help pod nope
	is "podshim: unknown command 'pod nope'; see 'podshim help'"
	create
	run -0 podshim __complete pod la
	is $'launch\trun a program in a runner of a pod'
	run -0 podshim __complete pod launch --detach-
	has "--detach-keys"
	run -0 podshim __complete --root "$ROOT" pod launch ''
	is "$POD"$'\tpod'
	run -0 podshim __complete --root "$ROOT" pod logs "$POD"
	is "$POD.0"$'\tcreated'
	run -0 podshim __complete --root "$ROOT" pod rm ''
	has "$POD"$'\tpod'
	has "$POD.0"
	run -0 podshim __complete help pod st
	is $'stop\tend runners\nstats\tshow what the runners of a pod use'
	run -0 podshim __complete pod create x ''
	is :dir
	local share=$'\tnamespaces that all runners have in common (default: none)'
	run -0 podshim __complete pod create --share ''
	is "net$share"$'\n'"ipc$share"$'\n'"uts$share"
	run -0 podshim __complete pod create --share uts,n
	is "uts,net$share"
	run -0 podshim __complete pod create --share net,ipc,
	is "net,ipc,uts$share"
	run -0 podshim __complete pod create --share x,,
	has "x,,net"
	run -0 podshim __complete pod launch --env ''
	is ""
}
