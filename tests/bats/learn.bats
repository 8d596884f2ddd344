#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# learn: a run, the flags that it takes, a run with these flags, and one that does something else.

load lib/callers
load lib/common
load lib/requires
load lib/wait

setup() {
	common_setup
	requires root podshim setpriv
	# A place of an ordinary user's, which is not below /tmp.
	open_place /var/tmp/podshim-learn.XXXXXX home
}
teardown() {
	[[ -z ${SERVER:-} ]] || kill "$SERVER"
	ROOT=$HERE/root
	common_teardown
	close_place
}

as() { # as root|user ARG...
	local who=()
	[[ $1 == root ]] || who=("${USER_IDS[@]}")
	shift
	"${who[@]}" "$HERE/podshim" --root "$HERE/root" "$@"
}
both() { # both FUNCTION: for each kind of caller
	"$1" root
	rm -rf "$HERE/root" learned bundle
	can_userns
	"$1" user
}
# A program has no capabilities: what it writes in is its caller's.
owned() { # owned WHO PATH...
	if [[ $1 == root ]]; then chown -R 0:0 "${@:2}"; else chown -R 65534:65534 "${@:2}"; fi
}
flags() { # of what was learned, as words
	eval "FLAGS=($(cat learned/flags.txt))"
}
has() {
	[[ $output == *"$1"* ]] || { printf 'no "%s" in:\n%s\n' "$1" "$output" >&2 && return 1; }
}
lacks() {
	[[ $output != *"$1"* ]] || { printf '"%s" in:\n%s\n' "$1" "$output" >&2 && return 1; }
}

learns_pipeline() {
	echo 'main one' >in.txt
	echo 'main two' >other.txt
	# shellcheck disable=SC2016
	local program=(sh -c 'cat "$0" | grep main | wc -l')
	run -0 --separate-stderr as "$1" learn -o learned -- "${program[@]}" in.txt
	[[ $output == "--allow-read=$PWD/in.txt --allow-run="*/cat,*/grep,*/wc ]]
	[[ $output == "$(cat learned/flags.txt)" ]]
	[[ $stderr == *"learned 4 entries from 1 run; 0 accesses refused"* ]]
	flags
	run -0 as "$1" run "${FLAGS[@]}" -- "${program[@]}" in.txt
	[[ $output == 1 ]]
	run as "$1" run "${FLAGS[@]}" -- "${program[@]}" other.txt
	has other.txt
	has 0
	run as "$1" run "${FLAGS[@]}" -- sh -c 'ls in.txt'
	((status != 0))
}
@test "a pipeline of a shell: its files and programs, and no others" {
	both learns_pipeline
}

learns_python() {
	requires python3
	local port
	echo data >in.txt
	mkdir -p out
	owned "$1" out
	cat >fetch.py <<-'EOF'
		import socket, sys
		print(open("in.txt").read().strip())
		s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
		open("out/" + sys.argv[2], "w").write("x")
		print("done")
	EOF
	if [[ -z ${SERVER:-} ]]; then
		python3 -c 'import socket, time
a, b = (socket.create_server(("127.0.0.1", 0)) for i in range(2))
print(a.getsockname()[1], b.getsockname()[1], flush=True)
time.sleep(600)' >"$HERE/ports" 3>&- &
		SERVER=$!
		wait_until 5 test -s "$HERE/ports"
	fi
	read -r port other <"$HERE/ports"
	# Without flags nothing is written or reached, and what would have been is named.
	run -1 as "$1" learn -o learned fetch.py "$port" new
	has "net   127.0.0.1:$port  not given in this run; to learn it: --allow-net=127.0.0.1:$port"
	run -0 --separate-stderr as "$1" learn -o learned --allow-net --allow-write=out fetch.py "$port" new
	[[ $output == "--allow-read=$PWD/in.txt --allow-write=$PWD/out --allow-net=127.0.0.1:$port" ]]
	[[ $stderr == *data*done*"from 2 runs; 0 accesses refused"* ]]
	[[ $(cat learned/learned.txt) == *"read  $PWD/in.txt  in 2 of 2 runs: high"*"net   127.0.0.1:$port  in 1 of 2 runs: medium"* ]]
	flags
	run -0 as "$1" run "${FLAGS[@]}" fetch.py "$port" newer
	has done
	run -0 as "$1" run --policy learned/policy.json fetch.py "$port" newest
	has done
	run -1 as "$1" run "${FLAGS[@]}" fetch.py "$other" newer
	has "Permission denied"
	run -1 as "$1" run "${FLAGS[@]}" fetch.py "$port" ../elsewhere
	has elsewhere
	rm -rf out
}
@test "a script: what it reads, writes and connects to, in two runs" {
	both learns_python
}

