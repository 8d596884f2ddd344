#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""usage: cri.py SOCKET METHOD [JSON]: one call of the Container Runtime Interface (runtime.v1), as kubelet makes it.

The request and the answer are JSON with the names of the interface; only the messages and fields below are known.
"""

import json
import sys

import grpc

MAP, TEXT, NUMBER = "map", "text", "number"
MESSAGES = {
    "Empty": {},
    "PodMetadata": {1: ("name", TEXT), 2: ("uid", TEXT), 3: ("namespace", TEXT)},
    "NamespaceOption": {1: ("network", NUMBER), 2: ("pid", NUMBER), 3: ("ipc", NUMBER)},
    "PodSecurity": {1: ("namespace_options", "NamespaceOption")},
    "PodLinux": {1: ("cgroup_parent", TEXT), 2: ("security_context", "PodSecurity")},
    "PodConfig": {1: ("metadata", "PodMetadata"), 2: ("hostname", TEXT), 3: ("log_directory", TEXT), 6: ("labels", MAP),
                  7: ("annotations", MAP), 8: ("linux", "PodLinux")},
    "RunPodSandbox": {1: ("config", "PodConfig"), 2: ("runtime_handler", TEXT)},
    "RunPodSandboxAnswer": {1: ("pod_sandbox_id", TEXT)},
    "Pod": {1: ("pod_sandbox_id", TEXT)},
    "Metadata": {1: ("name", TEXT)},
    "Image": {1: ("image", TEXT)},
    "KeyValue": {1: ("key", TEXT), 2: ("value", TEXT)},
    "Mount": {1: ("container_path", TEXT), 2: ("host_path", TEXT), 3: ("readonly", NUMBER)},
    "Resources": {1: ("cpu_period", NUMBER), 2: ("cpu_quota", NUMBER), 3: ("cpu_shares", NUMBER), 4: ("memory_limit_in_bytes", NUMBER)},
    "Int64": {1: ("value", NUMBER)},
    "Seccomp": {1: ("profile_type", NUMBER)},
    "Security": {3: ("namespace_options", "NamespaceOption"), 5: ("run_as_user", "Int64"), 7: ("readonly_rootfs", NUMBER),
                 11: ("no_new_privs", NUMBER), 15: ("seccomp", "Seccomp")},
    "Linux": {1: ("resources", "Resources"), 2: ("security_context", "Security")},
    "Config": {1: ("metadata", "Metadata"), 2: ("image", "Image"), 3: ("command", TEXT), 4: ("args", TEXT), 5: ("working_dir", TEXT),
               6: ("envs", "KeyValue"), 7: ("mounts", "Mount"), 10: ("annotations", MAP), 11: ("log_path", TEXT), 15: ("linux", "Linux")},
    "CreateContainer": {1: ("pod_sandbox_id", TEXT), 2: ("config", "Config"), 3: ("sandbox_config", "PodConfig")},
    "Container": {1: ("container_id", TEXT)},
    "StopContainer": {1: ("container_id", TEXT), 2: ("timeout", NUMBER)},
    "UpdateContainerResources": {1: ("container_id", TEXT), 2: ("linux", "Resources")},
    "ExecSync": {1: ("container_id", TEXT), 2: ("cmd", TEXT), 3: ("timeout", NUMBER)},
    "ExecSyncAnswer": {1: ("stdout", TEXT), 2: ("stderr", TEXT), 3: ("exit_code", NUMBER)},
    "Status": {1: ("id", TEXT), 3: ("state", NUMBER), 7: ("exit_code", NUMBER), 10: ("reason", TEXT), 11: ("message", TEXT)},
    "ContainerStatusAnswer": {1: ("status", "Status")},
    "ListItem": {1: ("id", TEXT)},
    "List": {1: ("items", "ListItem")},
}
METHODS = {
    "RunPodSandbox": ("RunPodSandbox", "RunPodSandboxAnswer"), "StopPodSandbox": ("Pod", "Empty"), "RemovePodSandbox": ("Pod", "Empty"),
    "ListPodSandbox": ("Empty", "List"),
    "CreateContainer": ("CreateContainer", "Container"), "StartContainer": ("Container", "Empty"),
    "StopContainer": ("StopContainer", "Empty"), "RemoveContainer": ("Container", "Empty"),
    "ContainerStatus": ("Container", "ContainerStatusAnswer"), "UpdateContainerResources": ("UpdateContainerResources", "Empty"),
    "ExecSync": ("ExecSync", "ExecSyncAnswer"),
}


def varint(n):
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    return bytes(out) + bytes([n])


def field(number, kind, value):
    if kind == NUMBER:
        return varint(number << 3) + varint(int(value))
    if kind == MAP:
        return b"".join(field(number, "KeyValue", {"key": k, "value": v}) for k, v in value.items())
    body = value.encode() if kind == TEXT else encode(kind, value)
    return varint(number << 3 | 2) + varint(len(body)) + body


def encode(message, value):
    known = {name: (number, kind) for number, (name, kind) in MESSAGES[message].items()}
    out = b""
    for name, given in value.items():
        number, kind = known[name]
        out += b"".join(field(number, kind, one) for one in (given if isinstance(given, list) else [given]))
    return out


def take(data, at):
    shift = value = 0
    while True:
        value |= (data[at] & 127) << shift
        shift, at = shift + 7, at + 1
        if data[at - 1] < 128:
            return value, at


def decode(message, data):
    out, at = {}, 0
    while at < len(data):
        key, at = take(data, at)
        value, at = take(data, at)
        if key & 7 == 2:
            value, at = data[at:at + value], at + value
        name, kind = MESSAGES[message].get(key >> 3, (None, None))
        if kind == "ListItem":
            out.setdefault(name, []).append(decode(kind, value))
        elif name:
            out[name] = value if kind == NUMBER else value.decode() if kind == TEXT else decode(kind, value)
    return out


def main():
    socket, method = sys.argv[1:3]
    request, answer = METHODS[method]
    with grpc.insecure_channel("unix://" + socket) as channel:
        call = channel.unary_unary("/runtime.v1.RuntimeService/" + method)
        try:
            data = call(encode(request, json.loads(sys.argv[3] if len(sys.argv) > 3 else "{}")), timeout=60)
        except grpc.RpcError as error:
            sys.exit(f"{error.code().name}: {error.details()}")
    print(json.dumps(decode(answer, data)))


main()
