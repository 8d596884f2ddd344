#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Pods under attack: by clients, by payloads, by whoever kills one of the twins, by those who use a runner's name.

load ../bats/lib/common
load ../bats/lib/bundle
load ../bats/lib/requires
load ../bats/lib/wait
load ../bats/lib/pods
load lib/attack

setup() {
	pods_setup python3
	CONTROL=$ROOT/.pods/$POD/control.sock
}
teardown() {
	pods_teardown
}

launch() { # launch [FLAG...] -- COMMAND...
	timeout -k 5 60 "$PODSHIM" --root "$ROOT" pod launch "$POD" "$@" 3>&-
}
attack() { # attack SCENARIO [ARG...]
	timeout -k 5 120 python3 "$SECURITY_DIR/podattack.py" "$CONTROL" "$@" 3>&-
}
# The same two processes, which serve; and nothing once it has been removed.
holds_out() {
	[[ $(readlink "/proc/$SUPERVISOR/exe") == "$PODSHIM" && $(readlink "/proc/$SPAWNER/exe") == "$PODSHIM" ]]
	run -0 launch -- echo served
	is served
	podshim pod rm --force "$POD"
	nothing_left
}
fds_of() { # fds_of PID
	find "/proc/$1/fd" -mindepth 1 | wc -l
}
has_fds() { # has_fds PID N
	[ "$(fds_of "$1")" -eq "$2" ]
}
is_warm() { # is_warm N
	[[ $(podshim pod ls -q "$POD" | wc -l) == "$1" ]]
}

# ---- Clients ----

@test "more launches at once than the twins' sockets hold, and the end of a client with many runners" {
	create --warm 2
	attack burst "${PODS_BURST:-250}"
	attack many_owned "${PODS_BURST:-250}"
	holds_out
}

@test "connections and waiting launches are bounded" {
	create
	attack too_many
	attack never_read
	attack too_many_waiting
	podshim pod rm --force "$POD"
	nothing_left
}

@test "few descriptors: the pod says so and goes on" {
	config 'del(.process.rlimits)'
	ulimit -n 160
	create --warm 2
	attack too_many
	attack burst 8
	holds_out
}

@test "launches that fail half way, absurd durations, and input before a launch" {
	create --warm 2
	attack not_spoiled
	attack no_time
	attack before_launch
	attack big
	holds_out
}

@test "STOP, REMOVE, WAIT, ACK and disconnects in each other's way" {
	create --warm 3
	attack races
	attack pending_input
	attack links
	attack absurd_acks
	attack held_output
	holds_out
}

@test "SHUTDOWN while launches wait" {
	create
	attack shutdown
	nothing_left
}

@test "noise on the control socket" {
	create --warm 2
	for seed in ${PODS_NOISE:-1 2}; do
		attack noise "$seed" 3
	done
	holds_out
}

@test "many launches leave no descriptor, segment or cgroup behind" {
	create --warm 4
	local supervisor spawner rss
	supervisor=$(fds_of "$SUPERVISOR") spawner=$(fds_of "$SPAWNER")
	attack soak 50 10
	rss=$(awk '/^RssAnon/ { print $2 }' "/proc/$SUPERVISOR/status")
	attack soak "${PODS_SOAK:-300}" "${PODS_SOAK_AT_ONCE:-60}"
	wait_until 30 has_fds "$SUPERVISOR" "$supervisor"
	wait_until 30 has_fds "$SPAWNER" "$spawner"
	[ "$(awk '/^RssAnon/ { print $2 }' "/proc/$SUPERVISOR/status")" -le $((rss + 1024)) ]
	[ "$(grep -lFs "$ROOT" /dev/shm/podshim-* | wc -l)" -eq 5 ]
	holds_out
}

# ---- Peers ----

@test "a payload that sees the control socket is refused, whatever namespaces it shares" {
	cp "$(attacker intruder)" "$ROOTFS/bin/intruder"
	for shared in none pid; do
		new_bundle sleep 600
		cp "$(attacker intruder)" "$ROOTFS/bin/intruder"
		mkdir -p "$ROOTFS/host" "$ROOT"
		config --arg r "$ROOT" '.mounts += [{"destination": "/host", "type": "bind", "source": $r, "options": ["rbind"]}]'
		[[ $shared == none ]] || config --arg n "$shared" 'del(.linux.namespaces[] | select(.type == $n))'
		create
		run -0 launch -- intruder "/host/.pods/$POD/control.sock"
		lacks "$POD"
		has "control socket: the peer"
		podshim pod rm --force "$POD"
	done
	nothing_left
}

