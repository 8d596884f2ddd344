#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// Fetches a page: fetch.js [URL].
const http = require("http");

http.get(process.argv[2] || "http://127.0.0.1:8099/", (answer) => {
	answer.setEncoding("utf8");
	answer.on("data", (text) => process.stdout.write(text));
}).on("error", (error) => {
	console.log("no page:", error.code);
	process.exitCode = 1;
});
