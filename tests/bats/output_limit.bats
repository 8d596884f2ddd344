#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A limit of what a program prints: counted on its way, for both kinds of caller, with and without a terminal.

load lib/callers
load lib/common
load lib/bundle
load lib/requires
load lib/wait

setup() {
	common_setup
	requires root podshim setpriv jq
	open_place /var/tmp/podshim-output.XXXXXX work
}
teardown() {
	ROOT=$HERE/root
	common_teardown
	ROOT=$HERE/root-user
	common_teardown
	close_place
}

# as root|user ARG...
as() {
	local ids=() root=$HERE/root
	[[ $1 == root ]] || ids=("${USER_IDS[@]}") root=$HERE/root-user
	shift
	"${ids[@]}" "$HERE/podshim" --root "$root" "$@"
}
both() {
	"$1" root
	can_userns
	"$1" user
}
# Standard output to ./out, standard error to ./err, exit status to $status.
split() {
	status=0
	"$@" >out 2>err 3>&- || status=$?
	output=$(cat err)
	printf 'exit status %d: %s\n' "$status" "$output" >&2
}
bytes() {
	stat -c %s "$1"
}
left_nothing() {
	[[ -z $(find "$HERE"/root* -mindepth 1 ! -name '.*' 2>/dev/null) ]]
}

at_the_limit() { # WHO
	split as "$1" run -A --output-limit 100000 -- head -c 100000 /dev/zero
	((status == 0)) && [[ $(bytes out) == 100000 && ! -s err ]]
	split as "$1" run -A --output-limit 100000 -- head -c 100001 /dev/zero
	((status == 153)) && [[ $(bytes out) == 100000 ]]
	has "was killed: it printed more than 100000 bytes (--output-limit)"
	# Both of its outputs count.
	split as "$1" run -A --output-limit 1000 -- sh -c 'head -c 600 /dev/zero; head -c 600 /dev/zero >&2; sleep 600'
	((status == 153)) && (($(bytes out) == 600)) && grep -q "printed more than 1000" <(tr -d '\0' <err)
	[[ $(tr -dc '\0' <err | wc -c) == 400 ]]
	left_nothing
}
@test "a program may print as much as its limit; with one byte more it is killed, and the limit is named" {
	both at_the_limit
}

passes_everything() { # WHO
	split as "$1" run -A --output-limit 1G -- sh -c 'seq 1 300000; echo end >&2; exit 7'
	((status == 7)) && is end
	cmp out <(seq 1 300000)
	# One file for both: their order stays.
	status=0
	as "$1" run -A --output-limit 1G -- sh -c 'i=0; while [ $i -lt 2000 ]; do echo $i; echo $((i+1)) >&2; i=$((i+2)); done' >out 2>&1 3>&- || status=$?
	((status == 0))
	cmp out <(seq 0 1999)
	split as "$1" run -A --output-limit 1G -- cat <<<"from its input"
	((status == 0)) && grep -qx "from its input" out
	left_nothing
}
@test "within the limit nothing is lost, changed or out of order, and the status is the program's" {
	both passes_everything
}

@test "a reader that is slow holds the program back; one that is gone ends it as in a shell" {
	mkfifo slow
	as root run -A --output-limit 1G -- sh -c 'head -c 400000 /dev/zero; echo done >&2' >slow 2>err 3>&- &
	local pid=$!
	exec 5<slow
	# Nobody reads: it cannot have printed all, and is not killed.
	wait_until 10 blocked
	[[ ! -s err ]]
	[[ $(wc -c <&5) == 400000 ]]
	exec 5<&-
	wait "$pid"
	grep -qx done err

	status=0
	as root run -A --output-limit 1G -- sh -c 'yes; echo "yes: $?" >&2; exit 3' 2>err 3>&- | head -1 >out || true
	grep -qx y out && grep -Eq 'yes: (141|1)$' err
}
blocked() { # the program sleeps in write(2) to its pipe
	local p
	for p in $(pgrep -x head); do
		[[ $(cat "/proc/$p/wchan" 2>/dev/null) == *pipe_w* ]] && return 0
	done
	return 1
}

@test "output that somebody else keeps open is not waited for" {
	new_bundle sh -c 'sleep 600 & echo here'
	# In the host's pid namespace the child outlives init.
	config '.linux.namespaces |= map(select(.type != "pid"))'
	split as root run --output-limit 1M -b "$BUNDLE" "$CID"
	((status == 0)) && grep -qx here out
	left_nothing
}

