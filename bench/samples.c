/*
 * Times of single messages. See samples.h.
 */
#include "samples.h"

#include <stdlib.h>

static int compare(const void *a, const void *b)
{
	const uint32_t x = *(const uint32_t *)a;
	const uint32_t y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

void samples_sort(uint32_t *samples, size_t count)
{
	qsort(samples, count, sizeof(*samples), compare);
}

uint32_t samples_quantile(const uint32_t *sorted, size_t count, double q)
{
	if (count == 0)
		return 0;
	return sorted[(size_t)(q * (double)(count - 1) + 0.5)];
}
