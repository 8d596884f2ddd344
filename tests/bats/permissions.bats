#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Permissions as users meet them: bundles, and programs without one.

load lib/common
load lib/bundle
load lib/requires
load lib/wait

setup() {
	common_setup
	requires root podshim jq
	new_bundle true
	mkdir -p "$ROOTFS/data/sub" "$ROOTFS/work"
	echo public >"$ROOTFS/data/a"
	echo secret >"$ROOTFS/data/secret"
	echo below >"$ROOTFS/data/sub/f"
	config '.root.readonly = false | .process.env += ["APP=1", "APP_MODE=2", "TOKEN=x"]'
	cd "$BATS_TEST_TMPDIR" || return
}
teardown() {
	[[ -z ${SERVER:-} ]] || kill "$SERVER" 2>/dev/null || true
	[[ -z ${FLOODED:-} ]] || rm -rf "$FLOODED"
	common_teardown
}

# under [-N] SCRIPT FLAG...: the bundle runs SCRIPT under these permission flags.
under() {
	local expected=-0
	if [[ $1 == -[0-9]* ]]; then
		expected=$1
		shift
	fi
	shell "$1"
	shift
	run "$expected" podshim run "$@" -b "$BUNDLE" "$CID" || { printf '%s: %s\n' "$status" "$output" >&2; return 1; }
	printf '%s\n' "$output" >&2
}

# refuses TEXT FLAG...: these flags are an error that says so, and nothing is left of the container.
refuses() {
	local text=$1
	shift
	run -1 podshim run "$@" -b "$BUNDLE" "$CID"
	is "podshim: $text"
	assert_nothing_left
}

# A web server of the host on its loopback device; PORT.
serve() {
	requires python3
	mkdir -p "$BATS_TEST_TMPDIR/www"
	echo served >"$BATS_TEST_TMPDIR/www/page"
	python3 -u -m http.server --bind 127.0.0.1 --directory "$BATS_TEST_TMPDIR/www" 0 >"$BATS_TEST_TMPDIR/server" 2>&1 3>&- &
	SERVER=$!
	wait_file "$BATS_TEST_TMPDIR/server" "Serving HTTP"
	PORT=$(sed -n 's/.* port \([0-9]*\) .*/\1/p' "$BATS_TEST_TMPDIR/server")
}

@test "read: allow lists, a deny inside, what programs count on" {
	under 'cat /data/a /data/sub/f; cat /data/secret; cat /work/x /home 2>&1; head -c 5 /etc/passwd' --allow-read=/data --deny-read=/data/secret
	has "public
below"
	has "cat: can't open '/data/secret': Permission denied"
	has "cat: can't open '/work/x': No such file"
	has "root:"
	under -1 'cat /etc/hosts2 /data/a' --allow-read=/work
	has "cat: can't open '/data/a': Permission denied"
	# Nobody lists anything: deny entries take away from what config.json grants.
	under -1 'cat /data/a; ls /data/sub; cat /data/secret' --deny-read=/data/secret,/data/sub
	has public
	has "ls: can't open '/data/sub': Permission denied"
	has "cat: can't open '/data/secret': Permission denied"
	under 'cat /data/secret' -A
	is secret
	under -1 'cat /data/a; cat /data/secret' -A --deny-read=/data/secret
	has public
	under 'cat /data/secret' -R
	has secret
}

@test "read: what is ignored must be absent, or is an error; what is warned of is told" {
	refuses "--ignore-read: read: '/data/secret' exists, and can be denied but not be made to look missing" --ignore-read=/data/secret
	under 'cat /data/none 2>/dev/null || cat /data/a' --allow-read --ignore-read=/data/none
	is public
	under 'cat /data/secret /data/a' --warn-read=/data/secret --audit audit
	is "secret
public"
	run -0 jq -r 'select(.target | startswith("/data")) | [.perm, .action, .target, .result, (.rule | if . then "\(.text) (\(.src))" else null end)] | join(" ")' audit
	is "read open /data/secret warn warn /data/secret (--warn-read)"
}

@test "write: read-only but for what is listed" {
	under 'echo x >/work/x && cat /work/x; echo x >/data/x || echo no; echo x >>/data/a || echo no; rm /data/a || echo no; mkdir /new || echo no' \
		--allow-read --allow-write=/work
	has "x
sh: can't create /data/x: Read-only file system
no"
	[ "$(grep -c '^no$' <<<"$output")" = 4 ]
	[ -e "$ROOTFS/work/x" ]
	under 'echo y >/work/y && echo written; echo x >/data/x || echo no' --deny-write=/data
	has written
	has no
	[ ! -e "$ROOTFS/data/x" ]
}

@test "net: an address and port of the host, and no other" {
	serve
	under -1 "wget -q -O - http://127.0.0.1:$PORT/page; wget -q -O - http://127.0.0.1:$((PORT + 1))/" --allow-net=127.0.0.1:"$PORT"
	has served
	has "Permission denied"
	has "  net   127.0.0.1:$((PORT + 1)) (connect by wget["
	has "run again with: --allow-net=127.0.0.1:$((PORT + 1))"
	under -1 "wget -q -O - http://127.0.0.1:$PORT/page" --allow-read
	lacks served
	under -1 "wget -q -O - http://127.0.0.1:$PORT/page" --deny-net --allow-net=127.0.0.1:"$PORT"
	lacks served
	# config.json has the host's network: deny entries subtract.
	config '.linux.namespaces |= map(select(.type != "network"))'
	under "wget -q -O - http://127.0.0.1:$PORT/page" --deny-net=127.0.0.1:1
	is served
	under -1 "wget -q -O - http://127.0.0.1:$PORT/page" --deny-net=127.0.0.1
	lacks served
	has "by deny 127.0.0.1 (--deny-net)"
}

