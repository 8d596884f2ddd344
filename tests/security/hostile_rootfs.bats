#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The root file system is the attacker's: whatever it holds, the host stays as it was and nothing hangs.

load ../bats/lib/common
load ../bats/lib/bundle
load ../bats/lib/requires
load ../bats/lib/wait

setup() {
	common_setup
	requires root
	new_bundle true
	# What an escape would touch.
	HOST=$BATS_TEST_TMPDIR/host
	mkdir -p "$HOST/dir/sub"
	echo original >"$HOST/file"
	BEFORE=$(host_picture)
}
teardown() {
	common_teardown
}

host_picture() {
	find "$HOST" -printf '%P %y %m %U:%G %s %l\n' | sort
	cat "$HOST/file"
	stat -c '%n %a %u:%g %t:%T' /dev/null /dev/console /dev/ptmx /etc/passwd 2>/dev/null
	grep -F "$HOST" /proc/self/mountinfo
	return 0
}

# The container may be made or refused; the host must not change, nothing may hang or crash, nothing may stay.
survives() { # survives [FLAG...]
	run timeout -k 2 20 "$PODSHIM" --root "$ROOT" run -b "$BUNDLE" "$@" "$CID" </dev/null
	printf 'exit status %d: %s\n' "$status" "$output" >&2
	[[ $status != 124 && $status != 139 && $status != 134 ]]
	[ "$(host_picture)" = "$BEFORE" ]
	assert_nothing_left
}
replace() { # replace PATH TARGET: a symlink in place of what is there
	rm -rf "${ROOTFS:?}/$1"
	mkdir -p "$(dirname "$ROOTFS/$1")"
	ln -s "$2" "$ROOTFS/$1"
}
only_mounts() { # keep the mounts whose destination matches
	config --arg re "$1" '.mounts |= map(select(.destination | test($re)))'
}

@test "/dev is a symlink to a host folder" {
	local target
	for target in "$HOST/dir" "../../../../../../../../../../$HOST/dir" /proc/self/fd/3 /proc/1/root/"$HOST"/dir; do
		replace dev "$target"
		survives
	done
}

@test "/dev is a symlink, and nothing is mounted there" {
	only_mounts '^/proc$'
	config '.root.readonly = false'
	local target
	for target in "$HOST/dir" "../../../../../../../../../../$HOST/dir"; do
		replace dev "$target"
		survives
	done
}

@test "/proc and /sys are symlinks" {
	local d
	for d in proc sys; do
		replace "$d" "$HOST/dir"
		survives
		rm "$ROOTFS/$d"
		replace "$d" "../../../../../../../../../../$HOST/dir"
		survives
		rm "$ROOTFS/$d"
		mkdir "$ROOTFS/$d"
	done
}

@test "/proc or /sys as a symlink is refused, not followed" {
	replace proc /tmp
	run podshim run -b "$BUNDLE" "$CID" </dev/null
	[ "$status" -ne 0 ]
	has /proc
}

@test "a mount target behind a symlink stays inside" {
	config '.root.readonly = false | .mounts += [{destination: "/link/x/y", type: "tmpfs", source: "tmpfs"},
		{destination: "/abs", type: "tmpfs", source: "tmpfs"}, {destination: "/up/dir", type: "tmpfs", source: "tmpfs"}]'
	replace link "../../../../../../../../../../$HOST/dir"
	replace abs "$HOST/dir"
	replace up "../../../../../../../../../..$HOST"
	survives
}

@test "a bind mount of a file onto a symlink" {
	echo mine >"$BATS_TEST_TMPDIR/mine"
	config --arg s "$BATS_TEST_TMPDIR/mine" '.root.readonly = false | .mounts += [{destination: "/etc/target", type: "bind", source: $s, options: ["bind"]}]'
	replace etc/target "$HOST/file"
	survives
	replace etc/target "../../../../../../../../../../$HOST/newfile"
	survives
	replace etc/target /dev/null
	survives
}