learns_node() {
	requires node
	echo '{"a": 1}' >conf.json
	echo '{}' >other.json
	echo 'console.log(require("fs").readFileSync(process.argv[2], "utf8").length)' >read.js
	run -0 as "$1" learn -o learned read.js conf.json
	has --jit
	flags
	run -0 as "$1" run "${FLAGS[@]}" read.js conf.json
	has 9
	run as "$1" run "${FLAGS[@]}" read.js other.json
	((status != 0))
	has other.json
}
@test "accesses that no event tells of are said" {
	run -0 podshim learn -o learned -- true
	lacks "to be learned from"
	echo '{"v":1,"seq":9,"type":"audit","id":"other","kind":"drop","count":7}' >>learned/audit.jsonl
	run -0 podshim learn -o learned -- true
	has "podshim: 7 accesses came too fast, or were too many, to be learned from: it may take more than this"
}

@test "node: it makes code at run time" {
	both learns_node
}

learns_gcc() {
	requires gcc
	mkdir -p src
	echo 'int main(void) { return 7; }' >src/x.c
	cp src/x.c other.c
	owned "$1" src
	run -0 as "$1" learn -o learned --allow-write=src -- gcc -o src/x src/x.c
	flags
	rm -f src/x
	run -0 as "$1" run "${FLAGS[@]}" -- gcc -o src/x src/x.c
	run -7 src/x
	run as "$1" run "${FLAGS[@]}" -- gcc -o src/y other.c
	((status != 0))
	rm -rf src
}
@test "a compiler: the programs that it starts, and their files" {
	both learns_gcc
}

@test "a bundle: its own files" {
	requires busybox jq
	mkdir -p b/rootfs/{bin,data,proc,dev}
	cp "$(command -v busybox)" b/rootfs/bin/busybox
	ln -s busybox b/rootfs/bin/sh
	ln -s busybox b/rootfs/bin/cat
	echo one >b/rootfs/data/one
	echo two >b/rootfs/data/two
	as root spec -b b
	jq '.process.terminal = false | .process.args = ["sh", "-c", "cat /data/one"]' b/config.json >config && mv config b/config.json
	run -0 --separate-stderr as root learn -o learned b
	[[ $output == --allow-read=/data/one ]]
	run -0 as root run --policy learned/policy.json b
	[[ $output == one ]]
	# The same, said by the bundle itself.
	run -0 as root run -f learned/config.json -b b "$CID"
	[[ $output == one ]]
	jq '.process.args[2] = "cat /data/two"' learned/config.json >other.json
	run -1 as root run -f other.json -b b "$CID"
	has "can't open '/data/two'"
	jq '.process.args[2] = "cat /data/two"' b/config.json >config && mv config b/config.json
	run -1 as root run --policy learned/policy.json b
	has "can't open '/data/two'"
}

