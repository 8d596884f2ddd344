#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# run without a bundle: programs and scripts, as root and as an ordinary user.

load lib/callers
load lib/common
load lib/requires
load lib/wait

setup() {
	common_setup
	requires root podshim setpriv
	# A user's own place, which he can reach: the runtime, a state root, scripts.
	open_place /tmp/podshim-program.XXXXXX home
}
teardown() {
	ROOT=$HERE/root
	common_teardown
	close_place
}

# as root|user ARG...: the runtime.
as() {
	local who=()
	[[ $1 == root ]] || who=("${USER_IDS[@]}")
	shift
	"${who[@]}" "$HERE/podshim" --root "$HERE/root" "$@"
}

# Both kinds of caller, one after the other: each test is for both.
both() { # both FUNCTION
	"$1" root 0
	rm -rf "$HERE/root"
	can_userns
	"$1" user 65534
}

script() { # script NAME MODE: from standard input
	cat >"$1"
	chmod "$2" "$1"
}

# The launcher that runs: its guardian, a copy of it, is younger.
launcher() {
	pgrep -of "^$HERE/podshim --root $HERE/root run"
}

# Processes and state of this test that should be gone.
nothing_left() {
	[[ -z $(pgrep -f "$HERE/" || true) ]] && [[ -z $(find "$HERE/root" -mindepth 1 ! -name .lock 2>/dev/null) ]] &&
		! grep -lFs "$HERE/root" /dev/shm/podshim-*
}

runs_programs() { # WHO UID
	run -0 as "$1" run -- id -u
	is "$2"
	# shellcheck disable=SC2016  # the program's own
	run -0 as "$1" run -- sh -c 'for d in /usr /etc /dev /home /root /var; do test -e $d && echo $d; done; test -O /tmp'
	is "/usr
/etc
/dev"
	run -7 as "$1" run -- sh -c 'exit 7'
	run -0 as "$1" run -- echo '' 'a  b' '$x'
	is ' a  b $x'
	wait_until 5 nothing_left
}
@test "a program by name: its output, status and user; of the host only what programs need" {
	both runs_programs
}

runs_files() { # WHO
	script hello.py 644 <<<'import os, sys; print(sys.argv[1:], __file__, os.getcwd())'
	run -0 as "$1" run hello.py 'a b' --help -- -x
	is "['a b', '--help', '--', '-x'] $PWD/hello.py $PWD"
	script hello.sh 644 <<<'echo "$0" $# "$TMPDIR"; touch "$TMPDIR/x" && ls "$TMPDIR"'
	run -0 as "$1" run --allow-run=touch,ls ./hello.sh 1 2
	is "$PWD/hello.sh 2 /tmp
$(basename "$HERE")
x"
	script plain 644 <<<$'#!/bin/sh -e\nfalse\necho unreached'
	run -1 as "$1" run plain
	is ""
	script direct 755 <<<$'#!/bin/sh\necho "$0"; cat "$0" | wc -l; echo >>"$0"'
	local flags
	for flags in "" --allow-write=direct; do
		# shellcheck disable=SC2086  # none is none
		run -2 as "$1" run --allow-run=cat,wc $flags ../home/direct
		has "$PWD/direct
2"
		has "cannot create $PWD/direct"
	done
	run -2 as "$1" run -A ../home/direct
	has "cannot create $PWD/direct"
	# It reads itself, and runs what is named; nothing beside it.
	script other.py 644 <<<'import subprocess; open("hello.py")'
	run -1 as "$1" run other.py
	has "FileNotFoundError: [Errno 2] No such file or directory: 'hello.py'"
	run -0 as "$1" run --allow-read=hello.py other.py
	script other.py 644 <<<'import subprocess; subprocess.run("id")'
	run -1 as "$1" run other.py
	has "PermissionError: [Errno 13] Permission denied: 'id'"
	run -0 as "$1" run --allow-run=id other.py
}
@test "a file: by suffix, by its first line, by the kernel; read-only at its own path, and alone" {
	requires python3
	both runs_files
}

