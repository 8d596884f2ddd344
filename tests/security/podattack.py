# SPDX-License-Identifier: Apache-2.0
"""usage: podattack.py SOCKET SCENARIO [ARG...]: a rude client of one pod (or channel); exit status 0 when the pod holds out."""
import array
import os
import random
import resource
import select
import signal
import socket
import struct
import sys
import time

import podwire
from podwire import CODE, DETACHED, FORCE, LOSSLESS, STDIN, TAG, TAG_NAMES, TEXTS, TTY, Wire

SOCKET = sys.argv[1]
SCENARIOS = {}


def scenario(f):
    SCENARIOS[f.__name__] = f
    return f


def connect():
    w = Wire(SOCKET)
    w.hello = w.receive()
    return w


def end_of(w, n, timeout=20):
    return w.until(lambda m: m['type'] == 'exit' and m['n'] == n, timeout)


def good(reply):
    assert reply['code'] == 0, reply
    return reply


def refused(reply, text):
    assert reply['code'] and text in reply['text'], reply
    return reply


def prepared(w):
    return [n for n, r in w.runners().items() if r['state'] == 'prepared']


# ---- Those who only look on ----

@scenario
def looks_on(n='0'):
    """Reads are answered, everything else is refused; output comes without holding it back."""
    n = int(n)
    w = connect()
    assert w.hello['features'] == 0, w.hello
    assert n in w.runners()
    good(w.ask('subscribe'))
    good(w.ask('stats'))
    good(w.ask('observe', n=n))
    assert len(w.fds) == 1
    assert b'seen' in os.pread(w.fds[0], 1 << 16, 4096)
    refused(w.ask('observe', n=n, flags=LOSSLESS), 'only looks on')
    for kind, more in (('launch', {}), ('link', {'n': n}), ('input', {'n': n}), ('resize', {'n': n}), ('signal', {'n': n, 'signal': 9}),
                       ('interrupt', {'n': n}), ('stop', {'n': n}), ('remove', {'n': n}), ('shutdown', {})):
        assert refused(w.ask(kind, **more), 'only look on')['code'] == 4
    assert w.runners()[n]['state'] == 'running'


# ---- Clients ----

@scenario
def burst(count='300'):
    """More launches at once than the twins' sockets have room for: neither may wait for the other."""
    w = connect()
    asked = [w.send('launch', arg=['true'], flags=0) for _ in range(int(count))]
    for ident in asked:
        good(w.reply(ident, 60))
    w.close()
    w = connect()
    good(w.ask('list'))


@scenario
def many_owned(count='250'):
    """A client with many runners goes: all of them are killed at once."""
    w = connect()
    for ident in [w.send('launch', arg=['sleep', '600'], flags=0) for _ in range(int(count))]:
        good(w.reply(ident, 60))
    w.close()
    w = connect()
    deadline = time.monotonic() + 60
    while any(r['state'] not in ('prepared', 'exited') for r in w.runners().values()):
        assert time.monotonic() < deadline, w.runners()
        time.sleep(.05)


@scenario
def too_many():
    """Connections and launches that wait are bounded, and who holds them does not keep others out for ever."""
    crowd = []
    for _ in range(2000):
        w = Wire(SOCKET)
        m = w.receive()
        if m['type'] == 'error':
            assert 'connections already' in m['text'], m
            break
        crowd.append(w)
    else:
        raise AssertionError('2000 connections')
    for w in crowd[1:]:
        w.close()
    w = crowd[0]
    good(w.ask('list'))
    good(connect().ask('list'))


@scenario
def too_many_waiting():
    w = connect()
    count = 3000
    w.s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    said, asked = [], 0
    for _ in range(count):
        w.send('launch', arg=['sleep', '600'], flags=DETACHED)
        asked += 1
        while select.select([w.s], [], [], 0)[0]:
            said.append(w.receive())
        if any(m['reply'] and m['code'] for m in said):
            break
    bad = [m for m in said if m['reply'] and m['code']]
    assert bad and 'launches wait for a runner already' in bad[0]['text'], (asked, bad[:1])
    w.close()
    good(connect().ask('list'))


