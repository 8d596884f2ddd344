#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Permissions under attack: programs that try every way round one.  Each attacker is also let loose without a policy, where
# its ways must be open: a way that fails everywhere would show nothing.

load ../bats/lib/common
load ../bats/lib/bundle
load ../bats/lib/requires
load ../bats/lib/wait
load lib/attack

setup() {
	common_setup
	requires root podshim jq setpriv
	# A user's own place, which he can reach.
	HERE=$(mktemp -d /tmp/podshim-perm.XXXXXX)
	chmod 755 "$HERE"
	cp "$PODSHIM" "$HERE/podshim"
	mkdir "$HERE/work" "$HERE/work/tmp"
	chown -R 65534:65534 "$HERE"
	cd "$HERE/work" || return
	unset "${!PODSHIM_@}"
	PODSHIM=$HERE/podshim
}
teardown() {
	common_teardown
	cd /
	[[ -z ${HERE:-} ]] || rm -rf "$HERE"
}

USER_IDS=(setpriv --reuid 65534 --regid 65534 --clear-groups env -u XDG_RUNTIME_DIR HOME=/nonexistent)

# as root|user ARG...: the runtime, of whose words only errors count.
as() {
	local who=()
	[[ $1 == root ]] || who=("${USER_IDS[@]}")
	shift
	"${who[@]}" timeout -k 5 60 "$PODSHIM" --root "$HERE/root-$EUID" "$@"
}
callers() {
	echo root
	if "${USER_IDS[@]}" unshare -Ur true 2>/dev/null; then
		echo user
	fi
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
		run -0 as "$who" run --quiet -A -- ./coder exec "$PWD/evil" /tmp "${LOADER[@]}" /bin/dash -c 'exit 42'
		# Its own /tmp is noexec, and another mount than its own file's.
		all_open_but memfd
		run -0 as "$who" run --quiet --allow-read --allow-write=/tmp -- ./coder exec "$PWD/evil" /tmp "${LOADER[@]}" /bin/dash -c 'exit 42'
		all_shut 13
		attacker_at . coder
		# Where programs and what is written are the same place.
		run -0 as "$who" run --quiet --allow-read --allow-write="$PWD" -- ./coder exec "$PWD/evil" "$PWD/tmp" "${LOADER[@]}" /bin/dash -c 'exit 42'
		all_shut 13
		attacker_at . coder
		run -0 as "$who" run --quiet --allow-read="$PWD" --allow-run="$PWD/evil" -- ./coder exec "$PWD/evil" /tmp
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

# ---- ffi ----

# Without a policy, too: no text of anybody's is writable to a neighbour's call.
@test "ffi: no memory becomes code, by any way, of a program without a bundle" {
	local who
	for who in $(callers); do
		attacker_at . coder
		run -0 as "$who" run --quiet --allow-read --allow-write=/tmp -- ./coder map /usr/bin/true
		all_shut 21
		run -0 as "$who" run --quiet --allow-all -- ./coder map /usr/bin/true
		has "mprotect open"
		has "shared-remap open"
		has "file open"
	done
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
		run -0 as "$who" run --quiet --allow-read="$PWD" --allow-ffi="$PWD/liblisted.so" -- /usr/bin/python3 load.py "$PWD/liblisted.so"
		is 42
		run -0 as "$who" run --quiet --allow-read="$PWD" --allow-ffi="$PWD/liblisted.so" -- /usr/bin/python3 load.py "$PWD/libother.so"
		has "failed to map segment from shared object"
		run -0 as "$who" run --quiet --allow-read="$PWD" --allow-ffi="$PWD/liblisted.so" --allow-write=/tmp -- \
			sh -c 'exit 0'
	done
}
