#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# undo and a limit of disk space: what is written is kept apart, looked at, committed, thrown away; as root and as an ordinary user.

load lib/callers
load lib/common
load lib/bundle
load lib/requires
load lib/wait

setup() {
	common_setup
	requires root podshim setpriv jq
	# Not below /tmp, which a program has of its own.
	open_place /var/tmp/podshim-undo.XXXXXX work
	export XDG_STATE_HOME=$HERE/state
	unset "${!PODSHIM_@}"
}
teardown() {
	ROOT=$HERE/root
	common_teardown
	close_place
}

# as root|user ARG...: the runtime.
as() {
	local who=()
	[[ $1 == root ]] || who=("${USER_IDS[@]}")
	shift
	"${who[@]}" "$HERE/podshim" --root "$HERE/root" "$@"
}

# Both kinds of caller, one after the other, each in a folder of its own.
both() { # both FUNCTION
	local who
	for who in root user; do
		[[ $who == root ]] || can_userns
		rm -rf "$HERE/root" "$HERE/state" "$HERE/work"
		mkdir "$HERE/state" "$HERE/work"
		cd "$HERE/work"
		"$1" "$who"
		[[ $who == user ]] || chown -R 65534:65534 "$HERE/work" "$HERE/state"
	done
}
own() { # own WHO: everything here is WHO's
	[[ $1 == root ]] || chown -R 65534:65534 "$HERE/work" "$HERE/state"
}

# try WHO [FLAG...] -- SCRIPT: a shell script with undo, in the folder where we are.
try() {
	local who=$1 flags=()
	shift
	while [[ $1 != -- ]]; do flags+=("$1"); shift; done
	own "$who"
	run as "$who" run --undo --allow-read=. --allow-write=. --allow-run "${flags[@]}" -- /bin/sh -c "$2"
	ID=$(sed -n 's/.*kept: podshim diff //p' <<<"$output")
	printf 'exit status %d: %s\n' "$status" "$output" >&2
}
# The columns of a line of diff in front of its path.
line() { # line CHANGE TYPE BYTES
	printf '%-8s %-10s%10s  ' "$1" "$2" "$3"
}
tree() {
	find . -mindepth 1 -printf '%P %y %m %l\n' | sort
}

