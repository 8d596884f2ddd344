#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Every example does what its README and the catalog say, from wherever it lies.

load lib/callers
load lib/common
load lib/docs
load lib/requires

setup() {
	docs_setup
}
teardown() {
	docs_teardown
}

@test "READMEs of examples: what stands there, as root" {
	requires podman buildah containerd ctr crun runc
	local file files
	mapfile -t files < <(grep -lE '^```(sh|console)' example/README.md example/*/README.md)
	((${#files[@]} >= 6))
	for file in "${files[@]}"; do
		[[ $file != example/bench/README.md ]] || continue
		try root "$file"
	done
}

@test "READMEs of examples: what anyone may do, as an ordinary user" {
	local files
	mapfile -t files < <(grep -l '^```.* anyone' example/README.md example/*/README.md)
	((${#files[@]} >= 3))
	for file in "${files[@]}"; do
		try user "$file"
	done
}

@test "example/bench: the four measurements run" {
	requires crun runc musl-gcc
	B=${PODSHIM%/*} try root example/bench/README.md
}

@test "the catalog: every example, as root and as an ordinary user" {
	local catalog=(python3 "$REPO/tests/bats/lib/catalog.py" example/catalog.json)
	PATH=$HERE/bin:/usr/bin:/bin run -0 "${catalog[@]}"
	has ", 0 do not do what they say"
	rm -rf example/permissions/{connect,memory,answer.so}
	can_userns
	chown -R 65534:65534 "$HERE/me"
	run -0 "${USER_IDS[@]}" PATH="$HERE/bin:/usr/bin:/bin" HOME="$HERE/me" "${catalog[@]}"
	has ", 0 do not do what they say"
}

@test "the catalog: every permission has what is allowed and what is denied, in four languages" {
	local group
	for group in read write net env run ffi sys; do
		run -0 jq -r --arg g "$group" '[.examples[] | select(.group == $g).toggles // [] | length > 0] | any' example/catalog.json
		is true
		run -0 jq -r --arg g "$group" '[.examples[] | select(.group == $g).id] | any(endswith("-denied")) and length >= 2' example/catalog.json
		is true
	done
	run -0 jq -r '[.examples[].language] | unique | join(" ")' example/catalog.json
	is "c javascript python shell"
}

@test "configuration: of Docker it names podshim as the others do" {
	run -0 jq -r '.runtimes.podshim.path' example/docker/daemon.json
	is /usr/local/bin/podshim
	grep -q '"/usr/local/bin/podshim"' example/podman/containers.conf
	grep -q '"/usr/local/bin/podshim"' example/containerd/config.toml
}

@test "no command stands in a README of an example without being run" {
	run -1 grep -nE '^ {4}(build/|sudo )?(podshim|podman|buildah|ctr|make|example/[a-z]+) ' example/README.md example/*/README.md
	run -1 grep -nE '^```( |bash|shell|$)$' <(awk '/^```/ && !open { print; open = 1; next } /^```/ { open = 0 }' example/README.md example/*/README.md)
}
