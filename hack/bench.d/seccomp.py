# SPDX-License-Identifier: Apache-2.0
"""seccomp for the benchmark: podman's profile as an OCI object, and as a program that the floor can load."""
import ctypes
import json
import os
import platform

ARCH = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
NATIVE = {"amd64": "SCMP_ARCH_X86_64", "arm64": "SCMP_ARCH_AARCH64"}.get(ARCH, "")
TOKENS = {"SCMP_ARCH_X86_64": 0xC000003E, "SCMP_ARCH_X86": 0x40000003, "SCMP_ARCH_X32": 0x4000003E,
          "SCMP_ARCH_AARCH64": 0xC00000B7, "SCMP_ARCH_ARM": 0x40000028}
ALLOW, ERRNO, EPERM, ENOSYS = 0x7FFF0000, 0x00050000, 1, 38
COMPARE = {"SCMP_CMP_NE": 1, "SCMP_CMP_LT": 2, "SCMP_CMP_LE": 3, "SCMP_CMP_EQ": 4, "SCMP_CMP_GE": 5,
           "SCMP_CMP_GT": 6, "SCMP_CMP_MASKED_EQ": 7}
ATTR_BAD_ARCH, ATTR_OPTIMIZE = 2, 8


class Arg(ctypes.Structure):
    _fields_ = [("arg", ctypes.c_uint), ("op", ctypes.c_int), ("a", ctypes.c_uint64), ("b", ctypes.c_uint64)]


def applies(rule, caps):
    """Podman's own reading: every include must hold and no exclude may."""
    inc, exc = rule.get("includes") or {}, rule.get("excludes") or {}
    if inc.get("arches") and ARCH not in inc["arches"]:
        return False
    if any(c not in caps for c in inc.get("caps") or []):
        return False
    return ARCH not in (exc.get("arches") or []) and not any(c in caps for c in exc.get("caps") or [])


def convert(profile, caps):
    """containers-common's seccomp.json -> linux.seccomp of config.json, for this machine and these capabilities."""
    with open(profile, encoding="utf-8") as f:
        src = json.load(f)
    out = {"defaultAction": src["defaultAction"]}
    if src.get("defaultErrnoRet") is not None:
        out["defaultErrnoRet"] = src["defaultErrnoRet"]
    arches = [a for a in src.get("archMap") or [] if a["architecture"] == NATIVE]
    out["architectures"] = [x for a in arches for x in [a["architecture"], *(a.get("subArchitectures") or [])]]
    out["syscalls"] = []
    for rule in src["syscalls"]:
        if not applies(rule, caps):
            continue
        call = {"names": rule["names"], "action": rule["action"]}
        if rule.get("errnoRet") is not None:
            call["errnoRet"] = rule["errnoRet"]
        if rule.get("args"):
            call["args"] = rule["args"]
        out["syscalls"].append(call)
    return out


def action(name, errno):
    if name == "SCMP_ACT_ALLOW":
        return ALLOW
    if name == "SCMP_ACT_ERRNO":
        return ERRNO | (EPERM if errno is None else errno)
    raise ValueError(f"{name}: not used by the benchmark's profile")


def compile_program(oci, path):
    """Write the profile as struct sock_filter[] (libseccomp's binary tree)."""
    lib = ctypes.CDLL("libseccomp.so.2", use_errno=True)
    lib.seccomp_init.restype = ctypes.c_void_p
    default = action(oci["defaultAction"], oci.get("defaultErrnoRet"))
    ctx = ctypes.c_void_p(lib.seccomp_init(ctypes.c_uint32(default)))
    lib.seccomp_attr_set(ctx, ATTR_BAD_ARCH, ctypes.c_uint32(ERRNO | ENOSYS))
    lib.seccomp_attr_set(ctx, ATTR_OPTIMIZE, ctypes.c_uint32(2))
    for name in oci["architectures"]:
        lib.seccomp_arch_add(ctx, ctypes.c_uint32(TOKENS[name]))
    for rule in oci["syscalls"]:
        act = action(rule["action"], rule.get("errnoRet"))
        args = (Arg * 6)()
        for i, a in enumerate(rule.get("args") or []):
            args[i] = Arg(a["index"], COMPARE[a["op"]], a["value"], a.get("valueTwo", 0))
        for name in rule["names"]:
            nr = lib.seccomp_syscall_resolve_name(name.encode())
            if act != default and nr != -1:
                lib.seccomp_rule_add_array(ctx, ctypes.c_uint32(act), nr, len(rule.get("args") or []), args)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    if lib.seccomp_export_bpf(ctx, fd) != 0:
        raise RuntimeError("libseccomp could not export the profile")
    os.close(fd)
    lib.seccomp_release(ctx)
