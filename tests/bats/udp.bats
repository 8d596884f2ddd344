#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Datagrams out of an empty network namespace: echo servers on the host's loopback and in a network that the test makes.

load lib/callers
load lib/common
load lib/requires
load lib/bundle
load lib/datagrams
load lib/pods
load lib/wait

setup() {
	common_setup
	requires root podshim python3 setpriv
	open_place /var/tmp/podshim-udp.XXXXXX work
	PODSHIM=$HERE/podshim
	WORLD=()
	mkdir tmp
	chown 65534:65534 tmp
	PORT=$((20000 + RANDOM % 20000))
	OTHER=$((PORT + 1))
	# What the payloads share: say(FAMILY, ADDRESS, PORT) tells what comes back, and from where.
	cat >say.py <<-'END'
		import socket, sys
		def say(address, port, data=b"hello", connected=False):
		    s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
		    s.settimeout(20)
		    try:
		        if connected:
		            s.connect((address, port))
		            s.send(data)
		        else:
		            s.sendto(data, (address, port))
		        back, peer = s.recvfrom(65536)
		        print(address, "connected" if connected else "not connected", "same" if back == data else "other", peer[0] == address and peer[1] == port)
		    except OSError as e:
		        print(address, e.strerror or "timeout")
	END
}
teardown() {
	[[ ! -e $ROOT/.pods/p$$ ]] || podshim pod rm --force "p$$" || true
	datagrams_teardown
}

@test "loopback of the host: connected and not, IPv4 and IPv6, the ports that are listed and no other" {
	local who
	echoes "$PORT" 127.0.0.1 ::1
	echoes "$OTHER" 127.0.0.1 ::1
	cat >p.py <<-END
		from say import say
		for address in ("127.0.0.1", "::1"):
		    say(address, $PORT)
		    say(address, $PORT, connected=True)
		    say(address, $OTHER)
		    say(address, $OTHER, connected=True)
		say("127.0.0.1", $PORT, bytes(65507))
	END
	for who in $(callers); do
		run -0 --separate-stderr as "$who" run --allow-read=. "--allow-net=udp:127.0.0.1:$PORT,udp:[::1]:$PORT" p.py
		is "127.0.0.1 not connected same True
127.0.0.1 connected same True
127.0.0.1 Permission denied
127.0.0.1 Permission denied
::1 not connected same True
::1 connected same True
::1 Permission denied
::1 Permission denied
127.0.0.1 not connected same True"
	done
	run -1 grep -q peer "echo.$OTHER.127.0.0.1"
}

@test "localhost by its name is both; what is refused is told with the flag, and explained" {
	echoes "$PORT" 127.0.0.1
	cat >p.py <<-END
		from say import say
		import socket, sys
		s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		s.settimeout(20)
		s.sendto(b"x", ("localhost", $PORT))
		print(s.recv(10))
		say("192.0.2.1", 53)
		sys.exit(1)
	END
	run -1 as root run --allow-read=. --audit "$PWD/audit" "--allow-net=udp:localhost:$PORT" p.py
	has "b'x'"
	has "192.0.2.1 Permission denied"
	has "net   udp:192.0.2.1:53 (send by python3"
	has "--allow-net=udp:192.0.2.1:53"
	run -0 jq -r 'select(.result == "deny") | "\(.target) \(.errno) \(.mech) \(.hint)"' audit
	is "udp:192.0.2.1:53 EACCES notify --allow-net=udp:192.0.2.1:53"
	run -1 as root explain --connect icmp:192.0.2.1 "--allow-net=udp:localhost:$PORT"
	has 'denied: net access to "icmp:192.0.2.1"'
	run -1 as root explain --connect udp:192.0.2.1:53 "--allow-net=udp:localhost:$PORT"
	has 'denied: net access to "udp:192.0.2.1:53"'
	has "to allow it: --allow-net=udp:192.0.2.1:53"
	run -0 as root explain --connect icmp:192.0.2.1 --allow-net=icmp:192.0.2.0/24
	has 'allowed: net access to "icmp:192.0.2.1"'
}

