#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Programs that attack the questions that are asked about them, and brokers that fail.

load ../bats/lib/callers
load ../bats/lib/common
load ../bats/lib/bundle
load ../bats/lib/requires
load ../bats/lib/wait

setup() {
	common_setup
	requires root podshim python3 jq setpriv
	open_place /var/tmp/podshim-asked.XXXXXX work
	unset "${!PODSHIM_@}"
}
teardown() {
	local pid
	for pid in "${STARTED[@]}"; do kill "$pid" 2>/dev/null || true; done
	ROOT=$HERE/root
	common_teardown
	close_place
}
STARTED=()

as() { # as root|user gc
	"$HERE/podshim" --root "$HERE/root" "$2"
}
runtime() {
	timeout -k 5 60 "$HERE/podshim" --root "$HERE/root" "$@"
}
dialogue() { # dialogue STEPS ARG...
	python3 "$REPO/tests/bats/lib/dialogue.py" "$1" "$HERE/podshim" --root "$HERE/root" "${@:2}"
}
broker() { # broker RULE...: SOCKET, whose requests are in the file asked
	SOCKET=$HERE/broker.$RANDOM
	rm -f asked
	python3 -u "$REPO/tests/bats/lib/denobroker.py" "$SOCKET" "$@" >asked 2>&1 3>&- &
	STARTED+=($!)
	wait_file asked ready
}
script() { # script NAME: from standard input
	cat >"$1"
	chmod 755 "$1"
}
nothing_left() {
	[[ -z $(pgrep -f "$HERE/podshim --root" || true) ]] && [[ -z $(find "$HERE/root" -mindepth 1 ! -name .lock ! -name '.resolv*' 2>/dev/null) ]]
}
connects() { # connects NAME: a script that connects to 127.0.0.1 at the ports it is given
	script "$1" <<-'END'
		import socket, sys
		for port in sys.argv[1:]:
		    try:
		        socket.socket().connect(("127.0.0.1", int(port)))
		        print(port, "connected")
		    except OSError as e:
		        print(port, e.strerror)
	END
}

@test "a broker that is at fault ends the run, whatever it does" {
	local fault why
	connects connect.py
	while read -r fault why; do
		broker "net:*=allow" "$fault"
		: >events
		run runtime run --broker "$SOCKET" --audit "$HERE/work/events" ./connect.py 1 2
		echo "$fault: $status: $output" >&2
		lacks "1 Connection refused"
		lacks "2 Connection refused"
		if [[ $fault == unasked && $status == 1 ]]; then
			has "ended unexpectedly at row" # before there was a program
		else
			[ "$status" = 137 ]
			has "the permission broker ended the run: $why"
		fi
		wait_until 10 nothing_left
	done <<-END
		garbage it says what is no JSON object
		id it answers another question than the one that was asked
		result its result is neither
		twice it answers what nobody asked
		close it has closed the connection
		long its line is too long
		unasked it answers what nobody asked
	END
}

@test "a broker that dies while nothing is asked ends the run, too; one that never answers keeps nobody but who asked" {
	script waits.py <<-'END'
		import socket, threading, time
		def ask():
		    socket.socket().connect(("127.0.0.1", 1))
		    print("answered", flush=True)
		threading.Thread(target=ask, daemon=True).start()
		for _ in range(100):
		    assert socket.socket().connect_ex(("127.0.0.1", 4)) == 111
		print("goes on", flush=True)
		time.sleep(600)
	END
	broker silent
	timeout -k 5 60 "$HERE/podshim" --root "$HERE/root" run --broker "$SOCKET" --allow-net=127.0.0.1:4 ./waits.py >out 2>&1 3>&- &
	local run=$!
	wait_file out "goes on"
	wait_until 10 grep -q '"value": "127.0.0.1:1"' asked
	lacks answered
	kill "${STARTED[-1]}"
	wait_until 10 gone "$run"
	[[ $(grep -c answered out) == 0 ]]
	wait_until 10 nothing_left
}

