#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Configurations that no engine would write: one line of error, exit status 1, nothing left behind.

load ../bats/lib/common
load ../bats/lib/bundle
load ../bats/lib/requires
load ../bats/lib/wait
load lib/attack

setup() {
	common_setup
	requires root podshim jq python3
	new_bundle true
	make_canary
}
teardown() {
	common_teardown
}

# refuses TEXT...: create says no, in one line that contains each TEXT.
refuses() {
	local text
	bounded create -b "$BUNDLE" "$CID"
	one_error_line && assert_nothing_left && assert_canary || return 1
	for text; do
		has "$text" || return 1
	done
}
refuses_with() { # refuses_with FILTER TEXT...
	"$REPO/example/hello/make-config" true >"$BUNDLE/config.json"
	config "$1"
	echo "$1" >&2
	shift
	refuses "$@"
}

@test "config.json: 17 MiB, empty, a folder, a fifo, a device, nothing" {
	python3 -c 'import sys; sys.stdout.write("{\"a\": \"" + "x" * (17 << 20) + "\"}")' >"$BUNDLE/config.json"
	refuses "larger than"
	: >"$BUNDLE/config.json"
	refuses config.json
	rm "$BUNDLE/config.json"
	refuses config.json
	mkdir "$BUNDLE/config.json"
	refuses config.json
	rmdir "$BUNDLE/config.json"
	ln -s /dev/zero "$BUNDLE/config.json"
	refuses "is not a regular file"
}

@test "nesting of 10000, unclosed and closed, objects and arrays, in a known and an unknown member" {
	local text
	for text in '"[" * 10000' '"[" * 10000 + "]" * 10000' '"{\"a\":" * 10000' \
		'"{\"mounts\":" + "[" * 10000 + "]" * 10000 + "}"' '"{\"x\":" * 10000 + "1" + "}" * 10000'; do
		python3 -c "import sys; sys.stdout.write($text)" >"$BUNDLE/config.json"
		refuses config.json
	done
}

@test "duplicate keys, bad UTF-8, NUL, trailing text, numbers out of range" {
	sed -i 's/"hostname": "hello"/"hostname": "one", "hostname": "two"/' "$BUNDLE/config.json"
	refuses hostname
	"$REPO/example/hello/make-config" true | sed 's/"hello"/"he\xc0\x80llo"/' >"$BUNDLE/config.json"
	refuses config.json
	"$REPO/example/hello/make-config" true | sed 's/"hello"/"he\xed\xa0\x80llo"/' >"$BUNDLE/config.json"
	refuses config.json
	"$REPO/example/hello/make-config" true | sed 's/"hello"/"he\\u0000llo"/' >"$BUNDLE/config.json"
	refuses config.json
	"$REPO/example/hello/make-config" true >"$BUNDLE/config.json"
	echo '{}' >>"$BUNDLE/config.json"
	refuses config.json
	"$REPO/example/hello/make-config" true | sed 's/"uid": 0/"uid": 99999999999999999999999/' >"$BUNDLE/config.json"
	refuses "out of range"
	"$REPO/example/hello/make-config" true | sed 's/"uid": 0/"uid": 0.5/' >"$BUNDLE/config.json"
	refuses uid
	"$REPO/example/hello/make-config" true | sed 's/"uid": 0/"uid": 1e1/' >"$BUNDLE/config.json"
	refuses uid
}

@test "ids: nobody becomes root by an overflow" {
	local id
	for id in -1 4294967295 4294967296 18446744073709551615 '"0"' true; do
		"$REPO/example/hello/make-config" true | jq . | sed "s/\"uid\": 0/\"uid\": $id/" >"$BUNDLE/config.json"
		refuses uid
		"$REPO/example/hello/make-config" true | jq . | sed "s/\"gid\": 0/\"gid\": $id/" >"$BUNDLE/config.json"
		refuses gid
	done
	# CVE-2026-30892: what is no number is nobody.
	"$REPO/example/hello/make-config" true >"$BUNDLE/config.json"
	start_sleeper
	for id in 1x x1 "" " 1" +1 0x1 1: :1 -1 4294967295 4294967296 1:-1; do
		bounded exec --user "$id" "$CID" id
		[ "$status" -ne 0 ]
		lacks uid=0
	done
}