@test "names: what an allowed name leads to is reached by its synthetic address, others do not exist" {
	local dns=$((PORT + 2)) who
	python3 "$REPO/tests/bats/lib/dns.py" "$dns" good.test=127.0.0.1 bad.test=127.0.0.1 >asked 2>&1 3>&- &
	echo $! >>pids
	wait_file asked ready
	echoes "$PORT" 127.0.0.1
	cat >p.py <<-END
		from say import say
		import socket
		address = socket.gethostbyname("good.test")
		print(address.startswith("198.18."))
		say(address, $PORT)
		say(address, $PORT, connected=True)
		say(address, $OTHER)
		say("198.18.7.7", $PORT)
		try:
		    socket.gethostbyname("bad.test")
		except OSError:
		    print("no name")
	END
	for who in $(callers); do
		run -0 --separate-stderr as "$who" run --allow-read=. --dns "127.0.0.1:$dns" "--allow-net=udp:good.test:$PORT,udp:127.0.0.1:$PORT" p.py
		output=$(sed -E 's/^198\.18\.0\.[0-9]+/NAME/' <<<"$output")
		is "True
NAME not connected same True
NAME connected same True
NAME Permission denied
198.18.7.7 No route to host
no name"
		# Without an entry for what it leads to, which is private.
		run -0 --separate-stderr as "$who" run --allow-read=. --dns "127.0.0.1:$dns" "--allow-net=udp:good.test:$PORT" p.py
		has "Permission denied"
		lacks "same"
		run -0 --separate-stderr as "$who" run --allow-read=. --add-host good.test:127.0.0.1 "--allow-net=udp:good.test:$PORT" p.py
		has "connected same True"
	done
}

@test "a query of a name server that is listed, as resolvers send it" {
	local dns=$((PORT + 2))
	python3 "$REPO/tests/bats/lib/dns.py" "$dns" good.test=127.0.0.7 >asked 2>&1 3>&- &
	echo $! >>pids
	wait_file asked ready
	cat >p.py <<-END
		import socket, struct
		q = b"\x12\x34\1\0\0\1\0\0\0\0\0\0\4good\4test\0\0\1\0\1"
		for connected in (False, True):
		    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		    s.settimeout(20)
		    if connected:
		        s.connect(("127.0.0.1", $dns))
		        s.sendmsg([q[:12], q[12:]])
		    else:
		        s.sendmsg([q], [], 0, ("127.0.0.1", $dns))
		    a = s.recv(512)
		    print(a[:2] == q[:2], socket.inet_ntoa(a[-4:]))
	END
	run -0 --separate-stderr as root run "--allow-net=udp:127.0.0.1:$dns" p.py
	is "True 127.0.0.7
True 127.0.0.7"
}

# From here on a network of this test's is the host's: 10.77.0.1, 10.77.0.2 and 2001:db8:77::1 are the world.
new_world() {
	requires ip unshare nsenter
	unshare -n sleep 300 3>&- &
	echo $! >>pids
	wait_until 10 has_left net "$!"
	WORLD=(nsenter -t "$!" -n --)
	"${WORLD[@]}" ip link set lo up
	"${WORLD[@]}" ip addr add 10.77.0.1/32 dev lo
	"${WORLD[@]}" ip addr add 10.77.0.2/32 dev lo
	"${WORLD[@]}" ip -6 addr add 2001:db8:77::1/128 dev lo nodad
}

@test "addresses beyond the machine's: sizes to 64 KiB, networks, errors of the network" {
	local expected who
	new_world
	echoes "$PORT" 10.77.0.1 2001:db8:77::1
	cat >p.py <<-END
		from say import say
		for n in (0, 1, 1473, 9001, 65487):
		    say("10.77.0.1", $PORT, bytes(n))
		    say("2001:db8:77::1", $PORT, bytes(n), connected=True)
		say("::ffff:10.77.0.1", $PORT)
		say("10.77.0.1", $OTHER, connected=True)
		say("2001:db8:77::1", $OTHER, connected=True)
		say("10.77.0.9", $PORT, connected=True)
		say("10.78.0.1", $PORT)
	END
	expected=$(for _ in 1 2 3 4 5; do
		echo "10.77.0.1 not connected same True"
		echo "2001:db8:77::1 connected same True"
	done)
	for who in $(callers); do
		run -0 --separate-stderr as "$who" run --allow-read=. "--allow-net=udp:10.77.0.0/16,udp:[2001:db8:77::]/48" p.py
		is "$expected
::ffff:10.77.0.1 not connected same True
10.77.0.1 Connection refused
2001:db8:77::1 Connection refused
10.77.0.9 Network is unreachable
10.78.0.1 Permission denied"
	done
}