@test "net: everything is the host's own services, too, unless they are denied" {
	local flag
	serve
	run -0 --separate-stderr podshim run --allow-net --allow-run=wget -- busybox wget -q -O - "http://127.0.0.1:$PORT/page"
	is served
	run -0 podshim policy show --allow-net
	has "note: net.allow of everything (--allow-net) opens the host's own services at 127.0.0.1, its private networks and the metadata of clouds, too: deny \"private\", or allow \"public\" alone"
	for flag in --allow-net=public "--allow-net --deny-net=private" "--allow-net=*:$PORT --deny-net=private"; do
		# shellcheck disable=SC2086  # flags
		run -1 podshim run $flag --allow-run=wget -- busybox wget -q -O - "http://127.0.0.1:$PORT/page"
		lacks served
		has "can't connect"
		# shellcheck disable=SC2086
		run -0 podshim policy show $flag
		lacks "opens the host's own services"
	done
	run -1 podshim explain --allow-net=public --connect 169.254.169.254:80
	run -1 podshim explain --allow-net=public --connect '[::1]:80'
	run -1 podshim explain --allow-net=public --connect 10.0.0.1:80
	run -0 podshim explain --allow-net=public --connect 1.1.1.1:80
}

@test "env: names and prefixes" {
	under 'echo ${APP-} ${APP_MODE-} ${TOKEN-}; test -n "$PATH"' --allow-env=APP
	is 1
	under 'echo ${APP-} ${APP_MODE-} ${TOKEN-}' --allow-env='APP*'
	is "1 2"
	under 'echo ${APP-} ${APP_MODE-} ${TOKEN-}' --deny-env=TOKEN
	is "1 2"
	under 'echo ${APP-} ${APP_MODE-} ${TOKEN-}' --ignore-env='APP*' -E
	is x
	# Nobody speaks of variables: config.json's are granted.
	under 'echo ${APP-} ${APP_MODE-} ${TOKEN-}' --allow-read=/data
	is "1 2 x"
	# Somebody does, and lists none.
	for list in '[]' false '{"allow": []}' '{"allow": false}' '{"set": {"MORE": "3"}, "allow": []}'; do
		jq -n --argjson env "$list" '{podshimPolicy: 1, permissions: {read: true, write: true, run: true, ffi: true, net: true, sys: true, env: $env}}' >p.json
		jq -n --argjson env "$list" '{podshimPolicy: 1, permissions: {read: ["/data"], env: $env}}' >q.json
		for file in p.json q.json; do
			under 'env | sort | grep -v "^\(PATH\|HOME\|TERM\|PWD\|SHLVL\|MORE\)="; test -n "$PATH"' --policy $file
			is ""
		done
	done
	under 'echo $MORE$APP' --policy p.json
	is 3
	run -0 podshim explain --env TOKEN --allow-read=/data "$BUNDLE"
	has 'allowed: env access to "TOKEN"'
	run -1 podshim explain --env TOKEN --allow-env=APP "$BUNDLE"
	has 'denied: env access to "TOKEN"'
}

@test "run: programs by name and path; nothing that the program has made itself" {
	cp "$ROOTFS/bin/busybox" "$ROOTFS/data/tool"
	cp "$ROOTFS/bin/busybox" "$ROOTFS/data/other"
	under '/data/tool echo tool; /data/other echo other; cat /data/other >/work/new; chmod +x /work/new; /work/new echo new; true' \
		--allow-read --allow-write=/work --allow-run=/data/tool
	has tool
	has "/data/other: Permission denied"
	has "/work/new: Permission denied"
	under '/data/tool echo tool; /data/other echo other; true' --deny-run=/data/tool
	has "/data/tool: Permission denied"
	has other
}

@test "run: ld.so runs nothing that is not listed; ffi: nor does it load it" {
	requires python3
	cat >load.py <<-'EOF'
		import ctypes, sys
		try:
		    print(ctypes.CDLL(sys.argv[1]).zlibVersion() != 0)
		except OSError as e:
		    print(e)
	EOF
	local lib
	lib=$(ldconfig -p | awk '/libz\.so\.1 /{ print $NF; exit }')
	[ -n "$lib" ] || skip "no zlib here"
	cp "$lib" zlib.so
	run -0 podshim run --allow-read=zlib.so load.py "$PWD/zlib.so"
	has "failed to map segment from shared object"
	run -0 podshim run --allow-read=zlib.so --allow-ffi=zlib.so load.py "$PWD/zlib.so"
	is True
	run ! podshim run --allow-read=/bin -- /lib64/ld-linux-x86-64.so.2 /bin/ls /
	lacks etc
}

