#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What nothing allows is asked: at a terminal, and of a broker that speaks Deno's protocol.

load lib/callers
load lib/common
load lib/bundle
load lib/requires
load lib/wait

setup() {
	common_setup
	requires root podshim python3 jq setpriv
	open_place /var/tmp/podshim-ask.XXXXXX work
	unset "${!PODSHIM_@}"
	cat >connect.py <<-'END'
		import socket, sys
		for port in sys.argv[1:]:
		    s = socket.socket()
		    try:
		        s.connect(("127.0.0.1", int(port)))
		        print(port, "connected")
		    except OSError as e:
		        print(port, e.strerror)
	END
	chmod 755 connect.py
}
teardown() {
	local pid
	for pid in "${STARTED[@]}"; do kill "$pid" 2>/dev/null || true; done
	ROOT=$HERE/root-root
	as root pod rm --force "$CID" >/dev/null 2>&1 || true
	common_teardown
	close_place
}
STARTED=()

as() {
	local who=() root=$HERE/root-$1
	[[ $1 == root ]] || who=("${USER_IDS[@]}")
	shift
	"${who[@]}" timeout -k 5 60 "$HERE/podshim" --root "$root" "$@"
}
callers() {
	echo root
	if user_has_userns; then
		echo user
	fi
}

# dialogue STEPS root|user ARG...: the runtime on a terminal.
dialogue() {
	local steps=$1 who=() root=$HERE/root-$2
	[[ $2 == root ]] || who=("${USER_IDS[@]}")
	shift 2
	"${who[@]}" python3 "$REPO/tests/bats/lib/dialogue.py" "$steps" "$HERE/podshim" --root "$root" "$@"
}
# answers TEXT...: STEPS that answer so many questions with these lines.
answers() {
	jq -cn '$ARGS.positional | map([["see", "permissions) > "], ["type", . + "\n"]]) | add // []' --args -- "$@"
}
serve() { # PORT: of somebody who accepts
	python3 -u - >server 2>&1 3>&- <<-'END' &
		import socket
		s = socket.socket()
		s.bind(("127.0.0.1", 0))
		s.listen()
		print("port", s.getsockname()[1])
		while True:
		    s.accept()
	END
	STARTED+=($!)
	wait_file server port
	PORT=$(sed -n 's/port //p' server)
}
broker() { # broker RULE...: SOCKET, whose requests are in the file asked
	SOCKET=$HERE/broker.$RANDOM
	rm -f asked
	python3 -u "$REPO/tests/bats/lib/denobroker.py" "$SOCKET" "$@" >asked 2>&1 3>&- &
	STARTED+=($!)
	wait_file asked ready
}
denied() { # denied WORDS...: the last command failed so
	[ "$status" = 1 ]
	has "$1"
}