@test "the gate of a prepared runner opens for its pod only" {
	new_bundle sleep 600
	cp "$(attacker intruder)" "$ROOTFS/bin/intruder"
	mkdir -p "$ROOTFS/host" "$ROOT"
	config --arg r "$ROOT" '.mounts += [{"destination": "/host", "type": "bind", "source": $r, "options": ["rbind", "ro"]}]'
	create --warm 2
	local id
	id=$(podshim pod ls -q "$POD" | head -n 1)
	attempt podshim start "$id"
	one_error_line
	has "is a runner of pod '$POD'"
	# The word that opens a gate, said by others: nobody answers, and the runner waits on.
	python3 - "$ROOT/$id/start.sock" "$REPO" <<-'END'
		import re, socket, struct, sys
		rows = re.findall(r'^\s*X\((\w+),', open(sys.argv[2] + '/shim/launch/script.def').read(), re.M)
		s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
		s.settimeout(10)
		s.connect(sys.argv[1])
		try:
		    s.send(struct.pack('<Iii', rows.index('open_gate'), 0, 0) + bytes(4096))
		    assert not s.recv(4096)
		except (BrokenPipeError, ConnectionResetError):
		    pass
	END
	[ "$(podshim state "$id" | jq -r .status)" = created ]
	run -0 launch -- intruder "/host/$(podshim pod ls -q "$POD" | tail -n 1)/start.sock"
	is nothing
	holds_out
}

# ---- Payloads ----

@test "a payload that floods its channel and its output, sends descriptors, or closes what it has" {
	cp "$(attacker rude_payload)" "$ROOTFS/bin/rude_payload"
	create --warm 2
	for what in channel fds close streams; do
		launch -- rude_payload "$what" >"$OUT"
	done
	run -137 launch --output-limit 64K -- yes
	run -127 launch -- /no/such
	holds_out
}

@test "without a pid namespace: what outlives the payload holds its output open, not its client" {
	config 'del(.linux.namespaces[] | select(.type == "pid"))'
	create
	attack survivor
	holds_out
	# shellcheck disable=SC2314
	! pgrep -f "sleep 600" -P "$SPAWNER"
}

@test "interpreters that end, that close their channel, that lie: no loop, and pod create says why" {
	cp "$(attacker rude_payload)" "$ROOTFS/bin/rude_payload"
	payload true
	bounded pod create --interpreter --warm 2 "$POD" "$BUNDLE"
	one_error_line
	has "ended with status 0 before it was ready for code"
	nothing_left
	payload rude_payload silent
	bounded pod create --interpreter "$POD" "$BUNDLE"
	one_error_line
	has "before it was ready for code"
	nothing_left
	payload /no/such
	bounded pod create --interpreter "$POD" "$BUNDLE"
	one_error_line
	has "/no/such"
	nothing_left
	payload rude_payload ready
	create --interpreter --warm 2
	[ "$(podshim pod ls -q "$POD" | wc -l)" -eq 2 ]
	podshim pod rm --force "$POD"
	nothing_left
}

# ---- Names ----

@test "a runner's name that somebody else uses" {
	new_bundle sleep 600
	detached podshim create -b "$BUNDLE" "$POD.2"
	detached podshim create -b "$BUNDLE" "$POD"
	create --warm 2
	for _ in 1 2 3 4; do
		run -0 launch -- true
	done
	# Deleted from outside, and the name given to something else.
	wait_until 10 is_warm 2
	local victim
	victim=$(podshim pod ls -q "$POD" | head -n 1)
	podshim delete --force "$victim"
	detached podshim create -b "$BUNDLE" "$victim"
	detached podshim start "$victim"
	for _ in 1 2 3 4; do
		run -0 launch -- true
	done
	podshim pod rm --force "$POD"
	[ "$(podshim state "$victim" | jq -r .status)" = running ]
	[ "$(podshim state "$POD.2" | jq -r .status)" = created ]
	[ "$(podshim state "$POD" | jq -r .status)" = created ]
	podshim delete --force "$victim"
	podshim delete --force "$POD.2"
	podshim delete --force "$POD"
	nothing_left
}

@test "kill, delete and pause of runners from outside" {
	create --warm 2
	for verb in "kill --all" "delete --force"; do
		for id in $(podshim pod ls -q "$POD"); do
			# shellcheck disable=SC2086
			podshim $verb "$id" ${verb:0:0}
		done
		wait_until 10 is_warm 2
		run -0 launch -- true
	done
	local id
	id=$(podshim pod ls -q "$POD" | head -n 1)
	podshim pause "$id"
	(launch -- echo thawed >"$BATS_TEST_TMPDIR/thawed") &
	podshim resume "$id"
	wait $!
	grep -q thawed "$BATS_TEST_TMPDIR/thawed"
	podshim pause "$(podshim pod ls -q "$POD" | head -n 1)"
	podshim pod rm --force "$POD"
	nothing_left
}

