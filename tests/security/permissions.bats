#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Permissions under attack: programs that try every way round one.  Each attacker is also let loose without a policy, where
# its ways must be open: a way that fails everywhere would show nothing.

load ../bats/lib/callers
load ../bats/lib/common
load ../bats/lib/bundle
load ../bats/lib/requires
load ../bats/lib/wait
load lib/attack
load lib/callee
load lib/callers

setup() {
	callers_setup /var/tmp/podshim-perm.XXXXXX
	mkdir tmp
	chown 65534:65534 tmp
}
teardown() {
	stop_server
	callers_teardown
}

# want STATUS root|user ARG...
want() {
	local expected=$1
	shift
	run as "$@"
	((status == expected)) || { printf 'exit status %s, not %s: %s\n%s\n' "$status" "$expected" "$*" "$output" >&2; return 1; }
}

# Is every way shut?  At least N were tried.
all_shut() { # all_shut N
	lacks " open"
	(($(grep -c ' shut$' <<<"$output") >= $1)) || { printf 'not %s ways:\n%s\n' "$1" "$output" >&2; return 1; }
}
# Are all ways open but those that are named?
all_open_but() { # all_open_but NAME...
	local shut
	shut=$(sed -n 's/ shut$//p' <<<"$output" | tr '\n' ' ')
	[[ ${shut% } == "$*" ]] || { printf 'shut without a policy, but for "%s":\n%s\n' "$*" "$output" >&2; return 1; }
}

# attacker_at DIR NAME: a copy of the attacker, and of "evil", which is the same.
attacker_at() {
	local bin
	bin=$(attacker "$2")
	rm -rf "${1:?}/$2" "$1/evil"
	cp "$bin" "$1/$2"
	cp "$bin" "$1/evil"
	chown 65534:65534 "$1/$2" "$1/evil"
}

# A bundle with a loader, a C library and a shell that needs both, and a program of its own; the shell is /dyn/sh.
new_dynamic_bundle() {
	local f
	new_bundle
	mkdir -p "$ROOTFS/lib64" "$ROOTFS/lib/x86_64-linux-gnu" "$ROOTFS/dyn" "$ROOTFS/opt/app" "$ROOTFS/data"
	for f in /lib64/ld-linux-x86-64.so.2 /lib/x86_64-linux-gnu/libc.so.6; do
		cp -L "$f" "$ROOTFS$f"
	done
	cp -L /bin/dash "$ROOTFS/dyn/sh"
	config 'del(.linux.seccomp) | .process.capabilities |= map_values(["CAP_SYS_ADMIN", "CAP_DAC_OVERRIDE", "CAP_SYS_PTRACE",
		"CAP_DAC_READ_SEARCH", "CAP_CHOWN", "CAP_FOWNER", "CAP_LINUX_IMMUTABLE"]) | .root.readonly = false'
}

LOADER=(/lib64/ld-linux-x86-64.so.2)

# ---- run ----

@test "run: what is not listed does not run, by any way, of a program without a bundle" {
	local who
	for who in $(callers); do
		attacker_at . coder
		run -0 ./coder exec "$PWD/evil" "$PWD/tmp" "${LOADER[@]}" /bin/dash -c 'exit 42'
		all_open_but
		attacker_at . coder
		want 0 "$who" run --quiet --allow-read --allow-write=/tmp -- ./coder exec "$PWD/evil" /tmp "${LOADER[@]}" /bin/dash -c 'exit 42'
		all_shut 13
		attacker_at . coder
		# Where programs and what is written are the same place.
		want 0 "$who" run --quiet --allow-read --allow-write="$PWD" -- ./coder exec "$PWD/evil" "$PWD/tmp" "${LOADER[@]}" /bin/dash -c 'exit 42'
		all_shut 13
		attacker_at . coder
		want 0 "$who" run --quiet --allow-read="$PWD" --allow-run="$PWD/evil" -- ./coder exec "$PWD/evil" /tmp
		has "name open"
	done
}

