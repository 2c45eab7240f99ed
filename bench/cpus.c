/*
 * Which cores the roles of a benchmark are pinned to. See cpus.h.
 */
#include "cpus.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

/* The lowest-numbered thread of the same core; the thread itself where nothing is known. */
static int core_of(int cpu)
{
	char path[96];
	int first = cpu;

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/topology/core_cpus_list", cpu);

	FILE *list = fopen(path, "re");

	if (list == NULL)
		return cpu;
	if (fscanf(list, "%d", &first) != 1)
		first = cpu;
	fclose(list);
	return first;
}

void cpus_pick(struct cpus *ret_cpus)
{
	cpu_set_t allowed;

	ret_cpus->count = 0;
	if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0)
		return;
	for (int siblings = 0; siblings < 2; siblings++) {
		for (int cpu = 0; cpu < CPU_SETSIZE && ret_cpus->count < CPUS_MAX; cpu++) {
			if (CPU_ISSET((size_t)cpu, &allowed) && (core_of(cpu) != cpu) == siblings)
				ret_cpus->at[ret_cpus->count++] = cpu;
		}
	}
}

bool cpus_parse(const char *text, struct cpus *ret_cpus)
{
	ret_cpus->count = 0;
	while (ret_cpus->count < CPUS_MAX) {
		char *end;
		const long cpu = strtol(text, &end, 10);

		if (end == text || cpu < 0 || cpu >= CPU_SETSIZE)
			return false;
		ret_cpus->at[ret_cpus->count++] = (int)cpu;
		if (*end == '\0')
			return true;
		if (*end != ',')
			return false;
		text = end + 1;
	}
	return false;
}

void cpus_pin(const struct cpus *cpus, unsigned who)
{
	cpu_set_t one;

	if (cpus->count < 2)
		return;
	CPU_ZERO(&one);
	CPU_SET((size_t)cpus->at[who % cpus->count], &one);
	(void)sched_setaffinity(0, sizeof(one), &one); /* unpinned is worse, but measurable */
}
