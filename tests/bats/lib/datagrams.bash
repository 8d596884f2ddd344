# SPDX-License-Identifier: Apache-2.0
# The runtime, with an end, as each caller in a network WORLD (a command before it; empty: this one), and echo servers of datagrams there.
# Needs callers, common and wait; HERE/work is the current folder.
# shellcheck disable=SC2154

datagrams_teardown() {
	WORLD=()
	[[ ! -s $HERE/work/pids ]] || while read -r pid; do kill "$pid" 2>/dev/null || true; done <"$HERE/work/pids"
	common_teardown
	close_place
}

# as root|user ARG...: the runtime, whose state is each one's own.
as() {
	local ids=() root=$HERE/root-$1
	[[ $1 == root ]] || ids=("${USER_IDS[@]}")
	shift
	"${WORLD[@]}" "${ids[@]}" timeout -k 5 200 "$PODSHIM" --root "$root" "$@"
}
callers() {
	echo root
	if user_has_userns; then
		echo user
	fi
}

echoes() { # echoes PORT ADDRESS...
	"${WORLD[@]}" python3 "$REPO/tests/bats/lib/udp_echo.py" "$@" >"echo.$1.$2" 2>&1 3>&- &
	echo $! >>pids
	wait_file "echo.$1.$2" ready
}
