# SPDX-License-Identifier: Apache-2.0
# What every integration test starts from: the runtime under test, a state root and an id of its own, clean-up.
#
# PODSHIM names the runtime (default: build/podshim); any OCI runtime with runc's command line will do for most files.
bats_require_minimum_version 1.5.0

REPO=$(cd "${BASH_SOURCE[0]%/*}/../../.." && pwd)
PODSHIM=${PODSHIM:-${B:-$REPO/build}/podshim}
[[ $PODSHIM == /* ]] || PODSHIM=$PWD/$PODSHIM
export PODSHIM

# The runtime with this test's state root.
podshim() {
	"$PODSHIM" --root "$ROOT" "$@"
}

# Is the runtime podshim itself, and not a peer that validates the tests?
is_podshim() {
	[[ ${PODSHIM##*/} == podshim* ]]
}

common_setup() {
	[[ -x $PODSHIM ]] || skip "no runtime at $PODSHIM"
	# State, ids and everything else of a test bear its own name, so that what it left behind can be told.
	TAG=b$$x$BATS_TEST_NUMBER
	CID=$TAG
	ROOT=$BATS_TEST_TMPDIR/root
	OUT=$BATS_TEST_TMPDIR/out
	export TAG CID ROOT OUT
}

common_teardown() {
	local dir
	for dir in "${ROOT:-/nonexistent}"/*/; do
		[[ -d $dir ]] && podshim delete --force "$(basename "$dir")" >/dev/null 2>&1 3>&-
	done
	return 0
}

# Like `run -0`, for commands that leave a container behind: its output goes to $OUT and nothing waits for it.
detached() {
	local expected=0
	if [[ $1 == -[0-9]* ]]; then
		expected=${1#-}
		shift
	fi
	status=0
	"$@" </dev/null >>"$OUT" 2>&1 3>&- || status=$?
	output=$(cat "$OUT")
	if ((status != expected)); then
		printf 'exit status %d instead of %d: %s\n%s\n' "$status" "$expected" "$*" "$output" >&2
		return 1
	fi
}

# Like `run`, but through a file: a container that is made although it should not be keeps no pipe of ours open.
attempt() {
	status=0
	"$@" </dev/null >"$OUT.attempt" 2>&1 3>&- || status=$?
	output=$(cat "$OUT.attempt")
	printf '%s: exit status %d: %s\n' "$*" "$status" "$output" >&2
}

# Assertions that print what they saw.
has() { # has TEXT: $output contains it
	[[ $output == *"$1"* ]] || { printf 'no "%s" in:\n%s\n' "$1" "$output" >&2; return 1; }
}
lacks() {
	[[ $output != *"$1"* ]] || { printf 'unexpected "%s" in:\n%s\n' "$1" "$output" >&2; return 1; }
}
is() { # is TEXT: $output equals it
	[[ $output == "$1" ]] || { printf 'expected: %s\n     got: %s\n' "$1" "$output" >&2; return 1; }
}

# Everything that bears this test's name outside its temporary directory, and what its state root still holds.
left_behind() {
	local p
	# The state root keeps its own lock file.
	find "$ROOT" -mindepth 1 ! -path "$ROOT/.lock" ! -path "$ROOT/.pods" ! -path "$ROOT/.resolv.conf" ! -path "$ROOT/.resolv.ask.conf" 2>/dev/null
	find /sys/fs/cgroup -depth -type d -name "*$TAG*" 2>/dev/null
	grep -lFs "$ROOT" /dev/shm/podshim-* 2>/dev/null
	grep -F "$BATS_TEST_TMPDIR" /proc/self/mountinfo
	# Members of its cgroups, and launchers (the runtime with this state root as an argument).  A zombie is its
	# parent's to reap, not the runtime's.
	for p in $(grep -lsF "$TAG" /proc/[0-9]*/cgroup | cut -d/ -f3) $(pgrep -f -- "$ROOT"); do
		case $(sed -n 's/^State:[[:space:]]*//p' "/proc/$p/status" 2>/dev/null) in
		"" | Z*) continue ;;
		esac
		grep -qsF "$TAG" "/proc/$p/cgroup" || [[ $(readlink "/proc/$p/exe") == "$PODSHIM" ]] || continue
		echo "process $p $(tr '\0' ' ' 2>/dev/null <"/proc/$p/cmdline")"
	done
	return 0
}

assert_nothing_left() {
	local left
	left=$(left_behind)
	[[ -z $left ]] || { printf 'left behind:\n%s\n' "$left" >&2; return 1; }
}