@test "device nodes in place of device nodes" {
	only_mounts '^/(proc|sys)$'
	config '.root.readonly = false'
	local d
	for d in null zero full random urandom tty ptmx console fd stdin; do
		rm -rf "$ROOTFS/dev"
		mkdir "$ROOTFS/dev"
		ln -s "$HOST/file" "$ROOTFS/dev/$d"
		survives
		rm "$ROOTFS/dev/$d"
		ln -s "../../../../../../../../../../$HOST/new-$d" "$ROOTFS/dev/$d"
		survives
	done
}

@test "/dev/null of the image is another device: masks must not use it" {
	only_mounts '^/(proc|sys)$'
	config '.root.readonly = false | .linux.maskedPaths += ["/etc/passwd"]'
	rm -rf "$ROOTFS/dev"
	mkdir "$ROOTFS/dev"
	ln -s /etc/group "$ROOTFS/dev/null"
	shell 'cat /etc/passwd'
	run podshim run -b "$BUNDLE" "$CID" </dev/null
	# Either refused, or masked for good: never something else mounted there.
	lacks root:
	[ "$(host_picture)" = "$BEFORE" ]
}

@test "masked and read-only paths that are symlinks" {
	config '.linux.maskedPaths += ["/mask/file", "/mask/dir", "/direct"] | .linux.readonlyPaths += ["/ro/dir", "/direct2"]'
	replace mask "../../../../../../../../../..$HOST"
	replace direct "$HOST/file"
	replace ro "$HOST"
	replace direct2 "../../../../../../../../../..$HOST/dir"
	survives
	[ "$(cat "$HOST/file")" = original ]
	touch "$HOST/dir/still-writable"
}

@test "maskedPaths through a symlink mask what it leads to inside" {
	echo secret >"$ROOTFS/etc/secret"
	ln -s etc "$ROOTFS/alias"
	config '.linux.maskedPaths += ["/alias/secret"]'
	shell 'cat /etc/secret'
	run podshim run -b "$BUNDLE" "$CID" </dev/null
	lacks secret$'\n'
}

@test "linux.devices below a symlink" {
	config '.root.readonly = false | .linux.devices = [{path: "/out/node", type: "c", major: 1, minor: 3, fileMode: 511}, {path: "/dev/../out2/node", type: "c", major: 1, minor: 5}]'
	replace out "../../../../../../../../../..$HOST/dir"
	replace out2 "$HOST/dir"
	survives
}

@test "the working directory is a way out" {
	local target
	for target in /proc/self/fd/3 /proc/self/fd/7 /proc/1/cwd /proc/self/cwd/../../.. "../../../../../..$HOST"; do
		replace way "$target"
		config '.process.cwd = "/way"'
		payload sh -c 'pwd; cat file 2>/dev/null; ls'
		exec 7<"$HOST"
		run timeout -k 2 20 "$PODSHIM" --root "$ROOT" run -b "$BUNDLE" "$CID" </dev/null
		exec 7<&-
		printf '%s: %s %s\n' "$target" "$status" "$output" >&2
		lacks original
		[ "$(host_picture)" = "$BEFORE" ]
	done
}

@test "/etc/passwd is a fifo, a device, a huge line, a loop, a folder" {
	config '.process.env = ["PATH=/bin"] | .process.user.uid = 1000'
	local kind
	for kind in fifo zero loop folder dangling proc; do
		rm -rf "$ROOTFS/etc/passwd"
		case $kind in
		fifo) mkfifo "$ROOTFS/etc/passwd" ;;
		zero) mknod "$ROOTFS/etc/passwd" c 1 5 ;;
		loop) ln -s passwd "$ROOTFS/etc/passwd" ;;
		folder) mkdir "$ROOTFS/etc/passwd" ;;
		dangling) ln -s /nowhere "$ROOTFS/etc/passwd" ;;
		proc) ln -s /proc/self/mem "$ROOTFS/etc/passwd" ;;
		esac
		echo "$kind" >&2
		survives
	done
	rm -f "$ROOTFS/etc/passwd"
	head -c 20000000 /dev/zero | tr '\0' x >"$ROOTFS/etc/passwd"
	survives
}

