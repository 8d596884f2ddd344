#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# mounts[]: types, options, order, propagation, and what must not be mounted.

load lib/common
load lib/bundle
load lib/requires
load lib/wait

setup() {
	common_setup
	requires root
	new_bundle
	SRC=$BATS_TEST_TMPDIR/src
	mkdir -p "$SRC/sub" "$ROOTFS/mnt"
	echo content >"$SRC/file"
}
teardown() {
	umount "$SRC/sub" 2>/dev/null || true
	common_teardown
}

mount_at() { # mount_at DESTINATION TYPE SOURCE OPTION...
	local d=$1 t=$2 s=$3
	shift 3
	# shellcheck disable=SC2016
	config --arg d "$d" --arg t "$t" --arg s "$s" \
		'.mounts += [{destination: $d, type: $t, source: $s, options: $ARGS.positional}]' --args -- "$@"
}
options_of() { # options_of DESTINATION: per-mount options as the payload sees them
	run_shell "awk '\$5 == \"$1\" { o = \$6 } END { print o }' /proc/self/mountinfo"
}

@test "the default mounts" {
	run_shell "awk '{ for (i = 7; \$i != \"-\"; i++); print \$5, \$(i + 1), \$6 }' /proc/self/mountinfo"
	[[ $output == *"/proc proc rw"* ]]
	[[ $output =~ /dev\ tmpfs\ rw,nosuid ]]
	[[ $output =~ /dev/pts\ devpts\ rw,nosuid,noexec ]]
	[[ $output =~ /dev/shm\ tmpfs\ rw,nosuid,nodev,noexec ]]
	[[ $output =~ /dev/mqueue\ mqueue\ rw,nosuid,nodev,noexec ]]
	[[ $output =~ /sys\ sysfs\ ro,nosuid,nodev,noexec ]]
	[[ $output =~ (^|$'\n')/\ [a-z0-9]+\ ro ]]
}

@test "bind: read-write and read-only" {
	mount_at /mnt none "$SRC" bind
	run_shell 'cat /mnt/file; echo new >/mnt/made && echo written'
	is $'content\nwritten'
	[ "$(cat "$SRC/made")" = new ]
	new_bundle
	mount_at /mnt none "$SRC" bind ro
	run_shell 'cat /mnt/file; touch /mnt/x 2>/dev/null || echo refused'
	is $'content\nrefused'
}

@test "bind: a file onto a file, a source relative to the bundle" {
	echo relative >"$BUNDLE/one"
	touch "$ROOTFS/etc/one"
	mount_at /etc/one bind one bind ro
	run_shell 'cat /etc/one'
	is relative
}

@test "bind: type alone makes no bind, an option does" {
	requires podshim
	mount_at /mnt bind "$SRC"
	payload true
	attempt podshim create -b "$BUNDLE" "$CID"
	[ "$status" -ne 0 ]
	has /mnt
	assert_nothing_left
}

@test "rbind takes submounts along, bind does not" {
	mount -t tmpfs none "$SRC/sub"
	touch "$SRC/sub/inner"
	mount_at /mnt none "$SRC" rbind
	run_shell 'ls /mnt/sub'
	is inner
	new_bundle
	mount_at /mnt none "$SRC" bind
	run_shell 'ls /mnt/sub'
	is ""
}

@test "ro leaves submounts writable, rro does not" {
	mount -t tmpfs none "$SRC/sub"
	mount_at /mnt none "$SRC" rbind ro
	run_shell 'touch /mnt/x 2>/dev/null || echo no; touch /mnt/sub/x && echo yes'
	is $'no\nyes'
	new_bundle
	mount_at /mnt none "$SRC" rbind rro
	run_shell 'touch /mnt/x 2>/dev/null || echo no; touch /mnt/sub/y 2>/dev/null || echo no'
	is $'no\nno'
}

