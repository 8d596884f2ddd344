#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Ordinary users: their own containers, and what their engines do as root of a user namespace.

load lib/common
load lib/requires
load lib/rootless
load lib/wait

setup() {
	common_setup
	requires root setpriv unshare
	open_for_user
	ROOT=$OPEN/run/podshim
}
teardown() {
	close_for_user
	common_teardown
}

# Runs a shell script as root of a user namespace that uid 1234 made.
as_users_root() {
	setpriv --reuid 1234 --regid 1234 --clear-groups env "${@:2}" unshare --user --map-root-user sh -c "$1"
}

@test "records of a user's root are in XDG_RUNTIME_DIR, not in the host's /run" {
	run -0 as_users_root "'$OPEN/podshim' list -q" XDG_RUNTIME_DIR="$OPEN/run"
	is ""
	run -1 as_users_root "'$OPEN/podshim' state no-such" XDG_RUNTIME_DIR="$OPEN/run"
	has "container does not exist"
	run -1 as_users_root "'$OPEN/podshim' list -q" XDG_RUNTIME_DIR=relative
	has "XDG_RUNTIME_DIR 'relative' is not an absolute path"
	run -1 "$PODSHIM" --root "$ROOT" state no-such
	has "container does not exist"
}

@test "a user creates, starts, enters, signals and deletes a container" {
	can_user_namespaces
	user_bundle '.process.args = ["sh", "-c", "trap \"exit 3\" TERM; while :; do sleep 0.1; done"]'
	detached user create -b "$OPEN/b" --pid-file "$OPEN/run/pid" "$CID"
	run -0 user state "$CID"
	[ "$(jq -r '.status, .pid' <<<"$output")" = "created
$(cat "$OPEN/run/pid")" ]
	detached user start "$CID"
	run -0 user list -q
	is "$CID"
	run -0 user exec "$CID" sh -c 'id -u; cat /proc/1/comm'
	is $'0\nsh'
	run -4 user exec "$CID" sh -c 'exit 4'
	detached user exec -d "$CID" sleep 600
	# Its processes are known by its pid namespace, for it has no cgroup.
	run -0 user ps --format json "$CID"
	[ "$(jq length <<<"$output")" -ge 2 ]
	[ "$(cat "/proc/$(cat "$OPEN/run/pid")/cgroup")" = "$(cat /proc/self/cgroup)" ]
	run -1 user pause "$CID"
	has "has no cgroup: it can't be paused"
	run -0 user kill --all "$CID" TERM
	wait_until 10 user_status_is stopped
	run -0 user delete "$CID"
	wait_until 5 nothing_of_user
}

@test "a user's detached container is recorded, and freed by delete --force" {
	can_user_namespaces
	user_bundle '.process.args = ["sleep", "600"]'
	detached user run -d -b "$OPEN/b" "$CID"
	user_status_is running
	run -0 user delete --force "$CID"
	wait_until 5 nothing_of_user
}

@test "a program of a user's, detached" {
	can_user_namespaces
	detached user run -d --name "$CID" -- sleep 600
	user_status_is running
	run -0 user delete --force "$CID"
	wait_until 5 nothing_of_user
}

@test "exec into a user's container that has a supervisor is refused by name" {
	can_user_namespaces
	user_bundle '.process.args = ["sleep", "600"]'
	detached user run -d --allow-read --allow-run --allow-net=127.0.0.1 -b "$OPEN/b" "$CID"
	run -255 user exec "$CID" id -u
	has "without root, nothing can be executed in container '$CID': its permissions take a supervisor"
	run -0 user delete --force "$CID"
}

@test "hooks of a user's container run once each" {
	can_user_namespaces
	printf '#!/bin/sh\nread -r state\necho "$1" >>%s/run/told\n' "$OPEN" >"$OPEN/hook"
	chmod 755 "$OPEN/hook"
	user_bundle --arg hook "$OPEN/hook" '.process.args = ["true"] | .hooks =
		(["prestart", "createRuntime", "poststart", "poststop"] | map({(.): [{path: $hook, args: ["hook", .]}]}) | add)'
	detached user create -b "$OPEN/b" "$CID"
	detached user start "$CID"
	wait_until 10 user_status_is stopped
	run -0 user delete "$CID"
	[ "$(cat "$OPEN/run/told")" = $'prestart\ncreateRuntime\npoststart\npoststop' ]
}

@test "a user's ranges of ids are mapped by newuidmap and newgidmap" {
	requires newuidmap newgidmap
	can_user_namespaces
	mkdir -m 777 "$OPEN/b/rootfs/data"
	user_bundle "$RANGES"'| .process.args = ["sh", "-c", "id -u; id -G; cat /proc/self/uid_map; touch /data/made; exec sleep 600"] | .root.readonly = false |
		.process.user = {uid: 7, gid: 8, additionalGids: [9]}'
	detached user run -d --pid-file "$OPEN/run/pid" -b "$OPEN/b" "$CID"
	wait_until 10 test -e "$OPEN/b/rootfs/data/made"
	[ "$(stat -c '%u %g' "$OPEN/b/rootfs/data/made" "/proc/$(cat "$OPEN/run/pid")")" = $'300006 300007\n300006 300007' ]
	[ "$(awk '{ print $1, $2, $3 }' "/proc/$(cat "$OPEN/run/pid")/uid_map")" = $'0 1234 1\n1 300000 1000' ]
	run cat "$OUT"
	[ "$(head -n 2 <<<"$output")" = $'7\n8 9' ]
	run -0 user exec --user 33:44 "$CID" sh -c 'id -u; id -g'
	is $'33\n44'
	# The signal goes to another uid than the user's own.
	run -0 user kill "$CID" KILL
	wait_until 10 user_status_is stopped
	run -0 user delete "$CID"
	wait_until 5 nothing_of_user
}

@test "what a user may not map is refused, and leaves nothing" {
	requires newuidmap newgidmap
	can_user_namespaces
	user_bundle '.linux.uidMappings[0].size = 2'
	attempt user create -b "$OPEN/b" "$CID"
	[ "$status" = 1 ]
	has "config.json: /linux/uidMappings/0: without root, the caller's own user id 1234 has a row of its own, of size 1"
	user_bundle "$RANGES"'| .linux.gidMappings[1].hostID = 500000'
	attempt user create -b "$OPEN/b" "$CID"
	[ "$status" = 1 ]
	has "config.json: /linux/gidMappings: "
	has "newgidmap' refused the mapping (see subuid(5), subgid(5))"
	attempt as_user PATH=/nonexistent "$OPEN/podshim" run -b "$OPEN/b" "$CID"
	[ "$status" = 1 ]
	has "takes 'newuidmap' (package uidmap), which is not in PATH"
	user_bundle '(.linux.namespaces[] | select(.type == "user")).path = "/proc/self/ns/user"'
	attempt user create -b "$OPEN/b" "$CID"
	[ "$status" = 1 ]
	has "without root, a user namespace cannot be joined"
	nothing_of_user
}

@test "a user's limits are refused by name where no cgroup is his" {
	can_user_namespaces
	user_bundle '.linux.resources = {pids: {limit: 10}}'
	attempt user create -b "$OPEN/b" "$CID"
	[ "$status" = 1 ]
	has "config.json: /linux/resources/pids/limit: the limit cannot be set: no cgroup with the controller 'pids' is the caller's to write"
	nothing_of_user
	# A flag is to blame where the limit is the flag's.
	attempt user create --pids 5 -b "$OPEN/b" "$CID"
	[ "$status" = 1 ]
	has "podshim: --pids: the limit cannot be set: no cgroup with the controller 'pids' is the caller's to write"
	nothing_of_user
	# With the manager that makes none it is the caller's own word.
	attempt user --cgroup-manager disabled create -b "$OPEN/b" "$CID"
	[ "$status" = 1 ]
	has "a limit cannot be set: cgroups are disabled"
	# As devices are, who could not be made in a user namespace anyway.
	user_bundle '.linux.resources = {devices: [{allow: false, access: "rwm"}]} | .process.args = ["true"]'
	run -0 user run -b "$OPEN/b" "$CID"
}

@test "a cgroup of version 2 that was given to a user is used" {
	requires cgroup_v2
	can_user_namespaces
	user_bundle '.process.args = ["sleep", "600"]'
	delegate_cgroup
	detached in_delegated user run -d --pid-file "$OPEN/run/pid" -b "$OPEN/b" "$CID"
	local at
	at=$(awk -F: '$1 == 0 { print $3 }' "/proc/$(cat "$OPEN/run/pid")/cgroup")
	[[ $at == */"$TAG"/* && $at == */"$CID" ]]
	run -0 in_delegated user exec "$CID" cat /proc/self/cgroup
	run -0 user pause "$CID"
	user_status_is paused
	run -0 user resume "$CID"
	user_status_is running
	run -0 user delete --force "$CID"
	[ ! -e "$(v2_mount)$at" ]
	wait_until 5 nothing_of_user
}
