#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Layers that a payload made to get out of its folder when they are committed, or to keep podshim from showing them.  Whoever
# holds the layer can do more than any payload: here it is also changed behind podshim's back, while commit works.

load ../bats/lib/callers
load ../bats/lib/common
load ../bats/lib/requires

setup() {
	common_setup
	requires root podshim setpriv
	open_place /var/tmp/podshim-undosec.XXXXXX work
	mkdir "$HERE/outside"
	echo secret >"$HERE/outside/file"
	export XDG_STATE_HOME=$HERE/state
	unset "${!PODSHIM_@}"
}
teardown() {
	[[ -z ${MUTATOR:-} ]] || { kill -9 "$MUTATOR"; wait "$MUTATOR" || true; } 2>/dev/null
	ROOT=$HERE/root
	common_teardown
	close_place
}
# as root|user ARG...: the runtime.
as() {
	local ids=() root=$HERE/root
	[[ $1 == root ]] || ids=("${USER_IDS[@]}") root=$HERE/root-user
	shift
	timeout -k 5 60 "${ids[@]}" "$HERE/podshim" --root "$root" "$@"
}
as_root() {
	as root "$@"
}
# A layer of the folder where we are, with one file in it; UPPER is its directory.
make_layer() {
	chown 0:0 .
	run -0 as_root run --undo --allow-read=. --allow-write=. --allow-run -- /bin/sh -c "echo a >harmless; ${1:-:}"
	ID=$(sed -n 's/.*kept: podshim diff //p' <<<"$output")
	[[ -n $ID ]]
	UPPER=$(echo "$HERE"/state/podshim/undo/*/"$ID"/0/upper)
	[[ -d $UPPER ]]
}
outside_is_whole() {
	[[ $(ls -A "$HERE/outside") == file && $(cat "$HERE/outside/file") == secret && $(stat -c '%a %h' "$HERE/outside/file") == "644 1" ]]
}

@test "undo: links in the layer and on the host lead nowhere" {
	mkdir d; ln -s "$HERE/outside" link_to_dir; ln -s "$HERE/outside/file" link_to_file
	make_layer 'ln -s ../outside up; ln -s /etc/shadow s'
	# What a payload cannot make: a directory of the layer whose name is a link on the host.
	mkdir "$UPPER/link_to_dir"; echo evil >"$UPPER/link_to_dir/file"; echo evil >"$UPPER/link_to_file"
	run as_root commit --force "$ID"
	outside_is_whole
	[[ ! -L link_to_dir && ! -L link_to_file && $(cat link_to_file link_to_dir/file) == "evil
evil" ]]
	[[ -L up && -L s && $(readlink s) == /etc/shadow ]]
}

@test "undo: no devices, no set-id bits, no attributes of overlays" {
	make_layer
	mknod "$UPPER/dev" c 1 3; mknod "$UPPER/block" b 7 0; mkfifo "$UPPER/pipe"
	/usr/bin/python3 -c 'import socket,sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$UPPER/socket"
	echo x >"$UPPER/suid"; chmod 6755 "$UPPER/suid"; mkdir "$UPPER/sdir"; chmod 7777 "$UPPER/sdir"
	/usr/bin/python3 - "$UPPER" "$HERE/outside/file" <<-'EOF'
		import os, sys
		u = sys.argv[1]
		for name in ("harmless", "sdir"):
		    for key in ("user.overlay.redirect", "user.overlay.metacopy", "user.overlay.whiteout", "user.mine"):
		        os.setxattr(f"{u}/{name}", key, sys.argv[2].encode())
	EOF
	run -0 as_root diff "$ID"
	has "devices are never made"
	run -1 as_root commit "$ID"
	has "4 changes of '$ID' could not be committed, and are kept"
	[[ ! -e dev && ! -e block && ! -e pipe && ! -e socket ]]
	[[ $(stat -c %a suid sdir) == "755
1777" ]]
	run -0 /usr/bin/python3 -c 'import os; print(os.listxattr("harmless"), os.listxattr("sdir"))'
	is "['user.mine'] ['user.mine']"
	[[ $(cat harmless) == a ]]
	outside_is_whole
	run -0 as_root discard "$ID"
}

@test "undo: a folder that was replaced by another is not written to" {
	make_layer
	cd "$HERE"
	mv work elsewhere
	ln -s outside work
	run -1 as_root commit "$ID"
	has "open '$HERE/work', where the changes belong"
	rm work; mkdir work
	run -1 as_root commit "$ID"
	has "'$HERE/work' is not the directory that it was: the changes belong to another one"
	run -1 as_root commit --force "$ID"
	outside_is_whole
	[[ -z $(ls -A work) ]]
	run -0 as_root discard "$ID"
	rm -r elsewhere
}

@test "undo: what is mounted on the host since is not written to" {
	mkdir d
	make_layer 'echo evil >d/file'
	mount --bind "$HERE/outside" d
	run as_root commit "$ID"
	local out=$output
	umount d
	outside_is_whole
	output=$out
	has "something is mounted there"
}

@test "undo: trees that are too deep, too many names, and files that are all hole" {
	make_layer 'i=0; while test $i -lt 300; do mkdir d && cd d || exit 0; i=$((i + 1)); done; echo deep >x'
	truncate -s 1T "$UPPER/hole"
	mkdir "$UPPER/many"
	(cd "$UPPER/many" && seq 20000 | xargs touch)
	run as_root diff "$ID"
	((status == 0))
	has "it is too deep"
	# shellcheck disable=SC2016
	run as_root commit "$ID" hole many
	((status == 0))
	(($(stat -c %b hole) < 100 && $(stat -c %s hole) == 1099511627776 && $(ls many | wc -l) == 20000))
	run -0 as_root discard "$ID"
	[[ -z $(find "$HERE/state" -mindepth 4) ]]
	rm -r hole many
}

@test "undo: a layer that changes while it is committed takes nothing outside along" {
	local i
	mkdir d
	for i in 1 2 3 4 5 6; do
		make_layer 'mkdir -p d/e; echo a >d/e/file; echo a >d/file'
		rm -rf "$HERE/mutator.ready"
		# Entries turn from files to directories, links out of it, pipes and whiteouts, under names that are on the host outside.
		/usr/bin/python3 - "$UPPER" "$HERE/outside" "$HERE/mutator.ready" <<-'EOF' &
			import os, random, shutil, sys
			u, outside, ready = sys.argv[1:]
			open(ready, "w").close()
			FLAGS = os.O_DIRECTORY | os.O_NOFOLLOW
			def parent(path):
			    at = os.open(u, FLAGS)
			    for part in path.split("/")[:-1]:
			        below = os.open(part, FLAGS, dir_fd=at); os.close(at); at = below
			    return at
			def change(at, name):
			    try:
			        try: os.remove(name, dir_fd=at)
			        except IsADirectoryError: shutil.rmtree(name, dir_fd=at)
			    except OSError: pass
			    k = random.randrange(6)
			    if k == 0: os.close(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, dir_fd=at))
			    elif k == 1: os.symlink(outside, name, dir_fd=at)
			    elif k == 2: os.symlink(outside + "/file", name, dir_fd=at)
			    elif k == 3: os.mkdir(name, dir_fd=at)
			    elif k == 4: os.mkfifo(name, dir_fd=at)
			    else: os.mknod(name, 0o20000, 0, dir_fd=at)
			while os.path.isdir(u):
			    path = random.choice(["d", "d/e", "d/file", "d/e/file", "harmless"])
			    try: at = parent(path)
			    except OSError: continue
			    try: change(at, path.split("/")[-1])
			    except OSError: pass
			    os.close(at)
		EOF
		MUTATOR=$!
		while [[ ! -e $HERE/mutator.ready ]]; do :; done
		for _ in 1 2 3 4 5 6 7 8 9 10; do
			run as_root commit --force "$ID"
			((status < 2))
			[[ $output != *exit\ status\ 1[23]* ]]
			outside_is_whole
			run as_root diff "$ID"
			((status < 2))
		done
		# It may have ended with the layer.
		kill -9 "$MUTATOR" 2>/dev/null || true
		wait "$MUTATOR" || true
		MUTATOR=
		as_root discard "$ID" || true
		outside_is_whole
		find . -type p -o -type c | grep . && return 1
		rm -rf ./* && mkdir d
	done
}

@test "undo: a payload sees no layer but through the overlay, and neither it nor another one by any name" {
	chown 0:0 .
	run -0 as_root run --undo --allow-read=. --allow-write=. --allow-run --allow-sys -- /bin/sh -c \
		'echo a >a; cat /proc/self/mountinfo; ls -la /proc/self/fd | grep -c undo; rm -rf ./work ../work; ls -A "$1" >/dev/null 2>&1 && echo seen; true' - "$HERE/state"
	lacks "$HERE/state"
	lacks seen
	[[ -d $PWD && -z $(ls -A) ]]
	# No attribute of an overlay's own can be set through it.
	run as_root run --undo --allow-read=. --allow-write=. --allow-run -- /usr/bin/python3 -c '
import os
os.mkdir("d"); open("f", "w").close()
for n in ("d", "f"):
    for k in ("opaque", "redirect", "metacopy", "origin"):
        try: os.setxattr(n, "user.overlay." + k, b"y")
        except OSError as e: pass
try: os.mknod("w", 0o20000, 0)
except OSError: print("no whiteout")
'
	has "no whiteout"
	ID=$(sed -n 's/.*kept: podshim diff //p' <<<"$output")
	UPPER=$(echo "$HERE"/state/podshim/undo/*/"$ID"/0/upper)
	run -0 /usr/bin/python3 -c 'import os,sys; print([a for n in ("d","f") for a in os.listxattr(sys.argv[1] + "/" + n) if a in ("user.overlay.opaque", "user.overlay.redirect", "user.overlay.metacopy", "user.overlay.origin")])' "$UPPER"
	is "[]"
	run -0 as_root discard "$ID"
}

@test "undo: an ordinary user's commit has his rights and no others" {
	can_userns
	mkdir "$HERE/state"; mkdir theirs; echo a >theirs/file; chown -R 0:0 theirs; chown 65534:65534 . "$HERE/state"
	run as user run --undo --allow-read=. --allow-write=. --allow-run -- /bin/sh -c 'echo evil >theirs/file; echo evil >theirs/new; mv theirs mine; echo b >b; mkdir z; chmod 0 z'
	ID=$(sed -n 's/.*kept: podshim diff //p' <<<"$output")
	run as user diff "$ID"
	run as user commit "$ID"
	[[ $(cat theirs/file) == a && $(ls -A theirs) == file && $(stat -c %u theirs/file) == 0 && $(cat b) == b && $(stat -c %a z) == 0 ]]
}
