#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# process.terminal: console socket, foreground terminal, sizes, and what is refused.

load lib/common
load lib/bundle
load lib/requires
load lib/wait

setup() {
	common_setup
	requires root python3
	new_bundle
	config '.process.terminal = true'
	SOCK=$BATS_TEST_TMPDIR/tty.sock
	TTY=$BATS_TEST_TMPDIR/tty.out
}
teardown() {
	[[ -z ${LISTENER:-} ]] || kill "$LISTENER" 2>/dev/null || true
	common_teardown
}

listen() { # listen [TEXT]
	python3 "$BATS_TEST_DIRNAME/lib/recvtty.py" "$SOCK" "$TTY" "$@" 3>&- &
	LISTENER=$!
	wait_until 10 test -S "$SOCK"
}

@test "console socket: the pty's master arrives, the payload has its slave" {
	shell 'tty; test -t 0 && test -t 1 && test -t 2 && echo three; ls -l /dev/console; ps -o pid,tty | head -3; stty size'
	config '.process.consoleSize = {"height": 33, "width": 77}'
	listen
	detached podshim create -b "$BUNDLE" --console-socket "$SOCK" "$CID"
	detached podshim start "$CID"
	wait_status stopped
	wait_file "$TTY" "33 77"
	grep -q /dev/pts/0 "$TTY"
	grep -q three "$TTY"
	grep -q /dev/console "$TTY"
	# Exactly one fd came.
	[[ $(head -1 "$TTY" | tr -d '\0') == *" 1" ]]
}

@test "console socket: what is typed is read, job control works" {
	payload sh
	listen $'echo typed $((6*7))\nexit\n'
	detached podshim create -b "$BUNDLE" --console-socket "$SOCK" "$CID"
	detached podshim start "$CID"
	wait_file "$TTY" "typed 42"
	! grep -q "can't access tty" "$TTY"
}

@test "the terminal belongs to the user of the process" {
	config '.process.user = {"uid": 1000, "gid": 1000}'
	shell 'stat -c %u $(tty); echo x >$(tty) && echo writable'
	listen
	detached podshim create -b "$BUNDLE" --console-socket "$SOCK" "$CID"
	detached podshim start "$CID"
	wait_file "$TTY" writable
	grep -q '^1000' "$TTY"
}

@test "run in the foreground proxies the terminal" {
	shell 'test -t 0 && test -t 1 && echo terminal; tty; exit 3'
	run python3 "$BATS_TEST_DIRNAME/lib/withpty.py" "$PODSHIM" --root "$ROOT" run -b "$BUNDLE" "$CID"
	echo "$output" >&2
	[ "$status" = 3 ]
	has terminal
	has /dev/pts/0
	assert_nothing_left
}

@test "run in the foreground restores the caller's terminal" {
	payload true
	run -0 python3 "$BATS_TEST_DIRNAME/lib/withpty.py" bash -c 'stty -a >"$4/before"; "$0" --root "$1" run -b "$2" "$3"; stty -a >"$4/after"' \
		"$PODSHIM" "$ROOT" "$BUNDLE" "$CID" "$BATS_TEST_TMPDIR" 3>&-
	cmp "$BATS_TEST_TMPDIR/before" "$BATS_TEST_TMPDIR/after"
}

@test "run and exec in the foreground: without a terminal of the caller line ends stay what they are" {
	shell 'printf "one\\ntwo\\n"; sleep 600'
	podshim run -b "$BUNDLE" "$CID" </dev/null >"$OUT" 2>&1 3>&- &
	local launcher=$!
	wait_file "$OUT" two
	podshim exec --tty "$CID" printf 'three\n' </dev/null >>"$OUT.exec" 3>&-
	podshim kill "$CID" KILL
	wait "$launcher" || [ $? = 137 ]
	[ "$(od -An -c "$OUT" | tr -d ' \n')" = 'one\ntwo\n' ]
	[ "$(od -An -c "$OUT.exec" | tr -d ' \n')" = 'three\n' ]
}