@test "run: the same in a bundle, with files and a loader of its own" {
	local readable
	new_dynamic_bundle
	payload /opt/app/coder exec /data/evil /data "${LOADER[@]}" /dyn/sh -c 'exit 42'
	for readable in --allow-read --allow-read=/; do
		attacker_at "$ROOTFS/opt/app" coder
		mv "$ROOTFS/opt/app/evil" "$ROOTFS/data/evil"
		run_bundle --quiet "$readable" --allow-write --allow-sys
		all_shut 13
	done
	attacker_at "$ROOTFS/opt/app" coder
	mv "$ROOTFS/opt/app/evil" "$ROOTFS/data/evil"
	run_bundle --quiet "$readable" --allow-write --allow-run=/dyn/sh
	has "loader open"
	has "name shut"
	attacker_at "$ROOTFS/opt/app" coder
	mv "$ROOTFS/opt/app/evil" "$ROOTFS/data/evil"
	run_bundle
	all_open_but
}

@test "run: a program in the directory of what may be loaded is no program that may be run" {
	new_dynamic_bundle
	attacker_at "$ROOTFS/opt/app" coder
	mkdir "$ROOTFS/opt/lib"
	mv "$ROOTFS/opt/app/evil" "$ROOTFS/opt/lib/evil"
	payload /opt/app/coder exec /opt/lib/evil /data
	run_bundle --quiet --allow-read --allow-write=/data --allow-ffi=/opt/lib
	all_shut 12
}

@test "run: a directory of programs is no leave to run or load what the system has beside libraries" {
	new_dynamic_bundle
	attacker_at "$ROOTFS/opt/app" coder
	mv "$ROOTFS/opt/app/evil" "$ROOTFS/lib/evil"
	payload /opt/app/coder exec /lib/evil /data
	run_bundle --quiet --allow-read --allow-write=/data --allow-run=/opt/app,/dyn
	all_shut 12
}

# ---- ffi ----

@test "ffi: no memory becomes code, by any way, of a program without a bundle" {
	local who
	for who in $(callers); do
		attacker_at . coder
		want 0 "$who" run --quiet --allow-read --allow-write=/tmp -- ./coder map /usr/bin/true
		all_shut 21
	done
	# Code is writable to nobody's process_vm_writev(2) but where it is so to its own process.
	run -0 ./coder map /usr/bin/true
	all_open_but vm-writev
}

@test "ffi: the same in a bundle, whatever capabilities it has" {
	new_dynamic_bundle
	attacker_at "$ROOTFS/opt/app" coder
	payload /opt/app/coder map /lib/x86_64-linux-gnu/libc.so.6
	run_bundle --quiet --allow-read --allow-write --allow-sys
	all_shut 21
	run_bundle
	all_open_but vm-writev
}

@test "ffi: a library that is listed can be loaded, another one cannot" {
	local who lib
	requires gcc /usr/bin/python3
	for lib in listed other; do
		gcc -shared -fPIC -o "lib$lib.so" -x c - <<<'int answer(void) { return 42; }'
	done
	cat >load.py <<-'EOT'
		import ctypes, sys
		try:
		    print(ctypes.CDLL(sys.argv[1]).answer())
		except OSError as e:
		    print(e)
	EOT
	for who in $(callers); do
		want 0 "$who" run --quiet --allow-read="$PWD" --allow-ffi="$PWD/liblisted.so" -- /usr/bin/python3 load.py "$PWD/liblisted.so"
		is 42
		want 0 "$who" run --quiet --allow-read="$PWD" --allow-ffi="$PWD/liblisted.so" -- /usr/bin/python3 load.py "$PWD/libother.so"
		has "failed to map segment from shared object"
	done
}

# ---- read, write ----

