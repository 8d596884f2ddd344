# SPDX-License-Identifier: Apache-2.0
# An ordinary user, uid and gid 1234, whom /etc/passwd knows and /etc/subuid gives ids: in a mount namespace of each call.
# shellcheck disable=SC2034,SC2154

# config.json: the user as root, and a thousand of the ids that he was given.
RANGES='.linux.uidMappings = [{containerID: 0, hostID: 1234, size: 1}, {containerID: 1, hostID: 300000, size: 1000}] |
	.linux.gidMappings = .linux.uidMappings '

# OPEN: a folder that the user reaches (the suite's own is closed to others), with the runtime, his run folder and a bundle's root.
open_for_user() {
	OPEN=/tmp/$TAG
	mkdir -m 755 "$OPEN"
	mkdir -m 700 "$OPEN/run"
	cp "$PODSHIM" "$OPEN/podshim"
	mkdir "$OPEN/b" "$OPEN/etc"
	"$REPO/example/hello/make-rootfs" "$OPEN/b/rootfs" >/dev/null
	chown -R 1234:1234 "$OPEN/run" "$OPEN/b"
	{ cat /etc/passwd; echo "$TAG:x:1234:1234::$OPEN/run:/bin/sh"; } >"$OPEN/etc/passwd"
	{ cat /etc/group; echo "$TAG:x:1234:"; } >"$OPEN/etc/group"
	echo "1234:300000:65536" >"$OPEN/etc/subuid"
	cp "$OPEN/etc/subuid" "$OPEN/etc/subgid"
}
close_for_user() {
	local dir
	[[ -n ${OPEN:-} ]] || return 0
	for dir in "$OPEN"/run/podshim/*/; do
		[[ ! -d $dir ]] || user delete --force "$(basename "$dir")" >/dev/null 2>&1 3>&- || true
	done
	[[ -z ${DELEGATED:-} ]] || find "$DELEGATED" -depth -type d -exec rmdir {} + || true
	rm -rf "$OPEN"
}

as_user() { # as_user [NAME=VALUE...] COMMAND [ARG...]
	# shellcheck disable=SC2016  # its own variables
	unshare -m sh -c '
		for name in passwd group subuid subgid; do mount --bind "$0/etc/$name" "/etc/$name" || exit; done
		exec setpriv --reuid 1234 --regid 1234 --clear-groups env XDG_RUNTIME_DIR="$0/run" HOME="$0/run" "$@"' "$OPEN" "$@"
}
# The runtime as the user.
user() {
	as_user "$OPEN/podshim" "$@"
}

can_user_namespaces() {
	as_user unshare -Ur true 2>/dev/null || skip "ordinary users may not make user namespaces here"
}

# user_bundle [JQ OPTION...] FILTER: OPEN/b/config.json from what `spec --rootless` prints.
user_bundle() {
	rm -f "$OPEN/b/config.json"
	user spec --rootless -b "$OPEN/b"
	jq "${@:1:$#-1}" '.process.terminal = false |'"${*: -1}" "$OPEN/b/config.json" >"$OPEN/b/.config.json"
	mv "$OPEN/b/.config.json" "$OPEN/b/config.json"
}

user_status_is() { # user_status_is STATUS
	[[ $(user state "$CID" | jq -r .status) == "$1" ]]
}

# No record, no tape, no process of the user's.
nothing_of_user() {
	local dir
	for dir in "$OPEN"/run/podshim/*/; do
		[[ ! -d $dir ]] || return 1
	done
	! grep -lFs "$OPEN" /dev/shm/podshim-* && ! pgrep -f "^$OPEN/podshim"
}

# DELEGATED: a cgroup of version 2 that is the user's.
delegate_cgroup() {
	DELEGATED=$(v2_mount)/$TAG
	mkdir "$DELEGATED" "$DELEGATED/shell"
	chown -R 1234:1234 "$DELEGATED"
}
in_delegated() { # in_delegated COMMAND...: born in there
	(
		echo "$BASHPID" >"$DELEGATED/shell/cgroup.procs"
		"$@"
	)
}
