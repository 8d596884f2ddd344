#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A limit of output under attack: programs that print past it, beside it, or try to outlive it.

load ../bats/lib/callers
load ../bats/lib/common
load ../bats/lib/bundle
load ../bats/lib/requires
load ../bats/lib/wait

setup() {
	common_setup
	requires root podshim setpriv jq
	open_place /var/tmp/podshim-flood.XXXXXX work
}
teardown() {
	ROOT=$HERE/root
	common_teardown
	ROOT=$HERE/root-user
	common_teardown
	close_place
}

as() {
	local ids=() root=$HERE/root
	[[ $1 == root ]] || ids=("${USER_IDS[@]}") root=$HERE/root-user
	shift
	"${ids[@]}" timeout -k 5 60 "$HERE/podshim" --root "$root" "$@"
}
callers() {
	echo root
	if user_has_userns; then
		echo user
	fi
}

@test "a flood of many processes on both outputs, deaf to signals, passes not one byte too many" {
	local who
	for who in $(callers); do
		status=0
		as "$who" run -A --output-limit 300K -- sh -c \
			'trap "" PIPE TERM INT HUP; for i in 1 2 3 4 5 6 7 8; do (trap "" PIPE; while :; do yes; yes >&2; done) & done; wait' \
			>out 2>err 3>&- || status=$?
		((status == 153)) || { echo "status $status"; return 1; }
		# The last line is podshim's own.
		grep -q "printed more than 307200 bytes" err
		sed -i '/^podshim: /d' err
		(($(stat -c %s out) + $(grep -c y err) * 2 <= 307201))
		(($(stat -c %s out) + $(stat -c %s err) >= 300000))
	done
}

@test "no descriptor, terminal or file of /proc is a way round the count" {
	requires script python3
	cat >round.py <<'PY'
import os, sys
TEXT = b"W" * 70000
ways = ["/proc/self/fd/0", "/proc/self/fd/1", "/proc/self/fd/2", "/dev/tty", "/dev/console", "/dev/pts/0", "/dev/stdin"]
opened = 0
for way in ways:
    for flags in (os.O_WRONLY, os.O_RDWR):
        try:
            fd = os.open(way, flags | os.O_NONBLOCK | os.O_NOCTTY)
        except OSError:
            continue
        opened += 1
        try:
            os.write(fd, TEXT)
        except OSError:
            pass
for fd in range(0, 256):
    try:
        os.write(fd, TEXT)
    except OSError:
        pass
os.write(2, b"end\n")
PY
	local who words
	for who in $(callers); do
		words=
		[[ $who == root ]] || words="${USER_IDS[*]}"
		# Its standard input is a terminal, which could be written to.
		run script -qec "$words timeout 60 $HERE/podshim --root $HERE/root-$who run --no-prompt -A --output-limit 1000 -- python3 round.py | cat" /dev/null
		(($(tr -dc W <<<"$output" | wc -c) <= 1000)) || { tr -dc W <<<"$output" | wc -c; return 1; }
		has "printed more than 1000 bytes"
		run script -qec "$words timeout 60 $HERE/podshim --root $HERE/root-$who run -t --no-prompt -A --output-limit 1000 -- python3 round.py" /dev/null
		(($(tr -dc W <<<"$output" | wc -c) <= 1000))
		has "printed more than 1000 bytes"
	done
}

@test "who counts is killed: nothing more gets out, and it is told" {
	as root run -A --output-limit 1G -- sh -c 'echo begun; while :; do sleep 0.1; echo more || exit 9; done' >out 2>err 3>&- &
	local launcher=$!
	wait_until 10 grep -q begun out
	local counter
	counter=$(counting)
	[[ -n $counter ]]
	kill -9 "$counter"
	status=0
	wait "$launcher" || status=$?
	((status == 1))
	grep -q "output is lost: the process that passes it on ended with status 137" err
	[[ -z $(find "$HERE/root" -mindepth 1 ! -name '.*') ]]
}
counting() {
	local p
	for p in $(pgrep -x podshim:output); do
		[[ $(readlink "/proc/$p/exe") == "$HERE/podshim" ]] && echo "$p"
	done
	return 0
}

@test "podshim is killed: the program ends with it, and so does who counts" {
	local who
	for who in $(callers); do
		as "$who" run -A --output-limit 1G -- sh -c 'echo begun; trap "" PIPE; while :; do sleep 0.1; done' >out 2>err 3>&- &
		local outer=$!
		wait_until 10 grep -q begun out
		kill -9 "$(pgrep -of "^$HERE/podshim --root .* run -A")"
		wait "$outer" || true
		wait_until 10 none_counts
		: >out
	done
}
none_counts() {
	[[ -z $(counting) ]] && [[ -z $(pgrep -f "^$HERE/podshim" || true) ]]
}

@test "a program that ends behind a full pipe that nobody reads leaves podshim to a signal" {
	mkfifo unread
	exec 5<>unread
	as root run -A --output-limit 1G -- sh -c 'head -c 100000 /dev/zero; exit 0' >unread 2>err 3>&- 5>&- &
	local outer=$!
	wait_until 10 waits_for_reader
	kill -TERM "$(pgrep -of "^$HERE/podshim --root .* run -A")"
	wait "$outer" || true
	wait_until 10 none_counts
	exec 5>&-
}
waits_for_reader() { # the fifo is full
	local n
	n=$(python3 -c 'import fcntl, os, struct, termios; f = os.open("unread", os.O_RDONLY | os.O_NONBLOCK); print(struct.unpack("i", fcntl.ioctl(f, termios.FIONREAD, b"    "))[0])')
	((n >= 65536))
}
