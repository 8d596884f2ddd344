#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# config.json as untrusted text: whatever its bytes, podshim says what is wrong, quickly, and leaves nothing.

load ../bats/lib/common
load ../bats/lib/bundle
load ../bats/lib/requires
load ../bats/lib/wait

setup() {
	common_setup
	requires root podshim
	new_bundle true
}
teardown() {
	common_teardown
}

# Ends by itself, soon, with a message and no crash; may succeed where the input turns out to be legal.
sane() {
	status=0
	timeout -k 2 20 "$PODSHIM" --root "$ROOT" run -b "$BUNDLE" "$CID" </dev/null >"$OUT" 2>&1 3>&- || status=$?
	((status < 124)) || { printf 'exit status %d\n%s\n' "$status" "$(head -c 2000 "$OUT")" >&2; return 1; }
	((status == 0)) || [[ -s $OUT ]]
}
refused() {
	sane
	[ "$status" -ne 0 ]
	output=$(head -c 2000 "$OUT")
	echo "$output" >&2
	assert_nothing_left
}
text() { # text BYTES as printf writes them
	printf "$@" >"$BUNDLE/config.json"
}

@test "no JSON: empty, text, truncated, trailing garbage" {
	local t
	for t in '' ' ' 'hello' '{' '[]' 'null' '"x"' '{}x' '{}{}' '{"a":}' "{'a': 1}" '{"a": 01}' '{"a": 1e999}' '{"a": NaN}' '{,}' '\xef\xbb\xbf{}' '// {}'; do
		text "$t"
		echo "--- $t" >&2
		refused
	done
}

