#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What an ordinary user's engine does: it is root of a user namespace of his.

load lib/common
load lib/requires

setup() {
	common_setup
	requires root setpriv unshare
	# The suite's own folder is closed to others.
	OPEN=/tmp/$TAG
	mkdir -m 755 "$OPEN"
	mkdir -m 700 "$OPEN/run"
	chown 1234:1234 "$OPEN/run"
	cp "$PODSHIM" "$OPEN/podshim"
}
teardown() {
	[[ -z ${OPEN:-} ]] || rm -rf "$OPEN"
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