@test "run in the foreground: output that goes to a file keeps its line ends, also below a terminal" {
	config '.process.terminal = true'
	shell 'printf "one\ntwo\n"'
	attempt timeout 60 python3 "$BATS_TEST_DIRNAME/lib/withpty.py" \
		sh -c '"$0" --root "$1" run -b "$2" "$3" >"$4"' "$PODSHIM" "$ROOT" "$BUNDLE" "$CID" "$OUT" 3>&-
	[ "$(od -An -c "$OUT" | tr -d ' \n')" = 'one\ntwo\n' ]
}

# Bounded: what waits for ever is killed together with its container.
bounded() {
	timeout --kill-after=1 20 "$PODSHIM" --root "$ROOT" "$@" 3>&-
}

@test "run in the foreground: the end of the caller's stdin ends a shell" {
	payload sh
	bounded run -b "$BUNDLE" "$CID" </dev/null >"$OUT"
	bounded run -b "$BUNDLE" "$CID" <&- >"$OUT"
	status=0
	echo 'echo typed $((6*7)); exit 3' | bounded run -b "$BUNDLE" "$CID" >"$OUT" || status=$?
	[ "$status" = 3 ]
	grep -q '^typed 42' "$OUT"
	assert_nothing_left
}

@test "run in the foreground: the end of stdin in a line that was begun" {
	# A line editor, and canonical mode.
	payload sh
	status=0
	printf 'echo typed $((6*7)); exit 3' | bounded run -b "$BUNDLE" "$CID" >"$OUT" || status=$?
	[ "$status" = 3 ]
	grep -q '^typed 42' "$OUT"
	# A line editor that takes over a line which the end of stdin has already pushed on to nobody.
	shell 'sleep 1; exec sh'
	status=0
	printf 'echo typed $((6*7)); exit 3' | bounded run -b "$BUNDLE" "$CID" >"$OUT" || status=$?
	[ "$status" = 3 ]
	grep -q '^typed 42' "$OUT"
	shell 'stty -echo; cat; exit 4'
	status=0
	{ sleep 0.3; printf 'begun'; } | bounded run -b "$BUNDLE" "$CID" >"$OUT" || status=$?
	[ "$status" = 4 ]
	[ "$(cat "$OUT")" = begun ]
}

@test "run in the foreground: stdin stays at its end for every reader" {
	shell 'cat; cat; read x || echo nothing; cat; exit 5'
	status=0
	bounded run -b "$BUNDLE" "$CID" </dev/null >"$OUT" || status=$?
	[ "$status" = 5 ]
	[ "$(cat "$OUT")" = nothing ]
}

@test "exec --tty in the foreground: the end of the caller's stdin" {
	config '.process.terminal = false'
	start_sleeper
	bounded exec --tty "$CID" sh </dev/null >"$OUT"
	status=0
	echo 'echo typed $((6*7)); exit 3' | bounded exec --tty "$CID" sh >"$OUT" || status=$?
	[ "$status" = 3 ]
	grep -q '^typed 42' "$OUT"
	bounded exec --tty "$CID" cat </dev/null
}

@test "run in the foreground: much input arrives whole, also while the payload does not read" {
	seq -f 'line number %.0f of many' 1 10000 >"$BATS_TEST_TMPDIR/lines"
	is_larger "$BATS_TEST_TMPDIR/lines" 200000
	local expected
	expected=$(md5sum <"$BATS_TEST_TMPDIR/lines")
	shell 'stty -echo; echo ready; read go; cat | md5sum'
	# Only then: what is echoed would be output.  And more output than a terminal holds, while nobody reads the input.
	{ wait_file "$OUT" ready >&2; echo go; cat "$BATS_TEST_TMPDIR/lines"; } | bounded run -b "$BUNDLE" "$CID" >"$OUT"
	[ "$(tail -1 "$OUT")" = "$expected" ]
	shell 'seq 1 20000; sed -n "\$p"'
	bounded run -b "$BUNDLE" "$CID" <"$BATS_TEST_TMPDIR/lines" >"$OUT"
	grep -qx 20000 "$OUT"
	[ "$(tail -1 "$OUT")" = "line number 10000 of many" ]
}

