#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The command line: help, flags, forms of run, errors, log lines, completion, the man page.

load lib/common
load lib/bundle
load lib/requires
load lib/wait

COMMANDS="run create start exec kill delete pause resume state list ps watch plan spec features gc version help"

setup() {
	common_setup
	requires podshim
	cd "$BATS_TEST_TMPDIR" || return
}
teardown() {
	common_teardown
}

# Called under another name.
as() { # as NAME ARG...
	local name=$1
	shift
	(exec -a "/usr/bin/$name" "$PODSHIM" "$@")
}

# An empty bundle: enough for what fails or is decided before it is run.
empty_bundle() {
	mkdir -p "$1"
	echo '{' >"$1/config.json"
}

# The one line that is in the log, if it is one JSON object.
log_object() {
	[ "$(wc -l <log)" -eq 1 ]
	jq -e "$@" <log
}

@test "help: every command has usage, by either way, on stdout only" {
	local c
	for c in $COMMANDS; do
		run -0 --separate-stderr "$PODSHIM" "$c" --help
		has "Usage: podshim [GLOBAL FLAGS] $c"
		is "$("$PODSHIM" help "$c")"
		is "$("$PODSHIM" -h "$c")"
		# shellcheck disable=SC2154  # set by run
		[ -z "$stderr" ]
	done
}

@test "help: the overview lists every command, and nothing hidden" {
	local c
	run -0 "$PODSHIM" help
	for c in $COMMANDS; do
		has "  $c "
	done
	lacks __
	lacks checkpoint
	is "$("$PODSHIM" --help)"
	run -1 "$PODSHIM" help checkpoint
	is "podshim: unknown command 'checkpoint'; see 'podshim help'"
}

@test "no command: the overview on stderr, and failure" {
	run -1 --separate-stderr "$PODSHIM"
	is ""
	output=$stderr
	has "Usage: podshim"
	has "podshim: no command was given"
}

@test "version: the lines that engines look for, under the name that was called" {
	run -0 "$PODSHIM" --version
	[[ ${lines[0]} =~ ^podshim\ version\ [0-9]+\.[0-9]+\.[0-9]+ ]]
	has "spec: 1.3.0"
	is "$("$PODSHIM" -v)"
	is "$("$PODSHIM" -V)"
	is "$("$PODSHIM" version)"
	run -0 as runc --version
	[[ ${lines[0]} == "runc version "* ]]
	run -0 as crun --version
	[[ ${lines[0]} == "crun version "* ]]
}

@test "mistakes name the flag or command that was meant" {
	run -1 "$PODSHIM" creat x
	is "podshim: unknown command 'creat' (did you mean 'create'?); see 'podshim help'"
	run -1 "$PODSHIM" create --bundel=x a
	is "podshim: unknown flag '--bundel' for 'create' (did you mean '--bundle'?); see 'podshim create --help'"
	run -1 "$PODSHIM" create --bundle
	is "podshim: flag '--bundle' requires an argument (DIR)"
	run -1 "$PODSHIM" create
	is "podshim: 'create' needs ID; see 'podshim create --help'"
	run -1 "$PODSHIM" state a b
	is "podshim: 'state' does not take 'b'; see 'podshim state --help'"
}

@test "commands of other runtimes fail, also when they are only probed for" {
	local c
	for c in checkpoint restore update events; do
		run -1 "$PODSHIM" "$c" --help
		is "podshim: '$c' is not supported by this version"
		run -1 "$PODSHIM" --help "$c"
		is "podshim: '$c' is not supported by this version"
	done
	run -1 "$PODSHIM" restore --lsm-mount-context
	lacks "requires an argument"
}

@test "ids: empty and malformed ones are refused by every command that takes one" {
	local c
	for c in create start kill delete pause resume state ps watch; do
		run -1 podshim "$c" ''
		is "podshim: container id cannot be empty"
		run -1 podshim "$c" 'a/../b'
		is "podshim: invalid container ID format: a/../b"
	done
	run -1 podshim exec 'a b' true
	is "podshim: invalid container ID format: a b"
}

