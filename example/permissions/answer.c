/* SPDX-License-Identifier: Apache-2.0
 * answer.c - native code for ffi.py to load.
 */
int answer(void);

int answer(void)
{
	return 42;
}
