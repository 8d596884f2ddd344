// SPDX-License-Identifier: Apache-2.0
// node build.mjs OUT: bundles the page into OUT: index.html, app.js, app.css, icon.svg, licences, and the sums of what it was made of.
import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const out = process.argv[2] ?? join(here, "dist");

mkdirSync(out, { recursive: true });
await build({
	absWorkingDir: here, entryPoints: { app: "src/app.jsx" }, bundle: true, minify: true, outdir: out, format: "iife", target: ["es2022"],
	jsx: "automatic", jsxImportSource: "preact", legalComments: "none", charset: "utf8", logLevel: "warning",
});
for (const file of ["index.html", "icon.svg"])
	copyFileSync(join(here, file), join(out, file));

const packages = Object.keys(JSON.parse(readFileSync(join(here, "package.json"))).dependencies);
writeFileSync(join(out, "LICENSES.txt"), packages.map(name => {
	const at = join(here, "node_modules", name), { version, license } = JSON.parse(readFileSync(join(at, "package.json")));
	return `${name} ${version} (${license})\n\n${readFileSync(join(at, "LICENSE"), "utf8").trim()}\n`;
}).join(`\n${"-".repeat(80)}\n\n`));

const sources = ["build.mjs", "icon.svg", "index.html", "package-lock.json", "package.json", ...readdirSync(join(here, "src")).map(f => `src/${f}`)];
writeFileSync(join(out, "SOURCES.sha256"),
	sources.sort().map(f => `${createHash("sha256").update(readFileSync(join(here, f))).digest("hex")}  ${f}\n`).join(""));
