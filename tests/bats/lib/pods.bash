# SPDX-License-Identifier: Apache-2.0
# A pod per test: POD, made from BUNDLE, with what is left of it removed.  Needs common, bundle, requires and wait.

pods_setup() { # pods_setup [NEED...]
	common_setup
	requires root podshim "$@"
	cd "$BATS_TEST_TMPDIR" || return
	POD=$CID
	new_bundle sleep 600
}
pods_teardown() {
	local dir
	for dir in "${ROOT:-/nonexistent}"/.pods/*/; do
		[[ -d $dir ]] && podshim pod rm --force "$(basename "$dir")" >/dev/null 2>&1 3>&-
	done
	common_teardown
}

# shellcheck disable=SC2120
create() { # create [FLAG...]: the pod; SUPERVISOR and SPAWNER are its twins
	detached podshim pod create "$@" "$POD" "$BUNDLE"
	: >"$OUT"
	SUPERVISOR=$(jq .pid "$ROOT/.pods/$POD/state.json")
	SPAWNER=$(pgrep -P "$SUPERVISOR" -f 'pod create')
	export SUPERVISOR SPAWNER
}
# What a pod or a channel ends with is done by processes that end right afterwards.
nothing_left() {
	wait_until 15 all_gone || true
	assert_nothing_left
}
all_gone() {
	[[ -z $(left_behind) ]]
}
