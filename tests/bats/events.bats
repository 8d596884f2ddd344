#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# events: what a container uses, that it runs out of memory, and its end.

load lib/common
load lib/bundle
load lib/requires
load lib/wait

setup() {
	common_setup
	requires root podshim
	new_bundle
}
teardown() {
	common_teardown
}

# A line of FILE that jq finds true.
tells() { # tells FILE FILTER
	[[ $(jq -s "any(.[]; $2)" "$1") == true ]]
}

@test "--stats: once, with what the limits and the files of the cgroup say" {
	config '.linux.resources = {"memory": {"limit": 67108864}, "pids": {"limit": 50}, "cpu": {"cpus": "0"}}'
	start_sleeper
	run -0 podshim events --stats "$CID"
	[ "${#lines[@]}" = 1 ]
	jq -e --arg id "$CID" '.type == "stats" and .id == $id' <<<"$output"
	jq -e '.data.memory.usage | .limit == 67108864 and .usage > 0 and .max > 0 and .failcnt == 0' <<<"$output"
	jq -e '.data.pids == {"current": 1, "limit": 50}' <<<"$output"
	# The kernel counts user and kernel time in ticks: a short start may be less than one.
	jq -e '.data.cpu.usage | .total > 0 and .kernel >= 0 and .user >= 0' <<<"$output"
	jq -e '.data.cpuset.cpus == [0] and (.data.cpuset.mems | length) > 0' <<<"$output"
	jq -e '.data.memory.raw | length > 10' <<<"$output"
	jq -e '.data | has("hugetlb") and (.blkio.ioServiceBytesRecursive | type) == "array" and .intel_rdt == {} and .network_interfaces == null' <<<"$output"
	[ ! -e /proc/pressure/cpu ] || [[ -z $(v2_mount) ]] || jq -e '.data.cpu.psi.some | .avg10 >= 0 and .total >= 0' <<<"$output"
	podshim pause "$CID"
	run -0 podshim events --stats "$CID"
	podshim resume "$CID"
}

@test "without it: again after each interval, until the container ends" {
	start_sleeper
	podshim events --interval 10ms "$CID" </dev/null >"$OUT.events" 2>&1 3>&- &
	local teller=$!
	wait_until 20 eval '(( $(wc -l <"$OUT.events") > 2 ))'
	podshim kill "$CID" KILL
	wait "$teller"
	jq -es 'all(.[]; .type == "stats")' "$OUT.events"
	attempt podshim events --stats "$CID"
	[ "$status" = 1 ]
	has "container not running: '$CID'"
	attempt podshim events nosuch
	has "container does not exist"
}

@test "a reader that goes away ends it" {
	start_sleeper
	podshim events --interval 10ms "$CID" </dev/null 2>"$OUT.events" 3>&- | head -n 2 >"$OUT.head"
	[ "${PIPESTATUS[0]}" = 0 ]
	[ "$(wc -l <"$OUT.head")" = 2 ]
}

@test "out of memory is told, before the end" {
	config '.linux.resources.memory = {"limit": 16777216, "swap": 16777216}'
	shell 'while [ ! -e /go ]; do sleep 0.05; done; x=0123456789abcdef; while :; do x=$x$x; done'
	detached podshim create -b "$BUNDLE" "$CID"
	podshim events --interval 1h "$CID" </dev/null >"$OUT.events" 2>&1 3>&- &
	local teller=$!
	wait_file "$OUT.events" stats
	detached podshim start "$CID"
	touch "$ROOTFS/go"
	wait "$teller"
	tells "$OUT.events" '.type == "oom" and .id == $ENV.CID'
}
