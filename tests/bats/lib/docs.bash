# SPDX-License-Identifier: Apache-2.0
# Documents and examples, run in a copy of their own (HERE/me/podshim) by root and by an ordinary user.  Needs common and callers.

docs_setup() {
	common_setup
	requires root podshim python3 jq setpriv cc node
	HERE=$(mktemp -d /var/tmp/podshim-docs.XXXXXX)
	mkdir -p "$HERE/bin" "$HERE/me/podshim"
	chmod 755 "$HERE"
	cp "$PODSHIM" "$HERE/bin/podshim"
	tar -C "$REPO" --exclude=rootfs --exclude=bundle -c example hack ipc base tests/bats/lib ./*.md Makefile | tar -C "$HERE/me/podshim" -x
	unset "${!PODSHIM_@}" PYTHONPATH
	export HOME=$HERE/me PYTHONDONTWRITEBYTECODE=1
	LIBRARY=${PODSHIM%/*}/libpodshim.a
	cd "$HERE/me/podshim" || return
}
docs_teardown() {
	cd /
	[[ -z ${HERE:-} ]] || rm -rf "$HERE"
	common_teardown
}

# try root|user [FLAG...] FILE...: what stands in them, as it says.
try() {
	local who=$1
	shift
	local command=(python3 "$REPO/hack/try-docs" --as "/home/me=$HERE/me" --as "build/libpodshim.a=$LIBRARY" "$@")
	if [[ $who == root ]]; then
		run unshare -m --propagation private "$REPO/tests/bats/lib/world" "$HERE" "${command[@]}"
	else
		can_userns
		chown -R 65534:65534 "$HERE/me"
		run "${USER_IDS[@]}" PATH="$HERE/bin:/usr/bin:/bin" HOME="$HERE/me" "${command[@]}" --only anyone
	fi
	# shellcheck disable=SC2154  # of run
	((status == 0)) || { printf '%s\n' "$output" >&2; return 1; }
	has ", 0 did not do what they say"
}
