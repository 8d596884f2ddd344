/* SPDX-License-Identifier: Apache-2.0
 * memory.c - asks how much memory the machine has.
 */
#include <stdio.h>
#include <string.h>

int main(void)
{
	char line[128] = "";
	FILE *f = fopen("/proc/meminfo", "r");

	if (!f || !fgets(line, sizeof(line), f) || strncmp(line, "MemTotal:", 9) != 0) {
		puts("memory: not told");
		return 1;
	}
	(void)fclose(f);
	puts("memory: told");
	return 0;
}
