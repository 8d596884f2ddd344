// SPDX-License-Identifier: Apache-2.0
// The words of permissions, in the order in which they are shown.

export const PERMISSIONS = ["read", "write", "net", "env", "run", "ffi", "sys"];
export const RESULTS = ["deny", "warn", "ignore", "allow"];
