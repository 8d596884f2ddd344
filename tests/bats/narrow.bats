#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Less than a container's permissions, for one process: permission flags of exec and of pod launch.

load lib/callers
load lib/common
load lib/bundle
load lib/requires
load lib/wait
load lib/pods

LISTS=(--allow-read=/data --allow-write=/work --allow-run=/bin/busybox --allow-net=127.0.0.1 --allow-env=APP,APP_MODE)

setup() {
	pods_setup jq
	mkdir -p "$ROOTFS/data/sub" "$ROOTFS/work"
	echo a >"$ROOTFS/data/a"
	echo b >"$ROOTFS/data/sub/b"
	config '.root.readonly = false | .process.env += ["APP=1", "APP_MODE=2"]'
}
as() { # as user ARG...
	"${USER_IDS[@]}" "$HERE/podshim" --root "$HERE/root" "${@:2}"
}
teardown() {
	[[ -z ${SERVER:-} ]] || kill "$SERVER" 2>/dev/null || true
	[[ -z ${HERE:-} ]] || close_place
	pods_teardown
}
# A web server of the host on its loopback device; PORT.
serve() {
	requires python3
	mkdir -p www
	echo served >www/page
	python3 -u -m http.server --bind 127.0.0.1 --directory www 0 >server 2>&1 3>&- &
	SERVER=$!
	wait_file server "Serving HTTP"
	PORT=$(sed -n 's/.* port \([0-9]*\) .*/\1/p' server)
}
running() { # running FLAG...: CID, which sleeps
	payload sleep 600
	detached podshim run -d "$@" -b "$BUNDLE" "$CID"
}

@test "exec: files, sockets and variables of a list that got shorter" {
	running "${LISTS[@]}"
	run -1 podshim exec --allow-read=/data/sub "$CID" cat /data/a /data/sub/b
	has "cat: can't open '/data/a': Permission denied
b"
	run -1 podshim exec --deny-write "$CID" sh -c 'echo x >/work/new'
	has "can't create /work/new: Permission denied"
	run -0 podshim exec "$CID" sh -c 'echo x >/work/new; cat /data/a'
	is a
	serve
	run -0 podshim exec "$CID" wget -qO- "http://127.0.0.1:$PORT/page"
	is served
	run -0 podshim exec --allow-net="127.0.0.1:$PORT" "$CID" wget -qO- "http://127.0.0.1:$PORT/page"
	is served
	run -1 podshim exec --deny-net "$CID" wget -qO- "http://127.0.0.1:$PORT/page"
	has "Permission denied"
	# Told of with the others', and with the flag that took it away.
	told() { podshim audit "$CID" | grep -q "deny   net   127.0.0.1:$PORT .* by deny everything (--deny-net)"; }
	wait_until 10 told
	run -1 podshim exec --allow-net=127.0.0.1:1 "$CID" wget -qO- "http://127.0.0.1:$PORT/page"
	has "Permission denied"
	run -0 podshim exec --allow-env=APP "$CID" env
	has APP=1
	lacks APP_MODE
	run -0 podshim exec --deny-env=APP "$CID" env
	lacks APP=
	run -255 podshim exec --deny-run=/bin/busybox "$CID" true
	has "permission denied"
	# The supervisor that decides for one of them goes on to decide for the others.
	run -1 podshim exec "$CID" nc 127.0.0.1 1
	has "Connection refused"
	podshim kill "$CID" KILL
}

@test "exec: what would widen is refused by name" {
	running "${LISTS[@]}"
	run -255 podshim exec --allow-write=/data "$CID" true
	is 'podshim: exec failed: --allow-write: "/data" would widen what is permitted already; write is allowed for: "/work" (--allow-write)'
	run -255 podshim exec --allow-read "$CID" true
	has '--allow-read: everything would widen what is permitted already'
	run -255 podshim exec --allow-net=10.0.0.1 "$CID" true
	has '--allow-net: "10.0.0.1" would widen what is permitted already'
	run -255 podshim exec --allow-read+=/data "$CID" true
	has "'--allow-read+=/data': '+' adds to a list, and what is given here only narrows one"
	run -1 podshim exec --policy x "$CID" true
	has "unknown flag '--policy' for 'exec'"
	run -1 podshim exec --allow-read= "$CID" true
	has "flag '--allow-read=' has no value"
	run -255 podshim exec --env OTHER=1 "$CID" true
	is "podshim: exec failed: --env 'OTHER': the permissions of the container do not hand it over (--allow-env)"
	run -255 podshim exec --env LD_PRELOAD=/x "$CID" true
	has "--env 'LD_PRELOAD': the permissions of the container do not hand it over"
	run -255 podshim exec --deny-env=APP --env APP=3 "$CID" true
	has "--env 'APP': the permissions"
	run -0 podshim exec --env APP=3 --env PATH=/bin "$CID" env
	has APP=3
	has PATH=/bin
	podshim kill "$CID" KILL
}

