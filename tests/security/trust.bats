#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Files that podshim reads again later: trusted only when nobody else could have written them.  And the paths that a caller
# names: what links do there.

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

# ---- The seccomp cache: in /run/podshim whatever --root is, so that these tests have a /run of their own ----

filtered() {
	config '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW",
		syscalls: [{names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 42}]}'
	shell 'mkdir /tmp/x 2>/dev/null && echo allowed || echo denied'
	config '.mounts += [{destination: "/tmp", type: "tmpfs", source: "tmpfs"}]'
}

# in_own_run SCRIPT: with an empty /run/podshim, the functions below, and a first run that fills the cache.
in_own_run() {
	cat >"$BATS_TEST_TMPDIR/script" <<-EOF
		set -eu
		mkdir -p /run/podshim
		mount -t tmpfs -o mode=0700 tmpfs /run/podshim
		go() { "$PODSHIM" --root "$ROOT" run -b "$BUNDLE" "$CID" </dev/null; }
		dir=/run/podshim/.seccomp
		[ "\$(go)" = denied ]
		[ "\$(ls \$dir | wc -l)" = 1 ]
		file=\$dir/\$(ls \$dir)
		[ "\$(stat -c %a,%u \$file)" = 600,0 ]
		[ "\$(stat -c %a,%u \$dir)" = 700,0 ]
		cp -p \$file /run/podshim/good
		# The program becomes "allow everything"; the rest is as it was.
		poison() {
			python3 - "\$file" "\${1:-}" <<'PY'
		import struct, sys
		path, what = sys.argv[1:]
		data = open(path, "rb").read()
		magic, key_len, program_len = struct.unpack_from("=8sII", data)
		key = data[16:16 + key_len]
		if what == "key":
		    key = key[:-1] + bytes([key[-1] ^ 1])
		program = struct.pack("=HBBI", 6, 0, 0, 0x7fff0000)
		if what == "length":
		    program += b"x"
		header = struct.pack("=8sII", b"psbpf-0" if what == "magic" else magic, key_len, len(program))
		out = header + key + program
		open(path, "wb").write(out[:-4] if what == "short" else out)
		PY
		}
		$1
	EOF
	run -0 unshare --mount --propagation private bash "$BATS_TEST_TMPDIR/script" 3>&-
	echo "$output" >&2
}

@test "seccomp cache: what is ours is used" {
	filtered
	# The counterpart of the tests below: a poisoned file that is trusted would be noticed.
	in_own_run 'poison; go'
	is allowed
}

@test "seccomp cache: a foreign owner, a writable file, a link, a fifo are not used" {
	filtered
	in_own_run 'poison; chown 1 $file; go'
	is denied
	in_own_run 'poison; chmod 0660 $file; go'
	is denied
	in_own_run 'poison; chmod 0602 $file; go'
	is denied
	in_own_run 'poison; mv $file /run/podshim/elsewhere; ln -s /run/podshim/elsewhere $file; go'
	is denied
	in_own_run 'rm $file; mkfifo -m 600 $file; timeout 10 bash -c "$(declare -f go); go"'
	is denied
}

@test "seccomp cache: a folder that others may write, or that is a link, is not used" {
	filtered
	in_own_run 'poison; chmod 0770 $dir; go'
	is denied
	in_own_run 'poison; chown 1 $dir; go'
	is denied
	in_own_run 'poison; mv $dir /run/podshim/elsewhere; ln -s elsewhere $dir; go'
	is denied
	in_own_run 'poison; chmod 0777 /run/podshim; go'
	is denied
}

@test "seccomp cache: another key, magic, length are not used" {
	filtered
	local what
	for what in key magic length short; do
		in_own_run "poison $what; go"
		is denied
	done
	in_own_run ': >$file; go'
	is denied
	in_own_run 'truncate -s 1G $file; go'
	is denied
}

# ---- The state root and the tape ----

