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

@test "watch: the history of several containers is in the order of time" {
	local other=$CID-other
	start_sleeper
	detached podshim create -b "$BUNDLE" "$other"
	podshim pause "$CID"
	detached podshim start "$other"
	podshim resume "$CID"
	podshim watch --no-follow | jq -c --arg id "$CID" 'select(.id | startswith($id))' >"$EVENTS"
	jq -es 'map(.time) | . == sort' "$EVENTS"
	[ "$(jq -r 'select(.type == "state") | "\(.id | endswith("other")):\(.state)"' "$EVENTS" | xargs)" = \
		"false:preparing false:prepared false:running true:preparing true:prepared false:paused true:running false:running" ]
	podshim delete --force "$other"
}

@test "watch: run tells the exit status" {
	payload sh -c 'exit 42'
	"$PODSHIM" --root "$ROOT" run --keep -b "$BUNDLE" "$CID" </dev/null || [ $? = 42 ]
	podshim watch --no-follow "$CID" >"$EVENTS"
	jq -es 'map(select(.type == "exit")) | length == 1 and .[0].status == 42' "$EVENTS"
}

# How often the end was told, and how: "STATUS|REASON..." of its exit records.
ends() {
	podshim watch --no-follow "$CID" >"$EVENTS"
	jq -r 'select(.type == "exit" and (has("pid") | not)) | .status // .reason' "$EVENTS" | xargs
}

@test "watch: the end of a detached container is told once, by whoever sees it first" {
	start_sleeper
	local pid
	pid=$(init_pid)
	kill -KILL "$pid"
	wait_until 10 gone "$pid"
	# Nobody but the watcher looks.
	[ "$(ends)" = noticed ]
	[ "$(states)" = "preparing prepared running exited" ]
	podshim state "$CID" >/dev/null
	podshim list >/dev/null
	! podshim kill "$CID" TERM
	[ "$(ends)" = noticed ]
	jq -es '(map(select(.type == "exit")) | length == 1 and .[0].reason == "noticed") and .[-1].state == "exited"' "$EVENTS"
}

@test "watch: many that notice the end at once tell it once" {
	start_sleeper
	kill -KILL "$(init_pid)"
	local i pids=()
	for i in {1..12}; do
		podshim state "$CID" >/dev/null 2>&1 3>&- &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		wait "$i"
	done
	[ "$(ends)" = noticed ]
	[ "$(states)" = "preparing prepared running exited" ]
}

@test "watch: a watcher notices the end by itself" {
	start_sleeper
	follow "$CID"
	wait_file "$EVENTS" '"running"'
	kill -KILL "$(init_pid)"
	wait_file "$EVENTS" '"exited"'
	podshim delete "$CID"
	wait_until 10 gone "$WATCHER"
	[ "$(states)" = "preparing prepared running exited gone" ]
	[ "$(grep -c noticed "$EVENTS")" = 1 ]
}

@test "watch without an id: a watcher that was there before the container notices its end" {
	follow
	start_sleeper
	wait_file "$EVENTS" "\"id\":\"$CID\",\"state\":\"running\""
	kill -KILL "$(init_pid)"
	wait_file "$EVENTS" "\"id\":\"$CID\",\"state\":\"exited\""
	kill "$WATCHER"
}

@test "watch: who runs it in the foreground tells how it ended, whoever else looks" {
	payload sh -c 'sleep 0.5; exit 42'
	podshim run --keep -b "$BUNDLE" "$CID" </dev/null 3>&- &
	local launcher=$!
	# Looks all the time, also while it is dead and not yet reaped.
	while kill -0 "$launcher" 2>/dev/null; do
		podshim state "$CID" >/dev/null 2>&1 || true
	done
	wait "$launcher" || [ $? = 42 ]
	[ "$(ends)" = 42 ]
	[ "$(states)" = "preparing prepared running exited" ]
}

@test "watch: a foreground run whose launcher was killed is noticed" {
	payload sleep 600
	"$PODSHIM" --root "$ROOT" run --keep -b "$BUNDLE" "$CID" </dev/null >/dev/null 2>&1 3>&- &
	local launcher=$!
	wait_status running
	kill -KILL "$launcher"
	wait "$launcher" || true
	podshim kill "$CID" KILL
	wait_status stopped
	[ "$(ends)" = noticed ]
}

@test "watch: deleting by force tells the end, too" {
	start_sleeper
	follow "$CID"
	wait_file "$EVENTS" '"running"'
	podshim delete --force "$CID"
	wait_until 10 gone "$WATCHER"
	[ "$(states)" = "preparing prepared running exited gone" ]
}

@test "watch: exec, its end and its failure" {
	start_sleeper
	podshim exec "$CID" sh -c 'exit 7' || [ $? = 7 ]
	podshim exec "$CID" sh -c 'kill -TERM $$' || [ $? = 143 ]
	! podshim exec "$CID" nosuchprogram
	detached podshim exec --detach --pid-file "$BATS_TEST_TMPDIR/pid" "$CID" sleep 600
	podshim watch --no-follow "$CID" >"$EVENTS"
	jq -es --argjson pid "$(cat "$BATS_TEST_TMPDIR/pid")" '
		map(select(.type == "exec")) as $start | map(select(.type == "exit")) as $ended | map(select(.type == "error")) as $fail
		| ($start | length == 3 and .[2].pid == $pid and .[2].program == "sleep")
		and ($ended | map(.status) == [7, 143]) and ($ended | map(.pid)) == ($start[:2] | map(.pid))
		and ($fail | length == 1 and (.[0].msg | test("nosuchprogram")))' "$EVENTS"
	# The container's own end is something else.
	podshim kill "$CID" KILL
	wait_status stopped
	[ "$(ends)" = noticed ]
}

@test "watch: a created container that is paused and resumed is prepared again" {
	detached podshim create -b "$BUNDLE" "$CID"
	podshim pause "$CID"
	podshim resume "$CID"
	status_is created
	podshim watch --no-follow "$CID" >"$EVENTS"
	[ "$(states)" = "preparing prepared paused prepared" ]
	run podshim resume "$CID"
	has "container not paused: '$CID'"
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
