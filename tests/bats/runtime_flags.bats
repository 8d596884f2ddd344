#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Flags and annotations that callers of runc and crun rely on, and that no other file is about.

load lib/common
load lib/bundle
load lib/requires
load lib/wait

setup() {
	common_setup
	requires root
	requires podshim
	new_bundle
	cd "$BATS_TEST_TMPDIR" || return
}
teardown() {
	common_teardown
	[[ -z ${PLACE:-} ]] || rm -rf "$PLACE"
	[[ -z ${SERVER:-} ]] || kill "$SERVER" 2>/dev/null || true
}

as() { # as NAME ARG...
	local name=$1
	shift
	(exec -a "/usr/bin/$name" "$PODSHIM" "$@")
}

# Takes one datagram or one descriptor at SOCKET and writes what it got to FILE.
listen() { # listen datagram|pidfd SOCKET FILE
	python3 -c '
import array, os, socket, sys
kind, path, out = sys.argv[1:]
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM if kind == "datagram" else socket.SOCK_STREAM)
s.bind(path)
if kind == "pidfd":
    s.listen(1)
open(out + ".ready", "w").close()
if kind == "datagram":
    text = s.recv(65536).decode()
else:
    c, _ = s.accept()
    data, fds, _, _ = socket.recv_fds(c, 4096, 4)
    info = open("/proc/self/fdinfo/%d" % fds[0]).read()
    text = [l for l in info.splitlines() if l.startswith("Pid:")][0].split()[1]
open(out + ".new", "w").write(text)
os.rename(out + ".new", out)
' "$@" </dev/null >"$BATS_TEST_TMPDIR/listen.log" 2>&1 3>&- &
	SERVER=$!
	wait_until 20 test -e "$3.ready"
}

@test "--log file:PATH, and paths with colons" {
	local name
	run -1 podshim --log file:plain --log-format json state "$CID"
	jq -se 'length == 1 and .[0].code == "not-found"' plain
	for name in a:b ./syslog:x ./file:y file:file:z; do
		run -1 podshim --log "$name" --log-format json state "$CID"
		jq -se 'length == 1' "${name#file:}"
	done
	for name in file: journald: syslog:; do
		run -1 podshim --log "$name" state "$CID"
		has "invalid log: '$name' has nothing behind its colon"
	done
}

@test "--log journald:ID and syslog:ID" {
	# A mount namespace whose /run and /dev are the test's.
	cat >inside <<-'SH'
		set -e
		mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/journal
		mount -t tmpfs tmpfs /mnt && mknod -m 666 /mnt/null c 1 3 && mknod -m 666 /mnt/urandom c 1 9
		mount --move /mnt /dev
		python3 -c '
		import socket, subprocess, sys
		for target, path in (("journald:me", "/run/systemd/journal/socket"), ("syslog:me", "/dev/log")):
		    args = [sys.argv[1], "--root", sys.argv[2], "--log", target, "state", "gone-1"]
		    r = subprocess.run(args, capture_output=True, text=True)
		    assert r.returncode == 1 and "connect the log to" in r.stderr and path in r.stderr, r
		    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
		    s.bind(path)
		    r = subprocess.run(args, capture_output=True, text=True)
		    assert r.returncode == 1 and "does not exist" in r.stderr, r
		    s.setblocking(False)
		    print(s.recv(65536).decode())
		' "$@"
	SH
	sed -i 's/^\t\t//' inside
	run -0 unshare -m --propagation private sh inside "$PODSHIM" "$ROOT"
	has "PRIORITY=3"
	has "SYSLOG_IDENTIFIER=me"
	[[ ${lines[0]} == "MESSAGE="*"does not exist"*"gone-1"* ]]
	[[ $output == *"<11>me: "*"does not exist"*"gone-1"* ]]
}

