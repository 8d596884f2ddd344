#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// Looks for a token in its environment.
console.log("the token is", process.env.API_TOKEN || "not to be seen");