@test "exec: what would take another mount is refused by name" {
	running "${LISTS[@]}"
	run -255 podshim exec --deny-read=/data/sub "$CID" true
	has "--deny-read: "
	has "the mounts of the container are made, for all its processes: '/data/sub' is inside of what may be read, and would have to be masked: list what may be read instead"
	mkdir "$ROOTFS/work/in"
	run -255 podshim exec --deny-write=/work/in "$CID" true
	has "'/work/in' is inside of what may be written: list what may be written instead"
	podshim kill "$CID" KILL
	wait_status stopped
	podshim delete "$CID"
	# Nobody limits anything: only variables can be taken from one process.
	running
	run -255 podshim exec --allow-read=/data "$CID" true
	has "--allow-read: the container was made without permissions, which only '--deny-env' can take from one process: give it permissions when it is made"
	run -255 podshim exec --deny-net "$CID" true
	has "--deny-net: the container was made without permissions"
	run -0 podshim exec --deny-env=APP "$CID" env
	lacks APP=
	has APP_MODE=2
	podshim kill "$CID" KILL
	wait_status stopped
	podshim delete "$CID"
	# Programs are no list, and cannot become one.
	running --deny-net=10.0.0.1
	run -255 podshim exec --allow-read=/data "$CID" true
	has "run, ffi: it has no list of what is code, and only a list can get shorter"
	podshim kill "$CID" KILL
}

@test "exec: flags in front of it are the runtime's, as engines give them" {
	running "${LISTS[@]}"
	run -0 podshim --allow-read=/ --deny-net --policy /nonexistent -A exec "$CID" cat /data/a
	is a
	run -1 podshim --deny-read=/data exec --allow-read=/data/sub "$CID" cat /data/a
	has "can't open '/data/a'"
	podshim kill "$CID" KILL
}

@test "launch: each runner has its own, and the next one all of the pod's" {
	create --warm 2 "${LISTS[@]}"
	run -1 podshim pod launch --allow-read=/data/sub "$POD" -- cat /data/a /data/sub/b
	has "cat: can't open '/data/a': Permission denied
b"
	run -0 podshim pod launch "$POD" -- cat /data/a
	is a
	run -1 podshim pod launch --deny-write "$POD" -- sh -c 'echo x >/work/new'
	has "can't create /work/new: Permission denied"
	run -1 podshim pod launch --deny-net "$POD" -- nc 127.0.0.1 1
	has "Permission denied"
	run -1 podshim pod launch --allow-net=127.0.0.1:2 "$POD" -- nc 127.0.0.1 1
	has "Permission denied"
	run -1 podshim pod launch --allow-net=127.0.0.1:1 "$POD" -- nc 127.0.0.1 1
	has "Connection refused"
	run -1 podshim pod launch "$POD" -- nc 127.0.0.1 1
	has "Connection refused"
	run -0 podshim pod launch --deny-env=APP_MODE --env APP=3 "$POD" -- env
	has APP=3
	has PODSHIM_CHANNEL_FD=3
	lacks APP_MODE
	run -125 podshim pod launch --allow-write=/ "$POD" -- true
	is 'podshim: --allow-write: "/" would widen what is permitted already; write is allowed for: "/work" (--allow-write)'
	run -125 podshim pod launch --deny-read=/data/sub "$POD" -- true
	has "'/data/sub' is inside of what may be read"
	run -125 podshim pod launch --env OTHER=1 "$POD" -- true
	is "podshim: --env 'OTHER': the permissions of the pod do not hand it over (--allow-env)"
	run -125 podshim pod launch --deny-env=APP --env APP=1 "$POD" -- true
	has "--env 'APP': the permissions of the pod"
	podshim pod rm "$POD"
	nothing_left
}

