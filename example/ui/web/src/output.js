// SPDX-License-Identifier: Apache-2.0
// What a runner printed: a bounded history of chunks, at offsets that the server gives.
import { bare } from "./safe.js";

const MAX_BYTES = 4 << 20;

export class Output {
	constructor() {
		this.chunks = [];
		this.bytes = 0;
		this.start = 0;
		this.end = 0;
		this.lost = 0;
		this.listeners = new Set();
		this.lineCache = null;
	}

	/** Takes `bytes` of stream 1 or 2 that begin at `offset`; what is known already is left out, a hole is counted. */
	add(stream, offset, bytes) {
		if (offset < this.end) {
			const known = this.end - offset;
			if (known >= bytes.length)
				return;
			bytes = bytes.subarray(known);
			offset = this.end;
		}
		const hole = offset - this.end;
		if (hole > 0 && this.end > 0)
			this.lost += hole;
		const chunk = { stream, offset, bytes, hole: this.end > 0 ? hole : 0 };
		this.chunks.push(chunk);
		this.bytes += bytes.length;
		this.end = offset + bytes.length;
		while (this.bytes > MAX_BYTES && this.chunks.length > 1)
			this.bytes -= this.chunks.shift().bytes.length;
		this.start = this.chunks[0].offset;
		this.lineCache = null;
		for (const f of this.listeners)
			f(chunk);
	}

	/** Everything that is kept, as one Blob. */
	blob() {
		return new Blob(this.chunks.map(c => c.bytes), { type: "application/octet-stream" });
	}

	/** The last lines as text, without what steers a terminal. */
	lines() {
		if (!this.lineCache) {
			const decode = new TextDecoder();
			this.lineCache = bare(this.chunks.map(c => decode.decode(c.bytes, { stream: true })).join("")).split("\n");
		}
		return this.lineCache;
	}
}
