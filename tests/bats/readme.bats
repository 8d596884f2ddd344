#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Every command of the README does what stands there: as root, what anyone may do also as an ordinary user, and what builds by make.

load lib/callers
load lib/common
load lib/docs
load lib/requires

setup() {
	docs_setup
	requires curl
}
teardown() {
	docs_teardown
}

@test "README: as root" {
	requires podman containerd ctr
	try root --but build go-free-README.md
}

@test "README: what anyone may do, as an ordinary user" {
	try user go-free-README.md
}

@test "README: make and make install" {
	# What is under test is built already: this installs it, elsewhere.
	mkdir shims dest
	printf '#!/bin/sh\nexec /usr/bin/make -s -C "%s" -o all -o "%s" PODSHIM="%s" DESTDIR="%s" "${1:-help}"\n' \
		"$REPO" "$PODSHIM" "$PODSHIM" "$PWD/dest" >shims/make
	chmod 755 shims/make
	PATH=$PWD/shims:$PATH run -0 python3 "$REPO/hack/try-docs" --only build go-free-README.md || { echo "$output" >&2; false; }
	[ -x dest/usr/local/bin/podshim ]
}

@test "README: no command stands outside of a block that is run" {
	run -1 grep -nE '^ {4}(build/|sudo )?(podshim|podman|buildah|ctr|make|example/[a-z]+) ' go-free-README.md
	run -0 awk '/^```/ && !open { print; open = 1; next } /^```/ { open = 0 }' go-free-README.md
	[[ -z $(grep -vE '^```(sh|console)( |$)' <<<"$output") ]]
}

@test "try-docs: what prints something else, fails or never comes is told" {
	# shellcheck disable=SC2016  # the document's own
	printf '```console\n$ echo a\nb\n```\n' >d.md
	run -1 python3 "$REPO/hack/try-docs" d.md
	has "and printed:
a"
	printf '```sh\nfalse\ntrue\n```\n' >d.md
	run -1 python3 "$REPO/hack/try-docs" d.md
	has "failed: false"
	printf 'nothing\n' >d.md
	run -1 python3 "$REPO/hack/try-docs" d.md
	printf '```console\n$ echo 0123456789ab\n4f2a90b1c3d7\n$ echo 4f2a90b1c3d7\n4f2a90b1c3d7\n```\n' >d.md
	run -0 python3 "$REPO/hack/try-docs" d.md
}
