#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Ways round permissions that go by other processes, other names, other kinds of task, and what a terminal or a crash leaves.
# Each attacker is also let loose without a policy, where its ways must be open.

load ../bats/lib/callers
load ../bats/lib/common
load ../bats/lib/bundle
load ../bats/lib/requires
load ../bats/lib/wait
load lib/attack
load lib/callee

setup() {
	common_setup
	requires root podshim jq setpriv
	open_place /var/tmp/podshim-bypass.XXXXXX work
	unset "${!PODSHIM_@}"
	PODSHIM=$HERE/podshim
	PIDS=()
}
teardown() {
	stop_server
	# Who was traced has stopped, and hears nothing else.
	((${#PIDS[@]} == 0)) || kill -KILL "${PIDS[@]}" 2>/dev/null || true
	common_teardown
	close_place
}

# as root|user ARG...: the runtime.
as() {
	local ids=() root=$HERE/root-$1
	[[ $1 == root ]] || ids=("${USER_IDS[@]}")
	shift
	"${ids[@]}" timeout -k 5 120 "$PODSHIM" --root "$root" "$@"
}
want() { # want STATUS root|user ARG...
	local expected=$1
	shift
	run as "$@"
	((status == expected)) || { printf 'exit status %s, not %s: %s\n%s\n' "$status" "$expected" "$*" "$output" >&2; return 1; }
}
callers() {
	echo root
	if user_has_userns; then
		echo user
	fi
}
all_shut() { # all_shut N
	lacks " open"
	(($(grep -c ' shut$' <<<"$output") == $1)) || { printf 'not %s ways:\n%s\n' "$1" "$output" >&2; return 1; }
}
all_open_but() { # all_open_but NAME...
	local shut
	shut=$(sed -n 's/ shut$//p' <<<"$output" | tr '\n' ' ')
	[[ ${shut% } == "$*" ]] || { printf 'shut without a policy, but for "%s":\n%s\n' "$*" "$output" >&2; return 1; }
}
start() { # start COMMAND...: in the background, until the test ends
	"$@" </dev/null >"$HERE/started" 2>&1 3>&- &
	PIDS+=($!)
}

# ---- Processes that are in sight ----

# In the host's pid namespace, by root with a capability for it, and by who has the same ids as the other process.
new_prowling_bundle() {
	new_bundle
	cp "$(attacker prowler)" "$ROOTFS/prowler"
	config 'del(.linux.seccomp) | .root.readonly = false | .linux.namespaces -= [{type: "pid"}]'
	if [[ $1 == root ]]; then
		config '.process.capabilities |= map_values(["CAP_SYS_PTRACE", "CAP_SYS_ADMIN", "CAP_DAC_READ_SEARCH"])'
	else
		config 'del(.process.capabilities) | .process.user = {uid: 65534, gid: 65534}'
	fi
	echo secret >"$HERE/secret"
}

@test "a pid namespace that is shared: nobody in it does what is denied in the payload's stead" {
	local who ids flags
	for who in root user; do
		ids=()
		[[ $who == root ]] || ids=("${USER_IDS[@]}")
		rm -f other
		cp -f "$(attacker prowler)" prowler
		start "${ids[@]}" ./prowler wait "$PWD/other"
		wait_file other
		new_prowling_bundle $who
		payload /prowler "$(cat other)" "$HERE/secret"
		for flags in --deny-net=127.0.0.1 --deny-read=/etc/group --deny-sys=cpus --allow-net=127.0.0.1:1 \
			"--allow-read --allow-write --allow-run --allow-ffi --allow-sys --deny-net"; do
			# shellcheck disable=SC2086  # words
			run_bundle --quiet $flags
			all_shut 13
		done
		run_bundle
		all_open_but
	done
}

@test "a network that is limited: no capability is left that leads round it" {
	new_bundle
	config 'del(.linux.seccomp) | .root.readonly = false | .process.capabilities |= map_values(["CAP_SYS_ADMIN", "CAP_SYS_MODULE",
		"CAP_SYS_RAWIO", "CAP_SYS_PTRACE", "CAP_NET_ADMIN", "CAP_CHOWN"])'
	shell 'mkdir /x; mount -t proc x /x && echo mounted; nsenter -t 1 -n true && echo entered; grep CapEff /proc/self/status'
	run_bundle
	has mounted
	has entered
	rmdir "$ROOTFS/x"
	for flags in --deny-net --deny-net=127.0.0.1 --allow-net=127.0.0.1:1; do
		rm -rf "${ROOTFS:?}/x"
		run_bundle --quiet "$flags" --allow-read --allow-write --allow-run --allow-ffi --allow-sys
		lacks mounted
		lacks entered
		has $'CapEff:\t0000000000080001'
	done
}

@test "a server that may be talked to lends nothing of its own" {
	local flags
	start_server "${USER_IDS[@]}"
	new_bundle
	cp "$(attacker impostor)" "$ROOTFS/impostor"
	mkdir "$ROOTFS/srv"
	config --arg s "$SERVER" 'del(.linux.seccomp) | del(.process.capabilities) | .process.user = {uid: 65534, gid: 65534}
		| .mounts += [{destination: "/srv", type: "bind", source: $s, options: ["rbind", "rw"]}]'
	payload /impostor steal /srv
	run_bundle
	has "steal open"
	for flags in --deny-net=127.0.0.1 --allow-net=unix:/srv/listed.sock; do
		run_bundle --quiet "$flags" --allow-read --allow-write --allow-run --allow-ffi --allow-sys
		has "steal shut"
	done
}

@test "kill reaches from exec to init and back; exec and init cannot trace each other" {
	new_bundle
	cp "$(attacker prowler)" "$ROOTFS/prowler"
	config '.process.capabilities |= map_values(["CAP_SYS_PTRACE", "CAP_KILL"]) | .root.readonly = false'
	shell 'trap "echo from-exec >/tmp/said" USR1; while :; do [ -s /tmp/exec ] && kill -USR1 $(cat /tmp/exec); sleep 0.05; done'
	detached podshim run -d -b "$BUNDLE" --allow-read --allow-write --allow-run --allow-ffi --allow-sys "$CID"
	run -0 podshim exec "$CID" sh -c 'got=; trap "got=yes" USR1; echo $$ >/tmp/exec
		until [ "$got" ] && [ -s /tmp/said ]; do kill -USR1 1; sleep 0.05; done; cat /tmp/said; rm /tmp/exec'
	is from-exec
	run -0 podshim exec "$CID" grep -E 'Seccomp:|NoNewPrivs:' /proc/1/status /proc/self/status
	is "/proc/1/status:NoNewPrivs:	1
/proc/1/status:Seccomp:	2
/proc/self/status:NoNewPrivs:	1
/proc/self/status:Seccomp:	2"
	podshim delete --force "$CID"
}

# ---- Sockets by their paths ----

new_impostor_bundle() {
	new_bundle
	cp "$(attacker impostor)" "$ROOTFS/impostor"
	mkdir "$ROOTFS/srv" "$ROOTFS/again"
	mkdir -p "$SERVER/sub"
	ln -f "$SERVER/other.sock" "$SERVER/listed.sock" "$SERVER/sub"
	config --arg s "$SERVER" 'del(.linux.seccomp) | .root.readonly = false
		| .process.capabilities |= map_values(["CAP_DAC_OVERRIDE", "CAP_SYS_CHROOT", "CAP_CHOWN", "CAP_FOWNER"])
		| .mounts += [{destination: "/srv", type: "bind", source: $s, options: ["rbind", "rw"]},
			{destination: "/again", type: "bind", source: $s, options: ["rbind", "rw"]}]'
	payload /impostor /srv /again
}
new_server() {
	stop_server
	rm -rf "$HERE/srv"
	start_server
	new_impostor_bundle
}

@test "unix: no other socket gets the path of one that may be connected to" {
	local flags
	new_server
	run_bundle
	all_open_but
	for flags in --allow-write --allow-write=/srv,/again; do
		new_server
		run_bundle --quiet --allow-read --allow-run --allow-ffi --allow-sys --allow-net=unix:/srv/listed.sock $flags
		has "listed reached"
		all_shut 16
		nobody_came
	done
}

@test "unix: what is denied is not connected to by another path" {
	new_server
	# Another name that is not denied is another path.
	run_bundle --quiet --deny-net=unix:/srv/other.sock,unix:/srv/sub/other.sock
	has "listed reached"
	all_shut 16
	nobody_came
}

@test "unix: a folder that the payload could make in place of another is refused" {
	start_server
	new_impostor_bundle
	run_bundle -1 --quiet --allow-read --allow-write --allow-run --allow-ffi --allow-sys --allow-net=unix:/srv/missing/listed.sock
	has "--allow-net: net: the folder of 'unix:/srv/missing/listed.sock' is missing, and another one could get its name"
	# In the root file system all sockets are the container's own.
	run_bundle --quiet --allow-read --allow-write --allow-run --allow-ffi --allow-sys --allow-net=unix:/run/missing/own.sock
	has "listed not reached"
	# Where nothing may be written no name can be changed.
	config '.mounts |= map(if .destination == "/srv" or .destination == "/again" then .options = ["rbind", "ro"] else . end)'
	run_bundle --quiet --allow-read --allow-write --allow-run --allow-ffi --allow-sys --allow-net=unix:/srv/missing/listed.sock
	has "listed not reached"
	all_shut 16
}

# ---- Kinds of task ----

weaver_says() {
	is "leader: listed reached, other not reached
thread: listed reached, other not reached
thread with its own table: listed reached, other not reached
raw clone: listed reached, other not reached
fork: listed reached, other not reached
vfork: listed reached, other not reached
shared table: listed reached, other not reached
not dumpable: other not reached
passed on: listed reached, other not reached
a listener of its own: shut, other not reached
signals: all connected, 0 leaks
a table that two processes share: 0 leaks"
}

@test "net: the decision is the same for every kind of task; signals all the time lose nothing" {
	local who
	start_server
	cp "$(attacker weaver)" weaver
	run -0 ./weaver "$SERVER" "$LISTED" "$OTHER" 100
	has "raw clone: listed reached, other reached"
	has "a listener of its own: open"
	lacks ", 0 leaks"
	forget_callers
	for who in $(callers); do
		# Five thousand rounds of two processes that change what a descriptor is.
		want 0 "$who" run --quiet "--allow-net=127.0.0.1:$LISTED" -- ./weaver "$SERVER" "$LISTED" "$OTHER" 5000
		weaver_says
	done
	new_bundle
	cp weaver "$ROOTFS/weaver"
	config 'del(.linux.seccomp) | .linux.namespaces -= [{type: "network"}]'
	payload /weaver /srv "$LISTED" "$OTHER" 5000
	run_bundle --quiet "--allow-net=127.0.0.1:$LISTED" --allow-read --allow-run --allow-ffi --allow-write --allow-sys
	weaver_says
	nobody_came
}

# ---- What the kernel lends ----

@test "sys: the interfaces of the host's network are told to nobody who may not see them" {
	new_bundle
	config 'del(.linux.seccomp) | .linux.namespaces -= [{type: "network"}] | .mounts |= map(select(.type != "sysfs"))'
	shell 'ip addr show lo; ifconfig lo; ls /sys/class/net'
	run_bundle -1
	has "inet 127.0.0.1/8"
	has "inet addr:127.0.0.1"
	for flags in --allow-net --allow-net=127.0.0.1:1 --deny-sys; do
		run_bundle -1 --quiet --allow-read --allow-write --allow-run --allow-ffi $flags
		lacks 127.0.0.1
		lacks mtu
	done
	run_bundle -1 --quiet --allow-read --allow-write --allow-run --allow-ffi --allow-net --allow-sys=networkInterfaces
	has "inet 127.0.0.1/8"
	run_bundle -1 --quiet --deny-sys=networkInterfaces
	has "--deny-sys: sys: 'networkInterfaces' of a network that is not its own are in /proc/self/net"
}

@test "limits: a cgroup file system that is mounted writable does not lift them, nor does one that could be mounted" {
	local flags
	new_bundle
	config 'del(.linux.seccomp) | .root.readonly = false | .mounts |= map(select(.type != "cgroup")) | .linux.namespaces += [{type: "cgroup"}]
		| .linux.namespaces |= unique | .mounts += [{destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: ["rw"]}]
		| .process.capabilities |= map_values(["CAP_SYS_ADMIN", "CAP_DAC_OVERRIDE"])'
	shell 'for f in /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/pids.max; do
			[ -e $f ] && { echo 4321 >$f || mount -o remount,rw,bind ${f%/*} && echo 4321 >$f; cat $f; }
		done 2>&1; mkdir -p /x && mount -t cgroup -o pids x /x && echo mounted'
	run_bundle -1 --pids 10 --quiet
	lacks 4321
	lacks mounted
	has 10
	run_bundle -1 --pids 10 --quiet --allow-read --allow-write --allow-run --allow-ffi --allow-net=good.test --allow-sys=cpus
	lacks 4321
	lacks mounted
	has 10
	run_bundle --deny-env=X --quiet
	has 4321
}

@test "what the user id 0 may write of the kernel's is read-only, where config.json leaves it open" {
	local flags
	new_bundle
	# Opened and not written: these are the machine's own.
	config 'del(.linux.seccomp) | del(.linux.readonlyPaths) | del(.linux.maskedPaths) | del(.process.capabilities) | .root.readonly = false
		| .mounts |= map(if .type == "sysfs" then .options = ["rw"] else . end)
		| .mounts += [{destination: "/kernel", type: "bind", source: "/proc/sys/kernel", options: ["rbind", "rw"]},
			{destination: "/proc2", type: "proc", source: "proc"}]'
	shell 'for f in /proc/sys/kernel/core_pattern /proc2/sys/kernel/core_pattern /kernel/core_pattern /sys/kernel/mm/ksm/run; do
		(: >>$f) 2>/dev/null && echo ${f%%/core*} open || echo ${f%%/core*} shut; done'
	run_bundle
	all_open_but
	for flags in --deny-net=127.0.0.1 --deny-read=/etc/group --deny-write=/etc --deny-sys=cpus --pids=10 \
		"--allow-read --allow-write --allow-run --allow-ffi --allow-sys --allow-net=127.0.0.1:1"; do
		# shellcheck disable=SC2086  # words
		run_bundle --quiet $flags
		all_shut 4
	done
}

@test "write: nothing that it leaves behind lends its user's rights to others" {
	local who
	requires /usr/bin/python3
	cat >leave.py <<-'EOT'
		import ctypes, os, stat, struct, sys
		os.umask(0)
		libc = ctypes.CDLL(None, use_errno=True)
		libc.syscall.argtypes = [ctypes.c_long] * 7
		def path(name):
		    return os.path.join(sys.argv[1], name).encode()
		def made(name):
		    os.close(os.open(path(name), os.O_WRONLY | os.O_CREAT, 0o755))
		    return path(name)
		def p(b):
		    keep.append(b)
		    return ctypes.cast(ctypes.c_char_p(b), ctypes.c_void_p).value
		keep = []
		AT, C, TMP = -100, os.O_WRONLY | os.O_CREAT, os.O_WRONLY | os.O_TMPFILE
		def tmpfile(mode):
		    fd = libc.syscall(257, AT, p(sys.argv[1].encode()), TMP, mode, 0, 0)
		    return fd if fd < 0 else libc.syscall(265, AT, p(b"/proc/self/fd/%d" % fd), AT, p(path("tmp%o" % mode)), 0x400, 0)
		ways = {
		    "chmod": lambda m: libc.syscall(90, p(made("chmod%o" % m)), m, 0, 0, 0, 0),
		    "fchmod": lambda m: libc.syscall(91, os.open(made("fchmod%o" % m), 0), m, 0, 0, 0, 0),
		    "fchmodat": lambda m: libc.syscall(268, AT, p(made("fchmodat%o" % m)), m, 0, 0, 0),
		    "fchmodat2": lambda m: libc.syscall(452, AT, p(made("fchmodat2%o" % m)), m, 0, 0, 0),
		    "open": lambda m: libc.syscall(2, p(path("open%o" % m)), C, m, 0, 0, 0),
		    "openat": lambda m: libc.syscall(257, AT, p(path("openat%o" % m)), C, m | 1 << 40, 0, 0),
		    "creat": lambda m: libc.syscall(85, p(path("creat%o" % m)), m, 0, 0, 0, 0),
		    "openat2": lambda m: libc.syscall(437, AT, p(path("openat2%o" % m)), p(struct.pack("QQQ", C, m, 0)), 24, 0, 0),
		    "tmpfile": tmpfile,
		    "mknod": lambda m: libc.syscall(133, p(path("mknod%o" % m)), stat.S_IFREG | m, 0, 0, 0, 0),
		    "mknodat": lambda m: libc.syscall(259, AT, p(path("mknodat%o" % m)), stat.S_IFREG | m, 0, 0, 0),
		}
		for mode in 0o4755, 0o2755, 0o6711:
		    for name, way in ways.items():
		        way(mode)
		left = [f for f in os.scandir(sys.argv[1]) if f.stat().st_mode & 0o6000]
		for name, way in ways.items():
		    print(name, "open" if any(f.name.startswith(name.replace("file", "")) for f in left) else "shut")
	EOT
	mkdir left
	run -0 /usr/bin/python3 leave.py left
	all_open_but
	for who in $(callers); do
		rm -rf left
		mkdir left
		[[ $who == root ]] || chown 65534:65534 left
		want 0 "$who" run --quiet --allow-read="$PWD/left" --allow-write="$PWD/left" leave.py "$PWD/left"
		all_shut 11
		[[ -z $(find left -perm /6000) && -n $(find left -name 'chmod4755') ]]
	done
}

@test "a terminal that the caller lends takes no input from the program" {
	local who at
	requires /usr/bin/python3
	cat >type.py <<-'EOT'
		import fcntl, os
		ways = {"stdin": lambda: 0, "stderr": lambda: 2, "controlling": lambda: os.open("/dev/tty", os.O_RDWR)}
		for name, fd in ways.items():
		    for call, number, arg in ("sti", 0x5412, b"x"), ("linux", 0x541C, b"\x03"), ("sti64", 0x5412 | 1 << 32, b"x"):
		        try:
		            fcntl.ioctl(fd(), number & 0xFFFFFFFF, arg)
		            print(name, call, "open")
		        except OSError as e:
		            print(name, call, "shut")
	EOT
	run -0 python3 "$REPO/tests/bats/lib/withpty.py" /usr/bin/python3 type.py
	has "stdin sti open"
	for who in $(callers); do
		at=$HERE/root-$who
		ids=()
		[[ $who == root ]] || ids=("${USER_IDS[@]}")
		run -0 python3 "$REPO/tests/bats/lib/withpty.py" "${ids[@]}" "$PODSHIM" --root "$at" run --quiet --deny-net type.py
		all_shut 9
		run -0 python3 "$REPO/tests/bats/lib/withpty.py" "${ids[@]}" "$PODSHIM" --root "$at" run --quiet --allow-net type.py
		all_shut 9
	done
}

@test "a program that crashes writes its memory nowhere that it may not write itself" {
	local who
	requires /usr/bin/python3
	[[ $(cat /proc/sys/kernel/core_pattern) == core* ]] || skip "core files go to $(cat /proc/sys/kernel/core_pattern)"
	cat >crash.py <<-'EOT'
		import os, resource, sys
		os.chdir(sys.argv[1])
		resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2)
		os.abort()
	EOT
	mkdir at
	chmod 777 at
	(ulimit -c unlimited && run -134 /usr/bin/python3 crash.py at)
	[[ -n $(ls at) ]] || skip "no core files here"
	rm -f at/*
	ulimit -c unlimited
	for who in $(callers); do
		want 134 "$who" run --quiet --allow-read="$PWD" --cwd "$PWD" crash.py "$PWD/at"
		[[ -z $(ls -A at) ]]
		want 134 "$who" run --quiet --allow-read="$PWD" --allow-write="$PWD/at" --deny-write="$PWD/at" --cwd "$PWD" crash.py "$PWD/at"
		[[ -z $(ls -A at) ]]
	done
}

@test "keys, rings, handles, file notifications, namespaces: what else the kernel has" {
	local who
	requires /usr/bin/python3
	cat >lent.py <<-'EOT'
		import ctypes, os, sys
		libc = ctypes.CDLL(None, use_errno=True)
		def call(name, *args):
		    rc = libc.syscall(*[ctypes.c_long(a) if isinstance(a, int) else a for a in args])
		    print(name, "open" if rc >= 0 else "shut")
		buf = ctypes.create_string_buffer(4096)
		call("add_key", 248, b"user", b"podshim-test", b"x", 1, -2)
		call("request_key", 249, b"user", b"podshim-test", 0, -2)
		call("keyctl", 250, 0, -2, 1, 0, 0)
		call("io_uring", 425, 4, buf)
		call("bpf", 321, 5, buf, 72)
		call("userfaultfd", 323, 1)
		call("perf", 298, buf, 0, -1, -1, 0)
		call("fanotify-fd", 300, 0, 0)
		call("quotactl", 179, 0x800007 << 8, 0, 0, 0)
		call("fsopen", 430, b"tmpfs", 0)
		call("open_tree", 428, -100, b"/", 1)
		call("open_tree_attr", 467, -100, b"/", 1, 0, 0)
		call("fspick", 433, -100, b"/", 0)
		call("mount_setattr", 442, -100, b"/", 0, buf, 32)
		call("move_mount", 429, -100, b"/usr", -100, b"/tmp", 0)
		call("pivot_root", 155, b"/tmp", b"/tmp")
		call("swapon", 167, b"/dev/null", 0)
		call("acct", 163, b"/tmp/acct")
		call("newuser", 272, 0x10000000)
		call("newns", 272, 0x20000)
		call("newnet", 272, 0x40000000)
		call("clone3", 435, buf, 88)
		call("setns", 308, os.open("/proc/self/ns/uts", os.O_RDONLY), 0)
		call("pidfd_getfd", 438, libc.syscall(434, os.getpid(), 0), 0, 0)
		call("handle", 304, -100, buf, 0)
		call("memfd_secret", 447, 0)
		call("kexec", 246, 0, 0, 0, 0)
		call("iopl", 172, 3)
	EOT
	for who in $(callers); do
		want 0 "$who" run --quiet --allow-write=/tmp lent.py
		all_shut 28
	done
	run -0 /usr/bin/python3 -c "$(sed 's/.*\(kexec\|iopl\|quotactl\|pivot_root\|clone3\|acct\|swapon\|newuser\|newns\|newnet\).*//' lent.py)"
	has "add_key open"
	has "fsopen open"
	has "pidfd_getfd open"
	has "io_uring open"
}

@test "a flood of denials that are all different: each is told, and the supervisor does not grow" {
	local who peak
	requires gcc
	gcc -static -O2 -o flood -x c - <<-'EOT'
		#include <fcntl.h>
		#include <stdio.h>
		#include <unistd.h>
		int main(int argc, char **argv)
		{
			char path[4096];
			long n = 0;
			for (int i = 0; i < 50000; i++) {
				snprintf(path, sizeof(path), "%s/\033[31m\n%0200d", argv[argc - 1], i);
				n += open(path, O_WRONLY | O_CREAT, 0600) < 0;
			}
			printf("%ld\n", n);
			fflush(stdout);
			pause();
		}
	EOT
	for who in $(callers); do
		rm -f events
		touch events
		chmod 666 events
		start as "$who" run --quiet --audit events --allow-read="$PWD" -- ./flood "$PWD"
		wait_until 110 grep -qx 50000 "$HERE/started"
		whole() { (($(wc -l <events) == 50000)); }
		wait_until 30 whole
		[[ $(LC_ALL=C grep -cP '[\x00-\x1f\x7f]' events) == 0 ]]
		peak=$(for p in $(pgrep -f -- "--root $HERE/root-$who"; pgrep -f -- "--root $HERE/root-$who" | xargs -rn1 pgrep -P); do
			sed -n 's/^VmHWM:[[:space:]]*\([0-9]*\) kB/\1/p' "/proc/$p/status" 2>/dev/null || true
		done | sort -n | tail -1)
		((peak > 0 && peak < 32768)) || { echo "the largest process has had $peak kB" >&2; return 1; }
		kill "$(pgrep -P "${PIDS[-1]}")"
		wait "${PIDS[-1]}" || true
		[[ -z $(pgrep -f -- "--root $HERE/root-$who" || true) ]]
	done
}
