#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A root file system made by an attacker: whatever is in it, nothing of the host is created, changed or mounted over.
# CVE-2019-16884, 2019-19921, 2021-30465, 2023-27561, 2024-45310, 2025-31133, 2025-52565, 2026-41579 and their kin.

load ../bats/lib/common
load ../bats/lib/bundle
load ../bats/lib/requires
load ../bats/lib/wait
load lib/attack

setup() {
	common_setup
	requires root podshim jq
	new_bundle true
	config '.root.readonly = false'
	make_canary
}
teardown() {
	common_teardown
}

# Ways to point from PATH of the rootfs to a path of the host.
link_styles=(absolute up self_root init_root chain)
point() { # point STYLE PATH TARGET
	rm -rf "${ROOTFS:?}/$2"
	mkdir -p "$(dirname "$ROOTFS/$2")"
	case $1 in
	absolute) ln -s "$3" "$ROOTFS/$2" ;;
	up) ln -s "../../../../../../../../../../../../../../..$3" "$ROOTFS/$2" ;;
	self_root) ln -s "/proc/self/root$3" "$ROOTFS/$2" ;;
	init_root) ln -s "/proc/1/root$3" "$ROOTFS/$2" ;;
	chain)
		rm -f "$ROOTFS"/hop*
		ln -s "/hop2/..$3" "$ROOTFS/$2"
		ln -s "../../../../../../../../../../../../../../.." "$ROOTFS/hop2"
		;;
	esac
}

# The bundle is run: a clear error or a container, but the host is as before and nothing stays.
harmless() {
	bounded run -b "$BUNDLE" "$CID"
	if ((status != 0)); then
		one_error_line || return 1
	fi
	assert_canary && assert_nothing_left
}

@test "the canary notices a new file, a changed one and a mount" {
	touch "$CANARY/dir/new"
	run ! assert_canary
	rm "$CANARY/dir/new"
	bless_canary
	chmod 0600 "$CANARY/file"
	run ! assert_canary
	bless_canary
	run unshare -m --propagation private bash -c \
		"$(declare -f canary_state); mount -t tmpfs tmpfs $CANARY/empty; canary_state"
	[ "$status" = 0 ]
	[ "$output" != "$CANARY_BEFORE" ]
}

@test "/dev, /proc, /sys and their parts are links to the host" {
	local style path
	for style in "${link_styles[@]}"; do
		for path in dev proc sys dev/pts dev/shm dev/mqueue sys/fs sys/fs/cgroup; do
			rm -rf "$ROOTFS"
			copy_rootfs "$ROOTFS"
			point "$style" "$path" "$CANARY/dir"
			harmless || { echo "$path: $style" >&2; return 1; }
		done
	done
}

@test "/dev, /proc, /sys are links to the host's own" {
	local style path
	for style in "${link_styles[@]}"; do
		for path in dev proc sys; do
			rm -rf "$ROOTFS"
			copy_rootfs "$ROOTFS"
			point "$style" "$path" "/$path"
			harmless || { echo "$path: $style" >&2; return 1; }
		done
	done
}

@test "without mounts of the configuration: devices and links of /dev go nowhere else" {
	local style
	config '.mounts = []'
	for style in "${link_styles[@]}"; do
		rm -rf "$ROOTFS"
		copy_rootfs "$ROOTFS"
		point "$style" dev "$CANARY/empty"
		harmless || { echo "$style" >&2; return 1; }
	done
}

@test "targets of mounts are links to the host: folders, files, and what has to be made" {
	local style target
	echo of-the-mount >"$BATS_TEST_TMPDIR/source"
	config --arg s "$BATS_TEST_TMPDIR/source" '.mounts += [
		{destination: "/data", type: "tmpfs", source: "tmpfs"},
		{destination: "/data2/new/er", type: "tmpfs", source: "tmpfs"},
		{destination: "/etc/resolv.conf", type: "bind", source: $s, options: ["bind", "ro"]},
		{destination: "/etc/made/hosts", type: "bind", source: $s, options: ["bind"]}]'
	for style in "${link_styles[@]}"; do
		for target in data data2 data2/new etc/resolv.conf etc etc/made; do
			rm -rf "$ROOTFS"
			copy_rootfs "$ROOTFS"
			case $target in
			etc/resolv.conf) point "$style" "$target" "$CANARY/file" ;;
			*) point "$style" "$target" "$CANARY/dir" ;;
			esac
			harmless || { echo "$target: $style" >&2; return 1; }
		done
	done
}