@test "an init that is stopped while it is launched fails the launch, and nobody else waits" {
	create --warm 2
	local pid id started=$SECONDS stuck timed
	id=$(podshim pod ls -q "$POD" | head -n 1)
	pid=$(podshim pod ls --format json "$POD" | jq --arg id "$id" '.[] | select(.id == $id).pid')
	kill -STOP "$pid"
	launch -- true >"$BATS_TEST_TMPDIR/stuck" 2>&1 &
	stuck=$!
	taken() { podshim pod ls --format json "$POD" | jq -e --arg id "$id" '.[] | select(.id == $id).command == "true"'; }
	wait_until 5 taken
	run -0 launch -- echo served
	is served
	((SECONDS - started < 8))
	local rc=0
	wait "$stuck" || rc=$?
	[ "$rc" -eq 125 ]
	[ "$(cat "$BATS_TEST_TMPDIR/stuck")" = "podshim: runner '$id' has not started its program in time: is its init stopped or frozen?" ]
	wait_until 10 gone "$pid"
	# A time limit of the launch's own counts from there, whether its program runs or not.
	wait_until 10 is_warm 2
	kill -STOP "$(podshim pod ls --format json "$POD" | jq '.[0].pid')"
	started=$SECONDS
	attempt launch --timeout 500ms -- sleep 600
	[ "$status" -eq 125 ]
	has "has not started its program in time"
	((SECONDS - started < 8))
	run -137 launch --timeout 500ms -- sleep 600
	has "ran for longer than 500 ms"
	podshim pod ls --format json | jq -e '.[0].failed == 2'
	holds_out
}

# ---- Death ----

@test "SIGKILL of supervisor, spawner or both at any time: the next sweep leaves nothing" {
	local round seed=${PODS_SEED:-7} who
	RANDOM=$seed
	for ((round = 0; round < ${PODS_KILL_ROUNDS:-12}; round++)); do
		create --warm $((RANDOM % 5))
		local launches=()
		for _ in 1 2 3; do
			(launch -d -- sleep 600 >/dev/null 2>&1 || true) &
			launches+=("$!")
		done
		sleep "0.0$((RANDOM % 10))"
		who=$((RANDOM % 3))
		case $who in
		0) kill -KILL "$SUPERVISOR" ;;
		1) kill -KILL "$SPAWNER" ;;
		2) kill -KILL "$SUPERVISOR" "$SPAWNER" ;;
		esac
		wait "${launches[@]}"
		# One that lives ends everything by itself; when both are dead somebody sweeps.
		if ((who == 2)); then
			wait_until 10 gone "$SUPERVISOR"
			wait_until 10 gone "$SPAWNER"
			podshim gc
		fi
		nothing_left || { echo "round $round of seed $seed: $who" >&2; return 1; }
	done
}

# ---- The supervisor itself ----

@test "a supervisor is confined: capabilities, filter, descriptors" {
	exec 8</etc/passwd
	create
	exec 8<&-
	local status=/proc/$SUPERVISOR/status
	# CAP_KILL and CAP_SYS_PTRACE at most.
	for set in CapPrm CapEff CapBnd; do
		[ $((0x$(awk -v s="$set:" '$1 == s { print $2 }' "$status") & ~(1 << 5 | 1 << 19))) -eq 0 ]
	done
	[ $((0x$(awk '$1 == "CapInh:" { print $2 }' "$status") | 0x$(awk '$1 == "CapAmb:" { print $2 }' "$status"))) -eq 0 ]
	[ "$(awk '/^NoNewPrivs/ { print $2 }' "$status")" = 1 ]
	[ "$(awk '/^Seccomp:/ { print $2 }' "$status")" = 2 ]
	[ -z "$(find "/proc/$SUPERVISOR/fd" "/proc/$SPAWNER/fd" -lname /etc/passwd)" ]
	holds_out
}

@test "STATS of a container's channel" {
	config '.annotations = {"io.podshim.channel": "1"}'
	start_sleeper
	CONTROL=$ROOT/$CID/control.sock
	python3 - "$SECURITY_DIR" "$CONTROL" <<-'END'
		import sys
		sys.path.insert(0, sys.argv[1])
		from podwire import Wire
		w = Wire(sys.argv[2])
		w.receive()
		for what in 'stats', 'list', 'stats':
		    assert w.ask(what)['code'] == 0
		assert w.ask('observe', n=0)['code'] != 0
		assert w.ask('interrupt', n=0)['code'] == 0
		assert w.ask('stats')['code'] == 0
	END
	podshim delete --force "$CID"
	nothing_left
}

# ---- Those who may only look on ----

@test "observe.sock: members of the group see and cannot touch; others do not get in" {
	# Others have to get to the folder at all.
	chmod a+x "$BATS_RUN_TMPDIR" "${BATS_TEST_TMPDIR%/*}" "$BATS_TEST_TMPDIR"
	create --observe-group 4242
	local sock=$ROOT.observe/$POD.sock id tape
	id=$(launch -d -- sh -c 'echo seen; sleep 600')
	[ "$(stat -c '%a %g' "$sock")" = "660 4242" ]
	run -0 setpriv --reuid 65534 --regid 4242 --clear-groups /usr/bin/python3 "$SECURITY_DIR/podattack.py" "$sock" looks_on "${id##*.}"
	tape=/dev/shm$(podshim state "$id" | jq -r .shm)
	[ "$(stat -c '%a %g' "$tape")" = "640 4242" ]
	run -0 setpriv --reuid 65534 --regid 4242 --clear-groups grep -c seen "$tape"
	run -1 setpriv --reuid 65534 --regid 65534 --clear-groups /usr/bin/python3 "$SECURITY_DIR/podattack.py" "$sock" looks_on 0
	has "PermissionError"
	podshim pod rm --force "$POD"
	nothing_left
	[ ! -e "$ROOT.observe" ]
}
