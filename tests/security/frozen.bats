#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What was resolved when permissions were frozen stays so: a payload that renames, replaces and links what it may write
# changes nothing of what the next process in its container, or the next runner of its pod, may do.

load ../bats/lib/common
load ../bats/lib/bundle
load ../bats/lib/pods
load ../bats/lib/requires
load ../bats/lib/wait

setup() {
	pods_setup jq
	mkdir -p "$ROOTFS/work/public" "$ROOTFS/work/closed/secret" "$ROOTFS/work/hidden" "$ROOTFS/etc" "$ROOTFS/tmp"
	echo seen >"$ROOTFS/work/public/file"
	echo hidden >"$ROOTFS/work/hidden/file"
	echo hidden >"$ROOTFS/work/closed/secret/file"
	echo hidden >"$ROOTFS/etc/file"
	config 'del(.linux.seccomp) | .root.readonly = false | .mounts += [{destination: "/tmp", type: "tmpfs", source: "tmpfs"}]'
}
teardown() {
	pods_teardown
}

PROGRAMS=(--quiet --allow-run --allow-ffi --allow-sys)
LISTED=("${PROGRAMS[@]}" --allow-read="/work/public,/bin,/tmp/later?" --allow-write="/work,/tmp")

# started FLAG... SCRIPT: a container whose payload has done SCRIPT.
started() {
	payload sh -c "${*: -1}; echo done >/tmp/mark; exec sleep 600"
	detached podshim create -b "$BUNDLE" "${@:1:$#-1}" "$CID"
	detached podshim start "$CID"
	wait_until 10 has_done
}
has_done() {
	[[ -e /proc/$(init_pid)/root/tmp/mark ]]
}

@test "exec: what was listed is not what has its name now" {
	started "${LISTED[@]}" 'mv /work/public /work/gone && mv /work/hidden /work/public'
	run podshim exec "$CID" sh -c 'cat /work/public/file'
	[[ $output != *hidden* && $output == *"an't open '/work/public/file': Permission denied"* ]]
	[[ $(cat "$ROOTFS/work/gone/file" "$ROOTFS/work/public/file") == "seen
hidden" ]]
}

@test "exec: what was listed and is a link now leads nowhere" {
	started "${LISTED[@]}" 'mv /work/public /work/gone && ln -s / /work/public'
	[[ $(readlink "$ROOTFS/work/public") == / ]]
	run podshim exec "$CID" sh -c 'cat /etc/file; cat /work/hidden/file; cat /work/public/etc/file'
	[[ $(grep -c "Permission denied" <<<"$output") == 3 ]]
}

@test "exec: what was missing when it was allowed is not what the payload makes of it" {
	started "${LISTED[@]}" 'ln -s / /tmp/later; readlink /tmp/later >/tmp/link'
	[[ $(cat "/proc/$(init_pid)/root/tmp/link") == / ]]
	run podshim exec "$CID" sh -c 'cat /etc/file; cat /tmp/later/etc/file; cat /work/public/file'
	[[ $output != *hidden* && $output == *seen* ]]
}

@test "exec: what was listed and is gone is missing, and nothing else" {
	started "${LISTED[@]}" 'rm -r /work/public'
	run -0 podshim exec "$CID" sh -c 'echo works'
	[[ $output == works ]]
}

# The pod's second runner.
second_runner() { # second_runner SCRIPT1 SCRIPT2
	run -0 podshim pod launch "$POD" -- sh -c "$1"
	run podshim pod launch "$POD" -- sh -c "$2"
}

@test "pod: what one runner has made of a listed directory is none for the next" {
	create --warm 1 "${LISTED[@]}"
	second_runner 'mv /work/public /work/gone && mv /work/hidden /work/public && cat /work/gone/file' 'cat /work/public/file'
	# It was made before, or is not made at all.
	[[ $output != hidden ]]
	run podshim pod launch "$POD" -- sh -c 'cat /work/public/file'
	[[ $output != hidden ]]
	((status != 0))
	[[ $output == *"'/work/public' is not what it was when the permissions were frozen"* ]]
}

@test "pod: what is denied stays where it is, whatever a runner may write around it" {
	create --warm 1 "${PROGRAMS[@]}" --allow-read --allow-write=/work --deny-read=/work/closed/secret
	run podshim pod launch "$POD" -- sh -c 'mv /work/closed /work/other'
	[[ $output == *"Device or resource busy"* ]]
	run podshim pod launch "$POD" -- sh -c 'mv /work/closed/secret /work/other'
	((status != 0))
	run podshim pod launch "$POD" -- sh -c 'cat /work/*/secret/file /work/other/*'
	[[ $output != *hidden* && $output == *"Permission denied"* ]]
	# Somebody else does it: then there are no more runners.
	mv "$ROOTFS/work/closed" "$ROOTFS/work/other"
	mkdir -p "$ROOTFS/work/closed/secret"
	run podshim pod launch "$POD" -- true
	run podshim pod launch "$POD" -- sh -c 'cat /work/other/secret/file'
	((status != 0))
	[[ $output != hidden ]]
	[[ $output == *"'/work/closed/secret' is not what it was when the permissions were frozen"* ]]
}
