# SPDX-License-Identifier: Apache-2.0
# The runtime as root and as an ordinary user, in a place of the user's own.  Needs ../bats/lib/callers and common.
# shellcheck disable=SC2154

callers_setup() { # callers_setup TEMPLATE NEED...
	common_setup
	requires root podshim jq setpriv "${@:2}"
	# Which the user can reach; not below /tmp, which a program has of its own.
	open_place "$1" work
	unset "${!PODSHIM_@}"
	PODSHIM=$HERE/podshim
}
callers_teardown() {
	common_teardown
	close_place
}

# as root|user ARG...: the runtime, with an end.
as() {
	local ids=() root=$HERE/root-$1
	[[ $1 == root ]] || ids=("${USER_IDS[@]}")
	shift
	"${ids[@]}" timeout -k 5 60 "$PODSHIM" --root "$root" "$@"
}
callers() {
	echo root
	if user_has_userns; then
		echo user
	fi
}