@test "launch: one that is refused leaves its runner as it was" {
	create --warm 1 "${LISTS[@]}"
	run -125 podshim pod launch --deny-net --env OTHER=1 "$POD" -- true
	run -125 podshim pod launch --deny-net --memory 100T --deny-write=/work/nothing "$POD" -- true
	run -1 podshim pod launch "$POD" -- nc 127.0.0.1 1
	has "Connection refused"
	# A runner that is not prepared yet: the flags wait with the launch.
	local id
	detached podshim pod launch -d "$POD" -- sleep 600
	id=$output
	run -1 podshim pod launch --deny-net "$POD" -- nc 127.0.0.1 1
	has "Permission denied"
	# exec in a runner: no more than the pod, or less.
	run -1 podshim exec "$id" nc 127.0.0.1 1
	has "Connection refused"
	run -1 podshim exec --deny-net "$id" nc 127.0.0.1 1
	has "Permission denied"
	podshim pod rm --force "$POD"
	nothing_left
}

@test "launch: without permissions of the pod's, variables alone" {
	create --warm 1
	run -125 podshim pod launch --deny-net "$POD" -- true
	has "--deny-net: the container was made without permissions"
	run -0 podshim pod launch --deny-env=APP "$POD" -- env
	lacks APP=
	has APP_MODE=2
	podshim pod rm "$POD"
	nothing_left
}

@test "launch: code runs already, and only its net gets tighter" {
	requires python3
	BUNDLE=$BATS_TEST_TMPDIR/python
	"$REPO/example/python-runner/make-bundle" "$BUNDLE"
	create --interpreter --allow-read --allow-run --allow-ffi --allow-sys --allow-net=127.0.0.1
	local code='import socket
try: socket.create_connection(("127.0.0.1", 1))
except OSError as e: print(type(e).__name__)'
	run -0 podshim pod launch "$POD" --code "$code"
	is ConnectionRefusedError
	run -0 podshim pod launch "$POD" --deny-net --code "$code"
	is PermissionError
	run -0 podshim pod launch "$POD" --code "$code"
	is ConnectionRefusedError
	run -125 podshim pod launch "$POD" --deny-read=/etc --code "$code"
	has "--deny-read: its program runs already: only net can get tighter then"
	podshim pod rm "$POD"
	nothing_left
}

@test "as a user: exec with less than his program has" {
	can_userns
	open_place /var/tmp/podshim-narrow.XXXXXX home
	mkdir -p data/sub
	echo a >data/a
	echo b >data/sub/b
	as user run --allow-read="$PWD/data" --allow-run=/bin/cat -- sleep 600 >"$HERE/out" 2>&1 3>&- </dev/null &
	SERVER=$!
	id_of() { as user list -q | grep -m1 .; }
	is_running() { [[ $(as user state "$(id_of)" | jq -r .status) == running ]]; }
	wait_until 10 is_running
	local id
	id=$(id_of)
	run -0 as user exec "$id" /bin/cat "$PWD/data/a" "$PWD/data/sub/b"
	is "a
b"
	run -1 as user exec --allow-read="$PWD/data/sub" "$id" /bin/cat "$PWD/data/a" "$PWD/data/sub/b"
	has "Permission denied"
	has b
	as user kill "$id" KILL
	wait "$SERVER" || true
	SERVER=
}

@test "launch: what was denied is told before the end of who wanted it" {
	create "${LISTS[@]}"
	detached podshim pod launch -d "$POD" -- nc 10.0.0.1 80
	local id
	id=$(tail -n 1 "$OUT")
	run podshim pod wait "$id"
	run -0 podshim watch --no-follow "$id"
	[[ $(jq -rs 'map(select(.type == "audit" or .status == "exited" or .state == "exited").type) | join(" ")' <<<"$output") == "audit state"* ]]
}

@test "launch: limits of its own, beside permissions and a filter of system calls" {
	config '.linux.seccomp = { defaultAction: "SCMP_ACT_ALLOW", syscalls: [{ names: ["swapon"], action: "SCMP_ACT_ERRNO" }] }'
	create "${LISTS[@]}"
	run -0 podshim pod launch --pids 20 --memory 64M "$POD" -- cat /data/a
	is a
}
