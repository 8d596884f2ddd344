#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The examples of every manual page are run as they are written.

load lib/common
load lib/bundle
load lib/requires
load lib/wait

setup() {
	common_setup
	requires root podshim cc python3 jq unshare script
	WORK=$BATS_TEST_TMPDIR/work
	mkdir -p "$WORK/bin" "$WORK/bundle" "$WORK/pages"
	ln -s "$PODSHIM" "$WORK/bin/podshim"
	copy_rootfs "$WORK/bundle/rootfs"
	mkdir -p "$WORK/bundle/rootfs"/{work,srv/in,srv/public}
	echo 'int main(void) { return 0; }' | cc -x c -static -o "$WORK/bundle/rootfs/server" -
	cp "$WORK/bundle/rootfs/server" "$WORK/bundle/rootfs/srv/in/convert"
	cp "$WORK/bundle/rootfs/server" "$WORK/bundle/rootfs/srv/public/index"
	cc -O1 -I "$REPO/ipc" -static -o "$WORK/bundle/rootfs/echo" "$REPO/example/client-c/echo.c" "${PODSHIM%/*}/libpodshim.a"
	"$REPO/example/python-runner/make-bundle" "$WORK/python" >/dev/null
	cd "$WORK" || return
	echo 'remember the milk' | tee notes.txt input >/dev/null
	echo 'print("hello")' | tee hello.py job.py >/dev/null
	echo 'print(open("notes.txt").read())' >read.py
	echo 'open("out.txt", "w").write("x")' >build.py
	echo 'import socket; socket.socket()' >fetch.py
	printf 'check:\n\ttrue\n' >Makefile
	echo '{"podshimPolicy": 1, "permissions": {"read": true, "run": true}}' | tee policy.json job.json >/dev/null
	echo '{"type":"audit","kind":"access","perm":"read","action":"open","target":"/etc/passwd","result":"allow"}' >audit.jsonl
}
teardown() {
	common_teardown
}

# run_pages PAGE...: files in $WORK/pages
run_pages() {
	run unshare --mount "$REPO/tests/bats/lib/example_lines.bash" "$WORK" "$@"
	printf '%s\n' "$output" >&2
	((status == 0))
}
pages_of() { # pages_of REGEX: the commands' pages whose names match, but for those of REGEX 2
	local name
	PAGES=()
	for name in $("$PODSHIM" __man pages | grep -E "$1" | grep -vE "${2:-^$}"); do
		# shellcheck disable=SC2046  # a command of a group is two words
		"$PODSHIM" __man $(tr - ' ' <<<"${name#podshim-}") >"$WORK/pages/$name.1"
		PAGES+=("$WORK/pages/$name.1")
	done
	((${#PAGES[@]}))
}

@test "manual: the examples of every command work" {
	# Those of checkpoint and restore take a kernel that criu works with: checkpoint.bats.
	pages_of . '^podshim-(pod|policy|checkpoint|restore)'
	run_pages "${PAGES[@]}"
}

@test "manual: the examples of pods work" {
	pages_of '^podshim-pod'
	run_pages "${PAGES[@]}"
}

@test "manual: the examples of policies work" {
	pages_of '^podshim-policy'
	run_pages "${PAGES[@]}"
}

@test "manual: the examples of the overview and of the pages about policies, rings and security work" {
	run_pages "$REPO/shim/cli/podshim.1.scd" "$REPO/shim/policy/podshim-policy.5.scd" "$REPO/ipc/podshim-ring.7.scd" \
		"$REPO/shim/policy/podshim-security.7.scd"
}
