# SPDX-License-Identifier: Apache-2.0
# A containerd of this test file alone: own root, state, socket and configuration, and an imported busybox image.

containerd_setup_file() { # containerd_setup_file [cri]
	requires root containerd ctr podman
	local no_cri='"io.containerd.grpc.v1.cri", '
	[[ ${1:-} != cri ]] || no_cri=
	[[ -x $PODSHIM ]] || skip "no runtime at $PODSHIM"
	# Sockets have short names only.
	CTD=$(mktemp -d /tmp/ctd.XXXXXX)
	export CTD
	cat >"$CTD/config.toml" <<-EOF
		version = 2
		root = "$CTD/root"
		state = "$CTD/state"
		disabled_plugins = [$no_cri"io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.aufs"]
		[grpc]
		  address = "$CTD/sock"
		[ttrpc]
		  address = "$CTD/sock.ttrpc"
		[plugins."io.containerd.internal.v1.opt"]
		  path = "$CTD/opt"
	EOF
	[[ -n $no_cri ]] || containerd_cri >>"$CTD/config.toml"
	containerd --config "$CTD/config.toml" >"$CTD/log" 2>&1 </dev/null 3>&- &
	echo $! >"$CTD/pid"
	wait_until 20 ct version
	containerd_image
}

# The plugin for Kubernetes, with the classes of example/containerd; its pods are held by a busybox.
containerd_cri() {
	cat <<-EOF
		[plugins."io.containerd.grpc.v1.cri"]
		  sandbox_image = "docker.io/test/pause:test"
		  tolerate_missing_hugetlb_controller = true
		  restrict_oom_score_adj = true
		  disable_apparmor = true
	EOF
	sed -e '/^version/d' -e "s|/usr/local/bin/podshim|$PODSHIM|" "$REPO/example/containerd/config.toml"
}

# docker-archive by podman, from the same busybox as everywhere.
containerd_image() {
	"$REPO/example/hello/make-rootfs" "$CTD/rootfs" >/dev/null
	local pm=(podman --root "$CTD/pm" --runroot "$CTD/pmrun" --tmpdir "$CTD/pmtmp" --events-backend file)
	tar -C "$CTD/rootfs" -c . | "${pm[@]}" import --change 'CMD ["sh"]' - docker.io/test/busybox:test >/dev/null
	"${pm[@]}" save --format docker-archive -o "$CTD/image.tar" docker.io/test/busybox:test >/dev/null
	tar -C "$CTD/rootfs" -c . | "${pm[@]}" import --change 'CMD ["sleep", "1000000"]' - docker.io/test/pause:test >/dev/null
	"${pm[@]}" save --format docker-archive -o "$CTD/pause.tar" docker.io/test/pause:test >/dev/null
	ct image import "$CTD/image.tar" >/dev/null
	ct -n k8s.io image import "$CTD/image.tar" >/dev/null
	ct -n k8s.io image import "$CTD/pause.tar" >/dev/null
}

ct() {
	ctr --address "$CTD/sock" "$@" 3>&-
}

# ct_run ID FLAG... -- COMMAND...: run with the runtime under test.
ct_run() {
	local id=$1 flags=()
	shift
	while [[ $1 != -- ]]; do
		flags+=("$1")
		shift
	done
	shift
	ct run --runc-binary "$PODSHIM" --runc-root "$CTD/runtime" "${flags[@]}" docker.io/test/busybox:test "$id" "$@"
}

containerd_teardown() {
	local id
	for id in $(ct task ls -q 2>/dev/null); do
		ct task kill -s KILL "$id" >/dev/null 2>&1 || true
		ct task rm -f "$id" >/dev/null 2>&1 || true
	done
	for id in $(ct container ls -q 2>/dev/null); do
		ct container rm "$id" >/dev/null 2>&1 || true
	done
}

containerd_teardown_file() {
	[[ -n ${CTD:-} ]] || return 0
	containerd_teardown
	kill "$(cat "$CTD/pid")"
	wait_until 10 gone "$(cat "$CTD/pid")" || true
	awk -v d="$CTD/" 'index($5, d) == 1 { print $5 }' /proc/self/mountinfo | sort -r | xargs -r umount -l
	rm -rf "$CTD"
}