@test "keys are out of reach, and never granted" {
	mkdir -p home/.ssh
	echo secret >home/.ssh/id_rsa
	echo plain >home/plain
	export HOME=$PWD/home
	run as root learn -o learned -- sh -c 'cat home/.ssh/id_rsa; cat home/plain'
	lacks secret
	has plain
	has "read  $HOME/.ssh"
	has "protected: SSH keys"
	[[ $(cat learned/flags.txt) != *.ssh* ]]
	run as root learn -o learned --allow-read="$HOME/.ssh" -- cat home/.ssh/id_rsa
	lacks secret
	[[ $(cat learned/flags.txt) != *.ssh* ]]
}

@test "what changes a folder, and a config.json that runs as a bundle's" {
	mkdir -p out keep
	touch out/a
	run -0 as root learn -o learned --allow-write=. -- sh -c 'mkdir -p out/d && mv out/a out/b && rm out/b && rmdir out/d'
	has "--allow-write=$PWD/out "
	lacks "$PWD/keep"
	flags
	touch out/a
	run -0 as root run "${FLAGS[@]}" -- sh -c 'mkdir -p out/d && mv out/a out/b && rm out/b && rmdir out/d'
	run as root run "${FLAGS[@]}" -- sh -c 'mkdir keep/d'
	((status != 0))
	jq -e '.process.args[0]' learned/config.json
	jq -e --arg d "$PWD/out" 'any(.mounts[]; .destination == $d)' learned/config.json
}

# again WHO FLAG...: what was learned, as a bundle with its own filter.
again() {
	mkdir -p bundle
	cp learned/config.json bundle/config.json
	as "$1" run "${@:2}" bundle
}
# instead WHO WORD...: the same bundle with another program.
instead() {
	local words
	words=$(printf '%s\n' "${@:2}" | jq -R . | jq -s .)
	jq --argjson w "$words" '.process.args = $w' learned/config.json >bundle/config.json
	as "$1" run bundle
}
calls() { # have NAME / lack NAME
	jq -e --arg n "$2" '[.syscalls[].names[]] | index($n) '"$([[ $1 == have ]] && echo '!=' || echo '==') null" learned/seccomp.json >/dev/null
}

learns_calls() {
	requires jq busybox python3
	run -0 as "$1" learn -o learned -- sh -c 'echo a | cat | wc -l'
	jq -e '.defaultAction == "SCMP_ACT_ERRNO" and .defaultErrnoRet == 38' learned/seccomp.json
	jq -e --slurpfile s learned/seccomp.json '.linux.seccomp == $s[0] and .process.noNewPrivileges' learned/config.json
	calls have execve
	calls have pipe2 || calls have pipe
	calls lack mkdir
	calls lack seccomp
	calls lack capset
	run -0 again "$1"
	[[ $output == 1 ]]
	run instead "$1" mkdir /tmp/made
	((status != 0))
	has "Function not implemented"
	rm -rf learned
	run -0 as "$1" learn -o learned -- busybox sh -c 'i=0; while [ $i -lt 3 ]; do i=$((i+1)); echo $i; done'
	calls lack openat2
	run -0 again "$1"
	[[ $output == *3 ]]
	run instead "$1" busybox ln -s a /tmp/link
	((status != 0))
	has "Function not implemented"
	rm -rf learned
	run -0 as "$1" learn -o learned -- python3 -c 'import json, threading; threading.Thread(target=print, args=("deep",)).start()'
	run -0 again "$1"
	[[ $output == deep ]]
	run -1 instead "$1" python3 -c 'import os; os.symlink("a", "/tmp/link")'
	has "Function not implemented"
}
@test "the system calls of a program: a filter that lets these happen, and no others" {
	both learns_calls
}