is_confined() { # WHO UID
	run -0 as "$1" run -- cat /proc/self/status
	has "NoNewPrivs:	1"
	has "CapEff:	0000000000000000"
	has "CapBnd:	0000000000000000"
	has "Uid:	$2	$2	$2	$2"
	run -0 as "$1" run --allow-run=cat,hostname --allow-read=/proc -- sh -c 'cat /proc/self/net/dev; hostname'
	[ "${#lines[@]}" -eq 4 ]
	[ "${lines[3]}" = podshim ]
	run -1 as "$1" run -- touch /usr/x /etc/x /x
	[ "$(grep -c Read-only <<<"$output")" -eq 3 ]
	# What could be executed is not what could be written.
	local flags place
	for flags in "--allow-run=cp --allow-read=/usr/bin --allow-write=/dev/shm" "--allow-run --allow-read --allow-write" -A; do
		for place in /tmp /dev/shm; do
			# shellcheck disable=SC2086  # flags
			run -126 as "$1" run $flags -- sh -c "cp /usr/bin/true $place/t; $place/t"
			has "$place/t: Permission denied"
		done
	done
	run -1 as "$1" run --allow-run -- cat /etc/shadow /etc/fstab
	[ "$(grep -c "^.*cat: .*Permission denied" <<<"$output")" -eq 2 ]
	run -2 as "$1" run --allow-run=cat,ls --allow-read=/proc -- sh -c 'cat /proc/1/comm; ls /proc/1/root'
	has "podshim:init"
	has "Permission denied"
}
@test "a script may write itself where it is named; what is executed may not, and that is said" {
	requires /usr/bin/python3
	cd "$(mktemp -d /var/tmp/podshim-program.XXXXXX)" || return
	printf '%s\n' '#!/usr/bin/python3' 'import sys' 'open(sys.argv[0], "a").write("# more\n")' >s.py
	cp s.py executed
	chmod 755 executed
	run -0 podshim run --allow-write=s.py s.py
	is ""
	[[ $(tail -n 1 s.py) == "# more" ]]
	run -1 podshim --log-level warning run --allow-write=executed ./executed
	has "podshim: warning: write: '$PWD/executed' stays read-only: it is what runs (--allow-write)"
	# Where it only lies in a directory that may be written, it is not meant.
	run -1 podshim --log-level warning run --allow-write=. s.py
	lacks warning
	has "Read-only file system"
	rm -r "$PWD"
}

@test "what is ignored is not there; inside of what is shown that cannot be, which is said" {
	cd "$(mktemp -d /var/tmp/podshim-program.XXXXXX)" || return
	mkdir shown hidden
	echo yes | tee shown/a >hidden/a
	run -1 --separate-stderr podshim run --allow-read=shown,hidden --ignore-read=hidden -- cat shown/a hidden/a
	is yes
	[[ $stderr == *"hidden/a: No such file or directory"* ]]
	run -0 podshim run --allow-read=shown,hidden -- cat hidden/a
	is yes
	run -1 podshim run --allow-read=shown --ignore-read=shown/a -- cat shown/a
	is "podshim: --ignore-read: read: '$PWD/shown/a' exists, and can be denied but not be made to look missing"
	rm -r "$PWD"
}

@test "a program has no capabilities, no network, and nothing of its own to execute" {
	requires hostname
	both is_confined
}

has_environment() { # WHO
	run -0 env -i "PATH=$PATH" HOME=/h TERM=t LC_ALL=C SECRET=1 XDG_RUNTIME_DIR= PODSHIM_X=1 \
		"$HERE/podshim" --root "$HERE/root" run -e A=1 -e SECRET --env NONE -e TERM=x -- env
	is "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
TMPDIR=/tmp
HOME=/h
LC_ALL=C
A=1
SECRET=1
TERM=x"
}
@test "--env: the caller's variables are not passed on, but what says how to talk to him" {
	has_environment
}