@test "per-mount options" {
	mount_at /mnt tmpfs tmpfs nosuid nodev noexec noatime
	options_of /mnt
	[[ ,$output, == *,nosuid,* && ,$output, == *,nodev,* && ,$output, == *,noexec,* && ,$output, == *,noatime,* ]]
	new_bundle
	mount_at /mnt none "$SRC" bind noexec nodiratime
	cp "$ROOTFS/bin/busybox" "$SRC/true"
	run_shell '/mnt/true 2>/dev/null || echo no'
	is no
}

# A volume with flags of its own, none of them its super block's.
volume() { # volume FLAGS
	mountpoint -q "$SRC/sub" || mount -t tmpfs none "$SRC/sub"
	mount -o "remount,bind,$1" "$SRC/sub"
}
flags_of_bind() { # flags_of_bind OPTION...: of the volume, as the payload sees them
	bind_volume "$@"
	options_of /mnt
}
bind_volume() {
	# shellcheck disable=SC2016  # jq's variable
	config --arg s "$SRC/sub" '.mounts |= map(select(.source != $s))'
	mount_at /mnt none "$SRC/sub" "$@"
}
bind_fails() { # bind_fails OPTION...
	bind_volume "$@"
	payload true
	attempt podshim create -b "$BUNDLE" "$CID"
	[ "$status" -ne 0 ]
}

@test "bind: without flags it has the source's, with any only these" {
	requires podshim
	volume ro,nosuid,nodev,noexec,noatime
	flags_of_bind bind
	is ro,nosuid,nodev,noexec,noatime
	flags_of_bind bind rprivate rnosuid
	is ro,nosuid,nodev,noexec,noatime
	flags_of_bind bind nodev
	is rw,nodev,noatime
	flags_of_bind bind ro exec
	is ro,noatime
	flags_of_bind bind rro nosuid
	is ro,nosuid,noatime
	flags_of_bind bind atime
	is rw,noatime
	flags_of_bind bind relatime
	is rw,relatime
}

@test "bind: in a user namespace the source's flags are locked" {
	requires podshim
	# shellcheck disable=SC2016  # jq's variable
	config --argjson m '[{"containerID": 0, "hostID": 100000, "size": 1000}]' 'del(.process.user.additionalGids) |
		.linux.namespaces += [{type: "user"}] | .linux.uidMappings = $m | .linux.gidMappings = $m'
	volume ro,nosuid,noatime
	flags_of_bind bind nodev
	is ro,nosuid,nodev,noatime
	bind_fails bind rw nodev
	has "mount '$SRC/sub' to '/mnt': cannot clear locked flags ro of the source's mount: Operation not permitted"
	bind_fails bind strictatime
	has "cannot clear locked flags noatime of the source's mount"
	umount "$SRC/sub"
	volume relatime
	bind_fails bind noatime
	has "cannot change the locked access times of the source's mount: Operation not permitted"
	umount "$SRC/sub"
	assert_nothing_left
}

@test "later options win" {
	mount_at /mnt tmpfs tmpfs ro rw nosuid suid
	options_of /mnt
	[[ ,$output, == *,rw,* && ,$output, != *,nosuid,* ]]
}

@test "nosymfollow" {
	requires podshim
	ln -s file "$SRC/link"
	mount_at /mnt none "$SRC" bind nosymfollow
	run_shell 'cat /mnt/file; cat /mnt/link 2>/dev/null || echo refused'
	is $'content\nrefused'
}

@test "tmpfs: data options reach the file system" {
	mount_at /mnt tmpfs tmpfs size=2m mode=1700 nr_inodes=77
	run_shell 'stat -c %a /mnt; df -k /mnt | tail -1; stat -f -c %c /mnt'
	! is_podshim || [ "${lines[0]}" = 1700 ]
	[[ ${lines[1]} == *2048* ]]
	[ "${lines[2]}" = 77 ]
}

@test "an option that the file system does not know fails with its name" {
	mount_at /mnt tmpfs tmpfs nonsense=1
	payload true
	attempt podshim create -b "$BUNDLE" "$CID"
	[ "$status" -ne 0 ]
	! is_podshim || has nonsense
	assert_nothing_left
}