learns_curl() {
	requires curl jq python3
	local port
	mkdir -p www
	echo page >www/page
	if [[ -z ${SERVER:-} ]]; then
		python3 -u -m http.server --bind 127.0.0.1 --directory www 0 >"$HERE/ports" 2>&1 3>&- &
		SERVER=$!
		wait_file "$HERE/ports" "Serving HTTP"
	fi
	port=$(sed -n 's/.* port \([0-9]*\) .*/\1/p' "$HERE/ports")
	run -0 --separate-stderr as "$1" learn -o learned --allow-net -- curl -s "http://127.0.0.1:$port/page"
	calls have connect
	calls lack bind
	run -0 again "$1" --policy learned/policy.json
	[[ $output == page ]]
	# What another run calls is added.
	mkdir -p out
	owned "$1" out
	run -0 as "$1" learn -o learned --allow-net --allow-write=out -- sh -c "mkdir out/made && rmdir out/made"
	calls have connect
	calls have rmdir
}
@test "the system calls of curl, and those of a second run" {
	both learns_curl
}

@test "system calls: a bundle's own filter gets narrower, one that allows by default stays" {
	requires busybox jq
	mkdir -p b/rootfs/{bin,data,proc,dev}
	cp "$(command -v busybox)" b/rootfs/bin/busybox
	ln -s busybox b/rootfs/bin/sh
	as root spec -b b
	jq '.process.terminal = false | .process.noNewPrivileges = false | .process.args = ["sh", "-c", "echo one"] |
		.linux.seccomp = { defaultAction: "SCMP_ACT_ALLOW", syscalls: [{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 13 }] }' \
		b/config.json >open.json
	cp open.json b/config.json
	run -0 --separate-stderr as root learn -o learned b
	[[ $stderr == *"config.json keeps its own linux.seccomp, which allows what it does not name; seccomp.json is the list"* ]]
	jq -e --slurpfile o open.json '.linux.seccomp == $o[0].linux.seccomp' learned/config.json
	# A list of the same document, with more in it than is called, and a condition.
	jq --slurpfile s learned/seccomp.json '.linux.seccomp = ($s[0] | .defaultErrnoRet = 1 |
		.syscalls[0].names += ["mkdir", "mkdirat"] | .syscalls[0].names -= ["ioctl"] |
		.syscalls += [{ names: ["ioctl", "swapon"], action: "SCMP_ACT_ALLOW", args: [{ index: 1, value: 21523, op: "SCMP_CMP_EQ" }] },
			{ names: ["swapoff"], action: "SCMP_ACT_ALLOW" }, { names: ["reboot"], action: "SCMP_ACT_KILL" }])' open.json >b/config.json
	jq '.process.args[2] = "ls >/dev/null; mkdir /x; echo one"' b/config.json >with.json
	rm -rf learned
	run -0 --separate-stderr as root learn -o learned b
	jq -e '.linux.seccomp.defaultErrnoRet == 1 and ([.linux.seccomp.syscalls[].names[]] | (index("mkdir") == null) and
		(index("swapon") == null) and (index("swapoff") == null) and (index("reboot") != null) and (index("execve") != null))' learned/config.json
	jq -e '.process.noNewPrivileges' learned/config.json
	run -0 as root run -f learned/config.json -b b "$CID"
	[[ $output == one ]]
	jq '.process.args[2] = "mkdir /proc/x; echo two"' learned/config.json >other.json
	run as root run -f other.json -b b "$CID"
	has "Operation not permitted"
}

@test "system calls that no kernel has are the program's own business" {
	requires python3
	run -0 as root learn -o learned -- python3 -c 'import ctypes
libc = ctypes.CDLL(None, use_errno=True)
for n in (500, 511, 512, 1000, 100000):
    assert libc.syscall(n) == -1 and ctypes.get_errno() == 38, n
for i in range(20000):
    libc.syscall(39)
print("done")'
	has done
	calls have getpid
}

@test "without -o nothing stays; the status is the program's; a missing program is said" {
	run -7 --separate-stderr as root learn -- sh -c 'exit 7'
	[[ $output == "" ]]
	[[ -z $(compgen -G '/tmp/podshim-learn.*' || true) ]]
	run -1 as root learn -o learned -- no-such-program-anywhere
	has "program 'no-such-program-anywhere' was not found in PATH"
}
