#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Two containers with a volume in common: one swaps folders of it with links while the other, whose mounts, masks and devices
# lie in there, is made again and again (CVE-2021-30465, CVE-2024-45310, CVE-2025-31133).

load ../bats/lib/common
load ../bats/lib/bundle
load ../bats/lib/requires
load ../bats/lib/wait
load lib/attack

setup() {
	common_setup
	requires root podshim jq gcc
	make_canary
	VOLUME=$BATS_TEST_TMPDIR/volume
	mkdir -p "$VOLUME"/{a/b/c,d/e}
	: >"$VOLUME/a/b/file"
	: >"$VOLUME/d/e/file"
	# The same names exist behind the links, so that a resolver that is led there finds what it looks for.
	mkdir -p "$CANARY"/dir/{b/c,c,e}
	: >"$CANARY/dir/b/file"
	: >"$CANARY/dir/e/file"
	ln -s "$CANARY/dir" "$VOLUME/absolute"
	ln -s "../../../../../../../../../../..$CANARY/dir" "$VOLUME/up"
	bless_canary
}
teardown() {
	common_teardown
}

@test "a hundred containers beside a swapping neighbour" {
	local made=0 i
	new_bundle /exchanger /volume/a /volume/absolute /volume/d /volume/up
	cp "$(attacker exchanger)" "$ROOTFS/exchanger"
	config --arg v "$VOLUME" '.mounts += [{destination: "/volume", type: "bind", source: $v, options: ["rbind"]}]'
	"$PODSHIM" --root "$ROOT" run -d -b "$BUNDLE" "$CID-attacker" </dev/null >"$OUT.attacker" 2>&1 3>&-
	wait_file "$OUT.attacker" swapping
	echo of-the-mount >"$BATS_TEST_TMPDIR/source"
	payload true
	config --arg s "$BATS_TEST_TMPDIR/source" '.mounts += [
			{destination: "/volume/a/b/c", type: "tmpfs", source: "tmpfs"},
			{destination: "/volume/a/b/file", type: "bind", source: $s, options: ["bind"]},
			{destination: "/volume/d/e/new/er", type: "tmpfs", source: "tmpfs"}]
		| .linux.maskedPaths += ["/volume/d/e/file", "/volume/d/e"] | .linux.readonlyPaths += ["/volume/a/b"]
		| .linux.devices = [{path: "/volume/d/null", type: "c", major: 1, minor: 3}]'
	for i in {1..100}; do
		bounded run -b "$BUNDLE" "$CID-$i"
		((status != 0)) || made=$((made + 1))
		[[ ! -e $ROOT/$CID-$i ]]
	done
	podshim delete --force "$CID-attacker"
	echo "$made of 100 were made" >&2
	assert_canary
	assert_nothing_left
}