@test "copied-up tmpfs: links in the tree are copied as links" {
	mkdir "$ROOTFS/up"
	ln -s "$CANARY/file" "$ROOTFS/up/file"
	ln -s "$CANARY/dir" "$ROOTFS/up/dir"
	config '.mounts += [{destination: "/up", type: "tmpfs", source: "tmpfs", options: ["tmpcopyup"]}]'
	shell 'test -L /up/file && test -L /up/dir && test ! -e /up/file && echo links'
	harmless
	is links
}

@test "/dev of the image: a device with other numbers, a file, a link" {
	config '.mounts |= map(select(.destination | startswith("/dev") | not))'
	mkdir -p "$ROOTFS/dev"
	mknod "$ROOTFS/dev/null" c 1 5
	harmless
	has "/dev/null"
	has "there already"
	rm "$ROOTFS/dev/null"
	echo text >"$ROOTFS/dev/null"
	harmless
	has "there already"
	rm "$ROOTFS/dev/null"
	ln -s "$CANARY/file" "$ROOTFS/dev/null"
	harmless
	has "there already"
	rm "$ROOTFS/dev/null"
	ln -s "$CANARY/new" "$ROOTFS/dev/zero"
	harmless
	has "there already"
	[ ! -e "$CANARY/new" ]
}

@test "/dev of the image: the right devices are taken as they are" {
	config '.mounts |= map(select(.destination | startswith("/dev") | not))'
	mkdir -p "$ROOTFS/dev"
	mknod -m 600 "$ROOTFS/dev/null" c 1 3
	harmless
	[ "$status" = 0 ]
	[ "$(stat -c %a "$ROOTFS/dev/null")" = 600 ]
}

with_terminal() { # with_terminal: run in a terminal of its own, outcome in $status and $output
	status=0
	timeout -k 5 30 script -qec "'$PODSHIM' --root '$ROOT' run -b '$BUNDLE' '$CID'" /dev/null \
		</dev/null >"$OUT.tty" 2>&1 3>&- || status=$?
	output=$(tr -d '\r' <"$OUT.tty")
	echo "terminal: $status $output" >&2
	((status != 124))
}

@test "/dev/console of the image: a link, a fifo, a folder; only a file or a device is covered" {
	requires script
	config '.process.terminal = true | .mounts |= map(select(.destination != "/dev"))'
	mkdir -p "$ROOTFS/dev"
	local what
	for what in "ln -s $CANARY/file" "ln -s $CANARY/new" "ln -s ../../../../../../../..$CANARY/file" mkfifo mkdir; do
		rm -rf "$ROOTFS/dev/console"
		$what "$ROOTFS/dev/console"
		with_terminal
		[ "$status" = 1 ]
		has "/dev/console"
		assert_canary
		assert_nothing_left
	done
	rm -rf "$ROOTFS/dev/console"
	: >"$ROOTFS/dev/console"
	with_terminal
	[ "$status" = 0 ]
	assert_canary
}

@test "/dev/pts of the image is no devpts: no terminal from it" {
	requires script
	config '.process.terminal = true | .mounts |= map(select(.destination != "/dev/pts" and .destination != "/dev"))'
	mkdir -p "$ROOTFS/dev/pts"
	mknod "$ROOTFS/dev/pts/ptmx" c 5 2
	with_terminal
	[ "$status" = 1 ]
	has "no devpts"
	rm "$ROOTFS/dev/pts/ptmx"
	ln -s "$CANARY/file" "$ROOTFS/dev/pts/ptmx"
	with_terminal
	[ "$status" = 1 ]
	has "no devpts"
	assert_canary
	assert_nothing_left
}

@test "masked paths: the null device comes from the host, the target may be a link" {
	local style
	config '.linux.maskedPaths += ["/masked"] | .linux.readonlyPaths += ["/readonly"]'
	for style in "${link_styles[@]}"; do
		rm -rf "$ROOTFS"
		copy_rootfs "$ROOTFS"
		point "$style" masked "$CANARY/file"
		point "$style" readonly "$CANARY/dir"
		harmless || { echo "$style" >&2; return 1; }
		point "$style" masked /proc/sys/kernel/core_pattern
		harmless || { echo "core_pattern: $style" >&2; return 1; }
	done
	# CVE-2025-31133: /dev/null of the image is a link to something worth writing to; what masks is the real one.
	config '.mounts |= map(select(.destination != "/dev" and (.destination | startswith("/dev/") | not)))'
	rm -rf "$ROOTFS"
	copy_rootfs "$ROOTFS"
	ln -s /proc/sys/kernel/core_pattern "$ROOTFS/dev/null"
	: >"$ROOTFS/masked"
	shell 'stat -c %F,%t:%T /masked'
	harmless
	((status != 0)) || is "character special file,1:3"
}