binds() { # WHO UID
	mkdir -p data/sub
	echo text >data/file
	chown -R "$2:$2" data
	run -0 as "$1" run --bind data:/mnt/d --bind data:/ro:ro --cwd /mnt/d --allow-run=cat -- \
		sh -c 'pwd; cat file; echo 2 >new; cat /ro/new; echo 3 >/ro/x || true'
	has "/mnt/d
text
2
"
	has "cannot create /ro/x: Read-only file system"
	[ "$(cat data/new)" = 2 ]
	rm data/new
	run -0 as "$1" run --bind data --cwd data/sub -- pwd
	is "$PWD/data/sub"
	# Wherever it comes from: a place that is its own, one that it sees anyway.
	run -0 as "$1" run --bind /tmp:/t:ro --bind /usr/share:/s:ro -- ls -d "/t/${HERE#/tmp/}" /s/doc
	# It is what is at its place, also where that is allowed; what is denied is denied.
	mkdir -p other
	chown "$2:$2" other
	run -0 as "$1" run --bind "data:$PWD/other" --allow-read=other --allow-write=other/sub -- ls "$PWD/other"
	is "file
sub"
	run as "$1" run --bind data:/srv/d --deny-read=/srv/d/file -- cat /srv/d/file
	lacks text
	# A program of the caller's cannot be executed for having been bound.
	cp /bin/true data/prog
	run -126 as "$1" run --bind data -- sh -c "$PWD/data/prog"
	rm data/prog
	# A directory to read with one to write in it.
	run -0 as "$1" run --allow-read=data --allow-write=data/sub --allow-run=ls,touch -- \
		sh -c 'ls data; touch data/sub/x; touch data/x || ls data/sub'
	has "file
sub"
	has "touch: cannot touch 'data/x': Read-only file system"
	has x
	rm data/sub/x
	run -1 as "$1" run --bind nosuch:/x -- true
	is "podshim: bind '$PWD/nosuch': No such file or directory"
	run -1 as "$1" run --bind data:x -- true
	is "podshim: invalid bind: 'data:x' has a destination that is not absolute; as in SRC:DST, SRC:DST:ro, SRC"
}
@test "--bind and --cwd: files of the caller's, at another place, writable or not" {
	both binds
}

times_out() { # WHO
	run -124 as "$1" run --timeout 200ms -- sleep 600
	# TERM is heard before KILL comes.
	run -124 as "$1" run --timeout 1s --allow-run=sleep -- sh -c 'trap "echo term; exit 3" TERM; while :; do sleep 0.05; done'
	is term
	run -124 as "$1" run --timeout 100ms --allow-run=sleep -- sh -c 'trap "" TERM; sleep 600'
	run -5 as "$1" run --timeout 1m -- sh -c 'exit 5'
	wait_until 5 nothing_left
}
@test "--timeout: TERM, then KILL, and status 124" {
	both times_out
	run -1 as root run --timeout 1s -d -- true
	is "podshim: '--timeout' is for the foreground: with '--detach' nobody waits"
}

passes_signals() { # WHO
	local sig
	for sig in INT:130 TERM:143 HUP:129; do
		mkfifo "$HERE/ready"
		chmod 666 "$HERE/ready"
		# Nobody sees this but by its default action, which a first process would not have.
		(
			status=0
			as "$1" run --allow-run=sleep -- sh -c 'echo up; exec sleep 600' >"$HERE/ready" || status=$?
			echo "$status" >"$HERE/status"
		) 3>&- &
		read -r _ <"$HERE/ready"
		kill -s "${sig%:*}" "$(launcher)"
		wait_file "$HERE/status" "${sig#*:}"
		rm "$HERE/ready" "$HERE/status"
	done
	run -143 as "$1" run -- sh -c 'kill -TERM $$'
	run -134 as "$1" run -- sh -c 'ulimit -c 0; kill -ABRT $$'
	wait_until 5 nothing_left
}
@test "signals have their default action, and end a program" {
	both passes_signals
}

