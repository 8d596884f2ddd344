#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Hosts by name, without proxy variables: a name server and web servers on this machine's loopback, real clients.

load lib/common
load lib/requires
load lib/bundle
load lib/wait

setup() {
	common_setup
	requires root podshim python3 curl openssl
	cd "$BATS_TEST_TMPDIR" || return
	mkdir site
	echo "this is $BATS_TEST_NUMBER" >site/file
	DNS=$((20000 + RANDOM % 20000))
	HTTP=$((DNS + 1)) HTTPS=$((DNS + 2))
	python3 "$REPO/tests/bats/lib/dns.py" "$DNS" good.test=127.0.0.1 bad.test=127.0.0.1 rebind.test=169.254.169.254 \
		turn.test=127.0.0.1+127.0.0.2+10.0.0.1+169.254.169.254 >asked &
	echo $! >>pids
	python3 -m http.server --bind 127.0.0.1 --directory site "$HTTP" >web 2>&1 &
	echo $! >>pids
	wait_until 10 grep -q ready asked
	wait_until 10 curl -so /dev/null "http://127.0.0.1:$HTTP/file"
}
teardown() {
	while read -r pid; do kill "$pid" 2>/dev/null || true; done <"$BATS_TEST_TMPDIR/pids"
	[[ ! -e $ROOT/.pods/p$$ ]] || podshim pod rm --force "p$$" || true
	common_teardown
}

serve_https() {
	openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=good.test \
		-addext subjectAltName=DNS:good.test 2>/dev/null
	python3 - "$HTTPS" >/dev/null 2>&1 <<-'END' &
		import functools, http.server, ssl, sys
		server = http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), functools.partial(http.server.SimpleHTTPRequestHandler, directory="site"))
		context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
		context.load_cert_chain("cert.pem", "key.pem")
		server.socket = context.wrap_socket(server.socket, server_side=True)
		server.serve_forever()
	END
	echo $! >>pids
	wait_until 10 curl -sko /dev/null "https://127.0.0.1:$HTTPS/file"
}

# net LIST PROGRAM ARG...: the program with net entries LIST, and these servers.
net() {
	local list=$1
	shift
	podshim run --dns "127.0.0.1:$DNS" --allow-net="$list" "${FLAGS[@]}" -- "$@"
}
FLAGS=()

@test "curl: the allowed name works, by its address at the port that was allowed; the other is refused" {
	run -0 net "good.test:$HTTP,127.0.0.1:$HTTP" curl -sS "http://good.test:$HTTP/file"
	has "this is"
	run -6 net "good.test:$HTTP,127.0.0.1:$HTTP" curl -sS "http://bad.test:$HTTP/file"
	has "Could not resolve host: bad.test"
	has "bad.test (resolve"
	has "--allow-net=bad.test"
	run -7 net "good.test:1,127.0.0.1:1" curl -sS "http://good.test:$HTTP/file"
	has "good.test:$HTTP (connect by curl"
	has "--allow-net="
}

@test "what no entry speaks of is not asked of anybody" {
	run -6 net "good.test:$HTTP" curl -sS "http://secret-of-the-payload.bad.test:$HTTP/"
	run -1 grep -q bad.test asked
}

@test "a name that leads to a private or metadata address reaches it only where that is allowed, too" {
	run -7 net "good.test:$HTTP" curl -sS "http://good.test:$HTTP/file"
	has "good.test:$HTTP (connect by curl"
	run -7 net "rebind.test" curl -sS --max-time 5 "http://rebind.test/latest/meta-data"
	has "rebind.test:80 (connect by curl"
	run -0 podshim run --add-host "good.test:127.0.0.1" --allow-net="good.test:$HTTP" -- curl -sS "http://good.test:$HTTP/file"
	has "this is"
}

@test "a name whose answers change leads to the address that is allowed, and never to the others" {
	python3 -m http.server --bind 127.0.0.2 --directory site "$HTTP" >wrong 2>&1 &
	echo $! >>pids
	wait_until 10 curl -so /dev/null "http://127.0.0.2:$HTTP/file"
	[[ $(grep -c GET wrong) == 1 ]]
	cat >turn.py <<-END
		import collections, socket
		seen = collections.Counter()
		for i in range(24):
		    try:
		        with socket.create_connection(("turn.test", $HTTP), 5) as s:
		            seen[s.getpeername()[0]] += 1
		    except OSError as e:
		        seen["refused"] += 1
		print(sorted(seen))
	END
	run -0 --separate-stderr podshim run --quiet --dns "127.0.0.1:$DNS" --allow-net="turn.test:$HTTP,127.0.0.1:$HTTP" turn.py
	is "['127.0.0.1', 'refused']"
	# As soon as an address is denied it stays so, whatever name leads there.
	run -0 --separate-stderr podshim run --quiet --dns "127.0.0.1:$DNS" --allow-net="turn.test:$HTTP,127.0.0.0/8:$HTTP" --deny-net=127.0.0.2,169.254.0.0/16 turn.py
	is "['127.0.0.1', 'refused']"
	[[ $(grep -c GET wrong) == 1 ]]
}

