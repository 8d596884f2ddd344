#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# watch: the tape of a container as JSON lines.

load lib/common
load lib/bundle
load lib/requires
load lib/wait

setup() {
	common_setup
	requires root podshim
	new_bundle
	EVENTS=$BATS_TEST_TMPDIR/events
}
teardown() {
	common_teardown
}

follow() { # follow [ID]: watch in the background, into $EVENTS
	"$PODSHIM" --root "$ROOT" watch "$@" </dev/null >"$EVENTS" 2>"$EVENTS.err" 3>&- &
	WATCHER=$!
}
states() {
	jq -r --arg id "$CID" 'select(.type == "state" and .id == $id) | .state' "$EVENTS" | xargs
}

@test "watch --no-follow: the history, one JSON object a line" {
	start_sleeper
	podshim watch --no-follow "$CID" >"$EVENTS"
	[ "$(states)" = "preparing prepared running" ]
	local pid
	pid=$(init_pid)
	jq -es --argjson pid "$pid" 'map(.seq) == [range(1; length + 1)] and all(.time | test("^20.*Z$")) and (.[-1].pid == $pid)' "$EVENTS"
}

@test "watch follows a container to its end" {
	start_sleeper
	follow "$CID"
	wait_file "$EVENTS" '"running"'
	podshim pause "$CID"
	wait_file "$EVENTS" '"paused"'
	podshim resume "$CID"
	podshim exec "$CID" true
	wait_file "$EVENTS" '"exec"'
	podshim kill "$CID" KILL
	wait_status stopped
	podshim delete "$CID"
	# The tape ends, so the watcher does, by itself.
	wait_until 10 gone "$WATCHER"
	wait "$WATCHER"
	[[ $(states) == "preparing prepared running paused running"* ]]
	[[ $(states) == *gone ]]
	jq -es 'map(select(.type == "exec")) | length == 1 and (.[0].pid > 0)' "$EVENTS"
}

@test "watch: run tells the exit status" {
	payload sh -c 'exit 42'
	"$PODSHIM" --root "$ROOT" run --keep -b "$BUNDLE" "$CID" </dev/null || [ $? = 42 ]
	podshim watch --no-follow "$CID" >"$EVENTS"
	jq -es 'map(select(.type == "exit")) | length == 1 and .[0].status == 42' "$EVENTS"
}

@test "watch without an id notices containers that come later" {
	follow
	start_sleeper
	wait_file "$EVENTS" "\"id\":\"$CID\""
	kill "$WATCHER"
}

@test "watch without an id: every container of this user" {
	start_sleeper
	local first=$CID
	CID=$CID-2
	new_bundle
	detached podshim create -b "$BUNDLE" "$CID"
	podshim watch --no-follow >"$EVENTS"
	grep -q "\"id\":\"$first\"" "$EVENTS"
	grep -q "\"id\":\"$CID\"" "$EVENTS"
}

@test "watch: two readers see the same, and none slows the container" {
	start_sleeper
	follow "$CID"
	local one=$WATCHER
	"$PODSHIM" --root "$ROOT" watch "$CID" >"$EVENTS.2" 2>/dev/null </dev/null 3>&- &
	local two=$!
	wait_file "$EVENTS" '"running"'
	wait_file "$EVENTS.2" '"running"'
	kill -STOP "$two"
	local i
	for i in {1..10}; do
		podshim exec "$CID" true
	done
	kill -CONT "$two"
	podshim delete --force "$CID"
	wait_until 10 gone "$one"
	wait_until 10 gone "$two"
	cmp "$EVENTS" "$EVENTS.2"
}

@test "watch: an unknown container" {
	run podshim watch nobody
	[ "$status" -ne 0 ]
	has "container does not exist"
}

@test "the tape: named in the state, 0600, gone with the container" {
	start_sleeper
	local name
	name=$(podshim state "$CID" | jq -r .shm)
	[[ $name =~ ^/podshim-[0-9a-f]{12}$ ]]
	[ "$(stat -c '%a %u' "/dev/shm$name")" = "600 0" ]
	podshim delete --force "$CID"
	[ ! -e "/dev/shm$name" ]
}

@test "a tape that somebody truncates harms neither container nor watcher" {
	start_sleeper
	local name
	name=$(podshim state "$CID" | jq -r .shm)
	truncate -s 0 "/dev/shm$name"
	run timeout 10 "$PODSHIM" --root "$ROOT" watch --no-follow "$CID"
	[[ $status != 124 && $status -lt 128 ]]
	run -0 podshim exec "$CID" echo alive
	has alive
	run -0 podshim pause "$CID"
	run -0 podshim resume "$CID"
	run -0 podshim delete --force "$CID"
	assert_nothing_left
}