on_terminal() { # WHO UID
	local command=("$HERE/podshim" --root "$HERE/root" run)
	[[ $1 == root ]] || command=("${USER_IDS[@]}" "${command[@]}")
	run -3 python3 "$BATS_TEST_DIRNAME/lib/withpty.py" "${command[@]}" --allow-run=tty,stat -- sh -c 'test -t 0 && test -t 2 && tty; stat -c %u $(tty); exit 3'
	is "/dev/pts/0
$2"
	run -130 python3 "$BATS_TEST_DIRNAME/lib/dialogue.py" '[["see", "up"], ["type", "\u0003"]]' "${command[@]}" --allow-run=sleep -- \
		sh -c 'echo up; exec sleep 600'
	# Job control works, and Ctrl-C reaches the job alone.
	run -0 python3 "$BATS_TEST_DIRNAME/lib/dialogue.py" \
		'[["see", "$ "], ["type", "sh -c '"'"'echo j$((1+1)); exec sleep 600'"'"'\n"], ["see", "j2"], ["type", "\u0003"], ["see", "$ "], ["type", "echo $((6*7)); exit 0\n"], ["see", "42"]]' \
		env PS1='$ ' "${command[@]}" -e 'PS1=$ ' --allow-run=sleep -- sh -i
	lacks "can't access tty"
	# Half a terminal is none; one can be asked for.
	run -1 as "$1" run -- tty
	is "not a tty"
	run -0 as "$1" run -t -- tty
	is /dev/pts/0
	wait_until 5 nothing_left
}
@test "a terminal: given when the caller has one, Ctrl-C, job control" {
	requires python3
	both on_terminal
}

@test "pipes: what is written is read, and the end of it" {
	local who
	can_userns
	for who in root user; do
		rm -rf "$HERE/root"
		[ "$(head -c 1000000 /dev/zero | as "$who" run -- cat | wc -c)" -eq 1000000 ]
	done
}

survives_nothing() { # WHO
	local launcher payload
	as "$1" run --allow-run=sleep -- sh -c 'trap "" TERM HUP INT; echo up >&2; sleep 600 & sleep 600' 2>"$HERE/out" 3>&- &
	wait_file "$HERE/out" up
	launcher=$(launcher)
	kill -KILL "$launcher"
	wait_until 10 nothing_left
	rm "$HERE/out"
	# A program does not outlive it either where nobody guards it.
	as "$1" run --keep --allow-run=sleep -- sh -c 'echo up >&2; sleep 600' 2>"$HERE/out" 3>&- &
	wait_file "$HERE/out" up
	launcher=$(launcher)
	payload=$(pgrep -P "$launcher")
	kill -KILL "$launcher"
	wait_until 10 no_process
	as "$1" delete --force "$(as "$1" list -q)"
	wait_until 10 nothing_left
	rm "$HERE/out"
}
no_process() {
	[[ -z $(pgrep -f "$HERE/") && ! -e /proc/$payload ]]
}
@test "killed with -9: nothing of it is left" {
	both survives_nothing
}

@test "as root it is a container like any other" {
	local id
	as root run -d -- sleep 600 >"$HERE/id" 2>&1 </dev/null 3>&-
	id=$(cat "$HERE/id")
	run -0 as root state "$id"
	[ "$(jq -r .status <<<"$output")" = running ]
	[ "$(jq -r .bundle <<<"$output")" = "$PWD" ]
	# What is allowed to it, exec is, too.
	run -0 as root exec "$id" sleep 0
	run as root exec "$id" cat /proc/1/comm
	[ "$status" -ne 0 ]
	has "ermission denied"
	run -0 as root kill "$id" TERM
	stopped() { [[ $(as root state "$id" | jq -r .status) == stopped ]]; }
	wait_until 10 stopped
	run -0 as root delete "$id"
	wait_until 5 nothing_left
}