@test "node: fetch over http, and https with the certificate checked against the name" {
	requires node
	serve_https
	cat >get.mjs <<-END
		for (const url of ["http://good.test:$HTTP/file", "https://good.test:$HTTPS/file", "http://bad.test:$HTTP/file"]) {
		    try {
		        console.log((await (await fetch(url)).text()).trim());
		    } catch (e) {
		        console.log("refused", e.cause?.code);
		    }
		}
	END
	run -0 --separate-stderr podshim run --jit --dns "127.0.0.1:$DNS" --allow-read="$PWD/cert.pem" --env NODE_EXTRA_CA_CERTS="$PWD/cert.pem" \
		--allow-net="good.test:$HTTP,good.test:$HTTPS,127.0.0.1:$HTTP,127.0.0.1:$HTTPS" get.mjs
	is "this is $BATS_TEST_NUMBER
this is $BATS_TEST_NUMBER
refused ENOTFOUND"
}

@test "two names at one address are two: only the one that was meant is reached" {
	cat >two.py <<-END
		import socket
		allowed = socket.gethostbyname("good.test")
		for name in (allowed, "127.0.0.1"):
		    try:
		        socket.create_connection((name, $HTTP), 5).close()
		        print("reached")
		    except OSError as e:
		        print(e.errno)
		try:
		    socket.gethostbyname("bad.test")
		except OSError as e:
		    print("no name")
	END
	run -0 --separate-stderr podshim run --add-host good.test:127.0.0.1 --allow-net="good.test:$HTTP" two.py
	is "reached
13
no name"
}

@test "python: urllib and requests over http, and https with the certificate checked against the name" {
	serve_https
	cat >get.py <<-END
		import ssl, sys, urllib.request
		print(urllib.request.urlopen("http://good.test:$HTTP/file", timeout=10).read().decode().strip())
		context = ssl.create_default_context(cafile="$PWD/cert.pem")
		print(urllib.request.urlopen("https://good.test:$HTTPS/file", timeout=10, context=context).read().decode().strip())
		try:
		    urllib.request.urlopen("http://bad.test:$HTTP/file", timeout=10)
		except OSError as e:
		    print("refused")
		try:
		    from requests import get  # where it is installed
		except ImportError:
		    try:
		        from pip._vendor.requests import get
		    except ImportError:
		        sys.exit()
		assert get("http://good.test:$HTTP/file", timeout=10).text.startswith("this is")
		assert get("https://good.test:$HTTPS/file", timeout=10, verify="$PWD/cert.pem").text.startswith("this is")
		try:
		    get("http://bad.test:$HTTP/file", timeout=10)
		    print("not refused")
		except OSError:
		    pass
	END
	run -0 --separate-stderr podshim run --dns "127.0.0.1:$DNS" --allow-read="$PWD/cert.pem" \
		--allow-net="good.test:$HTTP,good.test:$HTTPS,127.0.0.1:$HTTP,127.0.0.1:$HTTPS" get.py
	is "this is $BATS_TEST_NUMBER
this is $BATS_TEST_NUMBER
refused"
}

@test "git clones over https from the allowed name" {
	requires git
	serve_https
	git -c init.defaultBranch=main init -q repo
	git -C repo -c user.name=t -c user.email=t@example.com commit -q --allow-empty -m first
	git clone -q --bare repo site/repo.git
	git -C site/repo.git update-server-info
	mkdir work
	FLAGS=(--allow-run --allow-ffi --allow-read=/usr --allow-read="$PWD/cert.pem" --allow-write="$PWD/work" --env GIT_SSL_CAINFO="$PWD/cert.pem" --env GIT_CONFIG_NOSYSTEM=1 --env HOME=/tmp)
	run -0 net "good.test:$HTTPS,127.0.0.1:$HTTPS" git clone -q "https://good.test:$HTTPS/repo.git" "$PWD/work/clone"
	run -0 git -C work/clone log --format=%s
	is first
	run -128 net "good.test:$HTTPS,127.0.0.1:$HTTPS" git clone -q "https://bad.test:$HTTPS/repo.git" "$PWD/work/other"
	has "Could not resolve host: bad.test"
}

@test "a bundle, a pod and exec resolve the same way; the audit says what was refused" {
	new_bundle sleep 60
	detached podshim run -d -b "$BUNDLE" --dns "127.0.0.1:$DNS" --allow-net="good.test:$HTTP,127.0.0.1:$HTTP" c1
	run -0 podshim exec c1 /bin/wget -q -O - "http://good.test:$HTTP/file"
	has "this is"
	run -1 podshim exec c1 /bin/wget -q -O - "http://bad.test:$HTTP/file"
	refused() { podshim audit c1 | grep -q 'deny *net *bad.test (resolve'; }
	wait_until 5 refused
	podshim delete --force c1
	detached podshim pod create --dns "127.0.0.1:$DNS" --allow-net="good.test:$HTTP,127.0.0.1:$HTTP" "p$$" "$BUNDLE"
	run -0 podshim pod launch "p$$" -- /bin/wget -q -O - "http://good.test:$HTTP/file"
	has "this is"
	run -1 podshim pod launch "p$$" -- /bin/wget -q -O - "http://bad.test:$HTTP/file"
	podshim pod rm --force "p$$"
}