# A tree with a secret in it, and a place to write: TREE/dir/sub/file, TREE/scratch.  They are the caller's own.
new_tree() { # new_tree DIR [root|user]
	TREE=$1
	rm -rf "$TREE"
	mkdir -p "$TREE/dir/sub" "$TREE/scratch"
	echo secret >"$TREE/dir/sub/file"
	python3 -c 'import os, sys; os.setxattr(sys.argv[1], "user.secret", b"other")' "$TREE/dir/sub/file"
	[[ ${2:-root} == root ]] || chown -R 65534:65534 "$TREE"
}
# What must stay as it is: names, modes, owners, times, contents.
tree_state() {
	find "$1/dir" -printf '%P %y %m %U:%G %n %T@ %C@ %l\n' | sort
	cat "$1/dir/sub/file"
	getfattr_of "$1/dir/sub/file"
}
getfattr_of() {
	python3 -c 'import os, sys; print(os.listxattr(sys.argv[1]))' "$1"
}

@test "read: the ways of the attacker are open without a policy" {
	requires python3
	new_tree "$HERE/work/tree"
	cp "$(attacker reader)" reader
	run -0 unshare -m --propagation private ./reader read "$TREE/dir/sub/file" "$TREE/scratch"
	# What it takes is one's own overlay, and luck.
	lacks "plain shut"
	(($(grep -c open <<<"$output") >= 18)) || { echo "$output" >&2; return 1; }
	new_tree "$HERE/work/tree"
	run -0 unshare -m --propagation private ./reader write "$TREE/dir/sub/file" "$TREE/scratch"
	(($(grep -c open <<<"$output") >= 19)) || { echo "$output" >&2; return 1; }
}

@test "read: nothing but what is listed, by any way, of a program without a bundle" {
	local who tree
	requires python3
	cp "$(attacker reader)" reader
	for who in $(callers); do
		new_tree "$HERE/work/tree" "$who"
		# What is not listed is not there; what is denied in what is listed is masked.
		want 0 "$who" run --quiet --allow-read="$TREE/scratch" --allow-write="$TREE/scratch" -- \
			./reader read "$TREE/dir/sub/file" "$TREE/scratch"
		all_shut 23
		new_tree "$HERE/work/tree" "$who"
		for deny in "$TREE/dir/sub/file" "$TREE/dir/sub" "$TREE/dir"; do
			want 0 "$who" run --quiet --allow-read="$TREE" --allow-write="$TREE" --deny-read="$deny" -- \
				./reader read "$TREE/dir/sub/file" "$TREE/scratch"
			all_shut 23
			[[ $(find "$TREE/dir" -name file -exec cat {} +) == secret ]]
			new_tree "$HERE/work/tree" "$who"
		done
		want 0 "$who" run --quiet --allow-read="$TREE" -- ./reader read "$TREE/dir/sub/file" "$TREE/scratch"
		has "plain open"
	done
}

# A bundle with the tree at /tree, and capabilities that would do without permissions.
new_tree_bundle() {
	new_bundle
	cp "$(attacker reader)" "$ROOTFS/reader"
	new_tree "$ROOTFS/tree"
	config 'del(.linux.seccomp) | .process.capabilities |= map_values(["CAP_SYS_ADMIN", "CAP_DAC_OVERRIDE", "CAP_SYS_PTRACE",
		"CAP_DAC_READ_SEARCH", "CAP_CHOWN", "CAP_FOWNER", "CAP_LINUX_IMMUTABLE", "CAP_SYS_CHROOT", "CAP_MKNOD"]) | .root.readonly = false'
}

