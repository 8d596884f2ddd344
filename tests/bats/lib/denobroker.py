# SPDX-License-Identifier: Apache-2.0
"""denobroker.py SOCKET [PERMISSION:VALUE=allow|deny[:REASON]]... [FAULT]: a permission broker as Deno's
(DENO_PERMISSION_BROKER_PATH).  What it is not told about it denies; PERMISSION:* is all of it.  Each request is a line of output.

FAULT: garbage, id (of another question), result (neither), twice, close, silent, long, unasked: what it does in place of an answer,
or, unasked, beside the first.  Checks what Deno's checks: one question at a time, numbers that go up.
"""
import json
import os
import socket
import sys

faults = ("garbage", "id", "result", "twice", "close", "silent", "long", "unasked")
fault = next((a for a in sys.argv[2:] if a in faults), None)
rules = dict(a.rsplit("=", 1) for a in sys.argv[2:] if a not in faults)
server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
server.bind(sys.argv[1])
os.chmod(sys.argv[1], 0o666)
server.listen()
print("ready", flush=True)
while True:
    client, _ = server.accept()
    number = 0
    if fault == "unasked":
        client.sendall(b'{"id":1,"result":"allow"}\n')
    buffered = b""
    while True:
        data = client.recv(65536)
        if not data:
            break
        buffered += data
        if not buffered.endswith(b"\n"):
            continue
        assert buffered.count(b"\n") == 1, "more than one question at a time"
        request = json.loads(buffered)
        buffered = b""
        print(json.dumps(request), flush=True)
        assert set(request) == {"v", "pid", "id", "datetime", "permission", "value"}, request
        assert request["v"] == 1 and request["id"] == number + 1 and request["pid"] > 0, request
        number = request["id"]
        kind = request["permission"]
        result, _, reason = rules.get(f"{kind}:{request['value']}", rules.get(f"{kind}:*", "deny")).partition(":")
        answer = {"id": number, "result": result}
        if reason:
            answer["reason"] = reason
        if fault == "garbage":
            client.sendall(b"yes!\n")
        elif fault == "id":
            client.sendall(json.dumps({"id": number + 1, "result": "allow"}).encode() + b"\n")
        elif fault == "result":
            client.sendall(json.dumps({"id": number, "result": "sure"}).encode() + b"\n")
        elif fault == "twice":
            client.sendall((json.dumps({"id": number, "result": "allow"}) + "\n").encode() * 2)
        elif fault == "long":
            client.sendall(b"x" * 100000)
        elif fault == "close":
            client.close()
            break
        elif fault != "silent":
            client.sendall(json.dumps(answer).encode() + b"\n")