@test "run in the foreground: when nobody takes the output any more, the terminal hangs up" {
	# A writer gets EIO, a reader end of file; one that does neither is not harmed.
	payload yes
	status=0
	bounded run -b "$BUNDLE" "$CID" </dev/null 2>"$OUT.err" | head -1 >"$OUT" || true
	[ "$(cat "$OUT")" = y ]
	assert_nothing_left
	shell 'echo x; trap "" HUP; sleep 0.5; echo y; exit 7'
	{ bounded run -b "$BUNDLE" "$CID" <"$BATS_TEST_FILENAME" || echo $? >"$OUT.status"; } | true
	[ "$(cat "$OUT.status")" = 7 ]
	assert_nothing_left
}

@test "run in the foreground: output that is taken slowly is not lost, nor does it keep signals from the payload" {
	shell 'trap "echo term; exit 9" TERM; seq 1 20000; echo all; while :; do sleep 0.05; done'
	mkfifo "$BATS_TEST_TMPDIR/slow"
	"$PODSHIM" --root "$ROOT" run -b "$BUNDLE" "$CID" </dev/null >"$BATS_TEST_TMPDIR/slow" 3>&- &
	local launcher=$!
	exec 8<"$BATS_TEST_TMPDIR/slow"
	wait_status running
	# The pipe is full, the terminal is full, the launcher still listens.
	kill -TERM "$launcher"
	cat <&8 >"$OUT"
	exec 8<&-
	status=0
	wait "$launcher" || status=$?
	[ "$status" = 9 ]
	[ "$(grep -cx '[0-9]*' "$OUT")" = "$(grep -x '[0-9]*' "$OUT" | tail -1)" ]
	[ "$(tail -1 "$OUT")" = term ]
}

@test "run in the foreground: the terminal outlives the fds that the payload closes" {
	shell 'exec </dev/null >/dev/null 2>&1; sleep 0.3; echo again >/dev/console'
	bounded run -b "$BUNDLE" "$CID" </dev/null >"$OUT"
	[ "$(cat "$OUT")" = again ]
}

@test "exec --tty" {
	config '.process.terminal = false'
	start_sleeper
	listen
	detached podshim exec --detach --tty --console-socket "$SOCK" "$CID" sh -c 'test -t 0 && echo exec terminal; tty'
	wait_file "$TTY" /dev/pts/0
	grep -q "exec terminal" "$TTY"
}

@test "a terminal without a console socket is refused where nobody could hold it" {
	payload true
	attempt podshim create -b "$BUNDLE" "$CID"
	[ "$status" -ne 0 ]
	has "cannot allocate tty if runc will detach without setting console socket"
	assert_nothing_left
}

@test "a console socket without a terminal is refused" {
	config '.process.terminal = false'
	listen
	attempt podshim create -b "$BUNDLE" --console-socket "$SOCK" "$CID"
	[ "$status" -ne 0 ]
	has "cannot use console socket if runc will not detach or allocate tty"
	assert_nothing_left
}

@test "a console socket where nobody listens fails the create" {
	payload true
	attempt podshim create -b "$BUNDLE" --console-socket "$BATS_TEST_TMPDIR/absent" "$CID"
	[ "$status" -ne 0 ]
	assert_nothing_left
	# Neither does a file that is no socket.
	touch "$BATS_TEST_TMPDIR/file"
	attempt podshim create -b "$BUNDLE" --console-socket "$BATS_TEST_TMPDIR/file" "$CID"
	[ "$status" -ne 0 ]
	assert_nothing_left
}