@test "sys: what the system tells of itself" {
	under 'cat /proc/uptime /proc/meminfo 2>&1 | head -2; nproc; ls /proc/self/status' --allow-read
	lacks MemTotal
	has "/proc/self/status"
	under 'cut -d. -f1 /proc/uptime; cat /proc/meminfo 2>&1' --allow-read --allow-sys=osUptime
	[[ ${lines[0]} =~ ^[0-9]+$ ]]
	lacks MemTotal
	under 'grep MemTotal /proc/meminfo; hostname' --allow-read --allow-sys=systemMemoryInfo,hostname
	has MemTotal
	has hello
	under 'cat /proc/uptime; grep -c . /proc/meminfo' --deny-sys=osUptime
	[[ $output =~ ^[0-9]+$ ]]
}

@test "limits are config.json's or lower" {
	config '.linux.resources.pids = {limit: 20}'
	shell 'sleep 600'
	detached podshim run -d --memory 64M --pids 100 --cpus 0.5 -b "$BUNDLE" "$CID"
	local pid
	pid=$(init_pid)
	if is_v1 pids; then
		[ "$(cat "$(cgroup_dir pids "$pid")/pids.max")" = 20 ]
		[ "$(cat "$(cgroup_dir memory "$pid")/memory.limit_in_bytes")" = 67108864 ]
		[ "$(cat "$(cgroup_dir cpu "$pid")/cpu.cfs_quota_us")" = 50000 ]
	else
		[ "$(cat "$(cgroup_dir pids "$pid")/pids.max")" = 20 ]
		[ "$(cat "$(cgroup_dir memory "$pid")/memory.max")" = 67108864 ]
	fi
	run -0 podshim policy show "$CID"
	has "memory"
	has "--memory"
}

@test "run DIR, and flags before and behind the verb" {
	shell 'cat /data/a /data/secret'
	run -1 podshim run --allow-read=/data/a "$BUNDLE"
	has public
	has "can't open '/data/secret': Permission denied"
	run -1 podshim --allow-read=/data/a run "$BUNDLE"
	has public
	has "can't open '/data/secret': Permission denied"
	run -0 podshim --allow-read=/data/a run --allow-read=/data/secret "$BUNDLE"
	is "public
secret"
}