@test "everything but what is denied; nothing is sent to groups" {
	new_world
	echoes "$PORT" 10.77.0.1 10.77.0.2
	cat >p.py <<-END
		from say import say
		say("10.77.0.1", $PORT)
		say("10.77.0.2", $PORT)
		say("224.0.0.251", $PORT)
		say("255.255.255.255", $PORT)
	END
	for allowed in "--allow-net" "--allow-net=udp:*"; do
		run -0 as root run --allow-read=. "$allowed" --deny-net=10.77.0.2 p.py
		has "10.77.0.1 not connected same True"
		has "10.77.0.2 Permission denied"
		has "224.0.0.251 Network is unreachable"
		lacks "255.255.255.255 not connected"
	done
	run -0 as root run --allow-read=. --audit "$PWD/audit" --allow-net=udp:\* p.py
	run -0 cat audit
	has "nothing is sent to many from a network namespace of its own; give it a routed one"
}

@test "20000 datagrams, some at once, one socket for many peers, sendmmsg" {
	new_world
	echoes "$PORT" 10.77.0.1 10.77.0.2
	cat >many.c <<-END
		#define _GNU_SOURCE
		#include <arpa/inet.h>
		#include <stdio.h>
		#include <string.h>
		#include <sys/socket.h>
		#include <sys/time.h>
		enum { AT_ONCE = 16, ROUNDS = 20000 / AT_ONCE };
		int main(void)
		{
			struct sockaddr_in to[2] = { { .sin_family = AF_INET, .sin_port = htons($PORT) } }, from;
			struct mmsghdr m[AT_ONCE];
			struct iovec iov[AT_ONCE];
			struct timeval limit = { .tv_sec = 20 };
			unsigned out[AT_ONCE], in, lost = 0;
			int fd = socket(AF_INET, SOCK_DGRAM, 0);

			setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
			to[1] = to[0];
			inet_pton(AF_INET, "10.77.0.1", &to[0].sin_addr);
			inet_pton(AF_INET, "10.77.0.2", &to[1].sin_addr);
			for (unsigned r = 0; r < ROUNDS; r++) {
				unsigned seen = 0;
				memset(m, 0, sizeof(m));
				for (unsigned i = 0; i < AT_ONCE; i++) {
					out[i] = r * AT_ONCE + i;
					iov[i] = (struct iovec){ &out[i], sizeof(out[i]) };
					m[i].msg_hdr = (struct msghdr){ .msg_name = &to[i % 2], .msg_namelen = sizeof(to[0]), .msg_iov = &iov[i], .msg_iovlen = 1 };
				}
				if (sendmmsg(fd, m, AT_ONCE, 0) != AT_ONCE || m[3].msg_len != sizeof(unsigned))
					return 1;
				for (unsigned i = 0; i < AT_ONCE; i++) {
					socklen_t len = sizeof(from);
					if (recvfrom(fd, &in, sizeof(in), 0, (struct sockaddr *)&from, &len) != sizeof(in))
						return 2;
					/* Each answer comes from whom it was sent to. */
					if (in / AT_ONCE != r || from.sin_addr.s_addr != to[in % 2].sin_addr.s_addr || from.sin_port != htons($PORT))
						lost++;
					seen |= 1u << in % AT_ONCE;
				}
				lost += seen != 0xffff;
			}
			return printf("%u wrong\n", lost) < 0;
		}
	END
	gcc -O1 -o many many.c
	run -0 --separate-stderr as root run "--allow-net=udp:10.77.0.1:$PORT,udp:10.77.0.2:$PORT" -- ./many
	is "0 wrong"
}

@test "icmp: echo requests, where the host lets the supervisor's group send them" {
	cat >p.py <<-END
		import socket
		s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP)
		s.settimeout(20)
		for address in ("10.77.0.1", "10.77.0.2"):
		    try:
		        s.sendto(b"\x08\0\0\0\0\0\0\x07hello", (address, 0))
		        back, peer = s.recvfrom(100)
		        print(back[0], back[6:], peer[0])
		    except OSError as e:
		        print(e.strerror)
	END
	new_world
	"${WORLD[@]}" sh -c 'echo 1 0 >/proc/sys/net/ipv4/ping_group_range'
	run -1 as root run --allow-net=icmp:10.77.0.1 p.py
	has "net: 'icmp:10.77.0.1': echo requests are the supervisor's, whose group net.ipv4.ping_group_range of the host does not let send any"
	"${WORLD[@]}" sh -c 'echo 0 2147483647 >/proc/sys/net/ipv4/ping_group_range'
	for who in $(callers); do
		run -0 --separate-stderr as "$who" run --allow-net=icmp:10.77.0.1 p.py
		is "0 b'\x00\x07hello' 10.77.0.1
