#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The Dockerfile: what it builds on a Debian made by mmdebstrap, and its own command lines with the privileges that they name.

load lib/common
load lib/requires
load lib/wait
load lib/podman

# The outer runtime is another, and one that takes hybrid cgroups: podshim is what runs inside.
pm_out() {
	CONTAINERS_CONF=$PM/containers.conf timeout "${LIMIT:-60}" podman --root "$PM/root" --runroot "$PM/run" --tmpdir "$PM/tmp" \
		--cgroup-manager cgroupfs --events-backend file --runtime runc "$@" 3>&-
}

# The base image under the Dockerfile's name for it; the root is made once per build folder.
import_base() {
	local cache=${B:-$REPO/build}/image
	if [[ ! -e $cache/debian.tar ]]; then
		mkdir -p "$cache"
		mmdebstrap --quiet --variant=minbase bookworm "$cache/.debian.tar"
		mv "$cache/.debian.tar" "$cache/debian.tar"
	fi
	pm_out import "$cache/debian.tar" "$(sed -n 's/^FROM //p' "$REPO/Dockerfile" | sed -n '$p')" >/dev/null
}

setup_file() {
	requires root podman runc conmon mmdebstrap
	PM=$(mktemp -d /tmp/podman-image.XXXXXX)
	export PM
	# This machine's root may lack CAP_SYS_RESOURCE: limits that podman would raise stay within what it has.
	cat >"$PM/containers.conf" <<-EOF
		[containers]
		default_ulimits = ["nofile=20000:20000", "nproc=30000:30000"]
		log_driver = "k8s-file"
		netns = "none"
	EOF
	import_base
	LIMIT=600 pm_out build --isolation chroot --network host --tag podshim "$REPO" >"$PM/log" 2>&1 || { tail -n 40 "$PM/log" >&2; return 1; }
}
teardown_file() {
	[[ -n ${PM:-} ]] || return 0
	pm_out rm --all --force --time 0 >/dev/null 2>&1 || true
	awk -v pm="$PM/" 'index($5, pm) == 1 { print $5 }' /proc/self/mountinfo | sort -r | xargs -r umount
	rm -rf "$PM"
}
setup() {
	cd "$REPO" || return
}

# in_image COMMAND: a shell in the image, as root.
in_image() {
	pm_out run --rm --user 0 --entrypoint sh podshim -c "$1"
}

# The command lines in the Dockerfile's head, one a line.
documented() {
	sed -n '/^FROM/q; s/^#   \(podman .*\)/\1/p; s/^#       \([^ ].*\)/\1/p' Dockerfile | sed -e ':a' -e '/\\$/{N; s/ *\\\n/ /; ba' -e '}'
}

# try LINE: what it says, with our podman.
try() {
	local words
	# "unmask=/proc/*" is for podman, not for us to expand.
	set -f
	eval "words=(${1#podman })"
	set +f
	run pm_out "${words[@]}"
	printf '%s: %s\n%s\n' "$1" "$status" "$output" >&2
}

@test "image: small layers, nothing to build with, an ordinary user" {
	local copied
	copied=$(pm_out history --format json podshim | jq '[.[] | select(.CreatedBy | test("apt-get|ADD file") | not).size] | add')
	echo "$copied bytes above base and python" >&2
	((copied > 1000000 && copied <= 5 * 1024 * 1024))
	run -0 in_image 'command -v gcc cc ld as make clang musl-gcc dpkg-buildpackage; ls -d /src /build 2>/dev/null; find /usr/include /usr/local -name "*.[ah]"'
	is ""
	run -0 in_image 'cd /usr/local && find . -type f ! -path "./share/podshim/example/*" | sort'
	is "./bin/podshim
./lib/libpodshim.so.0
./share/podshim/policies/base-linux.json
./share/podshim/policies/no-network.json
./share/podshim/policies/node.json
./share/podshim/policies/pip-install.json
./share/podshim/policies/python.json
./share/podshim/policies/shell.json
./share/podshim/python/podshim.py"
	run -0 pm_out run --rm --entrypoint python3 podshim -c 'import ctypes, os, podshim; ctypes.CDLL("libpodshim.so.0"); print(os.getuid())'
	is 1000
	run -0 pm_out run --rm podshim version
	has "podshim version "
}

@test "image: the Dockerfile's command lines work" {
	local said
	mapfile -t said < <(documented)
	((${#said[@]} == 5))
	try "${said[1]}"
	((status == 0))
	[[ $output =~ ^[0-9a-f]{12}$ ]]
	try "${said[2]}"
	((status == 0))
	has "no_new_privs  1"
	try "${said[3]}"
	((status == 0))
	wait_until 20 pm_out exec jobs podshim pod ls py
	try "${said[4]}"
	((status == 0))
	is 45
	pm_out rm --force --time 0 jobs
}

@test "image: each privilege that the Dockerfile asks for is needed" {
	local said line cap
	mapfile -t said < <(documented)
	try "${said[1]/--security-opt seccomp=example\/docker\/seccomp.json/}"
	((status == 1))
	has "Operation not permitted"
	try "${said[1]/--security-opt unmask=\/proc\/\*/}"
	((status == 1))
	has "Operation not permitted"
	for cap in SYS_ADMIN NET_ADMIN SETPCAP SETGID MKNOD; do
		line=${said[2]/$cap/CHOWN}
		[[ $line != "${said[2]}" ]]
		try "$line"
		((status != 0))
		has "Operation not permitted"
	done
}

@test "image: policy by variables, flags and a file" {
	local user=(run --rm --cap-drop=ALL --security-opt seccomp=example/docker/seccomp.json --security-opt "unmask=/proc/*")
	local script='open("/home/podshim/.profile").read(); print("read")'
	run -1 pm_out "${user[@]}" podshim run -- python3 -c "$script"
	has "/home/podshim/.profile"
	run -0 pm_out "${user[@]}" podshim run --allow-read=/home/podshim -- python3 -c "$script"
	is read
	run -0 pm_out "${user[@]}" --env PODSHIM_ALLOW_READ=/home/podshim podshim run -- python3 -c "$script"
	is read
	printf '{"podshimPolicy": 1, "permissions": {"read": ["+/home/podshim"]}}' >"$BATS_TEST_TMPDIR/p.json"
	run -0 pm_out "${user[@]}" -v "$BATS_TEST_TMPDIR/p.json:/p.json:ro" --env PODSHIM_POLICY=/p.json podshim run --allow-run -- python3 -c "$script"
	is read
	run -1 pm_out "${user[@]}" --env PODSHIM_DENY_READ=/home podshim run --allow-read=/home/podshim -- python3 -c "$script"
}