@test "every scalar of a full configuration as every other type" {
	run -0 python3 "$SECURITY_DIR/mutate.py" "$PODSHIM" "$ROOT" "$REPO/tests/data/spec/full.json" "$BATS_TEST_TMPDIR/mutant"
	echo "$output" >&2
	# It must have tried a good many.
	[[ $output =~ ^([0-9]+)\ mutants ]]
	((BASH_REMATCH[1] > 800))
	assert_nothing_left
}

@test "cgroupsPath, sysctl, unified keys: no way out of their trees" {
	local before
	before=$(find /sys/fs/cgroup -mindepth 1 -maxdepth 2 -type d | sort)
	refuses_with '.linux.cgroupsPath = "/../../../../../../tmp"' cgroup
	refuses_with '.linux.cgroupsPath = "../../x"' cgroup
	refuses_with '.linux.cgroupsPath = "/a/../../b"' cgroup
	refuses_with '.linux.cgroupsPath = "/"' cgroup
	refuses_with '.linux.cgroupsPath = ("/" + "x" * 5000)' cgroup
	refuses_with '.linux.cgroupsPath = ("/x" * 3000)' cgroup
	refuses_with '.linux.sysctl = {"net.ipv4.../../../kernel/core_pattern": "|/x"}' sysctl
	refuses_with '.linux.sysctl = {"net/../kernel/core_pattern": "|/x"}' sysctl
	refuses_with '.linux.sysctl = {"kernel.core_pattern": "|/x"}' sysctl
	refuses_with '.linux.sysctl = {"kernel/core_pattern": "|/x"}' sysctl
	refuses_with '.linux.sysctl = {"kernel.shm_rmid_forced+kernel.core_pattern": "|/x"}' sysctl
	refuses_with '.linux.sysctl = {"": "1"}' sysctl
	refuses_with '.linux.resources.unified = {"../../cgroup.procs": "1"}' unified
	refuses_with '.linux.resources.unified = {"a/b": "1"}' unified
	refuses_with '.linux.resources.unified = {"": "1"}' unified
	# A process of the host that the container's cgroup would take in, and end with the container.
	sleep 600 3>&- &
	local victim=$! file
	for file in cgroup.procs cgroup.threads; do
		refuses_with ".linux.resources.unified = {\"$file\": \"$victim\"}" unified
	done
	refuses_with '.linux.resources.unified = {"cgroup.kill": "1"}' unified
	kill "$victim"
	[ "$(find /sys/fs/cgroup -mindepth 1 -maxdepth 2 -type d | sort)" = "$before" ]
}

@test "names and paths that are too long or say too much" {
	refuses_with '.hostname = ("h" * 65)' "host name"
	refuses_with '.domainname = ("d" * 65)' "domain name"
	refuses_with '.root.path = ("/x" * 3000)' root
	refuses_with '.root.path = ""' root
	refuses_with '.process.cwd = ("/x" * 3000)' "working directory"
	refuses_with '.process.args = [""]' args
	refuses_with '.process.args = []' args
	refuses_with '.mounts += [{destination: ("/x" * 3000), type: "tmpfs"}]' mounts
	refuses_with '.mounts += [{destination: "/m", type: "tmpfs", options: ["size=1k,source=x"]}]' mounts
	refuses_with '.process.rlimits = [{type: "RLIMIT_NOFILE", soft: 10, hard: 5}]' rlimits
	refuses_with '.linux.namespaces += [{type: "pid"}]' namespaces
	refuses_with '.linux.namespaces |= map(if .type == "pid" then .path = "/etc/passwd" else . end)' namespaces
	refuses_with '.linux.namespaces |= map(if .type == "pid" then .path = "/proc/self/ns/net" else . end)' namespaces
}

@test "container ids are names, not paths or flags" {
	local id
	for id in . .. ../x x/y /x '' 'a b' $'a\nb' "$(printf 'x%.0s' {1..1100})" 'a*' '~' '.lock' 'a%s'; do
		bounded create -b "$BUNDLE" -- "$id"
		[ "$status" -ne 0 ]
		assert_canary
		bounded delete --force -- "$id"
		bounded state -- "$id"
		[ "$status" -ne 0 ]
	done
	assert_nothing_left
}