@test "a summary of what was denied ends a failing run; not with --quiet, and not a good one" {
	under -1 'cat /data/a; cat /data/secret /work/none; exit 1' --allow-read=/data/a
	has "podshim: denied by the permissions of this run:
  read  /data/secret (open by cat["
	has "To allow all of it, run again with: --allow-read=/data/secret"
	lacks "/work/none ("
	under -1 'cat /data/a; cat /data/secret' --allow-read=/data/a --quiet
	lacks "denied by"
	under 'cat /data/secret; true' --allow-read=/data/a
	lacks "denied by"
	under -1 'cat /data/secret' --deny-read=/data/secret
	has ": EACCES) by deny /data/secret (--deny-read)"
	lacks "To allow"
}

@test "--policy: extends, sets, limits, and what flags add to it" {
	jq -n '{podshimPolicy: 1, extends: ["builtin:base-linux"], permissions: {read: ["+/data/a"], run: ["/bin"], env: {allow: ["+APP*"], set: {K: "v"}}},
		permissionSets: {tight: {read: ["/data/sub"]}}, limits: {pids: 30}}' >p.json
	under -1 'echo $APP ${TOKEN-} $K; cat /data/a /data/secret' --policy p.json
	has "1 v
public"
	has "can't open '/data/secret'"
	under -1 'cat /data/sub/f /data/a' --policy p.json -P=tight
	has below
	has "can't open '/data/a'"
	under 'cat /data/a /data/secret' --policy p.json --allow-read+=/data/secret
	is "public
secret"
	under -1 'cat /data/secret /data/a' --policy p.json --allow-read=/data/secret
	has secret
	has "can't open '/data/a'"
	refuses "p.json: has no permission set 'none'" --policy p.json -P=none
	refuses "-P names a set of a policy file: give --policy FILE, too" -P=tight
	refuses "there is no policy '/nonexistent'" --policy /nonexistent
}

@test "PODSHIM_*: weaker than flags, stronger than files, and not passed on" {
	export PODSHIM_DENY_READ=/data/secret
	under -1 'cat /data/a; env | grep PODSHIM_D; cat /data/secret' -A
	has public
	lacks PODSHIM_DENY_READ=
	has "can't open '/data/secret'"
	unset PODSHIM_DENY_READ
	PODSHIM_ALLOW_READ=/data/a under -1 'cat /data/a /data/secret'
	has "can't open '/data/secret'"
	PODSHIM_ALLOW_READ=/data/a under 'cat /data/secret' --allow-read=/data/secret
	is secret
	jq -n '{podshimPolicy: 1, permissions: {read: {deny: ["/data/a"]}}}' >p.json
	PODSHIM_POLICY=$PWD/p.json under -1 'cat /data/a'
	has "Permission denied"
	PODSHIM_POLICY_JSON=$(base64 -w0 p.json) under -1 'cat /data/a'
	has "Permission denied"
	PODSHIM_DENY_REED=/x run -1 podshim run -b "$BUNDLE" "$CID"
	is "podshim: unknown variable 'PODSHIM_DENY_REED' in the environment (did you mean 'PODSHIM_DENY_READ'?)"
}

@test "annotations narrow, and never widen" {
	config '.annotations = {"io.podshim.deny-read": "/data/secret"}'
	under -1 'cat /data/a; cat /data/secret' -A
	has public
	has "can't open '/data/secret'"
	under -1 'cat /data/secret' --allow-read=/data/secret
	has "Permission denied"
	config '.annotations = {"io.podshim.allow-read": "/data/sub"}'
	under -1 'cat /data/sub/f; cat /data/a'
	has below
	has "can't open '/data/a'"
	# What both allow: nothing.
	under -1 'cat /data/sub/f' --allow-read=/data/a
	has "Permission denied"
	config '.annotations = {"io.podshim.allow-env": "APP"}'
	under 'echo ${APP-} ${TOKEN-}'
	is 1
	config --arg p '{"podshimPolicy":1,"permissions":{"env":[]}}' '.annotations = {"io.podshim.policy": $p}'
	for flag in "" --allow-env --allow-read=/data; do
		under 'echo ${APP-} ${TOKEN-}; test -n "$PATH"' $flag
		is ""
	done
	config --arg p '{"podshimPolicy":1,"permissions":{"write":{"deny":["/work"]}},"limits":{"pids":9}}' '.annotations = {"io.podshim.policy": $p}'
	under -1 'echo x >/data/x && echo x >/work/x'
	has "/work/x: Read-only file system"
	config '.annotations = {"io.podshim.policy": "{\"podshimPolicy\":1,\"mode\":\"audit\"}"}'
	refuses "annotation io.podshim.policy: /mode: only the operator can say this, an annotation cannot"
	config '.annotations = {"io.podshim.allow-red": "/x"}'
	refuses "unknown annotation 'io.podshim.allow-red' (did you mean 'io.podshim.allow-read'?)"
	config '.annotations = {"io.podshim.deny-net": "true"}'
	refuses "annotation io.podshim.deny-net is 'true': write '*' for everything, or leave it out"
}

@test "what cannot be enforced is an error that names it; with --best-effort a warning" {
	refuses "--deny-read: read: '/work/later' is missing, and what is made there could not be denied (a '?' behind it accepts that)" \
		--deny-read=/work/later
	under 'echo x >/work/later && cat /work/later' --log-level warning --deny-read=/work/later --best-effort
	has "warning: read: '/work/later' is missing"
	has x
	under 'cat /data/a' --deny-read='/work/later?'
	is public
	refuses "--allow-write: write: '/work/new' is missing, and cannot be made in a container's files" --allow-write=/work/new/
	# Where nobody looks on, the log and the tape have it; a call that fails has its error alone there.
	shell 'sleep 600'
	detached podshim --log log --log-format json create --deny-read=/work/other --best-effort -b "$BUNDLE" "$CID"
	[[ $(jq -r '.level + " " + .msg' log) == "warning read: '/work/other' is missing"* ]]
	run -0 podshim audit "$CID"
	[[ $output =~ ^[0-9:.]+\ degraded\ read:\ \'/work/other\'\ is\ missing ]]
	run -0 podshim audit --format json "$CID"
	jq -e '.type == "audit" and .kind == "degraded" and (.msg | test("/work/other"))' <<<"$output"
	run -0 podshim audit --format deno "$CID"
	is ""
	run -1 podshim --log log2 --log-format json create --deny-read=/work/other --best-effort -b "$BUNDLE" "$CID"
	[[ $(jq -r .level log2) == error ]]
	podshim delete --force "$CID"
}

@test "errors of flags name the item and what to do" {
	refuses "unknown flag '--allow-foo' for 'run' (did you mean '--allow-ffi'?); see 'podshim run --help'" --allow-foo
	refuses "--allow-net: 'http://x/' is a URL: write the host alone, such as x" --allow-net=http://x/
	refuses "--allow-net: '1::2:80' is an IPv6 address without brackets: write [1::2:80]" --allow-net=1::2:80
	refuses "--allow-net: 'host:99999' has no port in '99999': write a number from 0 to 65535, a range such as 8000-8080, or a list such as 80|443" \
		--allow-net=host:99999
	refuses "--allow-read: read: the container has no '/nonexistent' (a '?' behind it lets it be missing)" --allow-read=/nonexistent
	refuses "--allow-sys: 'foo' is nothing that sys knows: it has hostname, osRelease, cpus, uid and others" --allow-sys=foo
	refuses "--allow-env: 'A=B' has a '=': write the name of the variable alone" --allow-env=A=B
	refuses "--allow-run: run: none of the programs is in the container ('nosuch')" --allow-run=nosuch
	refuses "--allow-all conflicts with --allow-read: leave one of them out" -A --allow-read=/x
	refuses "--reset-deny: 'foo' is none of read, write, net, env, run, ffi, sys" --reset-deny=foo
	refuses "--allow-read: an empty item: write ',,' for a comma in a value" --allow-read=,
}

@test "audit, in all formats; --audit FILE; explain ID" {
	shell 'cat /data/a /data/secret; sleep 600'
	detached podshim run -d --allow-read=/data/a --audit "$PWD/audit" -b "$BUNDLE" "$CID"
	wait_file audit '"/data/secret"'
	run -0 podshim audit "$CID"
	[[ $output =~ ^[0-9:.]+\ deny\ +read\ +/data/secret\ \(open\ by\ cat\[[0-9]+\]:\ EACCES\)\ -\>\ --allow-read=/data/secret$ ]]
	run -0 podshim audit --format deno "$CID"
	jq -e '.v == 1 and .permission == "read" and .value == "/data/secret" and (.datetime | length) > 20 and (keys | length) == 4' <<<"$output"
	run -0 podshim audit --format json "$CID"
	jq -e '.perm == "read" and .result == "deny" and .errno == "EACCES" and .hint == "--allow-read=/data/secret"' <<<"$output"
	# Whole lines, numbered without a gap.
	run -0 jq -es 'length > 0 and all(.[]; .v == 1 and .type == "audit" and .id and .time) and ([.[].seq] == [range(1; length + 1)])' audit
	run -0 podshim explain "$CID"
	has 'denied: read access to "/data/secret" (open by cat['
	has "Run again with --allow-read=/data/secret"
	podshim kill "$CID" KILL
}

@test "audit: what an event says, and which ones are shown" {
	shell 'cat /data/secret; cat /work/x; cat /data/a; sleep 600'
	echo x >"$ROOTFS/work/x"
	detached podshim run -d --allow-read=/data/a --warn-read=/data/a --deny-read=/work/x --audit "$PWD/audit" -b "$BUNDLE" "$CID"
	wait_file audit '"/data/a"'
	warned() { podshim audit "$CID" | grep -q /data/a; }
	wait_until 10 warned
	# shellcheck disable=SC2016  # jq's
	run -0 jq -es 'map(select(.kind == "access")) | length >= 3 and all(.[]; .v == 1 and .id and .time and .seq > 0 and .type == "audit" and .perm == "read" and .action == "open" and
		.pid > 0 and .tid >= .pid and .ppid > 0 and .comm == "cat" and .exe == "/bin/busybox" and .mech == "notify" and .sound == false and
		.count >= 1 and .first <= .last and has("rule") and has("result"))' audit
	jq -es '[.[] | select(.target == "/work/x")][0].rule == { layer: "flag", src: "--deny-read", text: "deny /work/x" }' audit
	jq -es '[.[] | select(.target == "/data/secret")][0] | .rule == null and .hint == "--allow-read=/data/secret" and .errno == "EACCES"' audit
	run -0 podshim audit --result deny "$CID"
	has "/work/x (open by cat"
	has "by deny /work/x (--deny-read)"
	lacks /data/a
	run -0 podshim audit --result warn --permission read "$CID"
	has /data/a
	lacks /data/secret
	run -0 podshim audit --permission net "$CID"
	is ""
	run -0 podshim audit --pid "$(podshim audit --format json "$CID" | jq -r 'select(.target == "/work/x") | .pid')" "$CID"
	has /work/x
	lacks /data/secret
	run -0 podshim audit --since "$(podshim audit --format json "$CID" | jq -s 'max_by(.seq) | .seq')" "$CID"
	is ""
	podshim kill "$CID" KILL
}

@test "audit: a flood of denied opens is counted to the last" {
	[[ -x /usr/bin/python3 ]] || skip "needs /usr/bin/python3"
	# Below /tmp a program has a file system of its own.
	FLOODED=$(mktemp -d /var/tmp/podshim-flood.XXXXXX)
	echo secret >"$FLOODED/secret"
	run -0 podshim run --audit "$PWD/audit" -- /usr/bin/python3 -c 'import sys
for i in range(100000):
    try: open(sys.argv[1] if i % 2 else sys.argv[1] + str(i % 1000))
    except OSError: pass' "$FLOODED/secret"
	# What is not there for anybody is no denial; the same of a quarter of a second is one line, and none is left out.
	jq -es --arg f "$FLOODED/secret" '[.[] | select(.target == $f and .result == "deny") | .count] | add == 50000 and length < 1000' audit
	jq -es '([.[].seq] == [range(1; length + 1)]) and all(.[]; .kind != "drop")' audit
}

@test "audit: allowed accesses that are too many are counted, and the number is told" {
	local i
	for ((i = 0; i < 600; i++)); do echo x >"$ROOTFS/data/f$i"; done
	# shellcheck disable=SC2016  # its own variable
	shell 'cat /data/f* /data/secret; sleep 600'
	echo '{"podshimPolicy": 1, "permissions": {"read": true, "run": true, "ffi": true}, "audit": {"allowed": ["read"]}}' >policy.json
	detached podshim run -d --policy policy.json --deny-read=/data/secret -b "$BUNDLE" "$CID"
	flooded() { podshim audit "$CID" | grep -q /data/secret; }
	wait_until 10 flooded
	run -0 podshim audit "$CID"
	[[ $output =~ [0-9]+\ allowed\ accesses\ are\ not\ told\ of ]]
	# None is lost: 600 files, and little beside them; what the tape has no room for is a gap of its numbers.
	podshim audit --format json "$CID" >events
	jq -es '([.[] | select(.kind == "drop") | .count] | add) as $drop | ([.[] | select(.kind == "access" and .result == "allow") | .count] | add) as $told |
		(.[0].seq - 1) as $gap | $drop > 0 and $told > 0 and $drop + $told + $gap >= 600 and $drop + $told + $gap < 650' events
	podshim kill "$CID" KILL
}

@test "explain: an event by its number, every way to allow it, JSON" {
	local seq
	shell 'cat /data/secret; cat /work/x; cat /data/a; nslookup x >/dev/null 2>&1; sleep 600'
	echo x >"$ROOTFS/work/x"
	detached podshim run -d --allow-read=/data/a --warn-read=/data/a --deny-read=/work/x --audit "$PWD/audit" -b "$BUNDLE" "$CID"
	wait_file audit '"/data/a"'
	wait_denied() { podshim audit "$CID" | grep -q /data/a; }
	wait_until 10 wait_denied
	seq=$(podshim audit --format json "$CID" | jq -r 'select(.target == "/data/secret") | .seq')
	run -0 podshim explain "$CID:$seq"
	has 'denied: read access to "/data/secret" (open by cat['
	has ": EACCES), event $seq"
	has "  No allow entry matches. Run again with --allow-read=/data/secret
  nearest: /data/a (--allow-read)
  enforced by: mounts, masks, Landlock
  the program sees: EACCES
  to allow it: --allow-read=/data/secret
    variable:    PODSHIM_ALLOW_READ=/data/secret
    policy file: \"permissions\": {\"read\":{\"allow\":[\"/data/secret\"]}}
    annotation:  none; io.podshim.allow-read only narrows
    beside the list of --allow-read: add it there; a stronger source replaces that list, but for entries with '+' in front
    wider:       --allow-read=/data"
	lacks /work/x
	# What it says is a policy that does.
	podshim explain --format json --seq "$seq" "$CID" >explained
	jq -e --argjson s "$seq" '.verdict == "deny" and .seq == $s and .nearest.value == "/data/a" and .nearest.from == "--allow-read" and
		.grants[0].flag == "--allow-read=/data/secret" and .grants[0].annotation == null and .grants[1].wider' explained
	jq '{ podshimPolicy: 1, permissions: .grants[0].permissions }' explained >granting.json
	run -0 podshim explain --policy granting.json --read /data/secret
	# By a rule: nothing else beats it.
	run -0 podshim explain "$CID:$(podshim audit --format json "$CID" | jq -r 'select(.target == "/work/x") | .seq')"
	has "Denied by deny /work/x (--deny-read): remove that entry to allow it; nothing else beats a deny."
	lacks "to allow it: --"
	# Allowed ones can be asked for, too.
	run -0 podshim explain "$CID:$(podshim audit --format json "$CID" | jq -r 'select(.target == "/data/a") | .seq')"
	has 'allowed, and told of: read access to "/data/a"'
	has "rule: warn /data/a (--warn-read)"
	run -0 podshim explain --format json "$CID"
	run -0 jq -es 'length >= 2 and all(.[]; .verdict == "deny" and .seq and .enforcedBy and .errno)' <<<"$output"
	run -1 podshim explain "$CID:999999"
	has "podshim: '$CID' has no access with the number 999999; those that are known are "
	run -1 podshim explain --seq x "$CID"
	has "podshim: --seq 'x': expected the number of an event, as 'podshim explain $CID' and 'audit --format json' show it"
	run -1 podshim explain --seq 1 --read /x "$CID"
	is "podshim: --seq names an event, which is no question"
	podshim kill "$CID" KILL
}

@test "explain: questions in JSON, wider grants, risks" {
	run -1 podshim explain --format json --allow-net=api.example.com:443 --connect www.example.com:80 --connect www.example.com:443
	jq -e '.verdict == "deny" and .perm == "net" and .target == "www.example.com:443" and .nearest.value == "api.example.com:443" and
		[.grants[].flag] == ["--allow-net=www.example.com:443", "--allow-net=www.example.com"] and
		.grants[0].permissions == { net: { allow: ["www.example.com:443"] } } and .grants[0].variable == "PODSHIM_ALLOW_NET=www.example.com:443"' <<<"$output"
	run -1 podshim explain --format json --read /home/u/.ssh/id_rsa
	jq -e '.risk == "SSH keys" and (.grants | length) == 1 and .errno == "ENOENT: it is not there"' <<<"$output"
	run -0 podshim explain --format json --allow-env=APP_* --env APP_X
	jq -e '.verdict == "allow" and .rule.value == "APP_*" and .grants == null' <<<"$output"
	run -0 podshim explain --allow-read=n.txt --read n.txt
	run -1 podshim explain --allow-read=/data --deny-read=/data/b --read /data/b
	has "  rule: deny /data/b (--deny-read)
  remove that entry to allow it; nothing else beats a deny"
	run -1 podshim explain --allow-read=/data --read "/a,b"
	has "to allow it: --allow-read=/a,,b"
	has "PODSHIM_ALLOW_READ=/a,,b"
	has '{"read":{"allow":["/a,b"]}}'
}

@test "explain answers questions of a container, a bundle, and flags alone" {
	run -1 podshim explain --sys hostnam
	is "podshim: 'hostnam' is nothing that sys knows (did you mean 'hostname'?)"
	shell 'sleep 600'
	detached podshim run -d --allow-read=/data/a --allow-net=api.example.com:443 -b "$BUNDLE" "$CID"
	run -1 podshim explain --read /etc/shadow "$CID"
	has 'denied: read access to "/etc/shadow"'
	has "to allow it: --allow-read=/etc/shadow"
	has "careful: password hashes"
	run -0 podshim explain --read /data/a --connect api.example.com:443 "$CID"
	has "rule: allow /data/a (--allow-read)"
	run -1 podshim explain --connect api.example.com:80 "$CID"
	has "nearest: api.example.com:443 (--allow-net)"
	run -1 podshim explain --allow-write=/work --write /data/x "$BUNDLE"
	has "to allow it: --allow-write=/data/x"
	run -0 podshim explain --allow-write=/work --write /work/x
	has "allowed: write"
	run -1 podshim explain --connect foo
	is "podshim: --connect 'foo': the port is missing, as in foo:443"
	run -1 podshim explain
	has "'explain' needs ID, or a question"
	run -1 podshim explain nosuch
	has "container does not exist: 'nosuch'"
}

@test "exec is under the same permissions" {
	config '.process.noNewPrivileges = false'
	shell 'sleep 600'
	detached podshim run -d --allow-read=/data/a,/data/sub --deny-read=/data/sub --allow-env=APP --allow-write=/work -b "$BUNDLE" "$CID"
	run podshim exec "$CID" sh -c 'cat /data/a; cat /data/secret; ls /data/sub; echo x >/data/x; echo x >/work/x && echo written; echo ${APP-} ${TOKEN-}; grep NoNewPrivs /proc/self/status'
	has "public
cat: can't open '/data/secret': Permission denied
ls: can't open '/data/sub': Permission denied
sh: can't create /data/x: Read-only file system
written
1
NoNewPrivs:	1"
	run -0 podshim exec --cap CAP_SYS_ADMIN "$CID" grep CapEff /proc/self/status
	((!(0x${output##*[[:space:]]} & 1 << 21)))
	# An engine's document says nothing of permissions.
	jq '.process | .args = ["sh", "-c", "echo ${APP-} ${TOKEN-}; cat /data/secret"] | .noNewPrivileges = false' "$BUNDLE/config.json" >process.json
	run -1 podshim exec --process process.json "$CID"
	has "1
cat: can't open '/data/secret': Permission denied"
}

# ---- Without a bundle ----

@test "a program: what it does not see is told with the flag that shows it" {
	requires python3
	echo noted >notes
	echo 'print(open("notes").read(), end=""); open("out", "w").write("x")' >p.py
	cd "$(mktemp -d /var/tmp/podshim-perm.XXXXXX)" || return
	mv "$BATS_TEST_TMPDIR"/{notes,p.py} .
	run -1 podshim run p.py
	has "FileNotFoundError"
	has "  read  $PWD/notes (open by python3["
	has ": ENOENT)
To allow all of it, run again with: --allow-read=$PWD/notes"
	run -1 podshim run --allow-read=notes p.py
	has noted
	has "To allow all of it, run again with: --allow-write=$PWD"
	run -0 podshim run --allow-read=notes --allow-write="$PWD" p.py
	is noted
	[ -e out ]
	# What is nowhere is nobody's to allow.
	run -1 podshim run -- cat nothing
	lacks denied
	# Its own /tmp is not the host's, which has what it looks for.
	TMPDIR=/tmp run mktemp -d /tmp/podshim-perm.XXXXXX
	[[ -d $output ]]
	mv notes p.py "$output"
	rm -r "$PWD"
	cd "$output" || return
	run -1 podshim run p.py
	has "  read  $PWD/notes (open by python3["
	has "To allow all of it, run again with: --allow-read=$PWD/notes"
	run -1 podshim run -- cat "$PWD/nothing" /tmp/nothing
	lacks denied
	run -0 podshim run --allow-run=mkdir,cat -- sh -c "mkdir -p $PWD && echo own >$PWD/notes && cat $PWD/notes"
	is own
	run podshim run --allow-read=notes p.py
	has noted
	rm -r "$PWD"
}

@test "a program: curl and python reach what they may, by name and address" {
	serve
	requires curl
	run -0 podshim run --allow-net=127.0.0.1:"$PORT" -- curl -sS "http://127.0.0.1:$PORT/page"
	is served
	run -0 podshim run --allow-net=localhost:"$PORT" -- curl -sS "http://localhost:$PORT/page"
	is served
	run podshim run -- curl -sS "http://127.0.0.1:$PORT/page"
	[ "$status" != 0 ]
	lacks served
	echo "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1]).read().decode(), end='')" >get.py
	run -0 podshim run --allow-net=127.0.0.1:"$PORT" get.py "http://127.0.0.1:$PORT/page"
	is served
	run -1 podshim run --allow-net=127.0.0.1:1 get.py "http://127.0.0.1:$PORT/page"
	has "Permission denied"
	has "run again with: --allow-net=127.0.0.1:$PORT"
}

@test "a program: shell pipelines, git, gcc, node under hand-written policies" {
	mkdir src
	echo 'int main(void) { return 7; }' >src/m.c
	jq -n --arg here "$PWD/src" '{podshimPolicy: 1, extends: ["builtin:shell"], permissions: {read: ["+" + $here], write: ["+" + $here]}}' >sh.json
	run -0 podshim run --policy sh.json --cwd "$PWD/src" -- sh -c 'seq 1 100 | grep 7 | sort -rn | head -2 | tee out; wc -l <m.c'
	is "97
87
1"
	[ -e src/out ]
	if command -v git >/dev/null; then
		git -C src init -q . && git -C src -c user.email=a@b -c user.name=c commit -q --allow-empty -m first
		run -0 podshim run --allow-read='src,/etc/gitconfig?' --allow-run=git --cwd "$PWD/src" -- git -c safe.directory='*' log --format=%s
		is first
	fi
	if command -v gcc >/dev/null; then
		jq -n --arg here "$PWD/src" '{podshimPolicy: 1, extends: ["builtin:shell"], permissions: {read: ["+" + $here, "+/usr/include"],
			write: ["+" + $here], run: ["+/usr/lib/gcc", "+/usr/libexec/gcc?"]}}' >cc.json
		run -0 podshim run --policy cc.json --cwd "$PWD/src" -- gcc -o m m.c
		run -7 src/m
	fi
	if command -v node >/dev/null; then
		echo 'console.log([1, 2].map(x => x * 2).join())' >n.js
		run -0 podshim run n.js
		is 2,4
	fi
}

@test "a program gets the caller's variables that an entry hands over, and no others" {
	export GOOD=1 PRE_A=2 OTHER=3
	run -0 --separate-stderr podshim run '--allow-env=GOOD,PRE_*' -- env
	has GOOD=1
	has PRE_A=2
	lacks OTHER
	run -0 --separate-stderr podshim run --allow-env --deny-env=GOOD -- env
	has OTHER=3
	lacks GOOD
	run -0 --separate-stderr podshim run -- env
	lacks GOOD
	lacks OTHER
}

@test "net: sockets that are passed on are those that an entry allows" {
	local flags
	serve
	cat >pass.py <<-'EOS'
		import os, socket, sys
		kind, port = sys.argv[1], int(sys.argv[2])
		if kind == "connected":
		    s = socket.create_connection(("127.0.0.1", port))
		elif kind == "listening":
		    s = socket.create_server(("127.0.0.1", 0))
		elif kind == "unconnected":
		    s = socket.socket()
		elif kind == "unix":
		    server = socket.socket(socket.AF_UNIX)
		    server.bind("sock")
		    server.listen()
		    s = socket.socket(socket.AF_UNIX)
		    s.connect("sock")
		elif kind == "netlink":
		    s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
		elif kind == "pair":
		    s, other = socket.socketpair()
		elif kind == "file":
		    s = open("/etc/passwd")
		fd = os.dup(s.fileno())
		s = None if kind not in ("unix", "pair") else s
		os.dup2(fd, 3)
		os.execvp(sys.argv[3], sys.argv[3:])
	EOS
	pass() { # pass KIND FLAG...
		rm -f sock
		run python3 pass.py "$1" "$PORT" "$PODSHIM" --root "$ROOT" run --preserve-fds 1 "${@:2}" -b "$BUNDLE" "$CID"
	}
	shell 'test -e /proc/self/fd/3 && echo passed'
	for kind in connected listening unix netlink; do
		pass "$kind" --allow-read --allow-run --allow-ffi
		((status == 1))
		[[ $output == "podshim: net: descriptor 3, which is passed on, is a socket"*": the program could use it, and no entry allows that" ]]
		pass "$kind" --allow-read --allow-run --allow-ffi --best-effort
		is passed
		pass "$kind" --deny-read=/data/a
		is passed
	done
	pass connected --deny-net
	has "is a socket for '127.0.0.1:$PORT'"
	for kind in pair file; do
		pass "$kind" --deny-net
		is passed
	done
	pass connected "--allow-net=127.0.0.1:$PORT" --allow-read --allow-run --allow-ffi
	is passed
	pass listening "--allow-net=127.0.0.1" --allow-read --allow-run --allow-ffi
	is passed
	pass unix "--allow-net=unix:$PWD/sock" --allow-read --allow-run --allow-ffi --best-effort
	# What is not connected is where a supervisor decides about it, and nowhere else.
	pass unconnected --allow-net=127.0.0.1:9 --allow-read --allow-run --allow-ffi
	is passed
	run python3 pass.py unconnected "$PORT" "$PODSHIM" --root "$ROOT" create --preserve-fds 1 --allow-read --allow-run --allow-ffi -b "$BUNDLE" "$CID"
	((status == 1))
	is "podshim: net: descriptor 3, which is passed on, is a socket: the program could use it, and no entry allows that"
	# Into a container that runs, too.
	shell 'sleep 600'
	detached podshim create --deny-net -b "$BUNDLE" "$CID"
	detached podshim start "$CID"
	run python3 pass.py connected "$PORT" "$PODSHIM" --root "$ROOT" exec --preserve-fds 1 "$CID" true
	((status != 0))
	has "descriptor 3, which is passed on, is a socket for '127.0.0.1:$PORT'"
	podshim delete --force "$CID"
}

@test "a host without policies pays one look for that" {
	requires strace
	[[ ! -e /etc/podshim ]] || skip "this host has policies"
	strace -qq -o trace "$PODSHIM" --root "$ROOT" run -b "$BUNDLE" "$CID"
	[ "$(grep -c '"/etc/podshim' trace)" -eq 1 ]
}
