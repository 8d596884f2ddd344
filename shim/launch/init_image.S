/* SPDX-License-Identifier: Apache-2.0
 * init_image.S - the tiny init program as bytes of the launcher: launch_init_image .. launch_init_image_end.
 */
	.section .rodata.launch_init_image, "a", %progbits
	.globl launch_init_image
	.globl launch_init_image_end
	.hidden launch_init_image
	.hidden launch_init_image_end
	.type launch_init_image, %object
	.balign 4096
launch_init_image:
	.incbin INIT_IMAGE
launch_init_image_end:
	.size launch_init_image, launch_init_image_end - launch_init_image

	.section .note.GNU-stack, "", %progbits