@test "terminal: y is for this value in this run, n denies it, A is for all of its kind" {
	serve
	local who
	for who in $(callers); do
		run -0 dialogue "$(answers y n)" "$who" run --ask ./connect.py "$PORT" 1 "$PORT" 1
		has "requests net access to \"127.0.0.1:$PORT\"."
		has "Run again with --allow-net=127.0.0.1:$PORT to bypass this prompt."
		[[ $(sed -n 's/^[0-9]* [cP].*/&/p' <<<"$output") == "$PORT connected
1 Permission denied
$PORT connected
1 Permission denied" ]]
		(($(grep -c "Allow?" <<<"$output") == 2))
		run -0 dialogue "$(answers A)" "$who" run --ask ./connect.py "$PORT" 1 "$PORT" 2
		has "Granted all net access."
		has "$PORT connected
1 Connection refused
$PORT connected
2 Connection refused"
		(($(grep -c "Allow?" <<<"$output") == 1))
	done
}

@test "terminal: only a line that is one letter is an answer; end of file is no" {
	run -0 dialogue "$(answers '' yes a 'y ' N)" root run --ask ./connect.py 1
	(($(grep -c "Unrecognized option" <<<"$output") == 4))
	has "1 Permission denied"
	run -0 dialogue '[["see", "permissions) > "], ["type", "\u0004"]]' root run --ask ./connect.py 1
	has "Denied net access"
	has "1 Permission denied"
	run -0 dialogue "$(answers Y)" root run --ask ./connect.py 1
	has "1 Connection refused"
}

@test "terminal: what is typed before a question is no answer to it" {
	# The program has read its line, so that the rest lies in the terminal when the question comes.
	cat >typed.py <<-'END'
		import sys, subprocess
		print("type", flush=True)
		sys.stdin.readline()
		exec(open("connect.py").read())
	END
	run -0 dialogue '[["see", "type"], ["type", "go\ny\ny\n"], ["see", "permissions) > "], ["type", "n\n"]]' root \
		run --ask --allow-read=connect.py typed.py 1
	has "1 Permission denied"
}

@test "terminal: a program that inherits one gets pipes in its place, and its output is whole" {
	cat >shares.py <<-'END'
		import os, sys
		print([os.isatty(n) for n in (0, 1, 2)])
		try:
		    os.open("/dev/tty", os.O_RDWR)
		    print("has it")
		except OSError as e:
		    print("no tty:", e.strerror)
		sys.stdout.flush()
		print("read", sys.stdin.readline().strip(), file=sys.stderr)
		exec(open("connect.py").read())
		print("end" * 10000)
	END
	cat >wrap.sh <<-END
		#!/bin/sh
		exec "$HERE/podshim" --root "$HERE/root-root" run --ask --allow-read=connect.py shares.py 1 >"$HERE/work/result"
	END
	chmod 755 wrap.sh
	run -0 python3 "$REPO/tests/bats/lib/dialogue.py" '[["type", "line\n"], ["see", "read line"], ["see", "permissions) > "], ["type", "y\n"]]' ./wrap.sh
	grep -q '^\[False, False, False\]$' result
	grep -q '^no tty: ' result
	grep -q '^1 Connection refused$' result
	(($(tail -1 result | tr -d '\n' | wc -c) == 30000))
}

@test "nobody is asked without a terminal, or with --no-prompt: all is denied" {
	local who
	for who in $(callers); do
		run -0 as "$who" run --ask ./connect.py 1 </dev/null
		[[ $output == "1 "* ]]
		lacks Allow
		lacks "1 Connection refused
1"
	done
	run -0 setsid -w "$HERE/podshim" --root "$HERE/root-root" run --ask ./connect.py 1 </dev/null
	is "1 Permission denied"
	run -0 dialogue '[]' root run --ask --no-prompt ./connect.py 1
	is "1 Permission denied"
	PODSHIM_NO_PROMPT=1 run -0 dialogue '[]' root run --ask ./connect.py 1
	is "1 Permission denied"
}

@test "what was denied by an entry, a ceiling's place or its nature is not asked" {
	run -0 dialogue '[]' root run --ask --deny-net=127.0.0.1 ./connect.py 1
	is "1 Permission denied"
	cat >metadata.py <<-'END'
		import socket
		try:
		    socket.socket().connect(("169.254.169.254", 80))
		except OSError as e:
		    print(e.strerror)
	END
	run -0 dialogue '[]' root run --ask metadata.py
	is "Permission denied"
}

@test "refused by name where nobody is at a terminal" {
	run -1 as root run -d --ask ./connect.py 1
	has "--ask: mode 'ask' needs a terminal, which only 'podshim run' in the foreground has: give --broker SOCKET, or --no-prompt"
	new_bundle true
	run -1 as root create --ask -b "$BUNDLE" "$CID"
	has "needs a terminal"
	run -1 as root pod create --ask "$CID" "$BUNDLE"
	has "needs a terminal"
	echo '{"podshimPolicy": 1, "mode": "ask"}' >ask.json
	run -1 as root run -d --policy ask.json ./connect.py 1
	has "ask.json"
	has "needs a terminal"
	run -1 as root run --broker "$HERE/none" ./connect.py 1
	has "connect to the permission broker at '$HERE/none'"
	run -0 as root run -d --ask --no-prompt ./connect.py 1
}

@test "a policy file asks; show tells what is asked, and annotations cannot" {
	echo '{"podshimPolicy": 1, "mode": "ask", "permissions": {"net": ["127.0.0.1:2"]}}' >ask.json
	run -0 dialogue "$(answers y)" root run --policy ask.json ./connect.py 1 2
	has "1 Connection refused
2 Connection refused"
	(($(grep -c "Allow?" <<<"$output") == 1))
	run -0 as root policy show --ask --broker /run/b
	[[ $output == *"net "*"ask "*"everything else"* ]]
	[[ $output == *"mode"*"ask"*"(--broker)"* ]]
	[[ $output == *"broker"*"/run/b"* ]]
	as root policy show --ask --format json >shown.json
	jq -e '.mode == "ask" and .permissions.net.asks and (.permissions.run | has("asks") | not)' shown.json
	as root policy show --ask --no-prompt --format json | jq -e '.permissions.net | has("asks") | not'
	new_bundle true
	config '.annotations = {"io.podshim.policy": "{\"podshimPolicy\":1,\"mode\":\"ask\"}"}'
	run -1 as root run -b "$BUNDLE" "$CID"
	has mode
}

@test "names: asked before any name server hears of them; private addresses are asked for by themselves" {
	local dns=$((20000 + RANDOM % 20000))
	serve
	python3 "$REPO/tests/bats/lib/dns.py" "$dns" good.test=127.0.0.1 bad.test=127.0.0.1 >queries 2>&1 3>&- &
	STARTED+=($!)
	wait_file queries ready
	cat >names.py <<-'END'
		import socket, sys
		for name in sys.argv[2:]:
		    try:
		        socket.create_connection((name, int(sys.argv[1]))).close()
		        print(name, "connected")
		    except OSError as e:
		        print(name, e.strerror)
	END
	run -0 dialogue "$(answers n y y)" root run --ask --dns "127.0.0.1:$dns" names.py "$PORT" bad.test good.test
	has 'requests net access to "bad.test".'
	has 'requests net access to "good.test".'
	has "requests net access to \"127.0.0.1:$PORT\"."
	has "bad.test Name or service not known"
	has "good.test connected"
	grep -q good.test queries
	[[ -z $(grep bad.test queries) ]]
}

@test "sys: uname tells what somebody allowed" {
	echo 'import os; u = os.uname(); print("name", u.nodename, u.release)' >uname.py
	# Every C library asks for these: unless somebody speaks of sys they are told.
	run -0 dialogue '[]' root run --ask uname.py
	run -0 dialogue "$(answers n n)" root run --ask --allow-sys=osUptime,loadavg,systemMemoryInfo uname.py
	has 'requests sys access to "hostname".'
	has 'requests sys access to "osRelease".'
	has "name localhost 5.10.0"
	run -0 dialogue "$(answers A)" root run --ask --allow-sys=osUptime,loadavg,systemMemoryInfo uname.py
	has "name podshim $(uname -r)"
}

@test "answers are on the tape and in the file, as ask-allow and ask-deny" {
	run -0 dialogue "$(answers y n)" root run --ask --audit events ./connect.py 1 2
	jq -se 'map(select(.perm == "net") | [.target, .result, .rule.layer, .rule.src, .rule.text]) | sort ==
		[["127.0.0.1:1", "ask-allow", "ask", "asked", "allow 127.0.0.1:1"], ["127.0.0.1:2", "ask-deny", "ask", "asked", "deny 127.0.0.1:2"]]' events ||
		{ cat events >&2; false; }
}

@test "broker: asked each time, one question at a time, with what the set leaves open" {
	serve
	local who
	for who in $(callers); do
		broker "net:127.0.0.1:$PORT=allow" "net:127.0.0.1:1=deny:not today"
		run -0 as "$who" run --broker "$SOCKET" --audit "$HERE/work/events.$who" --allow-net=127.0.0.1:3 ./connect.py "$PORT" 1 "$PORT" 3 </dev/null ||
			{ cat asked >&2; echo "$output" >&2; false; }
		is "$PORT connected
1 Permission denied
$PORT connected
3 Connection refused"
		[[ $(sed 1d asked | jq -c '[.v, .id, .permission, .value]') == "[1,1,\"net\",\"127.0.0.1:$PORT\"]
[1,2,\"net\",\"127.0.0.1:1\"]
[1,3,\"net\",\"127.0.0.1:$PORT\"]" ]]
		jq -se 'map(select(.result == "ask-deny"))[0].rule | .layer == "ask" and (.src | contains("the broker: not today"))' "events.$who"
	done
}

@test "broker: also detached, for bundles and for pods" {
	requires podshim
	broker "net:127.0.0.1:1=allow"
	run -0 as root run -d --broker "$SOCKET" --audit events ./connect.py 1 2
	wait_until 10 grep -qs 127.0.0.1:2 events
	grep -q '"value": "127.0.0.1:1"' asked
	new_bundle true
	broker "net:127.0.0.1:1=deny"
	detached as root pod create --broker "$SOCKET" "$CID" "$BUNDLE"
	run -1 as root pod launch "$CID" -- nc -w 5 127.0.0.1 1
	wait_until 10 grep -q '"value": "127.0.0.1:1"' asked
	run -0 as root pod rm --force "$CID"
}

# opens MODE:PATH...: a script that opens files, and writes "new" into those that it may write.
opens() {
	cat >opens.py <<-'END'
		import sys
		for arg in sys.argv[1:]:
		    mode, _, path = arg.partition(":")
		    try:
		        with open(path, mode) as f:
		            if mode == "r":
		                print(path, f.read().strip())
		            else:
		                f.write("new\n")
		                print(path, "written")
		    except OSError as e:
		        print(path, e.strerror)
	END
}

@test "files: read and write of the host's, at a terminal and by a broker; folders are not asked about" {
	local who
	opens
	mkdir data
	echo one >data/one
	echo two >data/two
	ln -s two data/link
	for who in $(callers); do
		echo one >data/one
		# Without capabilities root writes what is root's.
		[[ $who == root ]] || chown -R 65534:65534 data
		run -0 dialogue "$(answers y n y y)" "$who" run --ask opens.py r:data/one r:data/two r:data/link r:data/one w:data/one a:data/three r:data
		has "requests read access to \"$PWD/data/one\"."
		has "Run again with --allow-write=$PWD/data/three to bypass this prompt."
		has "data/one one"
		has "data/two Permission denied"
		has "data/link Permission denied"
		has "data/one written"
		has "data/three written"
		has "data No such file or directory"
		(($(grep -c "Allow?" <<<"$output") == 4))
		[[ $(cat data/one data/three) == "new
new" ]]
		[ "$(stat -c %u data/three)" = "$(stat -c %u data)" ]
		rm -f data/three
		broker "read:$PWD/data/one=allow" "read:$PWD/data/two=allow"
		run -0 as "$who" run --broker "$SOCKET" opens.py r:data/link r:data/one w:data/one
		has "data/link two"
		has "data/one new"
		has "data/one Permission denied"
	done
	# Allowed ones are nobody's question; what an allowed folder shows read-only can be written when somebody says so.
	chown -R 0:0 data
	run -0 dialogue "$(answers y)" root run --ask --allow-read=data opens.py r:data/two w:data/two
	has "data/two two"
	has "data/two written"
	# A bundle's own files are its own: they are not asked about.
	new_bundle cat /etc/group
	run dialogue '[]' root run --ask -b "$BUNDLE" "$CID"
	lacks "Allow?"
}