@test "read: the same in a bundle with CAP_SYS_ADMIN and others; a second mount of the tree" {
	local deny at
	requires python3
	new_tree_bundle
	mkdir "$ROOTFS/second" "$ROOTFS/third"
	# The tree is at /second, too, and its directory at /third.
	config --arg t "$ROOTFS/tree" '.mounts += [
		{destination: "/second", type: "bind", source: $t, options: ["rbind", "rw"]},
		{destination: "/third", type: "bind", source: ($t + "/dir"), options: ["bind", "rw"]}]'
	for at in /tree/dir/sub/file /second/dir/sub/file /third/sub/file; do
		payload /reader read "$at" /tree/scratch
		for deny in /tree/dir/sub/file /tree/dir /second/dir/sub /third/sub/file; do
			run_bundle --quiet --allow-read --allow-write --allow-run --allow-ffi --allow-sys --deny-read="$deny"
			lacks "second open"
			all_shut 23
			[[ $(find "$ROOTFS/tree/dir" -name file -exec cat {} +) == secret ]]
			rm -rf "$ROOTFS/tree/scratch"/*
		done
		run_bundle --quiet --allow-read=/tree/scratch,/bin --allow-write --allow-run --allow-ffi --allow-sys
		all_shut 23
		run_bundle --quiet --allow-read --allow-write --allow-run --allow-ffi --allow-sys
		has "plain open"
		new_tree "$ROOTFS/tree"
	done
}

@test "write: nothing but what is listed, by any way, of a program without a bundle" {
	local who before
	requires python3
	cp "$(attacker reader)" reader
	for who in $(callers); do
		new_tree "$HERE/work/tree" "$who"
		before=$(tree_state "$TREE")
		want 0 "$who" run --quiet --allow-read="$TREE" --allow-write="$TREE/scratch" -- \
			./reader write "$TREE/dir/sub/file" "$TREE/scratch"
		all_shut 26
		[ "$(tree_state "$TREE")" = "$before" ]
		for deny in "$TREE/dir/sub/file" "$TREE/dir/sub" "$TREE/dir"; do
			want 0 "$who" run --quiet --allow-read="$TREE" --allow-write="$TREE" --deny-write="$deny" -- \
				./reader write "$TREE/dir/sub/file" "$TREE/scratch"
			# Beside a file that alone is denied, others may be made.
			[[ $deny != */file ]] || output=$(grep -Ev '^(sibling|tmpfile|mknod) open' <<<"$output")
			all_shut 23
			[ "$(cat "$TREE/dir/sub/file")" = secret ]
			has "replace shut"
			rm -rf "$TREE/scratch"/*
		done
		new_tree "$TREE" "$who"
		want 0 "$who" run --quiet --allow-read="$TREE" --allow-write="$TREE" -- ./reader write "$TREE/dir/sub/file" "$TREE/scratch"
		has "open open"
		has "truncate open"
		has "rename-parent open"
	done
}

@test "write: the same in a bundle with CAP_SYS_ADMIN and others; a second mount of the tree" {
	local before at flags
	requires python3
	new_tree_bundle
	mkdir "$ROOTFS/second"
	config --arg t "$ROOTFS/tree" '.mounts += [{destination: "/second", type: "bind", source: $t, options: ["rbind", "rw"]}]'
	before=$(tree_state "$ROOTFS/tree")
	for at in /tree /second; do
		payload /reader write "$at/dir/sub/file" /tree/scratch
		for flags in --allow-write=/tree/scratch "--allow-write --deny-write=/tree/dir" "--allow-write=/tree --deny-write=/second/dir"; do
			# shellcheck disable=SC2086  # words
			run_bundle --quiet --allow-read --allow-run --allow-ffi --allow-sys $flags
			all_shut 26
			[ "$(tree_state "$ROOTFS/tree")" = "$before" ]
			rm -rf "$ROOTFS/tree/scratch"/*
		done
	done
	run_bundle --quiet --allow-read --allow-run --allow-ffi --allow-sys --allow-write
	has "open open"
}

@test "write: what may be run cannot be replaced where it is, though its directory may be written" {
	local who
	requires python3
	cp "$(attacker reader)" reader
	for who in $(callers); do
		new_tree "$HERE/work/tree" "$who"
		cp -p /bin/true "$TREE/dir/sub/tool"
		want 0 "$who" run --quiet --allow-read="$TREE" --allow-write="$TREE" --allow-run="$TREE/dir/sub/tool" -- \
			./reader write "$TREE/dir/sub/tool" "$TREE/scratch"
		output=$(grep -Ev '^(sibling|tmpfile|mknod) open' <<<"$output")
		all_shut 23
		cmp "$TREE/dir/sub/tool" /bin/true
	done
}

@test "read: a directory that the caller passes on leads nowhere else, and into nothing that is not listed" {
	requires python3
	cp "$(attacker passed)" passed
	new_tree "$HERE/work/tree"
	echo secret >"$TREE/dir/secret"
	want 0 root run --quiet --preserve-fds 1 --allow-read="$TREE/scratch" --allow-write="$TREE/scratch" -- ./passed 3 3<"$TREE/dir/sub"
	is "given yes
reopen shut
reopen-write shut
parent shut
below shut
beside shut
beside-proc shut"
	# Of those that nobody passed on there is none.
	want 0 root run --quiet --allow-read="$TREE/scratch" -- ./passed 3 3<"$TREE/dir/sub"
	has "given no"
}

# ---- net ----

# In a network of its own a program may talk to itself.
all_shut_outside() {
	output=$(grep -Ev '^(udp|udp6|udp-mapped|udp-second|udp-again|sendmmsg|listen|listen-port-0|bind) open$' <<<"$output")
	all_shut 35
}

@test "net: the ways of the attacker are open without a policy" {
	start_server
	cp "$(attacker caller)" caller
	run -0 ./caller call "$SERVER" "$LISTED" "$OTHER"
	(($(grep -c ' open$' <<<"$output") >= 36)) || { echo "$output" >&2; return 1; }
	all_are_told
	[[ $(LC_ALL=C sort -u "$SERVER/log" | tr '\n' ,) == "abstract,dgram,tcp,tcp to the wrong address,udp,unix," ]]
	run -0 ./caller race "$SERVER" "$LISTED" "$OTHER" 20000
	[[ $output =~ datagrams:\ [1-9] ]]
}

@test "net: nobody is reached where nothing is allowed, of a program without a bundle" {
	local who flags
	start_server
	cp "$(attacker caller)" caller
	for who in $(callers); do
		for flags in --allow-write=/tmp --deny-net "--allow-read --allow-sys --allow-run --allow-ffi"; do
			# shellcheck disable=SC2086  # words
			want 0 "$who" run --quiet $flags -- ./caller call "$SERVER" "$LISTED" "$OTHER"
			has "listed not reached"
			has "listed socket not reached"
			all_shut_outside
			nobody_came
		done
	done
}

@test "net: the one that is allowed is reached and no other, of a program without a bundle" {
	local who
	start_server
	cp "$(attacker caller)" caller
	for who in $(callers); do
		want 0 "$who" run --quiet --allow-write=/tmp "--allow-net=127.0.0.1:$LISTED" -- ./caller call "$SERVER" "$LISTED" "$OTHER"
		has "listed reached"
		has "listed socket not reached"
		all_shut 45
		nobody_came
		want 0 "$who" run --quiet --allow-write=/tmp "--allow-net=unix:$SERVER/listed.sock" -- ./caller call "$SERVER" "$LISTED" "$OTHER"
		has "listed not reached"
		has "listed socket reached"
		all_shut 45
		nobody_came
		want 0 "$who" run --quiet "--allow-net=127.0.0.1:$LISTED" "--deny-net=127.0.0.1" -- ./caller call "$SERVER" "$LISTED" "$OTHER"
		has "listed not reached"
		nobody_came
	done
}

# In the host's network, where it is the supervisor's word alone that counts.
new_caller_bundle() {
	new_bundle
	cp caller "$ROOTFS/caller"
	mkdir "$ROOTFS/srv"
	config --arg s "$SERVER" 'del(.linux.seccomp) | .root.readonly = false | .linux.namespaces -= [{type: "network"}]
		| .process.capabilities |= map_values(["CAP_SYS_ADMIN", "CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_NET_BIND_SERVICE", "CAP_DAC_OVERRIDE"])
		| .mounts |= map(select(.type != "sysfs")) | .mounts += [{destination: "/srv", type: "bind", source: $s, options: ["rbind", "rw"]}]'
}

@test "net: the same in a bundle in the host's network, with CAP_NET_ADMIN and others" {
	start_server
	cp "$(attacker caller)" caller
	new_caller_bundle
	payload /caller call /srv "$LISTED" "$OTHER"
	run_bundle --quiet --allow-read --allow-write --allow-run --allow-ffi --allow-sys --deny-net
	has "listed not reached"
	all_shut 45
	nobody_came
	run_bundle --quiet --allow-read --allow-write --allow-run --allow-ffi --allow-sys "--allow-net=127.0.0.1:$LISTED"
	has "listed reached"
	has "listed socket not reached"
	# It is the network that config.json gives it, and it was allowed to see that.
	has "interfaces open"
	output=${output/interfaces open/}
	all_shut 44
	nobody_came
	run_bundle --quiet --allow-read --allow-write --allow-run --allow-ffi --allow-sys "--allow-net=127.0.0.1:$LISTED,unix:/srv/listed.sock"
	has "listed reached"
	has "listed socket reached"
	output=${output/interfaces open/}
	all_shut 44
	nobody_came
}

@test "net: threads that change the address, its family or the descriptor meanwhile: no leak in 5000 rounds" {
	local who
	start_server
	cp "$(attacker caller)" caller
	for who in $(callers); do
		want 0 "$who" run --quiet "--allow-net=127.0.0.1:$LISTED" -- ./caller race "$SERVER" "$LISTED" "$OTHER" 5000
		is "port: 0 leaks, some right
port of datagrams: 0 leaks, some right
family: 0 leaks, some right
descriptor: 0 leaks, some right"
		nobody_came
	done
	new_caller_bundle
	payload /caller race /srv "$LISTED" "$OTHER" 5000
	run_bundle --quiet --allow-read --allow-run --allow-ffi "--allow-net=127.0.0.1:$LISTED"
	is "port: 0 leaks, some right
port of datagrams: 0 leaks, some right
family: 0 leaks, some right
descriptor: 0 leaks, some right"
	nobody_came
}

@test "net: a socket that another process made is decided like one's own" {
	local make
	requires python3
	start_server
	cp "$(attacker caller)" caller
	make='import os, socket, sys; s = socket.socket(); os.dup2(s.fileno(), 3); os.execvp(sys.argv[1], sys.argv[1:])'
	run -0 python3 -c "$make" "$PODSHIM" --root "$HERE/root" run --quiet --preserve-fds 1 "--allow-net=127.0.0.1:$LISTED" -- ./caller fd 3 "$OTHER"
	is "connect shut
fastopen shut
listen shut"
	nobody_came
}

# ---- The supervisor ----

hostile_names() {
	mkdir "$HERE/work/names"
	(
		cd "$HERE/work/names" || exit
		touch $'new\nline' $'\e[31mred' $'\u202egnp.exe' $'tab\tbell\a\u009b' $'bad\xff' 'q"\'
	)
	cat >names.py <<-'EOT'
		import ctypes, os, sys
		ctypes.CDLL(None).prctl(15, b"\x1b[31m\n\xe2\x80\xaeX", 0, 0, 0)
		for name in sorted(os.listdir(b"names")):
		    try:
		        os.open(b"names/" + name, os.O_WRONLY)
		    except OSError as e:
		        print(e.errno)
		try:
		    os.execv(b"names/\x1b[31mred", [b"x"])
		except OSError as e:
		    print(e.errno)
		sys.exit(1)
	EOT
}
# Nothing but what a terminal shows as it is: no control characters, nothing that turns text around, only whole characters.
all_visible() { # all_visible FILE LINES
	[[ $(wc -l <"$1") == "$2" ]] || { printf 'not %s lines:\n' "$2" >&2; cat -v "$1" >&2; return 1; }
	if LC_ALL=C grep -nP '[\x00-\x09\x0b-\x1f\x7f-\xff]' "$1" >"$HERE/seen"; then
		cat -v "$HERE/seen" >&2
		return 1
	fi
}

@test "hostile names and a hostile program are escaped: in the summary, in audit and in its file" {
	local who id
	requires /usr/bin/python3
	hostile_names
	for who in $(callers); do
		rm -rf events
		touch events
		chmod 666 events
		as "$who" run --audit events --allow-read="$PWD/names,$PWD" --cwd "$PWD" names.py >"$HERE/said" 2>&1 || true
		all_visible events 7
		jq -e . events >/dev/null
		grep -q 'u{202e}gnp.exe' events
		[[ $(grep -c '^  write ' "$HERE/said") == 6 && $(grep -c '^  run ' "$HERE/said") == 1 ]] ||
			{ echo "as $who:" >&2; cat -v "$HERE/said" >&2; return 1; }
		all_visible "$HERE/said" 16
	done
	as root run -d --audit events --allow-read="$PWD/names,$PWD" --cwd "$PWD" names.py >"$HERE/id" 2>&1 </dev/null 3>&-
	id=$(grep -Exm1 '[0-9a-f]{12}' "$HERE/id")
	audited() {
		as root audit "$id" >"$HERE/audited" && (($(wc -l <"$HERE/audited") >= 7))
	}
	wait_until 10 audited
	all_visible "$HERE/audited" 7
	as root delete -f "$id"
}

@test "a flood of denied opens ends, and each is counted" {
	local who
	requires /usr/bin/python3
	touch denied
	cat >flood.py <<-'EOT'
		import os
		n = 0
		for i in range(100000):
		    try:
		        os.close(os.open("denied", os.O_WRONLY))
		    except OSError:
		        n += 1
		print(n)
	EOT
	for who in $(callers); do
		rm -f events
		touch events
		chmod 666 events
		want 0 "$who" run --quiet --audit events --allow-read="$PWD" --cwd "$PWD" flood.py
		is 100000
		[[ $(jq -s 'map(select(.perm == "write") | .count) | add' events) == 100000 ]]
		(($(wc -l <events) < 1000))
	done
}

@test "the payload sees and signals nobody but itself" {
	local who
	requires /usr/bin/python3
	cat >kill.py <<-'EOT'
		import os, signal
		for pid in [1, os.getppid(), -1, *range(2, 400)]:
		    if pid == os.getpid():
		        continue
		    try:
		        # The first process takes no such signal from those in its namespace.
		        os.kill(pid, signal.SIGKILL)
		        print("signalled" if pid not in (1, -1) else "asked", pid)
		    except ProcessLookupError:
		        pass
		    except PermissionError:
		        print("refused", pid)
		print(sorted(int(n) for n in os.listdir("/proc") if n.isdigit() and int(n) != os.getpid()))
		import ctypes
		libc = ctypes.CDLL(None, use_errno=True)
		print("ptrace", libc.ptrace(16, 1, 0, 0), "pidfd_getfd", [libc.syscall(438, os.pidfd_open(1), fd, 0) for fd in range(8)])
		for name in ("mem", "environ", "exe", "fd/0", "fd/3", "root", "cwd", "maps"):
		    try:
		        path = "/proc/1/" + name
		        open(path, "rb").read(1) if name in ("mem", "environ", "maps") else os.readlink(path)
		        print("read", name)
		    except OSError:
		        pass
	EOT
	for who in $(callers); do
		want 0 "$who" run --quiet --deny-net kill.py
		is "asked 1
asked 1
[1]
ptrace -1 pidfd_getfd [-1, -1, -1, -1, -1, -1, -1, -1]"
	done
}

# pids of ours by name
ours() {
	local pid
	for pid in $(pgrep -f -- "--root $HERE/root"; pgrep -f -- "--root $HERE/root" | xargs -rn1 pgrep -P | sort -u); do
		[[ $(cat "/proc/$pid/comm" 2>/dev/null) != "$1" ]] || echo "$pid"
	done
}
nothing_left() {
	[[ -z $(pgrep -f "$HERE/" | grep -v "^${SERVER_PID:-}\$" || true) ]]
}

refused_or_gone() {
	grep -q "now False" "$HERE/out" || nothing_left
}

@test "kill -9 of whoever decides: nothing is allowed any more, and nothing of it stays" {
	local who victim
	requires /usr/bin/python3
	start_server
	cp "$(attacker caller)" caller
	cat >loop.py <<-'EOT'
		import os, socket, sys, time
		listed, other = int(sys.argv[1]), int(sys.argv[2])
		def reach(port):
		    try:
		        with socket.socket() as s:
		            s.connect(("127.0.0.1", port))
		            return s.recv(1) == b"L" and port == listed
		    except OSError:
		        return False
		print("up", reach(listed), reach(other), flush=True)
		while True:
		    if reach(other):
		        print("leak", flush=True)
		    if not reach(listed):
		        print("now False", flush=True)
		        time.sleep(0.01)
	EOT
	for who in $(callers); do
		for victim in podshim:channel podshim:broker podshim:reader podshim:hand podshim:guard podshim podshim:init; do
			: >"$HERE/out"
			as "$who" run --quiet "--allow-net=127.0.0.1:$LISTED" loop.py "$LISTED" "$OTHER" >"$HERE/out" 2>&1 3>&- &
			wait_file "$HERE/out" "up True False"
			if [[ -n $(ours $victim) ]]; then
				# shellcheck disable=SC2046  # pids
				kill -KILL $(ours $victim) || true
			fi
			# Whom the supervisor has left runs on, for the launcher is there, and is refused.
			case $victim in
			podshim:channel) wait_until 10 refused_or_gone ;;
			podshim:broker | podshim | podshim:init)
				wait_until 10 nothing_left || { echo "after $victim of $who:" >&2; pgrep -af "$HERE/" >&2; cat "$HERE/out" >&2; return 1; }
				;;
			*) ;;
			esac
			for p in $(ours podshim); do kill -KILL "$p" || true; done
			wait_until 10 nothing_left || { echo "after $victim and podshim:" >&2; pgrep -af "$HERE/" >&2; return 1; }
			nobody_came
			! grep -q leak "$HERE/out" || return 1
		done
	done
}

# ---- env ----

@test "env: what is not handed over or denied is nowhere, not in /proc/self/environ either" {
	local who show='env; cat /proc/self/environ /proc/1/environ /proc/2/environ 2>/dev/null | tr "\0" "\n"'
	export SECRET_TOKEN=hidden GOOD=seen GOOD_TOO=seen
	for who in $(callers); do
		want 0 "$who" run --quiet -e GOOD --allow-env=GOOD --allow-run -- sh -c "$show"
		lacks hidden
		lacks SECRET_TOKEN
		lacks GOOD_TOO
		[[ $(grep -c '^GOOD=seen$' <<<"$output") -ge 2 ]]
		want 0 "$who" run --quiet -e GOOD -e GOOD_TOO -e SECRET_TOKEN --deny-env=GOOD,SECRET* --allow-run -- sh -c "$show"
		has GOOD_TOO=seen
		lacks GOOD=seen
		lacks hidden
	done
}

@test "env: what is denied of config.json's is nowhere" {
	local deny
	new_bundle
	config '.process.env += ["SECRET_TOKEN=hidden", "GOOD=seen"]'
	payload sh -c 'env; cat /proc/self/environ /proc/1/environ | tr "\0" "\n"'
	for deny in SECRET_TOKEN 'SECRET*'; do
		run_bundle --quiet "--deny-env=$deny" --allow-read --allow-run --allow-ffi --allow-write
		has GOOD=seen
		lacks hidden
		lacks SECRET_TOKEN
	done
	run_bundle
	has SECRET_TOKEN=hidden
}