@scenario
def never_read(count='200'):
    """Connections whose owners subscribe and then read nothing."""
    deaf = [connect() for _ in range(int(count))]
    for w in deaf:
        w.send('subscribe')
    w = connect()
    for _ in range(40):
        r = good(w.launch('true'))
        end_of(w, r['n'])
    for d in deaf:
        d.close()
    good(connect().ask('list'))


@scenario
def no_time():
    """Durations at the end of their range do not wrap around."""
    w = connect()
    r = good(w.launch('sh', '-c', 'exit 7', timeout_ms=(1 << 64) - 1))
    assert end_of(w, r['n'])['status'] == 7
    r = good(w.launch('sh', '-c', 'trap "" TERM; while :; do sleep 0.1; done', timeout_ms=1000))
    began = time.monotonic()
    w.send('stop', n=r['n'], timeout_ms=(1 << 64) - 1)
    end_of(w, r['n'])
    assert time.monotonic() - began < 8  # a stop does not lengthen a life


@scenario
def not_spoiled():
    """A launch that fails half way leaves no limit behind for the next one."""
    w = connect()
    refused(w.launch('true', pids=2, history=1 << 40), 'output stream')
    refused(w.launch('true', pids=2, cwd='tmp'), 'absolute path')
    for _ in range(4):
        r = good(w.launch('sh', '-c', 'for i in 1 2 3 4 5 6; do sleep 1 & done; wait; exit 5'))
        assert end_of(w, r['n'])['status'] == 5


@scenario
def before_launch():
    """What nobody has launched takes nothing that its next user would find."""
    w = connect()
    n = prepared(w)[0]
    refused(w.ask('input', n=n, data=b'stale\n'), 'is prepared')
    a, b = os.pipe()
    refused(w.ask('link', n=n, fds=[a, b, a], fd=[3, 4, 5]), 'is prepared')
    refused(w.ask('signal', n=n, signal=9), 'not running')
    refused(w.ask('remove', n=n), 'stop it first')


@scenario
def races():
    w = connect()
    for i in range(30):
        r = good(w.launch('sleep', '600', flags=DETACHED))
        n = r['n']
        other = connect()
        other.send('observe', n=n, flags=LOSSLESS)
        asked = [w.send('stop', n=n, timeout_ms=10), w.send('wait', n=n), w.send('remove', n=n, flags=FORCE),
                 w.send('remove', n=n, flags=FORCE), w.send('ack', n=n, pos=(1 << 64) - 1)]
        if i % 2:
            other.close()
        for ident in asked:
            w.reply(ident)
        refused(w.ask('wait', n=n), 'no runner')
        other.close()
    # LAUNCH and away: before, while and after the gate opens.
    for i in range(40):
        c = connect()
        for _ in range(3):
            c.send('launch', arg=['sh', '-c', 'echo x; sleep 600'], flags=STDIN)
        if i % 3:
            c.receive()
        c.close()
    deadline = time.monotonic() + 30
    while any(r['state'] not in ('prepared', 'exited') for r in w.runners().values()):
        assert time.monotonic() < deadline, w.runners()
        time.sleep(.05)


@scenario
def pending_input():
    """INPUT that waits when its runner ends, or its client; numbers of descriptors are used again at once."""
    for who in ('client', 'runner') * 3:
        w, other = connect(), connect()
        n = good(w.launch('sleep', '600', flags=STDIN | DETACHED))['n']
        for _ in range(20):
            ident = other.send('input', n=n, data=b'x' * 60000)
            try:
                good(other.reply(ident, .2))
            except TimeoutError:
                break
        else:
            raise AssertionError('no INPUT waits')
        refused(w.ask('input', n=n, data=b'y'), 'waits to be read')
        if who == 'client':
            other.close()
        w.send('stop', n=n, flags=FORCE)
        crowd = [connect() for _ in range(30)]
        end_of(w, n)
        if who == 'runner':
            assert other.reply(ident)['code']
        for c in crowd:
            good(c.ask('list'))
            c.close()
        good(w.ask('remove', n=n))
        w.close()


