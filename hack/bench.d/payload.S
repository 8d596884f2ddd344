/* SPDX-License-Identifier: Apache-2.0 */
/* The benchmark's payload: exits 0 at once; with any argument it sleeps until it is killed. */
	.globl _start
	.section .note.GNU-stack,"",%progbits
	.text
#if defined(__x86_64__)
_start:	cmpq	$1, (%rsp)
	jg	1f
	xorl	%edi, %edi
	movl	$231, %eax		/* exit_group */
	syscall
1:	movl	$34, %eax		/* pause */
	syscall
	jmp	1b
#elif defined(__aarch64__)
_start:	ldr	x9, [sp]
	cmp	x9, #1
	b.gt	1f
	mov	x0, #0
	mov	x8, #94			/* exit_group */
	svc	#0
1:	mov	x0, #0			/* ppoll(NULL, 0, NULL, NULL) */
	mov	x1, #0
	mov	x2, #0
	mov	x3, #0
	mov	x8, #73
	svc	#0
	b	1b
#else
#error "payload.S: no code for this architecture"
#endif
