#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A payload that is root of its own user namespace, with CAP_SYS_ADMIN there: what the host locked stays locked.

load ../bats/lib/common
load ../bats/lib/bundle
load ../bats/lib/requires
load ../bats/lib/wait

setup() {
	common_setup
	requires root podshim jq
	new_bundle true
	config '.linux.namespaces += [{type: "user"}]
		| .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}]
		| .linux.gidMappings = .linux.uidMappings
		| .process.capabilities |= with_entries(.value += ["CAP_SYS_ADMIN"])
		| .root.readonly = true'
	HOST=$BATS_TEST_TMPDIR/host
	mkdir -p "$HOST" "$ROOTFS/data"
	chmod 0777 "$HOST"
	mount --bind "$HOST" "$HOST"
}
teardown() {
	umount "$HOST"
	common_teardown
}

@test "a mount that the host made read-only can't be made writable" {
	mount -o remount,bind,ro,nosuid,nodev "$HOST"
	config --arg src "$HOST" '.mounts += [{destination: "/data", type: "bind", source: $src, options: ["rbind"]}]'
	run_shell 'grep -o "/data ro,nosuid,nodev" /proc/self/mountinfo
		mount -o remount,bind,rw /data && echo CLEARED ro
		mount -o remount,bind,ro,nosuid,dev /data && echo CLEARED nodev
		mount -o remount,bind,ro,nodev,suid /data && echo CLEARED nosuid
		touch /data/x && echo touched
		true'
	has "/data ro,nosuid,nodev"
	lacks CLEARED
	lacks touched
	[ ! -e "$HOST/x" ]
}

@test "the same in a user namespace that is joined" {
	local holder
	mount -o remount,bind,ro "$HOST"
	CID=$CID-holder start_sleeper
	holder=$(podshim state "$CID-holder" | jq .pid)
	config --arg src "$HOST" --arg ns "/proc/$holder/ns/user" '
		(.linux.namespaces[] | select(.type == "user")).path = $ns
		| del(.linux.uidMappings, .linux.gidMappings)
		| .mounts += [{destination: "/data", type: "bind", source: $src, options: ["rbind"]}]'
	run_shell 'mount -o remount,bind,rw /data && echo CLEARED ro; touch /data/x && echo touched; true'
	lacks CLEARED
	lacks touched
	podshim delete --force "$CID-holder"
}

@test "--no-pivot: no proc or sysfs of the host stays below, so none can be mounted unmasked" {
	local inner=$BATS_TEST_TMPDIR/chroot
	mkdir -p "$inner"
	mount -t proc -o ro proc "$inner"
	config 'del(.linux.namespaces[] | select(.type == "user")) | del(.linux.uidMappings, .linux.gidMappings)
		| .process.capabilities |= with_entries(.value += ["CAP_SETFCAP", "CAP_SYS_ADMIN"])'
	shell 'unshare -Urm --fork --pid sh -c "mount -t proc none /proc && echo UNMASKED proc; true"
		unshare -Urmn sh -c "mount -t sysfs none /sys && echo UNMASKED sysfs; true"; echo end'
	run podshim run -b "$BUNDLE" --no-pivot "$CID" 3>&-
	umount "$inner"
	echo "$output" >&2
	has end
	lacks UNMASKED
}