terminals() { # WHO
	run -153 script -qec "${USER_WORDS[*]} $HERE/podshim --root $HERE/root-$1 run -A --output-limit 5000 -t -- yes" /dev/null
	has "was killed: it printed more than 5000 bytes (--output-limit)"
	(($(tr -dc 'y\r' <<<"${output%%podshim:*}" | wc -c) <= 5000))
	run -4 script -qec "${USER_WORDS[*]} $HERE/podshim --root $HERE/root-$1 run -A --output-limit 5000 -t -- sh -c 'tty; exit 4'" /dev/null
	has /dev/pts/
	# Without one of its own it has none at all: not even the one that it would read from.
	run -0 script -qec "${USER_WORDS[*]} $HERE/podshim --root $HERE/root-$1 run -A --output-limit 5000 -- sh -c 'test -t 0 || echo no 0; test -t 1 || echo no 1; test -t 2 || echo no 2' | cat" /dev/null
	has "no 0"
	has "no 1"
	has "no 2"
}
@test "a terminal's output is counted, too, and a terminal is no way out" {
	requires script
	USER_WORDS=()
	terminals root
	can_userns
	USER_WORDS=("${USER_IDS[@]}")
	terminals user
}

@test "a bundle: the limit of a policy file, its event, and who is asked" {
	new_bundle sh -c 'yes'
	cat >p.json <<<'{"podshimPolicy":1,"limits":{"output":"2K"}}'
	split as root run --keep --policy p.json --audit audit.jsonl -b "$BUNDLE" "$CID"
	((status == 153)) && [[ $(bytes out) == 2048 ]]
	has "'$CID' was killed: it printed more than 2048 bytes (p.json"
	run -0 as root watch "$CID" --no-follow
	jq -es 'any(.[]; .type == "audit" and .kind == "limit" and .limit == "output" and .value == 2048 and (.from | startswith("p.json")))' <<<"$output"
	jq -es 'any(.[]; .type == "exit" and .status == 153)' <<<"$output"
	jq -e 'select(.kind == "limit") | .limit == "output" and .v == 1' audit.jsonl
	as root delete "$CID"
	# The lowest of all counts.
	split as root run --policy p.json --output-limit 1K -b "$BUNDLE" "$CID"
	((status == 153)) && [[ $(bytes out) == 1024 ]]
}

@test "where nobody would count, the limit is refused by name" {
	new_bundle true
	run -1 as root run -d --output-limit 1K -b "$BUNDLE" "$CID"
	has "--output-limit: a limit of output is for 'podshim run' in the foreground"
	has "podman run --log-opt max-size"
	run -1 as root create --output-limit 1K -b "$BUNDLE" "$CID"
	has "a limit of output is for 'podshim run' in the foreground"
	detached as root create --best-effort --output-limit 1K -b "$BUNDLE" "$CID"
	as root delete -f "$CID"
	run -1 as root pod create --interpreter --output-limit 1K "$CID" "$BUNDLE"
	has "a limit of output is for 'podshim run' in the foreground, and for the programs of pods"
	run -1 as root run --output-limit x -- true
	has "output-limit"
}

@test "a pod's limit is each runner's, and a launch may only ask for less" {
	new_bundle true
	detached as root pod create --output-limit 2K "$TAG" "$BUNDLE"
	split as root pod launch "$TAG" -- yes
	((status == 137)) && has "was killed: it printed more than its pod's limit of output"
	(($(bytes out) <= 2049))
	split as root pod launch --output-limit 100 "$TAG" -- yes
	((status == 137)) && has "printed more than 100 bytes (--output-limit)"
	split as root pod launch --output-limit 1M "$TAG" -- true
	((status == 125)) && has "--output-limit 1048576: the pod's own limit is 2048 bytes (--output-limit)"
	split as root pod launch "$TAG" -- echo fine
	((status == 0)) && grep -qx fine out
	as root pod rm --force "$TAG"
}

@test "without a limit the program has the caller's own descriptors" {
	split as root run -A -- readlink /proc/self/fd/1
	((status == 0)) && [[ $(<out) == "$PWD/out" || $(<out) == /*out ]]
	split as root run -A --output-limit 1M -- readlink /proc/self/fd/1
	[[ $(<out) == pipe:* ]]
}