@test "state root: of another owner, writable by others, a link" {
	mkdir -m 0700 "$ROOT"
	chown 1 "$ROOT"
	bounded create -b "$BUNDLE" "$CID"
	one_error_line
	has "belongs to uid 1"
	bounded list
	[ "$status" = 1 ]
	chown 0 "$ROOT"
	local mode
	for mode in 0777 0770 0702 1777; do
		chmod "$mode" "$ROOT"
		bounded create -b "$BUNDLE" "$CID"
		one_error_line
		has "can be written by others"
	done
	rmdir "$ROOT"
	mkdir -m 0700 "$BATS_TEST_TMPDIR/elsewhere"
	ln -s elsewhere "$ROOT"
	bounded create -b "$BUNDLE" "$CID"
	one_error_line
	has "symbolic link"
	[ -z "$(ls -A "$BATS_TEST_TMPDIR/elsewhere")" ]
	PODSHIM_ROOT_SLASH=$ROOT/
	attempt timeout 30 "$PODSHIM" --root "$PODSHIM_ROOT_SLASH" create -b "$BUNDLE" "$CID"
	one_error_line
	[ -z "$(ls -A "$BATS_TEST_TMPDIR/elsewhere")" ]
}

@test "state: a container's folder that is a link is not followed" {
	mkdir -m 0700 "$ROOT"
	ln -s "$CANARY/dir" "$ROOT/$CID"
	local verb
	for verb in state start delete "delete --force" pause; do
		# shellcheck disable=SC2086
		bounded $verb "$CID"
		[ "$status" = 1 ]
	done
	bounded create -b "$BUNDLE" "$CID"
	[ "$status" = 1 ]
	bounded gc
	assert_canary
	rm "$ROOT/$CID"
}

tape_of() {
	grep -lFs "$ROOT" /dev/shm/podshim-*
}

@test "tape: a link, another owner, a fifo, too short, in its place: nothing is written through it" {
	local kind tape
	for kind in link fifo short foreign gone; do
		payload sleep 600
		detached podshim create -b "$BUNDLE" "$CID"
		tape=$(tape_of)
		[ -n "$tape" ]
		case $kind in
		link) rm "$tape"; ln -s "$CANARY/file" "$tape" ;;
		fifo) rm "$tape"; mkfifo "$tape" ;;
		short) truncate -s 8 "$tape" ;;
		foreign) chown 1 "$tape"; cp -p "$tape" "$BATS_TEST_TMPDIR/foreign" ;;
		gone) rm "$tape" ;;
		esac
		detached timeout 30 "$PODSHIM" --root "$ROOT" start "$CID"
		detached timeout 30 "$PODSHIM" --root "$ROOT" exec "$CID" true
		detached timeout 30 "$PODSHIM" --root "$ROOT" gc
		[[ $kind != foreign ]] || cmp "$tape" "$BATS_TEST_TMPDIR/foreign"
		detached timeout 30 "$PODSHIM" --root "$ROOT" delete --force "$CID"
		[ ! -e "$tape" ]
		[ ! -L "$tape" ]
		assert_canary
		assert_nothing_left
	done
}

@test "gc: a tape that names another's containers removes none of them" {
	payload sleep 600
	detached podshim run -d -b "$BUNDLE" "$CID"
	local tape copy
	tape=$(tape_of)
	copy=/dev/shm/podshim-$(printf '%012x' $$)
	cp -p "$tape" "$copy"
	bounded gc
	[ "$status" = 0 ]
	[ -e "$tape" ]
	[ ! -e "$copy" ]
	status_is running
	# Of another user: not ours to touch, not ours to believe.
	cp "$tape" "$copy"
	chown 1 "$copy"
	bounded gc
	[ -e "$copy" ]
	rm "$copy"
}