fails() { # WHO
	run -1 as "$1" run -- nosuch
	is "podshim: program 'nosuch' was not found in PATH"
	run -1 as "$1" run ./nosuch
	is "podshim: run './nosuch': No such file or directory"
	echo text >notes.txt
	run -1 as "$1" run notes.txt
	is "podshim: '$PWD/notes.txt' is neither a program nor a script: it has no '#!' line, and its name ends in none of .py .js .mjs .sh .rb .pl; 'podshim run -- INTERPRETER FILE' names who reads it"
	run -1 as "$1" run -- ./
	is "podshim: './' is a directory, not a program; 'podshim run DIR' runs a bundle"
	run -1 as "$1" run -f x.json -- true
	is "podshim: '--config' is for bundles: a program without one has its own"
	run -1 as "$1" run -e =1 -- true
	is "podshim: invalid env: '=1' has no name"
	run -1 as "$1" run -- echo $'\xff'
	has "is not UTF-8"
	wait_until 5 nothing_left
}
@test "what cannot be run says why" {
	both fails
}

@test "as a user: the state root is found without XDG_RUNTIME_DIR, and must be the user's" {
	can_userns
	mkdir -m 755 "/tmp/podshim-4711"
	run -1 setpriv --reuid 4711 --regid 4711 --clear-groups env -u XDG_RUNTIME_DIR "$HERE/podshim" run -- true
	rmdir /tmp/podshim-4711
	is "podshim: state folder '/tmp/podshim-4711' belongs to uid 0, not 4711" || has "belongs to uid"
	run -0 setpriv --reuid 4711 --regid 4711 --clear-groups env -u XDG_RUNTIME_DIR "$HERE/podshim" run -- id -u
	is 4711
	[ "$(stat -c '%u %a' /tmp/podshim-4711)" = "4711 700" ]
	rm -rf /tmp/podshim-4711
}

@test "as a user: where no user namespace may be made, the error says what to change" {
	requires unshare
	# The limit is a user namespace's own: one with none to make, and without the rights to do without.
	# shellcheck disable=SC2016  # its own variables
	run -1 unshare -Urm sh -c 'echo 0 >/proc/sys/user/max_user_namespaces && exec setpriv --bounding-set=-sys_admin "$0" --root "$1" run -- true' \
		"$HERE/podshim" "$HERE/root"
	is "podshim: running without root takes a user namespace, and this system does not let us make one (the limit is reached); see user.max_user_namespaces, kernel.unprivileged_userns_clone and kernel.apparmor_restrict_unprivileged_userns in sysctl(8), or run podshim as root"
}

@test "as a user: a bundle of his own" {
	can_userns
	mkdir -p b/rootfs
	cp -a "$(command -v busybox)" b/rootfs/busybox
	chown -R 65534:65534 b
	"${USER_IDS[@]}" "$HERE/podshim" spec --rootless -b b
	jq '.process.args = ["/busybox", "id", "-u"] | .process.terminal = false' b/config.json >c.json
	cp c.json b/config.json
	run -0 as user run b
	is 0
	jq '.linux.uidMappings[0].size = 2' c.json >b/config.json
	run -1 as user run b
	is "podshim: config.json: /linux/uidMappings/0: without root, the caller's own user id 65534 has a row of its own, of size 1; further rows take ids of /etc/subuid"
	run -1 as user run -e A=1 b
	is "podshim: '--env' is for programs without a bundle: here config.json says it"
	jq '.process.args = ["/busybox", "sleep", "600"]' c.json >b/config.json
	run -124 as user run --timeout 200ms b
}

makes_directories() { # WHO UID
	cd "$HERE/home"
	rm -rf out
	# What only asks makes nothing.
	run -3 as "$1" check --allow-write=out/ -- true
	run ! as "$1" run --quiet --undo --allow-write=out/ -- true
	[ ! -e out ]
	run -0 --separate-stderr as "$1" run --quiet --allow-write=out/ --allow-run -- sh -c 'echo made >out/file'
	[ "$(stat -c %u out)" = "$2" ]
	[ "$(cat out/file)" = made ]
	run -0 as "$1" run --quiet --allow-write=out/ --allow-run -- sh -c 'echo again >out/file'
	run ! as "$1" run --quiet --allow-write=no/such/ -- true
	has "make directory '$HERE/home/no/such'"
	ln -s nowhere link
	run ! as "$1" run --quiet --allow-write=link/ -- true
	[ ! -e nowhere ]
	rm link
}
@test "--allow-write=DIR/ makes the directory" {
	both makes_directories
}
