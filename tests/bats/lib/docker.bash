# SPDX-License-Identifier: Apache-2.0
# A Docker daemon of this test file alone, with containers in no network of its making, and an imported busybox image.

docker_setup_file() {
	requires root dockerd docker containerd
	[[ -x $PODSHIM ]] || skip "no runtime at $PODSHIM"
	# Sockets have short names only.
	DKD=$(mktemp -d /tmp/dkd.XXXXXX)
	export DKD DOCKER_HOST=unix://$DKD/sock DOCKER_CONFIG=$DKD/config
	jq --arg p "$PODSHIM" '.runtimes.podshim.path = $p | .runtimes.strict = {path: $p, runtimeArgs: ["--deny-read=/etc/group"]}' "$REPO/example/docker/daemon.json" >"$DKD/daemon.json"
	dockerd --config-file "$DKD/daemon.json" --iptables=false --ip6tables=false --bridge=none --ip-forward=false --ip-masq=false \
		--data-root "$DKD/data" --exec-root "$DKD/exec" --pidfile "$DKD/pid" --host "$DOCKER_HOST" --storage-driver vfs \
		>"$DKD/log" 2>&1 </dev/null 3>&- &
	wait_until 60 dk version
	"$REPO/example/hello/make-rootfs" "$DKD/rootfs" >/dev/null
	tar -C "$DKD/rootfs" -c . | dk import - busybox:test >/dev/null
}

dk() {
	timeout -k 5 120 docker "$@" 3>&-
}
dk_run() { # dk_run FLAG... -- COMMAND...: with the daemon's runtime RUNTIME
	local flags=()
	while [[ $1 != -- ]]; do
		flags+=("$1")
		shift
	done
	shift
	dk run --runtime "${RUNTIME:-podshim}" --network none "${flags[@]}" busybox:test "$@"
}

docker_teardown() {
	local id
	for id in $(dk ps -aq 2>/dev/null); do
		dk rm -f "$id" >/dev/null 2>&1 || true
	done
}

docker_teardown_file() {
	[[ -n ${DKD:-} ]] || return 0
	local pid
	pid=$(cat "$DKD/pid" 2>/dev/null) || true
	docker_teardown
	if [[ $pid ]]; then
		kill "$pid"
		wait_until 30 gone "$pid" || true
	fi
	awk -v d="$DKD/" 'index($5, d) == 1 { print $5 }' /proc/self/mountinfo | sort -r | xargs -r umount -l
	rm -rf "$DKD"
}
