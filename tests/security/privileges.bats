#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What the payload is left with: no more than the configuration names, however little that is.

load ../bats/lib/common
load ../bats/lib/bundle
load ../bats/lib/requires
load ../bats/lib/wait
load lib/attack

setup() {
	common_setup
	requires root podshim jq
	new_bundle
}
teardown() {
	common_teardown
}

in_userns() {
	config '.linux.namespaces += [{type: "user"}]
		| .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] | .linux.gidMappings = .linux.uidMappings'
	chmod -R o+x "$BATS_RUN_TMPDIR"
}
readonly none=$'CapInh:\t0000000000000000\nCapPrm:\t0000000000000000\nCapEff:\t0000000000000000\nCapBnd:\t0000000000000000\nCapAmb:\t0000000000000000'

@test "no capabilities listed, an empty list, empty sets: none, for root, another user, in a user namespace" {
	local uid filter
	for filter in 'del(.process.capabilities)' '.process.capabilities = {}' \
		'.process.capabilities |= map_values([])'; do
		for uid in 0 1000; do
			"$REPO/example/hello/make-config" grep Cap /proc/self/status >"$BUNDLE/config.json"
			config "$filter | .process.noNewPrivileges = false | .process.user = {uid: $uid, gid: $uid}"
			run_bundle
			is "$none"
			in_userns
			run_bundle
			is "$none"
		done
	done
}

@test "capabilities that are listed do not become inheritable or ambient by themselves" {
	payload grep Cap /proc/self/status
	in_userns
	run_bundle
	has $'CapInh:\t0000000000000000'
	has $'CapAmb:\t0000000000000000'
	has $'CapPrm:\t0000000020000420'
}

@test "exec: the same; supplementary groups of the caller stay behind" {
	config 'del(.process.capabilities)'
	start_sleeper
	bounded exec "$CID" grep Cap /proc/self/status
	is "$none"
	run -0 setpriv --groups 7,8 "$PODSHIM" --root "$ROOT" exec "$CID" grep Groups /proc/self/status
	is $'Groups:\t '
	bounded exec --user 1000:1000 "$CID" grep -E 'Groups|NoNewPrivs' /proc/self/status
	has $'NoNewPrivs:\t1'
}

@test "run: supplementary groups, limits and signal masks of the caller" {
	payload grep -E 'Groups|SigBlk|SigIgn|NoNewPrivs' /proc/self/status
	run -0 setpriv --groups 7,8 bash -c 'trap "" HUP USR1; exec "$0" --root "$1" run -b "$2" "$3"' "$PODSHIM" "$ROOT" "$BUNDLE" "$CID"
	has $'Groups:\t '$'\n'
	has $'SigBlk:\t0000000000000000'
	has $'SigIgn:\t0000000000000000'
	has $'NoNewPrivs:\t1'
}

@test "a filter is in force with and without no_new_privs, in run and in exec" {
	local nnp
	for nnp in true false; do
		"$REPO/example/hello/make-config" sh -c 'grep Seccomp: /proc/self/status; mkdir /tmp/x 2>&1' >"$BUNDLE/config.json"
		config --argjson n "$nnp" '.process.noNewPrivileges = $n | .linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW",
			syscalls: [{names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 38}]}'
		bounded run -b "$BUNDLE" "$CID"
		has $'Seccomp:\t2'
		has "not implemented"
		start_sleeper
		bounded exec "$CID" sh -c 'grep Seccomp: /proc/self/status; mkdir /tmp/x 2>&1'
		has $'Seccomp:\t2'
		has "not implemented"
		podshim delete --force "$CID"
	done
}