@test "tmpcopyup: the new tmpfs holds what it hides" {
	mkdir -p "$ROOTFS/data/deep"
	echo kept >"$ROOTFS/data/deep/f"
	chmod 640 "$ROOTFS/data/deep/f"
	ln -s deep/f "$ROOTFS/data/l"
	mount_at /data tmpfs tmpfs tmpcopyup
	run_shell 'cat /data/l; stat -c %a /data/deep/f; echo x >/data/deep/f && echo written'
	is $'kept\n640\nwritten'
	[ "$(cat "$ROOTFS/data/deep/f")" = kept ]
}

@test "mounts are applied in order; a missing target is made" {
	config '.root.readonly = false'
	mount_at /made/by/mount tmpfs tmpfs
	mount_at /made/by/mount/inner none "$SRC" bind
	run_shell 'cat /made/by/mount/inner/file'
	is content
}

@test "bind: a source in the root file system is what earlier mounts put there" {
	requires podshim
	mkdir -p "$ROOTFS/all"
	touch "$ROOTFS/etc/hosts"
	mount_at /mnt none "$SRC" bind
	mount_at "$ROOTFS/mnt/sub" none "$ROOTFS/mnt" bind
	mount_at /all none "$ROOTFS/mnt" rbind
	run_shell 'cat /all/file /all/sub/file'
	is $'content\ncontent'
	mount_at /etc/hosts none "$ROOTFS/mnt/file" bind
	run_shell 'cat /etc/hosts'
	is content
	config '.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 1000}] |
		.linux.gidMappings = .linux.uidMappings | del(.process.user.additionalGids)'
	run_shell 'cat /etc/hosts'
	is content
	# A link in there would be to what another mount keeps safe.
	ln -sf /etc/passwd "$SRC/file"
	payload true
	attempt podshim create -b "$BUNDLE" "$CID"
	[ "$status" -ne 0 ]
	has "a part of the source is a symbolic link in the container"
	assert_nothing_left
}

@test "remount changes what is there" {
	mount_at /mnt tmpfs tmpfs
	mount_at /mnt none / remount bind ro nosuid
	run_shell 'touch /mnt/x 2>/dev/null || echo no; grep " /mnt " /proc/self/mounts'
	has no
	has nosuid
}

@test "/dev may be read-only: its devices are there all the same" {
	config '.mounts |= map(if .destination == "/dev" then .options += ["ro"] else . end)'
	run_shell 'touch /dev/x 2>/dev/null || echo no; echo x >/dev/null && echo null works; ls -d /dev/pts /dev/fd'
	has no
	has "null works"
	has /dev/pts
}

@test "propagation: nothing comes in or goes out by default" {
	mount --bind "$SRC" "$SRC"
	mount --make-shared "$SRC"
	mount_at /mnt none "$SRC" rbind rw
	config '.process.capabilities.bounding += ["CAP_SYS_ADMIN"] | .process.capabilities.effective += ["CAP_SYS_ADMIN"] | .process.capabilities.permitted += ["CAP_SYS_ADMIN"]'
	run_shell 'mount -t tmpfs none /mnt/sub && touch /mnt/sub/inner && ls /mnt/sub'
	is inner
	[ ! -e "$SRC/sub/inner" ]
	umount "$SRC"
}

@test "propagation: slave receives, shared also sends" {
	mount --bind "$SRC" "$SRC"
	mount --make-shared "$SRC"
	config '.linux.rootfsPropagation = "rslave"'
	mount_at /mnt none "$SRC" rbind rslave
	shell 'echo ready; while [ ! -e /mnt/sub/inner ]; do sleep 0.05; done; echo seen'
	detached podshim create -b "$BUNDLE" "$CID"
	detached podshim start "$CID"
	wait_file "$OUT" ready
	mount -t tmpfs none "$SRC/sub"
	touch "$SRC/sub/inner"
	wait_file "$OUT" seen
	umount "$SRC/sub"
	umount "$SRC"
}