@test "watch: another user's tape is not taken for ours, and what it says stays in its line" {
	payload sleep 600
	detached podshim run -d -b "$BUNDLE" "$CID"
	local tape copy
	tape=$(tape_of)
	copy=/dev/shm/podshim-$(printf '%011x' $$)
	# Of user 1 (at 32): records with a line of their own, with more than an object; and a tape that is none.
	python3 - "$tape" "${copy}a" "${copy}b" <<-'EOF'
		import os, sys
		tape = open(sys.argv[1], "rb").read()
		tape = tape[:32] + (1).to_bytes(4, "little") + tape[36:]
		start = tape.index(b"{")
		forged = tape.replace(b'"prepared"', b'"pre\nared"').replace(b'"running"', b'"r"}}{"a"')
		assert forged != tape and len(forged) == len(tape)
		for name, data in (sys.argv[2], forged), (sys.argv[3], tape[:start - 32] + b"\xff" * 32 + tape[start:]):
		    with open(name, "wb") as f: f.write(data)
		    os.chmod(name, 0o600)
		    os.chown(name, 1, 1)
	EOF
	podshim watch --no-follow >"$BATS_TEST_TMPDIR/ours"
	podshim watch --no-follow --others >"$BATS_TEST_TMPDIR/theirs"
	rm "${copy}a" "${copy}b"
	[ "$(jq -r --arg id "$CID" 'select(.id == $id and .type == "state").state' "$BATS_TEST_TMPDIR/ours" | xargs)" = "preparing prepared running" ]
	jq -es --arg id "$CID" --arg root "$ROOT" 'map(select(.owner == 1 and .root == $root)) |
		map(select(.type == "state").record | if . then .state else . end) == ["preparing", null, null] and .[0].record.id == $id' "$BATS_TEST_TMPDIR/theirs"
	[ "$(jq -c --arg id "$CID" 'select(.id == $id or .owner == 0)' "$BATS_TEST_TMPDIR/theirs")" = "" ]
	bounded watch --others "$CID"
	[ "$status" = 1 ]
	has "'watch --others' takes no ID"
}

# ---- Paths that the caller names ----

@test "pid file: a link in its place is replaced, not followed; a folder is an error that leaves nothing" {
	ln -s "$CANARY/file" "$BATS_TEST_TMPDIR/pid"
	payload sleep 600
	detached podshim create -b "$BUNDLE" --pid-file "$BATS_TEST_TMPDIR/pid" "$CID"
	[ ! -L "$BATS_TEST_TMPDIR/pid" ]
	[ "$(cat "$BATS_TEST_TMPDIR/pid")" = "$(init_pid)" ]
	assert_canary
	podshim delete --force "$CID"
	mkdir "$BATS_TEST_TMPDIR/folder"
	bounded create -b "$BUNDLE" --pid-file "$BATS_TEST_TMPDIR/folder" "$CID"
	one_error_line
	assert_nothing_left
	[ -z "$(ls -A "$BATS_TEST_TMPDIR/folder")" ]
}

@test "pid file: folders on its way may be links, they are the caller's" {
	mkdir "$BATS_TEST_TMPDIR/real"
	ln -s real "$BATS_TEST_TMPDIR/link"
	chown -h 1 "$BATS_TEST_TMPDIR/link"
	payload sleep 600
	detached podshim create -b "$BUNDLE" --pid-file "$BATS_TEST_TMPDIR/link/pid" "$CID"
	[ "$(cat "$BATS_TEST_TMPDIR/real/pid")" = "$(init_pid)" ]
}

@test "console socket: a link is followed, it is the caller's; what is no socket gets nothing" {
	config '.process.terminal = true'
	python3 "$REPO/tests/bats/lib/recvtty.py" "$BATS_TEST_TMPDIR/sock" "$BATS_TEST_TMPDIR/tty" 3>&- &
	wait_until 10 test -S "$BATS_TEST_TMPDIR/sock"
	ln -s sock "$BATS_TEST_TMPDIR/link"
	chown -h 1 "$BATS_TEST_TMPDIR/link"
	payload echo through
	detached podshim create -b "$BUNDLE" --console-socket "$BATS_TEST_TMPDIR/link" "$CID"
	detached podshim start "$CID"
	wait_file "$BATS_TEST_TMPDIR/tty" through
	podshim delete --force "$CID"
	bounded create -b "$BUNDLE" --console-socket "$CANARY/file" "$CID"
	one_error_line
	assert_canary
	assert_nothing_left
}

@test "log file: what the caller names is appended to, never truncated" {
	echo before >"$BATS_TEST_TMPDIR/log"
	attempt timeout 30 "$PODSHIM" --root "$ROOT" --log "$BATS_TEST_TMPDIR/log" start nobody
	[ "$status" = 1 ]
	[ "$(head -1 "$BATS_TEST_TMPDIR/log")" = before ]
	[ "$(wc -l <"$BATS_TEST_TMPDIR/log")" = 2 ]
}
