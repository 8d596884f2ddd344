/* SPDX-License-Identifier: Apache-2.0
 * presets.S - the text of the presets: SYMBOL .. SYMBOL_end.
 */
#define PRESET(symbol, name, file)      \
	.globl symbol;                  \
	.globl symbol##_end;            \
	.hidden symbol;                 \
	.hidden symbol##_end;           \
	.type symbol, %object;          \
symbol:                                 \
	.incbin file;                   \
symbol##_end:                           \
	.size symbol, symbol##_end - symbol;

	.section .rodata.presets, "a", %progbits
#include "shim/policy/presets.def"

	.section .note.GNU-stack, "", %progbits