@test "every truncation of a good configuration" {
	local whole size n
	whole=$(jq -c . "$BUNDLE/config.json")
	size=${#whole}
	for ((n = 1; n < size; n += 37)); do
		printf '%s' "${whole:0:n}" >"$BUNDLE/config.json"
		sane
		[ "$status" -ne 0 ]
	done
	assert_nothing_left
}

@test "deep nesting" {
	local depth open close
	for depth in 100 10000 1000000; do
		open=$(head -c "$depth" /dev/zero | tr '\0' '[')
		close=$(head -c "$depth" /dev/zero | tr '\0' ']')
		printf '{"ociVersion": "1.3.0", "x": %s%s}' "$open" "$close" >"$BUNDLE/config.json"
		refused
		printf '%s' "$open" >"$BUNDLE/config.json"
		refused
	done
}

@test "huge: file, string, array, number" {
	head -c 100000000 /dev/zero | tr '\0' ' ' >"$BUNDLE/config.json"
	refused
	{ printf '{"ociVersion": "'; head -c 30000000 /dev/zero | tr '\0' a; printf '"}'; } >"$BUNDLE/config.json"
	refused
	"$REPO/example/hello/make-config" true | jq -c '.process.env = [range(300000) | "K\(.)=v"]' >"$BUNDLE/config.json"
	sane
	"$REPO/example/hello/make-config" true | jq -c '.mounts += [range(5000) | {destination: "/m\(.)", type: "tmpfs", source: "t"}]' >"$BUNDLE/config.json"
	sane
	"$REPO/example/hello/make-config" true | jq -c '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [range(20000) | {names: ["mkdir"], action: "SCMP_ACT_ERRNO", args: [{index: 0, value: ., op: "SCMP_CMP_EQ"}]}]}' >"$BUNDLE/config.json"
	sane
	text '{"ociVersion": "1.3.0", "process": {"user": {"uid": %s}}}' "$(printf '9%.0s' {1..5000})"
	refused
	assert_nothing_left
}

@test "bad UTF-8 and NULs in strings" {
	local bad
	for bad in '\xff' '\xc0\xaf' '\xed\xa0\x80' '\xf8\x88\x80\x80\x80' '\\ud800' '\\u0000' '\x01'; do
		text '{"ociVersion": "1.3.0", "root": {"path": "root'"$bad"'fs"}, "process": {"cwd": "/", "args": ["true"]}}'
		echo "--- $bad" >&2
		refused
	done
}

@test "a NUL cannot cut a path, an argument, a variable or a name short" {
	local filter
	for filter in '.root.path = "rootfs\u0000x"' '.process.cwd = "/\u0000x"' '.process.args = ["true\u0000x"]' '.process.env = ["PATH=/bin\u0000X=y"]' \
		'.mounts[0].destination = "/proc\u0000x"' '.hostname = "a\u0000b"' '.linux.cgroupsPath = "/a\u0000b"' '.linux.maskedPaths = ["/etc/passwd\u0000"]' \
		'.linux.sysctl = {"net.ipv4.ip_forward\u0000": "1"}' '.annotations = {"a\u0000": "b"}'; do
		"$REPO/example/hello/make-config" true >"$BUNDLE/config.json"
		config "$filter"
		echo "--- $filter" >&2
		refused
	done
}

@test "every member with a value of every wrong type" {
	local path value n=0
	config '.process.user.umask = 18 | .process.oomScoreAdj = 0 | .annotations = {"a": "b"} | .linux.cgroupsPath = "/podshim-bats" | .linux.rootfsPropagation = "private"
		| .linux.sysctl = {"net.ipv4.ip_forward": "0"} | .linux.devices = [{path: "/dev/x", type: "c", major: 1, minor: 3, fileMode: 438, uid: 0, gid: 0}]
		| .linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", architectures: ["SCMP_ARCH_X86_64"], flags: [], syscalls: [{names: ["mkdir"], action: "SCMP_ACT_ERRNO", errnoRet: 1, args: [{index: 0, value: 1, op: "SCMP_CMP_EQ"}]}]}
		| .linux.resources += {memory: {limit: 100000000}, cpu: {shares: 100}, pids: {limit: 100}}
		| .linux.personality = {domain: "LINUX"} | .hooks = {poststop: [{path: "/bin/true", args: ["true"], env: ["A=b"], timeout: 5}]}'
	cp "$BUNDLE/config.json" "$BATS_TEST_TMPDIR/good.json"
	sane
	[ "$status" = 0 ]
	# Every path of the document, members of arrays once.
	jq -c '[paths] | map(select(all(.[]; . == 0 or type == "string"))) | unique | .[]' "$BATS_TEST_TMPDIR/good.json" >"$BATS_TEST_TMPDIR/paths"
	while read -r path; do
		for value in '{"x":{}}' '[[]]' '"\u00e4"' 12345678901234567890 -1 true; do
			jq -c --argjson p "$path" --argjson v "$value" 'setpath($p; $v)' "$BATS_TEST_TMPDIR/good.json" >"$BUNDLE/config.json"
			sane || { echo "$path = $value" >&2; return 1; }
			n=$((n + 1))
		done
	done <"$BATS_TEST_TMPDIR/paths"
	[ "$n" -gt 500 ]
	assert_nothing_left
}

@test "the message names the place and what was expected" {
	config '.mounts[2].options[1] = 5'
	refused
	has /mounts/2/options/1
	has string
}

@test "duplicate members are refused" {
	text '{"ociVersion": "1.3.0", "root": {"path": "rootfs"}, "root": {"path": "/"}, "process": {"cwd": "/", "args": ["true"]}}'
	refused
	has root
}

@test "config.json is a folder, a fifo, a device, a dangling link, not readable as a file" {
	rm "$BUNDLE/config.json"
	refused
	mkdir "$BUNDLE/config.json"
	refused
	rmdir "$BUNDLE/config.json"
	mkfifo "$BUNDLE/config.json"
	refused
	rm "$BUNDLE/config.json"
	ln -s /dev/zero "$BUNDLE/config.json"
	refused
	rm "$BUNDLE/config.json"
	ln -s nowhere "$BUNDLE/config.json"
	refused
}

@test "a message cannot smuggle terminal controls or log lines" {
	config '.process.args = ["no\u001b[2Jsuch\nlevel=error msg=forged"]'
	status=0
	"$PODSHIM" --root "$ROOT" --log "$BATS_TEST_TMPDIR/log" --log-format json run -b "$BUNDLE" "$CID" </dev/null >"$OUT" 2>&1 3>&- || status=$?
	[ "$status" -ne 0 ]
	! grep -q $'\x1b' "$OUT"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/log")" = 1 ]
	jq -e .msg "$BATS_TEST_TMPDIR/log"
}

@test "exec --process: the same strictness" {
	start_sleeper
	local t
	for t in '' '{' '[]' '{"args": ["true"]}' '{"cwd": "/", "args": []}' '{"cwd": "/", "args": ["true"], "user": {"uid": -1}}' '{"cwd": "/", "args": ["true\u0000"]}'; do
		printf '%s' "$t" >"$BATS_TEST_TMPDIR/p.json"
		run timeout -k 2 10 "$PODSHIM" --root "$ROOT" exec --process "$BATS_TEST_TMPDIR/p.json" "$CID" </dev/null
		printf '%s: %s %s\n' "$t" "$status" "$output" >&2
		[ "$status" = 255 ]
	done
}
