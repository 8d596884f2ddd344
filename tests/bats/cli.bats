#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The command line: help, flags, forms of run, errors, log lines, completion, the man page.

load lib/common
load lib/bundle
load lib/requires
load lib/wait

COMMANDS="run create start exec kill delete pause resume update checkpoint restore state list ps events watch audit explain check learn diff commit discard pod policy plan spec features gc version help"

ALLOWED="allowed are at most 1023 letters, digits, '_', '+', '-' and, not in front, '.'"

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
	lacks mirror
	is "$("$PODSHIM" --help)"
	run -1 "$PODSHIM" help mirror
	is "podshim: unknown command 'mirror'; see 'podshim help'"
}

@test "help: runc's callers find its name first, and their own words for a command that does not exist" {
	local c flag
	run -0 as runc -h
	is "$(as runc --help)"
	[ "${lines[0]}" = "NAME:" ]
	[[ ${lines[1]} =~ ^\ +runc\ -\ Open\ Container\ Initiative\ runtime ]]
	for c in create exec update checkpoint; do
		for flag in -h --help; do
			run -0 as runc "$c" "$flag"
			[ "${lines[0]}" = "NAME:" ]
			[[ ${lines[1]} == *"runc $c - "* ]]
			has "Usage: runc [GLOBAL FLAGS] $c"
		done
	done
	run -1 as runc foo -h
	has "No help topic for 'foo'"
	run -1 as crun foo
	has "unknown command 'foo'"
}

@test "no command: the overview on stderr, and failure" {
	run -1 --separate-stderr "$PODSHIM"
	is ""
	# shellcheck disable=SC2154  # set by run
	[ "$stderr" = "$("$PODSHIM" help)" ]
}