@test "rootfsPropagation: private, shared, unknown" {
	local p
	for p in private slave shared unbindable; do
		config --arg p "$p" '.linux.rootfsPropagation = $p | .process.args = ["sh", "-c", "awk \"\\$5 == \\\"/\\\"\" /proc/self/mountinfo"]'
		run_bundle
		case $p in
		shared) has shared: ;;
		unbindable) has unbindable ;;
		private) lacks shared: ;;
		esac
	done
	config '.linux.rootfsPropagation = "sideways"'
	attempt podshim create -b "$BUNDLE" "$CID"
	[ "$status" -ne 0 ]
	has sideways
}

@test "/dev/console-like targets, /proc and /sys sub-mounts: only what is safe" {
	mount_at /proc/self none "$SRC" bind
	payload true
	attempt podshim create -b "$BUNDLE" "$CID"
	[ "$status" -ne 0 ]
	assert_nothing_left
	new_bundle
	mount_at /proc none "$SRC" bind
	attempt podshim create -b "$BUNDLE" "$CID"
	[ "$status" -ne 0 ]
	assert_nothing_left
}

@test "sysfs and proc with their own options" {
	config '.mounts |= map(if .destination == "/proc" then .options = ["nosuid", "noexec", "nodev", "hidepid=2"] else . end)'
	run_shell 'grep " /proc " /proc/self/mounts'
	has nosuid
	[[ $output == *hidepid=* ]]
}

@test "idmap: a bind mount with its own mapping" {
	requires podshim
	echo mine >"$SRC/owned"
	chown 1000:1000 "$SRC/owned"
	config --arg s "$SRC" '.mounts += [{destination: "/mnt", type: "none", source: $s, options: ["bind", "idmap"],
		uidMappings: [{containerID: 1000, hostID: 5000, size: 1}, {containerID: 0, hostID: 0, size: 1}],
		gidMappings: [{containerID: 1000, hostID: 5000, size: 1}, {containerID: 0, hostID: 0, size: 1}]}]'
	run_shell 'stat -c %u:%g /mnt/owned'
	is 5000:5000
}

@test "cgroup mount: read-only, and only this container's" {
	run_shell 'ls /sys/fs/cgroup; touch /sys/fs/cgroup/x 2>/dev/null || echo read-only; grep -c cgroup /proc/self/mounts'
	has read-only
	[ "${lines[-1]}" -gt 0 ]
	if is_v1 memory; then
		run_shell 'cat /sys/fs/cgroup/memory/tasks'
		[ "$output" != "$(cat /sys/fs/cgroup/memory/tasks)" ]
		run_shell 'mkdir /sys/fs/cgroup/memory/x 2>/dev/null || echo read-only'
		has read-only
	fi
}

@test "the host's mounts are not in the container" {
	run_shell 'cut -d" " -f5 /proc/self/mountinfo'
	lacks "$BATS_TEST_TMPDIR"
	[ "$(grep -cx / <<<"$output")" = 1 ]
}

@test "a container without a mount namespace of its own is refused" {
	requires podshim
	local before
	before=$(sha1sum </proc/self/mountinfo)
	config '.linux.namespaces |= map(select(.type != "mount")) | .linux.maskedPaths = [] | .linux.readonlyPaths = []'
	payload true
	attempt podshim create -b "$BUNDLE" "$CID"
	[ "$status" -ne 0 ]
	has 'config.json: /linux/namespaces: a container without a mount namespace of its own is not supported: '
	[ "$(sha1sum </proc/self/mountinfo)" = "$before" ]
	assert_nothing_left
}

@test "tmpfs: a read-only one takes later mounts and is read-only all the same" {
	mkdir -p "$ROOTFS/ro"
	config '.mounts += [
		{destination: "/ro", type: "tmpfs", source: "tmpfs", options: ["ro", "size=1m"]},
		{destination: "/ro/inner", type: "tmpfs", source: "tmpfs", options: ["size=1m"]}]'
	run_shell 'touch /ro/x 2>/dev/null || echo no; touch /ro/inner/x && echo yes'
	is $'no\nyes'
}