@test "an address that another thread changes while the question is open leaks nothing" {
	python3 -u - >server 2>&1 3>&- <<-'END' &
		import socket
		secret, allowed = socket.socket(), socket.socket()
		for s in secret, allowed:
		    s.bind(("127.0.0.1", 0))
		    s.listen(1000) # more than are ever connected: nobody accepts them
		print("ports", secret.getsockname()[1], allowed.getsockname()[1], flush=True)
		secret.accept()
		print("leaked", flush=True)
	END
	STARTED+=($!)
	wait_file server ports
	local secret allowed
	read -r _ secret allowed <<<"$(head -1 server)"
	script race.py <<-'END'
		import ctypes, socket, struct, sys, threading
		secret, allowed = map(int, sys.argv[1:])
		libc = ctypes.CDLL(None, use_errno=True)
		address = ctypes.create_string_buffer(struct.pack("<H", socket.AF_INET) + struct.pack(">H", allowed) + socket.inet_aton("127.0.0.1") + bytes(8), 16)
		stop = False
		def flip():
		    while not stop:
		        address[2:4] = struct.pack(">H", secret)
		        address[2:4] = struct.pack(">H", allowed)
		threads = [threading.Thread(target=flip) for _ in range(2)]
		[t.start() for t in threads]
		done = 0
		for _ in range(400):
		    s = socket.socket()
		    if libc.connect(s.fileno(), address, 16) == 0:
		        done += 1
		        if s.getpeername()[1] == secret:
		            print("leaked")
		    s.close()
		stop = True
		[t.join() for t in threads]
		print("connected", done > 0)
	END
	# A descriptor that changes meanwhile is another question: the datagram's is not the stream's.
	script swap.py <<-'END'
		import os, socket, sys, threading
		secret, allowed = map(int, sys.argv[1:])
		s, other = socket.socket(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		stop = False
		def flip():
		    keep = os.dup(s.fileno())
		    while not stop:
		        os.dup2(other.fileno(), s.fileno())
		        os.dup2(keep, s.fileno())
		t = threading.Thread(target=flip)
		t.start()
		for _ in range(100):
		    try:
		        s.connect(("127.0.0.1", secret))
		        print("leaked")
		    except OSError:
		        pass
		stop = True
		t.join()
		print("done")
	END
	broker "net:127.0.0.1:$allowed=allow"
	run -0 runtime run --broker "$SOCKET" --allow-ffi=/usr/lib --jit ./race.py "$secret" "$allowed"
	has "connected True"
	lacks leaked
	[[ -n $(grep "\"127.0.0.1:$secret\"" asked) ]]
	broker "net:127.0.0.1:$allowed=allow"
	run -0 runtime run --broker "$SOCKET" ./swap.py "$secret" "$allowed"
	has done
	lacks leaked
	[[ $(grep -c leaked server) == 0 ]]
}

@test "a flood of questions: as many wait as may, the rest is denied, and it can be ended" {
	script flood.py <<-'END'
		import socket, sys, threading, time
		threading.stack_size(65536)
		denied = 0
		def ask(port):
		    global denied
		    try:
		        socket.socket().connect(("127.0.0.1", port))
		    except OSError as e:
		        denied += e.errno in (11, 13)
		threads = [threading.Thread(target=ask, args=(p,), daemon=True) for p in range(1, 400)]
		[t.start() for t in threads]
		while denied < 300:
		    time.sleep(0.05)
		print("denied", flush=True)
		time.sleep(600)
	END
	broker silent
	timeout -k 5 60 "$HERE/podshim" --root "$HERE/root" run --broker "$SOCKET" ./flood.py >out 2>&1 3>&- &
	local run=$!
	wait_until 30 grep -q denied out
	[[ $(grep -c value asked) == 1 ]]
	kill -TERM "$(pgrep -of "^$HERE/podshim --root $HERE/root run")"
	wait_until 10 gone "$run"
	wait_until 10 nothing_left
}

@test "a question whose program has ended is withdrawn, and the next is asked" {
	script forks.py <<-'END'
		import os, signal, socket, time
		def ask(port):
		    try:
		        socket.socket().connect(("127.0.0.1", port))
		        return "connected"
		    except OSError as e:
		        return e.strerror
		child = os.fork()
		if child == 0:
		    ask(1)
		    os._exit(0)
		print("press", flush=True)
		input()
		os.kill(child, signal.SIGKILL)
		os.waitpid(child, 0)
		print("killed it", ask(2), flush=True)
	END
	# What is typed while the question is shown is the question's: the program is told by time.
	sed -i 's/^input()$/time.sleep(2)/' forks.py
	run -0 dialogue '[["see", "127.0.0.1:1\"."], ["see", "permissions) > "], ["see", "It no longer asks."], ["see", "127.0.0.1:2\"."], ["see", "permissions) > "], ["type", "y\n"]]' \
		run --ask ./forks.py
	has "killed it Connection refused"
}

@test "who kills the launcher, or types what interrupts, leaves nothing" {
	connects connect.py
	# Whoever starts us may ignore it.
	sed -i 's/^import socket, sys$/&, signal; signal.signal(signal.SIGINT, signal.SIG_DFL)/' connect.py
	run dialogue '[["see", "permissions) > "], ["type", "\u0003"]]' run --ask ./connect.py 1
	[ "$status" = 130 ]
	lacks "1 Connection refused"
	wait_until 10 nothing_left
	python3 "$REPO/tests/bats/lib/dialogue.py" '[["see", "permissions) > "]]' "$HERE/podshim" --root "$HERE/root" run --ask ./connect.py 1 >out 2>&1 3>&- &
	STARTED+=($!)
	wait_until 10 pgrep -f "^$HERE/podshim --root $HERE/root run"
	kill -KILL "$(pgrep -of "^$HERE/podshim --root $HERE/root run")"
	wait_until 10 nothing_left
}

@test "names and what a program calls itself are shown without what a terminal acts on" {
	script evil.py <<-'END'
		import ctypes, socket
		ctypes.CDLL(None).prctl(15, b"\x1b[2J\xe2\x80\xaeab", 0, 0, 0)
		try:
		    socket.socket().connect(("127.0.0.1", 1))
		except OSError as e:
		    print(e.strerror)
	END
	run -0 dialogue '[["see", "permissions) > "], ["type", "n\n"]]' run --ask --allow-ffi=/usr/lib --jit ./evil.py
	has '\u{1b}[2J\u{202e}ab['
	[[ $output != *$'\e'* && $output != *$'\u202e'* && $output != *$'\a'* ]]
}

@test "files: an open file that somebody allowed is no way to anything else" {
	mkdir data
	echo text >data/file
	echo other >data/other
	cp "$(ldd /bin/sh | sed -n 's/.*=> \(.*libc.so.6\) .*/\1/p')" data/lib.so
	ln "data/file" data/hard
	script holds.py <<-'END'
		import ctypes, errno, mmap, os
		def tried(name, f):
		    try:
		        f()
		        print(name, "open")
		    except OSError as e:
		        print(name, "shut")
		fd = os.open("data/file", os.O_RDONLY)
		print(os.read(fd, 4).decode())
		tried("chmod", lambda: os.fchmod(fd, 0o777))
		tried("utime", lambda: os.utime(fd, (1, 1)))
		tried("xattr", lambda: os.setxattr(fd, "user.x", b"1"))
		tried("write", lambda: os.write(fd, b"x"))
		tried("truncate", lambda: os.ftruncate(fd, 0))
		tried("again to write", lambda: os.open(f"/proc/self/fd/{fd}", os.O_RDWR))
		tried("folder", lambda: os.open("data", os.O_RDONLY | os.O_DIRECTORY))
		tried("folder as file", lambda: os.open("data", os.O_RDONLY))
		tried("up", lambda: os.open("..", os.O_RDONLY, dir_fd=fd))
		tried("link", lambda: os.link(f"/proc/self/fd/{fd}", "/tmp/link", follow_symlinks=True))
		lib = os.open("data/lib.so", os.O_RDONLY)
		tried("code", lambda: mmap.mmap(lib, 4096, prot=mmap.PROT_READ | mmap.PROT_EXEC, flags=mmap.MAP_PRIVATE))
		tried("run", lambda: os.execve(lib, ["lib.so"], {}))
		tried("device", lambda: os.open("/dev/kmsg", os.O_RDONLY))
		tried("state", lambda: os.open(os.environ["STATE"], os.O_RDONLY))
		tried("shadow", lambda: os.open("/etc/shadow", os.O_RDONLY))
		tried("environ", lambda: os.open("/proc/1/environ", os.O_RDONLY))
	END
	broker "read:*=allow"
	run -0 runtime run --broker "$SOCKET" --env STATE="$HERE/root/.lock" ./holds.py
	has text
	lacks " open"
	(($(grep -c ' shut$' <<<"$output") >= 14))
	[[ -z $(grep -e shadow -e environ -e "$HERE/root" asked) ]]
	[[ $(cat data/file) == text ]]
}

@test "files: what the program has in a place, and what was denied by another name, is not the host's to ask about" {
	mkdir data bound
	echo secret >data/secret
	echo bound >bound/secret
	echo plain >data/plain
	local in_tmp
	in_tmp=$(mktemp /tmp/podshim-asked.XXXXXX)
	echo hidden >"$in_tmp"
	ln -s "$in_tmp" data/to-tmp
	ln -s data/secret alias
	script reads.py <<-'END'
		import sys
		for path in sys.argv[1:]:
		    try:
		        print(path, open(path).read().strip())
		    except OSError as e:
		        print(path, "shut")
	END
	broker "read:*=allow"
	run -0 runtime run --broker "$SOCKET" --deny-read=alias --bind "bound:$PWD/data/sub" ./reads.py data/secret alias "$in_tmp" data/to-tmp data/sub/secret data/plain
	rm -f "$in_tmp"
	has "data/secret shut"
	has "alias shut"
	has "podshim-asked"
	lacks hidden
	lacks " secret
"
	has "data/plain plain"
	[[ -z $(grep -e '/secret"' -e "$in_tmp" asked) ]]
}

@test "files: a path that leads elsewhere while the question is open leads nowhere else" {
	mkdir data
	echo allowed >data/allowed
	echo denied >data/denied
	ln -s allowed data/link
	# The host's own link flips; the program opens it all the time.
	(while ln -sfn denied data/.n && mv -T data/.n data/link && ln -sfn allowed data/.n && mv -T data/.n data/link; do :; done) 2>/dev/null 3>&- &
	STARTED+=($!)
	script flips.py <<-'END'
		done = 0
		for _ in range(500):
		    try:
		        with open("data/link") as f:
		            text = f.read().strip()
		        done += text == "allowed"
		        if text != "allowed":
		            print("leaked", text)
		    except OSError:
		        pass
		print("opened", done > 0)
	END
	broker "read:$PWD/data/allowed=allow"
	run -0 runtime run --broker "$SOCKET" ./flips.py
	has "opened True"
	lacks leaked
	[[ -n $(grep '/data/denied"' asked) ]]
}

@test "files: a path with escapes is shown without them" {
	mkdir "$(printf 'd\033[2J')"
	echo x >"$(printf 'd\033[2J/f\nyes\342\200\256')"
	script evil.py <<-'END'
		try:
		    open("d\x1b[2J/f\nyes\u202e")
		except OSError as e:
		    print(e.strerror)
	END
	run -0 dialogue '[["see", "permissions) > "], ["type", "n\n"]]' run --ask ./evil.py
	has '/d\u{1b}[2J/f\u{a}yes\u{202e}".'
	has "Permission denied"
	[[ $output != *$'\e'* && $output != *$'\u202e'* ]]
}