@test "a failure in JSON has a code and a hint, and is one object" {
	payload true
	config '.process.cwd = "relative"'
	attempt podshim --log log --log-format json create -b "$BUNDLE" "$CID"
	[ "$status" -eq 1 ]
	jq -se 'length == 1 and .[0].code == "invalid-config" and (.[0].hint | length > 10) and .[0].where == "config.json: /process/cwd" and (.[0] | has("errno") | not)' log
	rm log
	run -1 podshim --log log --log-format json create -b "$BATS_TEST_TMPDIR/none" "$CID"
	jq -se 'length == 1 and .[0].code == "os" and .[0].errno == 2' log
}

@test "called as runc or crun: their version lines and their roots" {
	run -0 as crun --version
	[[ ${lines[0]} =~ ^crun\ version\ [0-9.]+$ ]]
	has "rundir: /run/crun"
	has "spec: 1.3.0"
	run -0 as runc -v
	[[ ${lines[0]} =~ ^runc\ version\ [0-9.]+$ ]]
	lacks rundir
	PLACE=$(mktemp -d "/tmp/podshim-$TAG.XXXXXX")
	mkdir "$PLACE/run"
	cp "$PODSHIM" "$PLACE/runc"
	chown -R 65534 "$PLACE"
	user() { setpriv --reuid 65534 --regid 65534 --clear-groups env -C "$PLACE" XDG_RUNTIME_DIR="$PLACE/run" "$@"; }
	run -0 user ./runc list -q
	is ""
	: >"$PLACE/run/runc"
	run -1 user ./runc list -q
	has "'$PLACE/run/runc'"
}

@test "spec --config: another name, which is not replaced either" {
	mkdir b
	run -0 podshim spec -b b -f other.json --rootless
	jq -e '[.linux.namespaces[].type] | index("user")' b/other.json
	[ ! -e b/config.json ]
	run -1 podshim spec -b b -f other.json
	is "podshim: other.json exists in 'b'; remove it first, or name another directory with -b DIR"
}

@test "--pidfd-socket of create, run and exec gets a pidfd of the process" {
	payload sleep 600
	listen pidfd "$PWD/s1" got1
	detached podshim create -b "$BUNDLE" --pidfd-socket "$PWD/s1" "$CID"
	wait_until 20 test -e got1
	[ "$(cat got1)" = "$(init_pid)" ]
	podshim start "$CID"
	listen pidfd "$PWD/s2" got2
	detached podshim exec -d --pid-file pid --pidfd-socket "$PWD/s2" "$CID" sleep 600
	wait_until 20 test -e got2
	[ "$(cat got2)" = "$(cat pid)" ]
	podshim delete -f "$CID"
	listen pidfd "$PWD/s3" got3
	detached podshim run -d -b "$BUNDLE" --pidfd-socket "$PWD/s3" "$CID"
	wait_until 20 test -e got3
	[ "$(cat got3)" = "$(init_pid)" ]
}

@test "--pidfd-socket: nobody there fails create, and leaves nothing" {
	payload true
	attempt podshim create -b "$BUNDLE" --pidfd-socket "$PWD/nobody" "$CID"
	[ "$status" -eq 1 ]
	has "$PWD/nobody"
	assert_nothing_left
}

@test "run.oci.pidfd_receiver: the same by annotation, which the flag beats" {
	payload sleep 600
	config --arg s "$PWD/s1" '.annotations["run.oci.pidfd_receiver"] = $s'
	listen pidfd "$PWD/s1" got1
	detached podshim create -b "$BUNDLE" "$CID"
	wait_until 20 test -e got1
	[ "$(cat got1)" = "$(init_pid)" ]
	podshim delete -f "$CID"
	listen pidfd "$PWD/s2" got2
	detached podshim create -b "$BUNDLE" --pidfd-socket "$PWD/s2" "$CID"
	wait_until 20 test -e got2
	run -0 "$PODSHIM" features
	jq -e '.potentiallyUnsafeConfigAnnotations | index("run.oci.")' <<<"$output"
}

@test "a session keyring of its own, unless --no-new-keyring" {
	config '.linux.maskedPaths = []'
	run_shell 'cat /proc/keys'
	has "_ses.$CID"
	# The kernel lists those of the past for a while.
	CID=$CID-without
	run_bundle --no-new-keyring
	lacks "_ses.$CID"
}
