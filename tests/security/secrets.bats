#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Secrets of a policy are in the environment of the program that they are for and of what it starts, and nowhere else: not in
# what podshim prints, stores or tells, not with its own processes, not with other processes of the container.

load ../bats/lib/callers
load ../bats/lib/common
load ../bats/lib/bundle
load ../bats/lib/requires
load ../bats/lib/wait
load lib/callers

setup() {
	callers_setup /var/tmp/podshim-secrets.XXXXXX /usr/bin/python3
	FILE_VALUE=hunter-two-of-a-file
	export SECRET_SOURCE=hunter-two-of-a-variable
	echo "$FILE_VALUE" >"$HERE/token"
	chown 65534:65534 "$HERE/token"
	chmod 600 "$HERE/token"
	policy /bin/sh /bin/sh
}
teardown() {
	callers_teardown
}

# policy ONLY-OF-THE-FILE ONLY-OF-THE-VARIABLE
policy() {
	jq -n --arg file "file:$HERE/token" --arg only "$1" --arg only2 "$2" '{podshimPolicy: 1, extends: ["builtin:shell"], permissions: {
		env: {secrets: {TOKEN: {from: $file, only: [$only]}, OTHER: {from: "env:SECRET_SOURCE", only: [$only2]}}}}}' >s.json
	chmod 644 s.json
}
no_value() {
	[[ $1 != *hunter-two* ]] || { printf 'a secret is in:\n%s\n' "$1" >&2; return 1; }
}

@test "the program that a secret is for has it, and what it starts" {
	local who
	for who in $(callers); do
		run -0 as "$who" run --quiet --policy s.json -- sh -c 'echo $TOKEN; sh -c "echo \$OTHER; env | grep -c hunter-two"'
		is "$FILE_VALUE
$SECRET_SOURCE
2"
		policy /usr/bin/dash /bin/dash
		run -0 as "$who" run --quiet --policy s.json -- sh -c 'echo $TOKEN'
		is "$FILE_VALUE"
		policy /bin/sh /bin/sh
	done
}

@test "another program does not get it, whatever it is called" {
	local who
	cp /bin/dash sh
	cp /bin/cat cat
	for who in $(callers); do
		run -1 as "$who" run --quiet --policy s.json -- cat /proc/self/environ
		has "env: the secret 'TOKEN' is for '/bin/sh' only, which is not the program that is started"
		run -1 as "$who" run --quiet --policy s.json --allow-run+="$PWD/sh" -- ./sh -c 'echo $TOKEN'
		has "the secret 'TOKEN' is for '/bin/sh' only"
		no_value "$output"
		run -0 as "$who" run --quiet --best-effort --policy s.json -- env
		no_value "$output"
	done
}

@test "a bundle's programs that are one file are told apart by name" {
	new_bundle
	BUNDLE_SHOWS=$BUNDLE
	payload env
	run -1 as root run --quiet --policy s.json -b "$BUNDLE_SHOWS" "$CID"
	has "the secret 'TOKEN' is for '/bin/sh' only"
	payload sh -c 'echo $TOKEN $OTHER'
	jq 'del(.extends) | .permissions += {read: true, run: true, ffi: true}' s.json >t.json
	run -0 as root run --quiet --policy t.json -b "$BUNDLE_SHOWS" "$CID"
	is "$FILE_VALUE $SECRET_SOURCE"
}

@test "plan, policy show and explain do not show it" {
	local format
	new_bundle
	payload sh -c true
	jq 'del(.extends) | .permissions += {read: true, run: true, ffi: true}' s.json >t.json
	for format in "" --json; do
		run -0 as root plan $format --policy t.json "$BUNDLE"
		has "TOKEN=(secret)"
		no_value "$output"
		run -0 as root policy show ${format:+--format json} --policy t.json "$BUNDLE"
		has TOKEN
		no_value "$output"
	done
	run as root explain --policy t.json --env TOKEN "$BUNDLE"
	no_value "$output"
}

# pids of podshim's own processes, below whom nothing else counts
own_processes() {
	pgrep -f -- "--root $HERE/root-$1 "
}

@test "nothing that is stored, told or looked at has it while it runs" {
	local who pid init
	mkdir -m 777 out
	mkfifo typed
	exec 4<>typed # a standard input that says nothing, and has no end
	for who in $(callers); do
		rm -f out/*
		as "$who" run --quiet --audit "$HERE/work/out/audit" --policy s.json --allow-write="$PWD/out" --allow-net=127.0.0.1:9 -- \
			sh -c 'cat /nonexistent/x; echo $TOKEN; echo up; read -r line' <typed >out/log 2>&1 3>&- 4>&- &
		wait_file out/log up
		grep -q "$FILE_VALUE" out/log
		CID=$(as "$who" list --format json | jq -r '.[0].id')
		no_value "$(as "$who" state "$CID"; as "$who" list; as "$who" audit "$CID" 2>&1; as "$who" explain "$CID" 2>&1; as "$who" ps "$CID")"
		no_value "$(grep -rl hunter-two "$HERE/root-$who" /dev/shm "$HERE/work/out/audit" 2>/dev/null | xargs -r -n1 echo hunter-two in)"
		# The launcher has its caller's variables, the daemons have none; nobody has it among his arguments.
		[[ -n $(own_processes "$who") ]]
		for pid in $(own_processes "$who"); do
			no_value "$(tr '\0' ' ' <"/proc/$pid/cmdline")"
			[[ $(cat "/proc/$pid/comm") != podshim:* ]] || no_value "$(cat "/proc/$pid/comm"; tr '\0' '\n' <"/proc/$pid/environ")"
		done
		# Whoever comes into the container has it neither, nor can he look at who has.
		init=$(as "$who" state "$CID" | jq .pid)
		run as "$who" exec "$CID" sh -c 'env; cat /proc/*/environ /proc/*/mem 2>&1 | tr "\0" "\n"'
		no_value "$output"
		as "$who" kill "$CID" KILL
		wait_until 10 test ! -e "/proc/$init"
	done
}
