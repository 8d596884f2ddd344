// SPDX-License-Identifier: Apache-2.0
// The little of RFC 6455 that the mock server needs: an upgrade, frames both ways, close.
import { createHash } from "node:crypto";

const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

function frame(opcode, payload) {
	const n = payload.length;
	const head = n < 126 ? Buffer.from([0x80 | opcode, n]) : n < 65536 ? Buffer.from([0x80 | opcode, 126, n >> 8, n & 255]) : Buffer.alloc(10);
	if (n >= 65536) {
		head[0] = 0x80 | opcode;
		head[1] = 127;
		head.writeBigUInt64BE(BigInt(n), 2);
	}
	return Buffer.concat([head, payload]);
}

/** Answers the upgrade `request` on `socket`; returns { text(s), binary(b), onText, onClose }. */
export function accept(request, socket) {
	const key = createHash("sha1").update(request.headers["sec-websocket-key"] + GUID).digest("base64");
	socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${key}\r\nSec-WebSocket-Protocol: podshim.v1\r\n\r\n`);
	const peer = { text: s => socket.write(frame(1, Buffer.from(s))), binary: b => socket.write(frame(2, b)), onText() {}, onClose() {} };
	let held = Buffer.alloc(0);
	socket.on("data", data => {
		held = Buffer.concat([held, data]);
		while (held.length >= 6) {
			let n = held[1] & 127, at = 2;
			if (n === 126) {
				n = held.readUInt16BE(2);
				at = 4;
			}
			if (held.length < at + 4 + n)
				return;
			const mask = held.subarray(at, at + 4), payload = Buffer.from(held.subarray(at + 4, at + 4 + n));
			payload.forEach((b, i) => { payload[i] = b ^ mask[i & 3]; });
			const opcode = held[0] & 15;
			held = held.subarray(at + 4 + n);
			if (opcode === 1)
				peer.onText(payload.toString());
			else if (opcode === 8)
				socket.end(frame(8, payload));
		}
	});
	socket.on("close", () => peer.onClose());
	socket.on("error", () => socket.destroy());
	return peer;
}