Permission denied"
	done
}

@test "what cannot be is refused by name, with what to write instead" {
	run -1 as root run --allow-net=udp:127.0.0.1 -- /bin/true
	has "net: 'udp:127.0.0.1': UDP to loopback addresses of the host takes one address and its ports, at most 64: udp:127.0.0.1:53"
	run -1 as root run --allow-net=udp:224.0.0.251:5353 -- /bin/true
	has "net: 'udp:224.0.0.251:5353': nothing is sent to many from a network namespace with nothing in it; give it a routed one"
	run -0 as root run --allow-net=udp:127.0.0.1:1000-1063 -- /bin/true
}

# A bundle whose rootfs has the host's programs.
python_bundle() {
	new_bundle "$@"
	mkdir -p "$ROOTFS/usr" "$ROOTFS/work"
	ln -s usr/lib "$ROOTFS/lib"
	ln -s usr/lib64 "$ROOTFS/lib64"
	config --arg w "$PWD" '.mounts += [{destination: "/usr", type: "bind", source: "/usr", options: ["rbind", "ro"]},
		{destination: "/work", type: "bind", source: $w, options: ["rbind", "ro"]}]'
}

@test "a bundle, exec into it, and a pod" {
	echoes "$PORT" 127.0.0.1
	printf 'from say import say\nsay("127.0.0.1", %s)\nsay("127.0.0.1", %s)\n' "$PORT" "$OTHER" >p.py
	python_bundle sleep 60
	detached podshim run -d -b "$BUNDLE" "--allow-net=udp:127.0.0.1:$PORT" --allow-read --allow-run --allow-ffi c1
	run -0 podshim exec c1 /usr/bin/python3 /work/p.py
	is "127.0.0.1 not connected same True
127.0.0.1 Permission denied"
	podshim delete --force c1
	detached podshim pod create "--allow-net=udp:127.0.0.1:$PORT" --allow-read --allow-run --allow-ffi "p$$" "$BUNDLE"
	run -0 podshim pod launch "p$$" -- /usr/bin/python3 /work/p.py
	is "127.0.0.1 not connected same True
127.0.0.1 Permission denied"
	podshim pod rm --force "p$$"
}

# Our supervisor's pid: it is nobody's child any more.
supervisor() {
	local pid
	for pid in $(pgrep -x podshim:channel); do
		[[ $(readlink "/proc/$pid/exe") != "$PODSHIM" ]] || echo "$pid"
	done
}

@test "the supervisor is killed: nothing is relayed any more, and the program ends" {
	local who runs
	echoes "$PORT" 127.0.0.1
	cat >p.py <<-END
		import socket, time
		s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		s.connect(("127.0.0.1", $PORT))
		while True:
		    s.send(b"x")
		    s.recv(1)
		    print("back", flush=True)
		    time.sleep(0.01)
	END
	for who in $(callers); do
		: >back
		as "$who" run "--allow-net=udp:127.0.0.1:$PORT" p.py >back 2>&1 3>&- &
		runs=$!
		wait_file back back
		[[ -n $(supervisor) ]]
		# shellcheck disable=SC2046  # a pid
		kill -9 $(supervisor)
		wait_until 20 gone "$runs"
		run wait "$runs"
		[[ $status != 0 ]]
	done
}

@test "who wants to know what is allowed is told of a flow's end" {
	echoes "$PORT" 127.0.0.1
	printf 'from say import say\nsay("127.0.0.1", %s)\n' "$PORT" >p.py
	printf '{"podshimPolicy": 1, "permissions": {"net": {"allow": ["udp:127.0.0.1:%s"]}, "read": {"allow": ["."]}}, "audit": {"allowed": ["net"]}}' "$PORT" >policy.json
	run -0 as root run --policy policy.json --audit "$PWD/audit" p.py
	run -0 grep -c '"action":"relay".*1 datagrams of 5 bytes sent, 1 of 5 received' audit
	is 1
}
