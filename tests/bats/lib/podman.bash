# SPDX-License-Identifier: Apache-2.0
# A podman of this test file alone: own storage, own run folder, an image made from busybox.
# shellcheck disable=SC2154

podman_setup_file() {
	requires root podman conmon
	[[ -x $PODSHIM ]] || skip "no runtime at $PODSHIM"
	PM=$(mktemp -d /tmp/podman-test.XXXXXX)
	export PM
	# This machine's root may lack CAP_SYS_RESOURCE: limits that podman would raise stay within what it has.
	cat >"$PM/containers.conf" <<-EOF
		[containers]
		default_ulimits = ["nofile=20000:20000", "nproc=30000:30000"]
		log_driver = "k8s-file"
		[engine]
		helper_binaries_dir = ["/usr/libexec/podman", "/usr/lib/podman", "/usr/local/libexec/podman"]
	EOF
	"$REPO/example/hello/make-rootfs" "$PM/rootfs" >/dev/null
	printf 'nobody2:x:1234:1234::/:/bin/sh\n' >>"$PM/rootfs/etc/passwd"
	tar -C "$PM/rootfs" -c . | pm import --change 'CMD ["sh"]' - busybox:test >/dev/null
}

pm() {
	CONTAINERS_CONF=$PM/containers.conf podman --root "$PM/root" --runroot "$PM/run" --tmpdir "$PM/tmp" \
		--cgroup-manager cgroupfs --events-backend file --runtime "$PODSHIM" "$@" 3>&-
}

# podman with its stdout and stderr in $output and nothing of bats inherited.
run_pm() { # run_pm [-N] ARG...
	local expected=-0
	if [[ $1 == -[0-9]* ]]; then
		expected=$1
		shift
	fi
	run "$expected" pm "$@" || { printf 'podman %s: %s\n%s\n' "$*" "$status" "$output" >&2; return 1; }
	printf 'podman %s: %s\n%s\n' "$*" "$status" "$output" >&2
}

podman_teardown() {
	pm rm --all --force --time 0 >/dev/null 2>&1 3>&- || true
	pm pod rm --all --force --time 0 >/dev/null 2>&1 3>&- || true
}

podman_teardown_file() {
	[[ -n ${PM:-} ]] || return 0
	pm pod rm --all --force --time 0 >/dev/null 2>&1 || true
	pm rm --all --force --time 0 >/dev/null 2>&1 || true
	pm unshare true >/dev/null 2>&1 || true
	umount "$PM/root/overlay" 2>/dev/null || true
	rm -rf "$PM"
}
