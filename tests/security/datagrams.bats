#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Datagrams under attack: one port of one address is allowed out of an empty network namespace, and nothing else is reached.

load ../bats/lib/callers
load ../bats/lib/common
load ../bats/lib/bundle
load ../bats/lib/datagrams
load ../bats/lib/requires
load ../bats/lib/wait
load lib/attack

# Of a network of this test's, which is the host's: 10.77.0.1:LISTED is allowed.
LISTED=4000
OTHER=4001

setup() {
	common_setup
	requires root podshim python3 setpriv ip unshare nsenter
	open_place /var/tmp/podshim-datagrams.XXXXXX work
	PODSHIM=$HERE/podshim
	WORLD=()
	unset "${!PODSHIM_@}"
	export PODSHIM
	unshare -n sleep 300 3>&- &
	echo $! >pids
	wait_until 10 has_left net "$!"
	WORLD=(nsenter -t "$!" -n --)
	"${WORLD[@]}" ip link set lo up
	"${WORLD[@]}" ip addr add 10.77.0.1/32 dev lo
	"${WORLD[@]}" ip addr add 10.77.0.2/32 dev lo
	echoes "$LISTED" 10.77.0.1 127.0.0.1
	echoes "$OTHER" 10.77.0.1 10.77.0.2 127.0.0.1
	# The second address at the port that is listed of the first.
	echoes "$LISTED" 10.77.0.2 127.0.0.2
	cp "$(attacker datagrams)" datagrams
}
teardown() {
	datagrams_teardown
}
nobody_came() {
	run -1 grep -h peer "echo.$OTHER.10.77.0.1" "echo.$LISTED.10.77.0.2"
}

@test "the ways of the attacker are open without a policy" {
	run -0 "${WORLD[@]}" ./datagrams ways 10.77.0.1 10.77.0.2 "$LISTED" "$OTHER"
	(($(grep -c ' open$' <<<"$output") >= 11)) || { echo "$output" >&2; return 1; }
	run -0 grep -c peer "echo.$OTHER.10.77.0.1"
	run -0 grep -c peer "echo.$LISTED.10.77.0.2"
	run -0 "${WORLD[@]}" ./datagrams race 10.77.0.1 10.77.0.2 "$LISTED" "$OTHER" 2000
	has "some sent"
}

@test "every way to another port or address is shut, and the one that is allowed answers" {
	local who
	for who in $(callers); do
		run -0 --separate-stderr as "$who" run --quiet "--allow-net=udp:10.77.0.1:$LISTED" -- ./datagrams ways 10.77.0.1 10.77.0.2 "$LISTED" "$OTHER"
		lacks " open"
		(($(grep -c ' shut$' <<<"$output") == 20))
		has "answers"
		nobody_came
		run -0 --separate-stderr as "$who" run --quiet "--allow-net=udp:127.0.0.1:$LISTED" -- ./datagrams ways 127.0.0.1 127.0.0.2 "$LISTED" "$OTHER"
		lacks " open"
		has "answers"
		nobody_came
	done
}

@test "a thread that changes address and port meanwhile: nothing comes elsewhere in 5000 rounds" {
	local who
	for who in $(callers); do
		run -0 --separate-stderr as "$who" run --quiet "--allow-net=udp:10.77.0.1:$LISTED" -- ./datagrams race 10.77.0.1 10.77.0.2 "$LISTED" "$OTHER" 5000
		has "some sent, some refused"
		nobody_came
	done
	run -0 --separate-stderr as root run --quiet "--allow-net=udp:127.0.0.1:$LISTED" -- ./datagrams race 127.0.0.1 127.0.0.2 "$LISTED" "$OTHER" 5000
	has "some sent, some refused"
	nobody_came
}

# Descriptors of the supervisor.
supervisor_fds() {
	local pid
	for pid in $(pgrep -x podshim:channel); do
		[[ $(readlink "/proc/$pid/exe") != "$PODSHIM" ]] || find "/proc/$pid/fd" 2>/dev/null | wc -l
	done
}

@test "a flood of flows: the supervisor's descriptors are bounded, and it goes on answering" {
	local most=0 n
	as root run --quiet "--allow-net=udp:10.77.0.1:$LISTED" -- ./datagrams flood 10.77.0.1 10.77.0.2 "$LISTED" "$OTHER" 20000 >out 2>&1 3>&- &
	runs=$!
	while kill -0 "$runs" 2>/dev/null; do
		n=$(supervisor_fds)
		((${n:-0} <= most)) || most=$n
		sleep 0.02
	done
	wait "$runs"
	run -0 cat out
	is "all made
answers"
	((most > 100 && most < 400)) || { echo "descriptors: $most" >&2; return 1; }
	nobody_came
}

@test "with CAP_NET_ADMIN and CAP_NET_RAW in a user namespace of its own it changes its own network, and reaches no more" {
	new_bundle
	cp datagrams "$ROOTFS/datagrams"
	config 'del(.linux.seccomp) | .linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 0, size: 65536}]
		| .linux.gidMappings = [{containerID: 0, hostID: 0, size: 65536}] | .mounts |= map(select(.type != "sysfs"))
		| .process.capabilities |= map_values(["CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_NET_BIND_SERVICE"])'
	payload /datagrams ways 10.77.0.1 10.77.0.2 "$LISTED" "$OTHER"
	run "${WORLD[@]}" "$PODSHIM" --root "$ROOT" run --quiet -b "$BUNDLE" "--allow-net=udp:10.77.0.1:$LISTED" --allow-read --allow-run --allow-ffi "$CID"
	output=$(grep -v "^network \|^source " <<<"$output")
	lacks " open"
	(($(grep -c ' shut$' <<<"$output") == 18))
	nobody_came
}