@test "the program is a fifo, a folder, a device, a symlink loop, a symlink out" {
	local kind
	for kind in fifo folder device loop out; do
		rm -rf "$ROOTFS/prog"
		case $kind in
		fifo) mkfifo -m 755 "$ROOTFS/prog" ;;
		folder) mkdir "$ROOTFS/prog" ;;
		device) mknod -m 755 "$ROOTFS/prog" c 1 5 ;;
		loop) ln -s prog "$ROOTFS/prog" ;;
		out) ln -s "../../../../../../../../../..$HOST/file" "$ROOTFS/prog" ;;
		esac
		payload /prog
		survives
		[ "$status" -ne 0 ]
	done
}

@test "tmpcopyup of a tree of traps" {
	mkdir -p "$ROOTFS/data"
	mkfifo "$ROOTFS/data/fifo"
	mknod "$ROOTFS/data/zero" c 1 5
	ln -s "$HOST/file" "$ROOTFS/data/abs"
	ln -s "../../../../../../../..$HOST/dir" "$ROOTFS/data/up"
	chmod 4755 "$ROOTFS/data"
	config '.mounts += [{destination: "/data", type: "tmpfs", source: "tmpfs", options: ["tmpcopyup"]}]'
	survives
}

@test "very deep and very long paths" {
	local deep
	deep=$(printf 'd/%.0s' {1..500})
	mkdir -p "$ROOTFS/$deep"
	config --arg d "/$deep" '.mounts += [{destination: $d, type: "tmpfs", source: "tmpfs"}] | .process.cwd = $d'
	survives
	config --arg d "/$(printf 'x%.0s' {1..5000})" '.process.cwd = $d'
	survives
	[ "$status" -ne 0 ]
}

@test "exec: hostile /etc/passwd and cwd in a running container" {
	config '.root.readonly = false'
	start_sleeper
	rm "$ROOTFS/etc/passwd"
	mkfifo "$ROOTFS/etc/passwd"
	run timeout -k 2 10 "$PODSHIM" --root "$ROOT" exec --user 1000 "$CID" true </dev/null
	[ "$status" != 124 ]
	ln -s /proc/self/fd/7 "$ROOTFS/way"
	exec 7<"$HOST"
	run timeout -k 2 10 "$PODSHIM" --root "$ROOT" exec --cwd /way "$CID" cat file </dev/null
	exec 7<&-
	lacks original
	[ "$(host_picture)" = "$BEFORE" ]
}

@test "targets that are exchanged with symlinks while containers are made" {
	requires podshim python3
	mkdir -p "$ROOTFS/a/b" "$ROOTFS/race"
	ln -s "../../../../../../../../../..$HOST" "$ROOTFS/race/link"
	ln -s "$HOST/dir" "$ROOTFS/race/abs"
	config '.root.readonly = false | .mounts += [{destination: "/a/b/dir", type: "tmpfs", source: "tmpfs"}, {destination: "/a/b/file2", type: "tmpfs", source: "tmpfs"}]
		| .linux.maskedPaths += ["/a/b/file", "/a/b/dir"] | .linux.readonlyPaths += ["/a/b"] | .linux.devices = [{path: "/a/b/node", type: "c", major: 1, minor: 3}]'
	python3 "$BATS_TEST_DIRNAME/exchange.py" "$ROOTFS/a/b" "$ROOTFS/race/link" "$ROOTFS/a" "$ROOTFS/race/abs" 3>&- &
	local attacker=$! i
	for i in {1..60}; do
		timeout -k 2 20 "$PODSHIM" --root "$ROOT" run -b "$BUNDLE" "$CID-$i" </dev/null >"$OUT" 2>&1 3>&- || [ $? != 124 ]
	done
	kill "$attacker"
	wait "$attacker" || true
	[ "$(host_picture)" = "$BEFORE" ]
	assert_nothing_left
}
