#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# buildah run --runtime podshim.

load lib/common
load lib/bundle
load lib/requires
load lib/wait

setup_file() {
	requires root buildah
	[[ -x $PODSHIM ]] || skip "no runtime at $PODSHIM"
	BD=$(mktemp -d /tmp/bd.XXXXXX)
	export BD
	"$REPO/example/hello/make-rootfs" "$BD/rootfs" >/dev/null
	printf '[containers]\ndefault_ulimits = ["nofile=20000:20000", "nproc=30000:30000"]\n' >"$BD/containers.conf"
}
teardown_file() {
	[[ -n ${BD:-} ]] || return 0
	bd rm --all >/dev/null 2>&1 || true
	awk -v d="$BD/" 'index($5, d) == 1 { print $5 }' /proc/self/mountinfo | sort -r | xargs -r umount -l
	rm -rf "$BD"
}
setup() {
	requires root buildah
}
teardown() {
	bd rm --all >/dev/null 2>&1 3>&- || true
}

bd() {
	CONTAINERS_CONF=$BD/containers.conf buildah --root "$BD/root" --runroot "$BD/run" "$@" 3>&-
}
new_working_container() {
	C=$(bd from scratch)
	bd add --quiet "$C" "$BD/rootfs" / >/dev/null
}
bd_run() { # bd_run FLAG... -- COMMAND...
	local flags=()
	while [[ $1 != -- ]]; do
		flags+=("$1")
		shift
	done
	shift
	bd run --runtime "$PODSHIM" --isolation oci --network none "${flags[@]}" "$C" -- "$@"
}

@test "buildah run: output, exit code, changes are kept" {
	new_working_container
	run -0 bd_run -- echo built
	is built
	run bd_run -- sh -c 'exit 6'
	[ "$status" = 6 ]
	run -0 bd_run -- sh -c 'echo kept >/kept'
	run -0 bd_run -- cat /kept
	is kept
}

@test "buildah run: user, volume, environment, capabilities" {
	new_working_container
	mkdir "$BATS_TEST_TMPDIR/v"
	echo content >"$BATS_TEST_TMPDIR/v/f"
	run -0 bd_run --user 12:34 --env K=v -v "$BATS_TEST_TMPDIR/v:/v:ro" --cap-drop CAP_CHOWN -- sh -c 'id -u; id -g; echo $K; cat /v/f'
	is $'12\n34\nv\ncontent'
}

@test "buildah bud: RUN goes through the runtime" {
	mkdir "$BATS_TEST_TMPDIR/ctx"
	cp -a "$BD/rootfs" "$BATS_TEST_TMPDIR/ctx/rootfs"
	cat >"$BATS_TEST_TMPDIR/ctx/Dockerfile" <<-EOF
		FROM scratch
		COPY rootfs /
		RUN echo ran in \$(hostname) >/ran && id -u
		RUN cat /ran
	EOF
	run bd bud --runtime "$PODSHIM" --isolation oci --network none --ulimit nofile=20000:20000 --ulimit nproc=30000:30000 \
		-t "test-$BATS_TEST_NUMBER" "$BATS_TEST_TMPDIR/ctx"
	printf '%s\n' "$output" >&2
	[ "$status" = 0 ]
	has "ran in"
	bd rmi --force "test-$BATS_TEST_NUMBER" >/dev/null 2>&1 || true
}

@test "buildah run: an unknown program fails" {
	new_working_container
	run bd_run -- nosuchprogram
	[ "$status" -ne 0 ]
	has nosuchprogram
}
