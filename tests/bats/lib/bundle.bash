# SPDX-License-Identifier: Apache-2.0
# Bundles from busybox: a root file system made once per run of the suite, a copy and a config.json per test.

# A root file system of this test alone, at DIR (hard links; the files are never changed in place).
copy_rootfs() {
	local origin=$BATS_SUITE_TMPDIR/rootfs
	(
		flock 9
		"$REPO/example/hello/make-rootfs" "$origin" >/dev/null
	) 9>"$BATS_SUITE_TMPDIR/rootfs.lock"
	cp -al "$origin" "$1"
}

# new_bundle [ARG...]: BUNDLE with a fresh root file system that runs ARGs.
new_bundle() {
	BUNDLE=$BATS_TEST_TMPDIR/bundle
	rm -rf "$BUNDLE"
	mkdir -p "$BUNDLE"
	copy_rootfs "$BUNDLE/rootfs"
	"$REPO/example/hello/make-config" "$@" >"$BUNDLE/config.json"
	ROOTFS=$BUNDLE/rootfs
	export BUNDLE ROOTFS
}

# config [JQ OPTION...] FILTER: edit config.json in place.
config() {
	jq "$@" <"$BUNDLE/config.json" >"$BUNDLE/.config.json"
	mv "$BUNDLE/.config.json" "$BUNDLE/config.json"
}

# payload ARG...: what the container runs.
payload() {
	# shellcheck disable=SC2016  # jq's variable
	config '.process.args = $ARGS.positional' --args -- "$@"
}
shell() { # shell SCRIPT
	payload sh -c "$1"
}

# Run the bundle in the foreground: status and output as `run` sets them.
# shellcheck disable=SC2120,SC2154
run_bundle() { # run_bundle [-N] [FLAG...]
	local expected=-0
	if [[ ${1:-} == -[0-9]* ]]; then
		expected=$1
		shift
	fi
	run podshim run -b "$BUNDLE" "$@" "$CID"
	printf 'exit status %d: %s\n' "$status" "$output" >&2
	((status == ${expected#-})) || { echo "expected exit status ${expected#-}" >&2; return 1; }
}

# Run a shell script in the bundle.
run_shell() {
	shell "$1"
	# shellcheck disable=SC2119
	run_bundle
}

# A running container that lives until it is killed.
start_sleeper() {
	payload sleep 600
	detached podshim create -b "$BUNDLE" "$@" "$CID"
	detached podshim start "$CID"
}

init_pid() {
	podshim state "$CID" | jq .pid
}