@test "/etc/passwd is a fifo, an endless device, huge, a folder, a link out: HOME falls back" {
	local what
	shell 'echo "home $HOME"'
	printf 'root:x:0:0::/of/the/host:/bin/sh\n' >"$CANARY/dir/file"
	bless_canary
	for what in mkfifo mkdir "mknod -m 644 %s c 1 5" "mknod -m 644 %s c 1 8" "truncate -s 8G" \
		"ln -s $CANARY/dir/file" "ln -s ../../../../../../../../..$CANARY/dir/file" "ln -s /proc/kmsg" "ln -s passwd"; do
		rm -rf "$ROOTFS/etc/passwd"
		case $what in
		*%s*) ${what/\%s/$ROOTFS/etc/passwd} ;;
		*) $what "$ROOTFS/etc/passwd" ;;
		esac
		harmless || { echo "$what" >&2; return 1; }
		[ "$status" = 0 ]
		is "home /"
	done
}

@test "the working directory is a link out, or goes through /proc" {
	local style cwd
	payload pwd
	config '.process.cwd = "/work"'
	for style in "${link_styles[@]}"; do
		point "$style" work "$CANARY/dir"
		shell 'ls -a; pwd'
		harmless || { echo "$style" >&2; return 1; }
		lacks sub
	done
	# CVE-2024-21626: a descriptor of the caller as the way out.
	for cwd in /proc/self/fd/9 /proc/self/fd/9/sub /proc/self/fd/9/../ /proc/1/fd/9 /proc/self/cwd /proc/self/root; do
		config --arg c "$cwd" '.process.cwd = $c'
		harmless 9<"$CANARY/dir" || { echo "$cwd" >&2; return 1; }
		[ "$status" = 1 ] || lacks sub
	done
	rm -rf "$ROOTFS/work"
	ln -s /proc/self/fd/9 "$ROOTFS/work"
	config '.process.cwd = "/work"'
	harmless 9<"$CANARY/dir"
	[ "$status" = 1 ]
}

@test "exec: the working directory" {
	start_sleeper
	local cwd
	for cwd in /proc/self/fd/9 /proc/self/fd/7/../.. /proc/self/root/../..; do
		bounded exec --cwd "$cwd" "$CID" sh -c "ls $CANARY/dir && ls -a" 9<"$CANARY/dir"
		[ "$status" -ne 0 ]
		lacks sub
	done
	ln -s /proc/self/fd/9 "$ROOTFS/tmp/out"
	bounded exec --cwd /tmp/out "$CID" ls -a 9<"$CANARY/dir"
	[ "$status" -ne 0 ]
	lacks sub
	assert_canary
}

@test "the root file system itself is a link" {
	mv "$ROOTFS" "$BATS_TEST_TMPDIR/elsewhere"
	ln -s "$BATS_TEST_TMPDIR/elsewhere" "$ROOTFS"
	harmless
	[ "$status" = 1 ]
	has "is a symbolic link"
	rm "$ROOTFS"
	ln -s / "$ROOTFS"
	harmless
	has "is a symbolic link"
}

@test "additional devices and their folders: links lead nowhere" {
	config '.linux.devices = [
		{path: "/dev/mine/null", type: "c", major: 1, minor: 3, fileMode: 438, uid: 7, gid: 7},
		{path: "/elsewhere/zero", type: "c", major: 1, minor: 5, fileMode: 438, uid: 7, gid: 7}]'
	local style
	for style in "${link_styles[@]}"; do
		point "$style" elsewhere "$CANARY/dir"
		harmless || { echo "$style" >&2; return 1; }
	done
	rm -rf "$ROOTFS/elsewhere"
	mkdir "$ROOTFS/elsewhere"
	ln -s "$CANARY/file" "$ROOTFS/elsewhere/zero"
	harmless
	[ "$status" = 1 ]
	has "there already"
}