@scenario
def shutdown():
    """SHUTDOWN while launches wait: they are told."""
    w, c = connect(), connect()
    good(w.launch('sh', '-c', 'trap "" TERM; while :; do sleep 0.1; done', flags=DETACHED))
    asked = [c.send('launch', arg=['sleep', '600'], flags=0) for _ in range(40)]
    last = w.send('shutdown', timeout_ms=300)
    try:
        for ident in asked:
            c.reply(ident, 30)
        c.launch('true')
    except EOFError:
        pass
    try:
        w.reply(last, 30)
    except EOFError:
        pass


@scenario
def links():
    """A runner that accepts no link: the supervisor says so, and goes on.  What the descriptors are is the runner's to check."""
    w = connect()
    r = good(w.launch('sleep', '600'))
    a, b = os.pipe()
    for _ in range(2000):
        m = w.ask('link', n=r['n'], fds=[a, b, a], fd=[3, 4, 5])
        if m['code']:
            break
    refused(m, 'has not accepted earlier links')
    refused(w.ask('link', n=r['n'], fds=[a], fd=[3]), 'three descriptors')
    good(w.launch('true'))


@scenario
def absurd_acks():
    w = connect()
    r = good(w.launch('sh', '-c', 'yes | head -c 3000000', flags=LOSSLESS))
    rnd = random.Random(3)
    positions = [0, 1, 7, 1 << 63, (1 << 64) - 1, (1 << 64) - 2]
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        w.ask('ack', n=r['n'], pos=rnd.choice(positions))
        try:
            end_of(w, r['n'], .01)
            return
        except TimeoutError:
            w.seen.clear()
    raise AssertionError('it does not end')


@scenario
def held_output():
    """Its client holds output back, and goes by SIGKILL: the runner goes on."""
    w = connect()
    n = good(w.launch('sh', '-c', 'yes | head -c 4000000; exit 9', flags=DETACHED))['n']
    child = os.fork()
    if not child:
        good(connect().ask('observe', n=n, flags=LOSSLESS))
        os.write(1, b'.')
        time.sleep(600)
    time.sleep(.3)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert end_of(w, n)['status'] == 9


@scenario
def survivor():
    """Without a pid namespace something holds its output open: the end comes, with all that was written before."""
    w = connect()
    n = good(w.launch('sh', '-c', 'yes | head -c 100000; (sleep 600; echo) & exit 6', flags=LOSSLESS))['n']
    began = time.monotonic()
    assert end_of(w, n)['status'] == 6
    assert time.monotonic() - began < 10
    stats = [r for r in connect().ask('stats')['runners'] if r['n'] == n]
    assert not stats or stats[0]['output_bytes'] == 100000, stats


@scenario
def big():
    w = connect()
    many = [str(i) for i in range(4000)]
    for fields in ({'arg': ['true'] + many}, {'arg': ['true'], 'env': ['V%s=1' % i for i in many]}):
        end_of(w, good(w.ask('launch', flags=0, **fields))['n'])
    refused(w.ask('launch', flags=0, arg=['true'] + [''] * 4096), 'at most')
    refused(w.launch('true', env=['PODSHIM_CHANNEL_FD=7']), 'podshim itself sets this')
    refused(w.launch(''), 'no program')
    refused(w.launch('true', cwd='tmp'), 'absolute path')
    refused(w.launch('true', flags=TTY), 'no terminals')
    refused(w.launch('true', flags=CODE), 'no interpreter')


@scenario
def soak(count='300', at_once='30'):
    """Launches with many in flight; afterwards the supervisor has as many descriptors as before."""
    w = connect()
    left, flying, done = int(count), set(), 0
    while left or flying:
        while left and len(flying) < int(at_once):
            w.send('launch', arg=['sh', '-c', 'echo x'], flags=0)
            flying.add(left)
            left -= 1
        m = w.receive(30)
        for fd in w.fds:
            os.close(fd)
        w.fds = []
        if m['type'] == 'exit':
            assert m['status'] == 0, m
            flying.pop()
            done += 1
    assert done == int(count)


# ---- Noise ----

WANTED = {32: ['arg', 'arg', 'arg', 'flags', 'timeout_ms'], 33: ['n', 'fd', 'fd', 'fd'], 34: ['n', 'data'],
          35: ['n', 'rows', 'cols'], 36: ['n', 'signal'], 20: ['n', 'pos'], 19: ['n', 'flags'], 21: ['n'], 37: ['n'],
          38: ['n', 'flags', 'timeout_ms'], 39: ['n', 'flags']}