@test "global flags: what is not supported says so" {
	empty_bundle b
	run -1 podshim --systemd-cgroup create -b b "$CID"
	is "podshim: the systemd cgroup manager is not supported by this version; use --cgroup-manager cgroupfs"
	run -1 podshim --cgroup-manager=systemd run -b b "$CID"
	is "podshim: the systemd cgroup manager is not supported by this version; use --cgroup-manager cgroupfs"
	run -1 podshim --log-format=xml state "$CID"
	is "podshim: invalid log-format: xml (one of text|json)"
	run -1 "$PODSHIM" --root / state "$CID"
	is "podshim: --root cannot be '/'"
	run -1 podshim --criu /x state "$CID"
	has "unknown flag '--criu'"
}

@test "flags: both spellings, before and after the command, with one dash" {
	# Each reaches the missing container, so each was understood.
	local words
	for words in "--log-format json state X" "--log-format=json state X" "state --log-format=json X" "state X --debug" \
		"-log-format json state X" "start -debug X" "kill -a X 9" "kill --all X SIGKILL" "state -- X" \
		"--rootless=auto state X" "--rootless false state X" "--systemd-cgroup state X"; do
		# shellcheck disable=SC2086
		run -1 podshim ${words//X/$CID}
		has "does not exist"
	done
}

@test "log: a failure is one JSON object, and text on stderr" {
	run -1 --separate-stderr podshim --log log --log-format json state "$CID"
	is ""
	[[ $stderr == "podshim: "*"does not exist"* ]]
	log_object '.level == "error" and (.msg | contains("does not exist")) and .class == "no such object"'
	log_object '.time | test("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]+)?Z$")'
	[[ $(cat log) == '{"level":"error","msg":"'* ]]
}

@test "log: a bad command line is logged as well" {
	run -1 podshim --log log --log-format json create --bogus x
	log_object '.class == "wrong usage"'
}

@test "log: text format, appended to what is there" {
	echo first >log
	run -1 podshim --log=log state "$CID"
	[ "$(wc -l <log)" -eq 2 ]
	tail -n 1 log | grep -Eq '^time="[^"]+Z" level=error msg=".*does not exist'
}

@test "log: json without a file goes to stderr" {
	run -1 podshim --log-format json state "$CID"
	jq -e '.level == "error"' <<<"$output"
}

@test "log: a file that cannot be opened is an error" {
	run -1 podshim --log no/such/log state "$CID"
	is "podshim: open log file 'no/such/log': No such file or directory"
}

@test "log: --debug names the place in the source" {
	run -1 podshim --debug --log log --log-format json state "$CID"
	log_object '.site | test("^[a-z/_]+\\.c:[0-9]+$")'
}

@test "run: what is neither a bundle nor an id shows the forms" {
	mkdir d
	run -1 podshim run d
	has "nothing to run: no config.json in 'd' nor in the current directory; the forms are:"
	has "podshim run [FLAGS] DIR "
	has "podshim run [FLAGS] -b DIR ID "
	has "podshim run [FLAGS] ID "
}

@test "run: without a bundle it is not available, and says so" {
	echo 'print(1)' >script.py
	run -1 podshim run -- ls -l
	is "podshim: running a program without a bundle is not available in this version; use 'podshim run DIR', where DIR holds a config.json"
	run -1 podshim run script.py
	is "podshim: running a file without a bundle is not available in this version; use 'podshim run DIR', where DIR holds a config.json"
}

@test "run: a bundle takes no further words" {
	empty_bundle b
	run -1 podshim run b -d
	is "podshim: 'run' of a bundle does not take '-d': flags stand before 'b', and config.json says what is run"
	run -1 podshim run -b b "$CID" ls
	has "does not take 'ls'"
}

@test "run: called as runc or crun there is only the OCI form" {
	local name
	empty_bundle b
	for name in runc crun; do
		run -1 as "$name" --root "$ROOT" run ./b
		is "podshim: invalid container ID format: ./b"
	done
}

@test "create: descriptors to preserve must be open" {
	empty_bundle b
	run -1 podshim create -b b --preserve-fds 500 "$CID"
	has "is to be preserved, but it is not open"
	LISTEN_FDS=500 run -1 podshim create -b b "$CID"
	has "is to be preserved, but it is not open"
}

@test "exec: what is missing or too much" {
	run -1 podshim exec "$CID"
	is "podshim: exec in '$CID' needs a command or --process"
	run -1 podshim exec -p p.json "$CID" ls
	is "podshim: exec takes a command or --process, not both: 'ls'"
	run -1 podshim exec -g staff "$CID" ls
	is "podshim: invalid additional-gids: staff is not a group id"
}

@test "exec: a failure of the runtime is 255 and says so" {
	run -255 podshim exec "$CID" ls -l
	[[ $output == *"exec failed: "*"does not exist"* ]]
}

@test "kill and delete: signals, regular expressions, missing containers" {
	run -1 podshim kill "$CID" NOPE
	is 'podshim: unknown signal "NOPE"'
	run -1 podshim kill --regex '('
	has "invalid regular expression '('"
	run -0 podshim kill --regex '^none-'
	is ""
	run -0 podshim delete --regex '^none-'
	is ""
	run -0 podshim delete --force "$CID"
	is ""
	run -1 podshim delete "$CID"
	has "does not exist"
}

@test "list: nothing is nothing" {
	run -0 podshim list --format json
	is "[]"
	run -0 podshim list -q
	is ""
	run -0 podshim list
	is "ID          PID         STATUS      BUNDLE      CREATED     OWNER"
	run -1 podshim list --format yaml
	is "podshim: invalid format: yaml (one of table|json)"
}

@test "ps: options of ps are refused" {
	run -1 podshim ps "$CID" -ef
	is "podshim: options of ps(1) are not supported: '-ef'; flags stand before ID"
}

@test "spec: writes a config.json that plan accepts, and never replaces one" {
	mkdir -p b/rootfs
	run -0 podshim spec -b b
	is ""
	jq -e '.ociVersion and .process.args and .root.path == "rootfs"' b/config.json
	run -0 podshim plan --json b
	jq -e . <<<"$output"
	run -1 podshim spec --bundle=b
	is "podshim: File config.json exists. Remove it first"
	run -1 podshim spec -b no/such
	is "podshim: open bundle 'no/such': No such file or directory"
}

@test "spec: in the current directory, rootless" {
	run -0 podshim spec --rootless
	jq -e '[.linux.namespaces[].type] | index("user")' config.json
}

@test "plan: text by default, JSON on demand, from the current directory" {
	mkdir rootfs
	podshim spec
	run -0 podshim plan
	[ -n "$output" ]
	run -0 podshim plan --json
	jq -e type <<<"$output"
	run -1 podshim plan no/such
	has "no/such"
}

@test "features: JSON alone, also together with stderr" {
	run -0 "$PODSHIM" features
	jq -e '.ociVersionMin and .ociVersionMax == "1.3.0"' <<<"$output"
	jq -e '(.hooks | index("createRuntime")) and (.mountOptions | index("rro"))' <<<"$output"
	jq -e '.linux | .namespaces and .capabilities and .cgroup.v1 and .cgroup.v2 and .seccomp.enabled' <<<"$output"
	jq -e '.linux.mountExtensions.idmap.enabled | type == "boolean"' <<<"$output"
	jq -e '.linux.apparmor.enabled == false and .linux.selinux.enabled == false' <<<"$output"
	jq -e '.linux.seccomp | (.actions | index("SCMP_ACT_ERRNO")) and (.archs | index("SCMP_ARCH_X86_64"))' <<<"$output"
	run -0 "$PODSHIM" --systemd-cgroup --log-level warning features
	jq -e . <<<"$output"
}

@test "standard streams that are closed are not taken over by other files" {
	"$PODSHIM" --root "$ROOT" --log log state "$CID" <&- >&- 2>&- && false
	[ "$(wc -l <log)" -eq 1 ]
	grep -q '^time=.*does not exist' log
}

@test "output that cannot be written is an error" {
	[ -e /dev/full ] || skip "no /dev/full"
	run -1 bash -c "'$PODSHIM' features >/dev/full"
	is "podshim: write to standard output: No space left on device"
}

@test "completion: commands, flags, choices, paths" {
	run -0 "$PODSHIM" __complete cre
	is $'create\tmake a container; its program waits for start'
	run -0 "$PODSHIM" __complete ''
	has $'run\t'
	lacks __complete
	lacks checkpoint
	run -0 "$PODSHIM" __complete --log-format ''
	is $'text\tformat of the log (default: text)\njson\tformat of the log (default: text)'
	run -0 "$PODSHIM" __complete create --bund
	is $'--bundle\tbundle directory (default: the current one)'
	run -0 "$PODSHIM" __complete create --bundle ''
	is :dir
	run -0 "$PODSHIM" __complete create --pid-file ''
	is :file
	run -0 "$PODSHIM" __complete run ''
	is :dir
	run -0 "$PODSHIM" __complete help ver
	is $'version\tprint the version and the runtime-spec that is followed'
	run -0 "$PODSHIM" __complete kill x KIL
	is $'KILL\tsignal'
	run -0 "$PODSHIM" __complete exec x ls -
	is ""
	run -0 "$PODSHIM" __complete --root "$ROOT" start ''
	is ""
	run -0 "$PODSHIM" __complete
	has $'run\t'
}

@test "completion: the bash function asks podshim" {
	ln -s "$PODSHIM" podshim
	# shellcheck disable=SC2016
	PATH=$PWD:$PATH run -0 bash -c '. "$1"; COMP_WORDS=(podshim create --bund) COMP_CWORD=2; _podshim podshim --bund create
		printf "%s\n" "${COMPREPLY[@]}"' bash "$REPO/shim/cli/completion/podshim.bash"
	is --bundle
}

@test "man page: says what the tables say" {
	local page=$REPO/shim/cli/podshim.1
	# When this fails, put the output of "podshim __man" between the two comment lines of the page.
	diff <("$PODSHIM" __man) <(sed '1,/printed by "podshim __man"/d; /End of what is printed by/,$d' "$page")
	run -0 "$PODSHIM" __man kill
	has '.SS "podshim kill [FLAGS] ID [SIGNAL]"'
	run -1 "$PODSHIM" __man nope
	has "unknown command 'nope'"
	command -v mandoc >/dev/null || return 0
	run -0 mandoc -Tlint -Wwarning "$page"
}

@test "containers: list, state, ps, completion, kill and delete by regular expression" {
	requires root
	new_bundle
	start_sleeper
	run -0 podshim list -q
	is "$CID"
	run -0 podshim list --format json
	jq -e --arg id "$CID" --arg b "$BUNDLE" \
		'length == 1 and .[0].id == $id and .[0].status == "running" and .[0].bundle == $b and .[0].pid > 0' <<<"$output"
	run -0 podshim list
	[[ ${lines[1]} =~ ^"$CID"\ +"$(init_pid)"\ +running\ +"$BUNDLE" ]]
	run -0 podshim state "$CID"
	jq -e '.ociVersion and .status == "running"' <<<"$output"
	run -0 podshim ps --format json "$CID"
	is "[$(init_pid)]"
	run -0 podshim ps "$CID"
	[[ ${lines[0]} =~ ^UID\ +PID\ +PPID\ +C\ +STIME\ +TTY\ +TIME\ +CMD$ ]]
	[[ ${lines[1]} =~ ^0\ +"$(init_pid)"\ +[0-9]+\ +[0-9]+\ +[0-9:]+\ +\?\ +00:00:00\ +sleep\ 600$ ]]
	run -0 podshim __complete --root "$ROOT" kill "${CID:0:3}"
	is "$CID"$'\trunning'
	run -0 podshim kill --regex "^$CID\$" KILL
	wait_status stopped
	run -0 podshim delete --regex "^${CID:0:4}"
	is ""
	assert_nothing_left
}

@test "run DIR: a generated id, printed with -d" {
	requires root
	new_bundle
	payload sleep 600
	detached podshim run -d "$BUNDLE"
	[[ $output =~ ^[0-9a-f]{12}$ ]]
	status_is running "$output"
	podshim delete --force "$output"
}

@test "run ID: the bundle in the current directory" {
	requires root
	new_bundle
	payload true
	cd "$BUNDLE" || return
	run -0 podshim run "$CID"
	assert_nothing_left
}