@test "version: the lines that engines look for, under the name that was called" {
	run -0 "$PODSHIM" --version
	[[ ${lines[0]} =~ ^podshim\ version\ [0-9]+\.[0-9]+\.[0-9]+ ]]
	if [ -e "$BATS_TEST_DIRNAME/../../.git" ]; then
		[[ ${lines[1]} =~ ^commit:\ [0-9a-f]{12}$ ]]
	fi
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

@test "ids: empty and malformed ones are refused by every command that takes one" {
	local c
	for c in create start kill delete pause resume update state ps events watch; do
		run -1 podshim "$c" ''
		is "podshim: container id cannot be empty"
		run -1 podshim "$c" 'a/../b'
		is "podshim: invalid container ID format: a/../b; $ALLOWED"
	done
	run -1 podshim exec 'a b' true
	is "podshim: invalid container ID format: a b; $ALLOWED"
}

@test "global flags: what is not supported says so" {
	empty_bundle b
	run -1 podshim --systemd-cgroup pod create "$CID" b
	is "podshim: pods make their cgroups themselves; use --cgroup-manager cgroupfs"
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
	local forms="the forms are 'podshim run DIR' (a bundle: DIR holds config.json), 'podshim run -b DIR ID', 'podshim run ID' in a bundle, 'podshim run FILE ARGS' (a script or program), and 'podshim run -- PROGRAM ARGS'"
	is "podshim: nothing to run: no config.json in 'd' nor in the current directory; $forms"
	run -1 podshim run ./no/such
	is "podshim: run './no/such': No such file or directory"
	run -1 podshim run
	is "podshim: 'run' needs DIR, ID, FILE or -- PROGRAM; see 'podshim run --help'"
	run -1 podshim run -b d
	is "podshim: with --bundle the container needs an id: 'podshim run -b d ID'"
	# A path is no id, also where there is a bundle.
	echo '{' >config.json
	run -1 podshim run ./d
	is "podshim: nothing to run: no config.json in './d'; $forms"
	run -1 podshim run ./no/such
	is "podshim: run './no/such': No such file or directory"
}

@test "create and plan: outside a bundle" {
	run -1 podshim create "$CID"
	is "podshim: no config.json in the current directory; -b DIR names the bundle"
	run -1 podshim plan
	is "podshim: no config.json in the current directory; 'podshim plan DIR' names the bundle"
	run -1 podshim create -f no.json "$CID"
	is "podshim: bundle '.': open 'no.json': No such file or directory"
}

@test "errors name the document that they are about" {
	mkdir rootfs
	podshim spec
	jq '.process.user.uid = "1"' config.json >other.json
	run -1 podshim plan -f other.json
	is "podshim: other.json: /process/user/uid: expected an integer from 0 to 4294967294, found the string '1'"
	run -1 podshim create -f other.json "$CID"
	is "podshim: other.json: /process/user/uid: expected an integer from 0 to 4294967294, found the string '1'"
	mv other.json config.json
	run -1 podshim create "$CID"
	is "podshim: config.json: /process/user/uid: expected an integer from 0 to 4294967294, found the string '1'"
}

@test "errors are one line, whatever names and texts hold" {
	mkdir rootfs
	podshim spec
	run -1 podshim state $'a\nb\e[2J'
	is "podshim: invalid container ID format: a\\nb\\x1b[2J; $ALLOWED"
	jq '.linux.namespaces[0].type = "x\ny\u001b[2J\u009b"' config.json >bad.json
	run -1 podshim --log log --log-format json plan -f bad.json
	is "podshim: bad.json: /linux/namespaces/0/type: unknown namespace type 'x\\ny\\x1b[2J\\xc2\\x9b'"
	log_object '.msg | endswith("'"'x\\\\ny\\\\x1b[2J\\\\xc2\\\\x9b'"'")'
}

@test "warnings: on a terminal, in the log when asked for, else nowhere" {
	mkdir rootfs
	podshim spec
	jq '.process.capabilities.bounding += ["CAP_FOO"]' config.json >caps.json
	local text="unknown capability 'CAP_FOO' in bounding is ignored"
	run -0 --separate-stderr podshim plan -f caps.json
	# shellcheck disable=SC2154  # set by run
	[ -z "$stderr" ]
	run -0 --separate-stderr podshim --log-level warning plan -f caps.json
	[ "$stderr" = "podshim: warning: $text" ]
	podshim --log log plan -f caps.json
	[ ! -s log ]
	podshim --log log --log-format json --log-level warning plan -f caps.json
	log_object --arg t "$text" '.level == "warning" and .msg == $t'
	run -0 python3 "$REPO/tests/bats/lib/withpty.py" "$PODSHIM" plan -f caps.json
	has "podshim: warning: $text"
	run -0 python3 "$REPO/tests/bats/lib/withpty.py" "$PODSHIM" --log-level error plan -f caps.json
	lacks warning
}

@test "run: flags of programs are not for bundles, nor the other way round" {
	local flag
	empty_bundle b
	for flag in "--env A=1" "--bind /x" "--cwd /" "--tty"; do
		# shellcheck disable=SC2086
		run -1 podshim run $flag b
		is "podshim: '${flag%% *}' is for programs without a bundle: here config.json says it"
	done
	run -1 podshim run -f c.json -- true
	is "podshim: '--config' is for bundles: a program without one has its own"
	run -1 podshim run --timeout 1s -d b
	is "podshim: '--timeout' is for the foreground: with '--detach' nobody waits"
	run -1 podshim run --timeout soon b
	is "podshim: invalid timeout: soon is no duration, as in 500ms, 10s, 5m, 1h"
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
		is "podshim: invalid container ID format: ./b; $ALLOWED"
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
	local cap
	for cap in CAP_FOO SYS_TIME cap_sys_time ''; do
		run -1 podshim exec --cap="$cap" "$CID" ls
		[ -z "$cap" ] || is "podshim: invalid cap: '$cap' is not a capability; 'podshim features' lists them all (CAP_CHOWN)"
	done
}

@test "exec: a failure of the runtime is 255 and says so" {
	run -255 podshim exec "$CID" ls -l
	[[ $output == *"exec failed: "*"does not exist"* ]]
}

@test "kill and delete: signals, regular expressions, missing containers" {
	run -1 podshim kill "$CID" NOPE
	is "podshim: unknown signal \"NOPE\"; give a name as in 'kill -l' (TERM, SIGTERM) or a number from 1 to 64"
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
	mkdir -p -m 700 "$ROOT"
	run -0 podshim list --format json
	is "[]"
	run -0 podshim list -q
	is ""
	run -0 podshim list
	is "ID          PID         STATUS      BUNDLE      CREATED     OWNER"
	run -1 podshim list --format yaml
	is "podshim: invalid format: yaml (one of table|json)"
}

@test "ps: options of ps(1) run that program, and the container's lines are shown" {
	requires root
	new_bundle
	start_sleeper
	run -0 podshim ps "$CID" -ef
	[[ ${lines[0]} =~ ^UID\ +PID\ +PPID ]]
	[[ ${lines[1]} =~ ^[a-z0-9]+\ +"$(init_pid)"\ .*\ sleep\ 600$ ]]
	[ "${#lines[@]}" -eq 2 ]
	run -0 podshim ps "$CID" -e -o comm,pid
	[ "$(tr -s ' ' <<<"${lines[0]}|${lines[1]}")" = "COMMAND PID|sleep $(init_pid)" ] || [[ ${lines[1]} =~ ^[a-z]+\ +"$(init_pid)"$ ]]
	[ "${#lines[@]}" -eq 2 ]
	run -1 podshim ps "$CID" -eo comm
	is "podshim: what ps(1) prints with these options has no column PID, by which the container's are found: add it"
	run -1 podshim ps "$CID" --no-such-option
	has "podshim: ps(1): exit status "
	run -1 podshim ps -f json "$CID" -ef
	is "podshim: options of ps(1) change nothing about --format json: leave out '-ef'"
	PATH=/nonexistent run -1 "$PODSHIM" --root "$ROOT" ps "$CID" -ef
	has "there is no program 'ps' in PATH: install it (procps)"
}

@test "spec: writes a config.json that plan accepts, and never replaces one" {
	mkdir -p b/rootfs
	run -0 podshim spec -b b
	is ""
	jq -e '.ociVersion and .process.args and .root.path == "rootfs"' b/config.json
	run -0 podshim plan --json b
	jq -e . <<<"$output"
	run -1 podshim spec --bundle=b
	is "podshim: config.json exists in 'b'; remove it first, or name another directory with -b DIR"
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
	is "podshim: open the bundle 'no/such': No such file or directory"
}

@test "plan: each row has its origin, system call rules are summed up" {
	mkdir rootfs
	podshim spec
	jq 'del(.process.user) | .linux.seccomp = {defaultAction: "SCMP_ACT_ERRNO", syscalls: [{names: ["read", "write"], action: "SCMP_ACT_ALLOW"}]}' \
		config.json >other.json
	run -0 podshim plan -f other.json
	has $'\nuid: 0  (default)\n'
	has $'\ncwd: /  (other.json#/process/cwd)\n'
	has $'(other.json#/process/rlimits/0)\n'
	has $'\nseccomp_default: SCMP_ACT_ERRNO errno=1  (other.json#/linux/seccomp/defaultAction)\n'
	has $'\nseccomp_rules: 1  (other.json#/linux/seccomp/syscalls)\n  SCMP_ACT_ALLOW rules=1 names=2'
	run -0 podshim plan --json -f other.json
	jq -e '.from.cwd == "other.json#/process/cwd" and .from.uid == "default"
		and .seccomp_policy.rules == [{action: "SCMP_ACT_ALLOW", names: ["read", "write"], from: "other.json#/linux/seccomp/syscalls/0"}]' \
		<<<"$output"
}

@test "plan: needs no state folder, and makes none" {
	mkdir rootfs
	"$PODSHIM" spec
	jq '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["mkdir"], action: "SCMP_ACT_ERRNO"}]}' config.json >other.json
	run -0 podshim plan -f other.json
	[ ! -e "$ROOT" ]
	requires root setpriv strace
	# The cache of compiled filters is below the state folder.
	run -0 strace -f -e trace=file -o trace "$PODSHIM" plan -f other.json
	! grep -F /run/podshim trace || false
	local d=$PWD
	cp "$PODSHIM" podshim
	while [[ $d != / ]]; do
		chmod o+x "$d"
		d=$(dirname "$d")
	done
	chmod o+r other.json
	run -0 --separate-stderr env -u XDG_RUNTIME_DIR setpriv --reuid 65534 --regid 65534 --clear-groups ./podshim plan -f other.json
	# shellcheck disable=SC2154  # set by run
	[ -z "$stderr" ]
	has "seccomp_rules: 1"
}

@test "features: JSON alone, also together with stderr" {
	run -0 "$PODSHIM" features
	jq -e '.ociVersionMin and .ociVersionMax == "1.3.0"' <<<"$output"
	jq -e '(.hooks | index("createRuntime")) and (.mountOptions | index("rro"))' <<<"$output"
	jq -e '.linux | .namespaces and .capabilities and .cgroup.v1 and .cgroup.v2 and .seccomp.enabled' <<<"$output"
	jq -e '.linux.mountExtensions.idmap.enabled | type == "boolean"' <<<"$output"
	jq -e '.linux.apparmor.enabled and .linux.selinux.enabled' <<<"$output"
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
	[[ ${lines[1]} =~ ^root\ +"$(init_pid)"\ +[0-9]+\ +[0-9]+\ +[0-9:]+\ +\?\ +00:00:00\ +sleep\ 600$ ]]
	run -0 podshim __complete --root "$ROOT" kill "${CID:0:3}"
	is "$CID"$'\trunning'
	run -0 podshim kill --regex "^$CID\$" KILL
	wait_status stopped
	run -0 podshim delete --regex "^${CID:0:4}"
	is ""
	assert_nothing_left
}

@test "containers: a refusal says what to do next" {
	requires root
	new_bundle
	payload sleep 600
	detached podshim create -b "$BUNDLE" "$CID"
	run -255 podshim exec "$CID" true
	is "podshim: exec failed: cannot exec in container '$CID' before it is started; 'podshim start $CID' does that"
	attempt podshim create -b "$BUNDLE" "$CID"
	is "podshim: container with given ID already exists: '$CID' in '$ROOT'; delete it first, or take another id"
	podshim start "$CID"
	run -1 podshim start "$CID"
	is "podshim: cannot start an already running container: '$CID'; 'podshim exec' runs more in it"
	run -1 podshim delete "$CID"
	is "podshim: cannot delete container $CID that is not stopped: running; --force kills it first"
	podshim kill "$CID" KILL
	wait_status stopped
	run -1 podshim start "$CID"
	is "podshim: cannot start a container that has stopped: '$CID'; delete it and create it again"
	podshim delete "$CID"
}

@test "containers: delete takes a created one too, as its help says" {
	requires root
	new_bundle
	detached podshim create -b "$BUNDLE" "$CID"
	run -0 podshim delete "$CID"
	assert_nothing_left
}

@test "state: the owner and the tape, as list and watch have them" {
	requires root
	new_bundle
	detached podshim create -b "$BUNDLE" "$CID"
	run -0 podshim state "$CID"
	jq -e '.owner == "root"' <<<"$output"
	[ -e "/dev/shm$(jq -r .shm <<<"$output")" ]
	run -0 podshim list --format json
	jq -e '.[0].owner == "root"' <<<"$output"
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

@test "run --name: an id of one's choice in the forms without ID" {
	requires root podshim
	new_bundle
	payload sleep 600
	detached podshim run -d --name "$CID" "$BUNDLE"
	is ""
	status_is running
	run -1 podshim run --name "$CID" -- true
	has "$CID"
	run -1 podshim run --name ../x -- true
	has "invalid container ID format: ../x"
	run -1 podshim run --name other -b "$BUNDLE" "$CID"
	has "'--name' is for the forms without ID: here it is '$CID'"
	podshim delete --force "$CID"
}

@test "list --all: how often something was denied, of all that was" {
	requires root podshim
	cd "$BATS_TEST_TMPDIR" || return
	detached podshim run --name "$CID" --keep --audit /dev/null --deny-read=/etc/ssl -- sh -c \
		'i=0; while test $i -lt 700; do true </etc/ssl/no$i; i=$((i + 1)); done 2>/dev/null; true </etc/ssl/\",\"denied\":9; true'
	run -0 podshim list --all --format json
	jq -e --arg id "$CID" '.[] | select(.id == $id) | .denied == 701' <<<"$output"
}

@test "run ID: the bundle in the current directory" {
	requires root
	new_bundle
	payload true
	cd "$BUNDLE" || return
	run -0 podshim run "$CID"
	assert_nothing_left
}