PROGRAMS = [['true'], ['sh', '-c', 'sleep 0.2'], ['yes'], ['cat'], ['sh', '-c', 'exit 4'], ['/no'], ['sh', '-c', 'kill -9 $$']]
SHUTDOWN = podwire.T['shutdown']


def noise_value(rnd, tag, known):
    name = TAG_NAMES.get(tag, '')
    if rnd.random() < .04:
        return rnd.randbytes(rnd.randrange(64))
    if name in TEXTS:
        return rnd.choice(['true', 'sh', '-c', 'yes', 'cat', '/', '/tmp', 'A=1', ''])
    few = {'n': [rnd.randrange(40), rnd.randrange(400), known[-1] if known else 0, 1 << 40], 'fd': [1, 2, 3, 4, 5, 9],
           'memory': [1, 1 << 20, 1 << 26, 1 << 63], 'timeout_ms': [0, 1, 50, 500, (1 << 64) - 1],
           'flags': [rnd.randrange(64)], 'data': [bytes(rnd.randrange(60000))]}
    return rnd.choice(few.get(name, [0, 1, 2, 100, 5000, 1 << 31, 1 << 63, (1 << 64) - 1, rnd.getrandbits(64)]))


def noise_message(rnd, known):
    kind = rnd.choice([k for k in podwire.T.values() if k != SHUTDOWN] + [0, 7, 99, 65535])
    tags = [TAG[t] for t in WANTED.get(kind, []) if rnd.random() < .93]
    tags += [rnd.choice(list(TAG.values()) + [0, 0x8001, 77]) for _ in range(rnd.choice([0, 0, 0, 1, 3]))]
    body = b''.join(podwire.field(t, noise_value(rnd, t, known)) for t in tags)
    if kind == 32 and rnd.random() < .7:
        body = b''.join(podwire.field(TAG['arg'], a) for a in rnd.choice(PROGRAMS))
        body += podwire.field(TAG['flags'], rnd.choice([0, 1, 2, 3, 16, 17, 18]))
        body += podwire.field(TAG['timeout_ms'], rnd.choice([100, 400, 900]))
    raw = bytearray(struct.pack('<IHHIi', 16 + len(body), kind, 0, rnd.choice([0, 1, rnd.getrandbits(32)]), 0) + body)
    if rnd.random() < .1:
        for _ in range(rnd.randrange(1, 4)):
            raw[rnd.randrange(len(raw))] = rnd.randrange(256)
    if raw[4] == SHUTDOWN:
        raw[4] = 16
    fds = [0, 1, 2][:rnd.randrange(1, 4)] if kind == 33 or rnd.random() < .05 else []
    return bytes(raw)[:190000], fds


def noise_read(w, known):
    for _ in range(5):
        raw, control, _, _ = w.s.recvmsg(1 << 18, 256)
        for _, _, data in control:
            for fd in array.array('i', data[:len(data) // 4 * 4]):
                os.close(fd)
        if not raw:
            raise EOFError
        m = podwire.parse(raw)
        if 'n' in m:
            known.append(m['n'])


@scenario
def noise(seed='1', seconds='3'):
    rnd, end, crowd, known = random.Random(int(seed)), time.monotonic() + float(seconds), [], []
    while time.monotonic() < end:
        if not crowd or (len(crowd) < 12 and rnd.random() < .5):
            crowd.append(Wire(SOCKET))
            crowd[-1].s.setblocking(False)
        w = rnd.choice(crowd)
        try:
            raw, fds = noise_message(rnd, known)
            rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', fds))] if fds else []
            w.s.sendmsg([raw], rights)
            if rnd.random() < .7:
                noise_read(w, known)
            if rnd.random() < .02:
                raise EOFError
        except BlockingIOError:
            pass
        except (OSError, EOFError):
            crowd.remove(w)
            w.close()
    for w in crowd:
        w.close()
    good(connect().ask('stats'))


if __name__ == '__main__':
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    SCENARIOS[sys.argv[2]](*sys.argv[3:])
