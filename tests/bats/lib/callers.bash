# SPDX-License-Identifier: Apache-2.0
# Two kinds of caller, root and an ordinary user, and a place that both can reach.  Needs: as root|user ARG...

# shellcheck disable=SC2034  # of the tests
USER_IDS=(setpriv --reuid 65534 --regid 65534 --clear-groups env -u XDG_RUNTIME_DIR HOME=/nonexistent)

user_has_userns() {
	"${USER_IDS[@]}" unshare -Ur true 2>/dev/null
}
can_userns() {
	user_has_userns || skip "ordinary users may not make user namespaces here"
}

# open_place TEMPLATE FOLDER: HERE, the user's own, with the runtime in it; the test goes on in FOLDER.
open_place() {
	HERE=$(mktemp -d "$1")
	chmod 755 "$HERE"
	cp "$PODSHIM" "$HERE/podshim"
	mkdir "$HERE/$2"
	chown -R 65534:65534 "$HERE"
	cd "$HERE/$2" || return
}
close_place() {
	# The tapes of those that were killed together with whoever frees them.
	if [[ -n ${HERE:-} ]]; then
		as root gc >/dev/null || true
		as user gc >/dev/null || true
	fi
	cd /
	[[ -z ${HERE:-} ]] || rm -rf "$HERE"
}
