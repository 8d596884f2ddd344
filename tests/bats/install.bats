#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# make install and uninstall, the installed programs and pages, the unit of pods, and the Debian packages.

load lib/common
load lib/requires
load lib/wait

setup() {
	common_setup
	requires podshim make scdoc
	cd "$BATS_TEST_TMPDIR" || return
	DEST=$BATS_TEST_TMPDIR/dest
	OBJECTS=${PODSHIM%/*}
}
teardown() {
	[[ ! -d ${ROOT:-}/.pods/unit ]] || podshim pod rm --force unit >/dev/null 2>&1 3>&-
	common_teardown
}

# Builds nothing but pages: the runtime and library under test are what is installed.
make_target() {
	make -s -C "$REPO" B="$OBJECTS" -o all -o "$PODSHIM" -o "$OBJECTS/libpodshim.so.0" -o "$OBJECTS/libpodshim.a" -o "$OBJECTS/podshim.pc" "$@"
}

# What belongs into PREFIX, the pages of commands apart.
readonly files="bin/podshim
include/podshim.h
lib/libpodshim.a
lib/libpodshim.so
lib/libpodshim.so.0
lib/pkgconfig/podshim.pc
lib/systemd/system/podshim-pod@.service
share/bash-completion/completions/podshim
share/doc/podshim/examples/containerd/config.toml
share/doc/podshim/examples/docker/daemon.json
share/doc/podshim/examples/docker/seccomp.json
share/doc/podshim/examples/podman/containers.conf
share/fish/vendor_completions.d/podshim.fish
share/man/man1/podshim.1
share/man/man3/podshim-lib.3
share/man/man5/podshim-policy.5
share/man/man7/podshim-ring.7
share/man/man7/podshim-security.7
share/podshim/policies/base-linux.json
share/podshim/policies/no-network.json
share/podshim/policies/node.json
share/podshim/policies/pip-install.json
share/podshim/policies/python.json
share/podshim/policies/shell.json
share/podshim/python/podshim.py
share/zsh/site-functions/_podshim"

expected_files() {
	{ echo "$files"; "$PODSHIM" __man pages | sed 's|.*|share/man/man1/&.1|'; } | sort
}

@test "make install: puts everything where the table says, and uninstall removes exactly that" {
	mkdir -p "$DEST/usr/share/zsh"
	touch "$DEST/usr/share/zsh/other"
	run -0 make_target DESTDIR="$DEST" PREFIX=/usr install
	diff <(expected_files) <(cd "$DEST/usr" && find . -type f,l ! -name other | sed 's|^\./||' | sort)
	[[ $(readlink "$DEST/usr/lib/libpodshim.so") == libpodshim.so.0 ]]
	grep -q '"/usr/bin/podshim"' "$DEST/usr/share/doc/podshim/examples/docker/daemon.json"
	! grep -rn /usr/local "$DEST/usr/lib/systemd" "$DEST/usr/share/doc/podshim/examples/containerd" || return 1
	jq -e '.runtimes.podshim.path == "/usr/bin/podshim"' "$DEST/usr/share/doc/podshim/examples/docker/daemon.json"
	jq -e '.defaultAction == "SCMP_ACT_ALLOW" and (.syscalls[0].names | index("kexec_load"))' \
		"$DEST/usr/share/doc/podshim/examples/docker/seccomp.json"

	run -0 make_target DESTDIR="$DEST" PREFIX=/usr uninstall
	run -0 bash -c "cd '$DEST/usr' && find . -mindepth 1 | sort | tr '\n' ' '"
	is "./bin ./include ./lib ./share ./share/man ./share/zsh ./share/zsh/other "

	run -0 make_target DESTDIR="$DEST" PREFIX=/opt/x MAN=0 install
	[[ -x $DEST/opt/x/bin/podshim && ! -e $DEST/opt/x/share/man ]]
	grep -q 'ExecStart=/opt/x/bin/podshim pod create' "$DEST/opt/x/lib/systemd/system/podshim-pod@.service"
}

@test "make install: what is installed runs the example, completes, and finds its pages" {
	requires root man
	run -0 make_target DESTDIR="$DEST" PREFIX=/usr install
	"$REPO/example/hello/make-rootfs" "$BATS_TEST_TMPDIR/bundle/rootfs" >/dev/null
	cp "$REPO/example/hello/config.json" "$BATS_TEST_TMPDIR/bundle"
	export PATH=$DEST/usr/bin:$PATH
	run -0 "$DEST/usr/bin/podshim" --root "$ROOT" run -b "$BATS_TEST_TMPDIR/bundle" "$CID"
	has "Hello from inside a container."
	# As man sees it: by name, in that tree.
	run -0 man -M "$DEST/usr/share/man" -P cat podshim-pod-create
	has "podshim-pod-create - make a pod"
	run -0 man -M "$DEST/usr/share/man" -P cat 7 podshim-security
	run -0 bash -c '. "$1"; COMP_WORDS=(podshim create --bund) COMP_CWORD=2; _podshim podshim --bund create; echo "${COMPREPLY[@]}"' \
		bash "$DEST/usr/share/bash-completion/completions/podshim"
	is --bundle
	PYTHONPATH=$DEST/usr/share/podshim/python PYTHONDONTWRITEBYTECODE=1 python3 -c 'import podshim; podshim.Pod'
}

@test "manual: every page renders without a warning, and names only pages that there are" {
	requires man
	local page name
	run -0 make_target man
	for page in "$OBJECTS"/man/*.[1-9]; do
		name=$(basename "$page")
		run -0 env MANROFFSEQ= MANWIDTH=100 LC_ALL=C.UTF-8 man --warnings -E UTF-8 -l "$page"
		lacks "warning:"
		lacks "error:"
		has "${name%.*}"
		while read -r name; do
			[[ -e $OBJECTS/man/$name ]] || { echo "$page names $name" >&2; return 1; }
		done < <(sed 's/\\f[BIR]//g; s/\\-/-/g' "$page" | grep -oE 'podshim(-[a-z]+)*\([1-9]\)' | tr '()' '. ' | tr -d ' ' | sort -u)
	done
	# Each command has a page, and each page of a command a command.
	diff <("$PODSHIM" __man pages | sort) <(cd "$OBJECTS/man" && ls ./*.1 | sed 's|^\./||; s/\.1$//' | grep -v '^podshim$' | sort)
}

@test "manual: a page has every flag of its command's help" {
	requires man
	local name flag missing=0
	run -0 make_target man
	for name in $("$PODSHIM" __man pages); do
		name=${name#podshim-}
		LC_ALL=C.UTF-8 MANROFFSEQ='' man -E UTF-8 -l "$OBJECTS/man/podshim-$name.1" >"$BATS_TEST_TMPDIR/page"
		# shellcheck disable=SC2086  # a command of a group is two words
		for flag in $("$PODSHIM" help ${name/-/ } | grep -oE '^  (-[a-zA-Z], )*--[a-z0-9-]+' | grep -oE -- '--[a-z0-9-]+'); do
			grep -qE -- "^ +(-[A-Za-z], )*$flag\b" "$BATS_TEST_TMPDIR/page" || { echo "$name: $flag" >&2; missing=1; }
		done
	done
	((missing == 0))
	run -0 "$PODSHIM" __man kill
	has '*podshim kill* [_FLAGS_] _ID_ [_SIGNAL_]'
	run -1 "$PODSHIM" __man nope
	has "unknown command 'nope'"
}

@test "unit of pods: its commands make a pod and end it" {
	requires root
	local unit=$BATS_TEST_TMPDIR/podshim-pod@.service start stop
	sed "s|/usr/local/bin/podshim|$PODSHIM --root $ROOT|" "$REPO/shim/pod/podshim-pod@.service" >"$unit"
	start=$(sed -n 's/^ExecStart=//p' "$unit") stop=$(sed -n 's/^ExecStop=//p' "$unit")
	"$REPO/example/hello/make-rootfs" "$BATS_TEST_TMPDIR/bundle/rootfs" >/dev/null
	"$REPO/example/hello/make-config" sleep 600 >"$BATS_TEST_TMPDIR/bundle/config.json"
	BUNDLE=$BATS_TEST_TMPDIR/bundle FLAGS="--warm 2" detached bash -c "${start//%i/unit}"
	run -0 podshim pod ls --format json unit
	jq -e 'map(select(.state == "prepared")) | length == 2' <<<"$output"
	run -0 bash -c "${stop//%i/unit}"
	wait_until 10 test ! -e "$ROOT/.pods/unit"
	command -v systemd-analyze >/dev/null || return 0
	cp "$REPO/shim/pod/podshim-pod@.service" "$BATS_TEST_TMPDIR/podshim-pod@x.service"
	run systemd-analyze verify "$BATS_TEST_TMPDIR/podshim-pod@x.service"
	lacks "Unknown"
	lacks "Invalid"
	lacks "ignoring"
}

# The files of a package, without directories and what is the same in all.
contents() {
	dpkg-deb --fsys-tarfile "$OBJECTS/deb/$1"_*.deb | tar -t | grep -v '/$' | sed 's|^\./usr/||' | grep -vE '^share/doc/[^/]*/(changelog|copyright)' | sort
}

@test "make deb: packages hold what make install installs, install into a tree, run from there, and go" {
	requires root dh dpkg-deb lintian cc python3
	local tree=$BATS_TEST_TMPDIR/tree triplet package
	# As make check has built it, so that nothing is compiled again.
	run -0 make -s -C "$REPO" B="$OBJECTS" WERROR=1 deb
	triplet=$(dpkg-architecture -qDEB_HOST_MULTIARCH)
	# Every file is in exactly one package.
	diff <(expected_files | sed -e "s|^lib/lib|lib/$triplet/lib|; s|^lib/pkg|lib/$triplet/pkg|; s|share/podshim/python|lib/python3/dist-packages|" \
			-e 's|zsh/site-functions|zsh/vendor-completions|; s|\(share/man/.*\)|\1.gz|' -e '$ashare/lintian/overrides/podshim' | sort) \
		<(for package in podshim libpodshim0 libpodshim-dev python3-podshim; do contents "$package"; done | sort)
	run -0 contents libpodshim0
	is "lib/$triplet/libpodshim.so.0"

	mkdir -p "$tree"/var/lib/dpkg/{info,updates} "$tree"/usr/bin
	touch "$tree"/var/lib/dpkg/{status,available}
	run -0 dpkg --root="$tree" --force-depends --force-script-chrootless --log=/dev/null --install \
		"$OBJECTS"/deb/{podshim,libpodshim0,libpodshim-dev,python3-podshim}_*.deb
	"$REPO/example/hello/make-rootfs" "$BATS_TEST_TMPDIR/bundle/rootfs" >/dev/null
	cp "$REPO/example/hello/config.json" "$BATS_TEST_TMPDIR/bundle"
	run -0 "$tree/usr/bin/podshim" --root "$ROOT" run -b "$BATS_TEST_TMPDIR/bundle" "$CID"
	has "Hello from inside a container."
	cc -Wall -Werror -I "$tree/usr/include" -o client "$REPO/example/client-c/client.c" -L "$tree/usr/lib/$triplet" -lpodshim
	LD_LIBRARY_PATH=$tree/usr/lib/$triplet run -125 ./client -r "$ROOT" nobody run true
	has nobody
	PYTHONPATH=$tree/usr/lib/python3/dist-packages PYTHONDONTWRITEBYTECODE=1 python3 -c 'import podshim; podshim.Pod'
	run -0 dpkg --root="$tree" --force-script-chrootless --log=/dev/null --purge podshim libpodshim0 libpodshim-dev python3-podshim
	run -0 find "$tree" -path "$tree/var" -prune -o -type f -print
	is ""

	# As root it warns of that itself, unless told.
	run lintian --allow-root --tag-display-limit 0 --fail-on error,warning "$OBJECTS"/deb/*.changes
	((status == 0)) || { echo "$output" >&2; return 1; }
	is ""
}