keeps_and_commits() {
	local before
	echo a >changed; echo b >removed; echo c >same; mkdir -p dir/sub; echo d >dir/sub/old
	own "$1"
	before=$(tree; cat changed)
	try "$1" -- 'echo more >>changed; rm removed; cat same >/dev/null; rm -r dir; mkdir -p dir/sub; echo e >dir/sub/new; mkdir empty; ln -s /etc/passwd link; echo f >added; chmod 6711 added 2>&1; chmod 711 added; ls'
	((status == 0))
	has "7 changes"
	[[ $before == "$(tree; cat changed)" ]]

	run -0 as "$1" diff "$ID"
	has "$(line changed file 7)$PWD/changed"
	has "$(line removed file 2)$PWD/removed"
	has "$(line added directory -)$PWD/empty"
	has "$(line added link -)$PWD/link -> /etc/passwd"
	has "$(line removed file 2)$PWD/dir/sub/old"
	lacks same
	run -0 as "$1" diff
	has "$ID  7 changes"
	run -0 as "$1" diff --format json "$ID"
	[[ $(jq -rs 'map(select(.change == "added" and .type == "file").path) | sort[]' <<<"$output") == "$PWD/added"$'\n'"$PWD/dir/sub/new" ]]

	run -0 as "$1" commit "$ID"
	is "podshim: 7 changes committed, none is kept"
	[[ $(tree) == "added f 711 
changed f 644 
dir d 755 
dir/sub d 755 
dir/sub/new f 644 
empty d 755 
link l 777 /etc/passwd
same f 644 " ]]
	[[ $(cat changed) == "a
more" ]]
	[[ $(stat -c %u added) == "$(stat -c %u .)" ]]
	run -1 as "$1" diff "$ID"
	has "no changes of '$ID' are kept"
	run -0 as "$1" diff
	is ""
	[[ -z $(find "$HERE/state" -mindepth 4) ]]
}
@test "undo: the host sees nothing until commit, which makes it so" {
	both keeps_and_commits
}

parts() {
	echo a >a; echo b >b; mkdir d; echo c >d/c
	try "$1" -- 'echo 1 >a; echo 1 >b; rm -r d; mkdir -p d/e/f; echo 1 >d/e/f/g; echo 1 >d/h; mkdir n; echo 1 >n/x; echo 1 >n/y'
	run -0 as "$1" commit "$ID" a "$PWD/d/e/f" n/x
	has "changes committed"
	[[ $(cat a b d/c d/e/f/g n/x) == "1
b
c
1
1" && ! -e d/h && ! -e n/y ]]
	run -0 as "$1" diff "$ID"
	lacks "$PWD/a"
	lacks "d/e"
	has "$PWD/b"
	has "$(line removed file 2)$PWD/d/c"
	has "$PWD/d/h"
	has "$PWD/n/y"
	run -0 as "$1" discard "$ID" ./b n
	has "2 changes discarded"
	run -1 as "$1" discard "$ID" d/c
	has "1 change of '$ID' went with a directory that was replaced: discard the directory"
	run -1 as "$1" commit "$ID" nosuch
	has "'$PWD/nosuch' is no change of '$ID': see 'podshim diff $ID'"
	run -0 as "$1" commit "$ID"
	[[ $(tree | cut -d' ' -f1) == "a
b
d
d/e
d/e/f
d/e/f/g
d/h
n
n/x" ]]
	run -0 as "$1" diff
	is ""
}
@test "undo: parts are committed and discarded" {
	both parts
}

discards() {
	echo a >a
	try "$1" -- 'echo b >a; mkdir -p x/y; chmod 0 x/y x'
	run -0 as "$1" discard "$ID"
	is "podshim: 3 changes discarded, none is kept"
	[[ $(tree) == "a f 644 " && $(cat a) == a ]]
	run -1 as "$1" discard "$ID"
	has "no changes of '$ID' are kept"
	try "$1" -- 'cat a'
	((status == 0))
	lacks kept
	[[ -z $(find "$HERE/state" -mindepth 4) ]]
}
@test "undo: what is discarded is gone, and without changes nothing is kept" {
	both discards
}

conflicts() {
	echo a >edited; echo a >deleted; echo a >gone; mkdir dir; echo a >dir/in; echo a >fine
	try "$1" -- 'echo b >edited; echo b >deleted; rm gone; rm -r dir; echo b >fine; echo b >new'
	sleep 0.05
	echo host >edited; rm deleted; echo host >gone; echo host >dir/in; echo host >new
	run -1 as "$1" commit "$ID"
	has "$PWD/edited  (it changed on the host since)"
	has "$PWD/deleted  (it was removed on the host since)"
	has "$PWD/gone  (it changed on the host since)"
	has "$PWD/dir  (something in it changed on the host since)"
	has "$PWD/new  (it changed on the host since)"
	has "5 changes of '$ID' would go over newer ones of the host: nothing was done; name what to commit, or give --force"
	[[ $(cat edited gone dir/in fine new) == "host
host
host
a
host" ]]
	run -0 as "$1" diff --format json "$ID"
	[[ $(jq -s 'map(select(.conflict)) | length' <<<"$output") == 5 ]]
	run -0 as "$1" commit "$ID" fine
	[[ $(cat fine) == b ]]
	run -0 as "$1" commit --force "$ID"
	[[ $(cat edited deleted new) == "b
b
b" && ! -e gone && ! -e dir ]]
}
@test "undo: what changed on the host since is not replaced without force" {
	both conflicts
}

single_file() {
	echo one >file; echo other >other
	own "$1"
	run -0 as "$1" run --undo --allow-read=file --allow-write=file --allow-run -- /bin/sh -c 'echo two >file; cat file'
	has two
	ID=$(sed -n 's/.*kept: podshim diff //p' <<<"$output")
	[[ $(cat file) == one ]]
	run -0 as "$1" diff "$ID"
	is "$(line changed file 4)$PWD/file"
	# The folder that it is in is another's.
	chown 0:0 .
	chmod 755 .
	run -0 as "$1" commit "$ID"
	[[ $(cat file) == two ]]
	[[ $(ls -A) == "file
other" ]]
}
@test "undo: a single file, also in a folder that is not the caller's" {
	both single_file
}


@test "undo: of a container that runs, there is a diff and no commit" {
	echo a >a
	detached as root run -d --undo --allow-read=. --allow-write=. --allow-run -- /bin/sh -c 'echo b >a; exec sleep 600'
	ID=$output
	written() { as root diff "$ID" | grep -q "$PWD/a"; }
	wait_until 10 written
	run -1 as root commit "$ID"
	has "container '$ID' runs: what it writes is committed or discarded when it has ended"
	run -1 as root discard "$ID"
	has "container '$ID' runs"
	as root kill "$ID" KILL
	stopped() { [[ $(as root state "$ID" | jq -r .status) == stopped ]]; }
	wait_until 10 stopped
	# A container goes, what it wrote stays.
	run -0 as root --log-level warning delete "$ID"
	has "1 change of '$ID' is kept: podshim diff $ID"
	run -0 as root gc
	lacks "$ID"
	run -0 as root commit "$ID"
	[[ $(cat a) == b ]]
}

@test "undo: kill -9 of podshim itself loses nothing" {
	local disk flags
	chown 0:0 .
	for disk in 0 1M; do
		rm -rf "$HERE/work"/*
		flags=(--undo)
		[[ $disk == 0 ]] || flags+=(--disk "$disk")
		"$HERE/podshim" --root "$HERE/root" run "${flags[@]}" --allow-read=. --allow-write=. --allow-run -- \
			/bin/sh -c 'echo a >a; echo $$ >/tmp/x; exec sleep 600' >"$HERE/out" 2>&1 3>&- &
		local pid=$!
		running() { [[ -n $(as root list -q 2>/dev/null) ]] && [[ $(as root state "$(as root list -q)" | jq -r .status) == running ]]; }
		wait_until 10 running
		sleep 0.3
		kill -9 "$pid"
		wait "$pid" || true
		kept() { as root diff | grep -q ' 1 change$'; }
		wait_until 10 kept
		gone() { [[ -z $(as root list -q) ]]; }
		wait_until 10 gone
		ID=$(as root diff | awk '{ print $2 }')
		run -0 as root commit "$ID"
		[[ $(cat a) == a ]]
	done
}

@test "undo: a bundle's root and binds; mount points are nobody's changes" {
	new_bundle
	mkdir "$HERE/bound"
	echo a >"$HERE/bound/file"
	config --arg s "$HERE/bound" '.root.readonly = false | .mounts += [{ destination: "/new/mount/point", type: "none", source: $s, options: ["bind"] }]'
	shell 'echo b >/new/mount/point/file; echo c >/etc/added; rm /etc/passwd; mkdir /new/dir; cat /new/mount/point/file'
	run -0 as root run --undo -b "$BUNDLE" "$CID"
	has "b"
	has "kept: podshim diff $CID"
	[[ $(cat "$HERE/bound/file") == a && ! -e $ROOTFS/etc/added && -e $ROOTFS/etc/passwd && ! -e $ROOTFS/new ]]
	run -0 as root diff "$CID"
	has "$(line changed file 2)$HERE/bound/file"
	has "$(line added file 2)$ROOTFS/etc/added"
	has "removed  file "
	has "$(line added directory -)$ROOTFS/new/dir"
	lacks "mount"
	lacks "$ROOTFS/proc"
	# One of that name holds somebody's work.
	run -1 as root run --undo -b "$BUNDLE" "$CID"
	has "changes of an earlier '$CID' are kept: see 'podshim diff $CID', then commit or discard them"
	run -0 as root commit "$CID" "$ROOTFS/etc" "$HERE/bound" "$ROOTFS/new"
	[[ $(cat "$HERE/bound/file" "$ROOTFS/etc/added") == "b
c" && ! -e $ROOTFS/etc/passwd && -d $ROOTFS/new/dir ]]
	run -0 as root diff
	is ""
}

@test "undo: a bundle in a user namespace, by create, start and delete" {
	new_bundle
	chown -R 100000:100000 "$ROOTFS"
	chmod 711 "$BATS_TEST_TMPDIR"
	config '.root.readonly = false | .linux.namespaces += [{ type: "user" }] | .linux.uidMappings = [{ containerID: 0, hostID: 100000, size: 1000 }]
		| .linux.gidMappings = .linux.uidMappings'
	shell 'echo c >/etc/added; rm -r /etc/passwd; mkdir -p /made/by; id -u'
	own root
	detached as root create --undo -b "$BUNDLE" "$CID"
	detached as root start "$CID"
	stopped() { [[ $(as root state "$CID" | jq -r .status) == stopped ]]; }
	wait_until 10 stopped
	as root delete "$CID"
	[[ ! -e $ROOTFS/etc/added && -e $ROOTFS/etc/passwd ]]
	run -0 as root commit "$CID"
	[[ $(stat -c %u "$ROOTFS/etc/added" "$ROOTFS/made/by") == "100000
100000" && ! -e $ROOTFS/etc/passwd ]]
}

limits() { # the mounts of other flags hold
	mkdir keep; echo a >keep/a; printf '#!/bin/sh\necho ran\n' >prog; chmod 755 prog
	own "$1"
	run -0 as "$1" run --undo --allow-read=. --allow-write=. --deny-write=keep --allow-run=/bin/sh,/bin/cat -- \
		/bin/sh -c 'echo b >keep/a; echo b >b; ./prog; cat keep/a b; cp /bin/true x 2>/dev/null; echo end'
	has "end"
	has "a
b"
	lacks "ran"
	ID=$(sed -n 's/.*kept: podshim diff //p' <<<"$output")
	run -0 as "$1" diff "$ID"
	is "$(line added file 2)$PWD/b"
}
@test "undo: what is denied in a granted folder stays denied, and what is not to run does not run" {
	both limits
}

by_policy() {
	printf '{"podshimPolicy":1,"permissions":{"write":{"allow":["%s"],"undo":true},"run":true,"read":true}}' "$PWD" >"$HERE/policy.json"
	chmod 644 "$HERE/policy.json"
	own "$1"
	run -0 as "$1" run --policy "$HERE/policy.json" -- /bin/sh -c 'echo a >a'
	has "1 change is kept"
	[[ -z $(ls -A) ]]
}
@test "undo: a policy file asks for it" {
	both by_policy
}

real_programs() {
	can_git() { command -v git >/dev/null; }
	own "$1"
	cat >make.py <<-'EOF'
		import os, shutil, tempfile, sqlite3
		d = sqlite3.connect("data.db"); d.execute("create table t(a)"); d.executemany("insert into t values(?)", [(i,) for i in range(100)]); d.commit(); d.close()
		with tempfile.NamedTemporaryFile("w", dir=".", delete=False) as f: f.write("whole\n")
		os.rename(f.name, "target"); os.makedirs("deep/er"); os.rename("deep", "moved"); os.link("target", "hard")
		shutil.copytree("moved", "copy"); print(len(os.listdir(".")))
	EOF
	run -0 as "$1" run --undo --allow-read=. --allow-write=. make.py
	has 6
	ID=$(sed -n 's/.*kept: podshim diff //p' <<<"$output")
	[[ $(ls) == make.py ]]
	run -0 as "$1" commit "$ID"
	[[ $(ls) == "copy
data.db
hard
make.py
moved
target" && $(cat hard) == whole ]]
	[[ $(/usr/bin/python3 -c 'import sqlite3; print(sqlite3.connect("data.db").execute("select count(*) from t").fetchone()[0])') == 100 ]]
	if can_git; then
		own "$1"
		run -0 as "$1" run --undo --allow-read=.,/etc/gitconfig?,/usr --allow-write=. --allow-run --env HOME=/tmp --env GIT_CONFIG_NOSYSTEM=1 -- /bin/sh -c \
			'git init -q . && git add -A && git -c user.name=a -c user.email=a@b commit -qm first && git rm -q hard && git -c user.name=a -c user.email=a@b commit -qm second && git gc -q && git status --short'
		ID=$(sed -n 's/.*kept: podshim diff //p' <<<"$output")
		[[ ! -e .git && -e hard ]]
		run -0 as "$1" commit "$ID"
		[[ ! -e hard && $(git -c safe.directory='*' -C "$PWD" log --format=%s) == "second
first" ]]
		run -0 git -c safe.directory='*' -C "$PWD" fsck --full
	fi
}
@test "undo: python and git work, and what they made is whole" {
	both real_programs
}

names() {
	try "$1" -- 'echo >"$(printf "a\nb\033[31m")"; ln -s "$(printf "\033]0;x\007")" l'
	run -0 as "$1" diff "$ID"
	has '/a\nb\x1b[31m'
	has 'l -> \x1b]0;x\x07'
	[[ $output != *$'\033'* ]]
	run -0 as "$1" commit "$ID" "$(printf 'a\nb\033[31m')"
	[[ -e "$(printf 'a\nb\033[31m')" ]]
}
@test "undo: names are escaped, and mean what they are" {
	both names
}

refusals() {
	own "$1"
	export XDG_STATE_HOME=$PWD/state
	run -1 as "$1" run --undo --allow-write=. --allow-run -- /bin/true
	has "undo: '$PWD' holds podshim's own folder for changes, '$PWD/state/podshim/undo/"
	has "set XDG_STATE_HOME to a folder outside of it, or give --disk SIZE"
	mkdir state; own "$1"
	run -0 as "$1" run --undo --disk 1M --allow-write=. --allow-run -- /bin/sh -c 'echo a >a'
	has "1 change is kept"
	export XDG_STATE_HOME=$HERE/state
	chmod 755 "$HERE/state"
	rm -rf "$HERE/state/podshim"; mkdir -p "$HERE/state/podshim/undo"
	own "$1"
	run -1 as "$1" run --undo --allow-write=. --allow-run -- /bin/true
	has "can be entered by others (mode 0755)"
	rm -rf "$HERE/state/podshim"
}
@test "undo: folders that cannot hold changes are refused by name" {
	both refusals
}

@test "undo: what is mounted in a granted folder is kept apart, too, and refused where it cannot be" {
	mkdir -p mnt; mount -t tmpfs x mnt
	echo a >mnt/a; chown 0:0 .; mkdir -p "$HERE/state"
	run as root run --undo --allow-read=. --allow-write=. --allow-run -- /bin/sh -c 'echo b >mnt/a; echo b >b; cat mnt/a'
	local first=$output
	chown 65534:65534 .
	run "${USER_IDS[@]}" XDG_STATE_HOME="$HERE/other" "$HERE/podshim" --root "$HERE/root-user" run --undo --allow-read=. --allow-write=. --allow-run -- /bin/true
	local second=$output
	output=$first
	has "2 changes are kept"
	ID=$(sed -n 's/.*kept: podshim diff //p' <<<"$output")
	run as root diff "$ID"
	local third=$output host
	host=$(cat mnt/a)
	run as root commit "$ID"
	local after
	after=$(cat mnt/a)
	umount mnt
	[[ $host == a && $after == b ]]
	output=$third
	has "$(line changed file 2)$PWD/mnt/a"
	output=$second
	has "undo: '$PWD/mnt' is mounted in '$PWD', which can't be taken apart here: list folders without mounts in them"
}

@test "undo: not for pods, id-mapped mounts and the kernel's file systems" {
	new_bundle
	config '.root.readonly = false'
	attempt as root pod create --undo "p$TAG" "$BUNDLE"
	has "undo is for 'podshim run' and 'create'"
	config '.root.readonly = true | .mounts += [{ destination: "/k", type: "none", source: "/sys/kernel", options: ["bind", "rw"] }]'
	payload true
	run -1 as root run --undo -b "$BUNDLE" "$CID"
	has "what is written to '/sys/kernel' takes effect at once: it is a file system of the kernel's"
	config --arg s "$PWD" '.mounts[-1] = { destination: "/k", type: "none", source: $s, options: ["bind", "rw", "idmap"], uidMappings: [{ containerID: 0, hostID: 0, size: 1 }], gidMappings: [{ containerID: 0, hostID: 0, size: 1 }] }'
	run -1 as root run --undo -b "$BUNDLE" "$CID"
	has "'$PWD' is an id-mapped mount, which undo does not cover"
}

disk_of_own() {
	own "$1"
	# shellcheck disable=SC2016
	run -0 as "$1" run --disk 1M --allow-run --allow-write=/tmp,/dev/shm -- /bin/sh -c \
		'head -c 600000 /dev/zero >/tmp/a && head -c 600000 /dev/zero >/dev/shm/b; echo "status $?"; cat /tmp/a /dev/shm/b | wc -c; stat -c %a /tmp'
	has "No space left on device"
	has "status 1"
	has 1777
	(($(sed -n 's/^\([0-9]*\)$/\1/p' <<<"$output" | head -1) <= 1048576))
	run -0 as "$1" run --disk 1M --allow-run -- /bin/sh -c 'i=0; while true >/tmp/$i 2>/dev/null && test $i -lt 5000; do i=$((i + 1)); done; echo $((i < 5000))'
	has 1
}
@test "disk: all that podshim makes has one limit, in bytes and files" {
	both disk_of_own
}

disk_and_undo() {
	own "$1"
	head -c 900000 /dev/zero >big
	own "$1"
	run -0 as "$1" run --undo --disk 1M --allow-run --allow-read=. --allow-write=. -- /bin/sh -c \
		'head -c 600000 /dev/zero >a; head -c 600000 /dev/zero >/tmp/b; echo "status $?"; rm /tmp/b; echo x >>big; echo "status $?"'
	has "status 1"
	has "No space left on device"
	ID=$(sed -n 's/.*kept: podshim diff //p' <<<"$output")
	[[ ! -e a ]]
	run -0 as "$1" commit "$ID" a
	[[ $(stat -c %s a big) == "600000
900000" ]]
	run -1 as "$1" run --disk 100K --undo --allow-run --allow-read=big --allow-write=big -- /bin/true
	has "big'"
	has "No space left on device"
}
@test "disk: with undo, what is written to granted folders counts" {
	both disk_and_undo
}

disk_refused() {
	own "$1"
	run -1 as "$1" run --disk 1M --allow-run --allow-write=. -- /bin/true
	has "--disk can't limit writes to '$PWD', which go to the host: use --undo"
	run -0 as "$1" --log-level warning run --disk 1M --best-effort --allow-run --allow-write=. -- /bin/sh -c 'echo a >a'
	has "--disk can't limit writes to '$PWD'"
	[[ -e a ]]
	rm a
}
@test "disk: folders that are written to directly are refused by name, or told" {
	both disk_refused
	rm -rf "$HERE/root"
	attempt as root run -d --undo --disk 1M --allow-run --allow-write=. -- /bin/true
	has "--disk with undo keeps changes in memory until the end of the run, and somebody has to be there"
	# Nothing is kept: nobody has to be there.
	detached as root run -d --disk 1M --allow-run -- /bin/true
}

@test "disk: of a bundle" {
	new_bundle
	config '.root.readonly = true | .mounts += [{ destination: "/mnt", type: "tmpfs", source: "t", options: ["mode=0750", "uid=7", "gid=8"] }]'
	shell 'stat -c "%a %u %g" /mnt; head -c 600000 /dev/zero >/mnt/a && head -c 600000 /dev/zero >/dev/shm/b; echo "status $?"'
	run -0 as root run --disk 1M -b "$BUNDLE" "$CID"
	has "750 7 8"
	has "status 1"
	config '.root.readonly = false'
	run -1 as root run --disk 1M -b "$BUNDLE" "$CID"
	has "--disk can't limit writes to '$ROOTFS'"
	shell 'head -c 600000 /dev/zero >/a && head -c 600000 /dev/zero >/mnt/b; echo "status $?"'
	run -0 as root run --disk 1M --undo -b "$BUNDLE" "$CID"
	has "status 1"
	[[ ! -e $ROOTFS/a ]]
	run -0 as root diff "$CID"
	is "$(line added file 600000)$ROOTFS/a"
	run -0 as root discard "$CID"
}
