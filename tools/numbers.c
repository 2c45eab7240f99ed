/* Sizes count in 1024s, messages in 1000s; what cannot be read exactly is refused. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "numbers.h"

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Digits only, where strtoull() would also take blanks and signs. */
static bool leading_number(const char *text, int base, uint64_t *ret_value, const char **ret_rest)
{
	char *rest;
	unsigned long long value;

	if (!is_digit(text[0]))
		return false;
	errno = 0;
	value = strtoull(text, &rest, base);
	if (errno != 0)
		return false;
	*ret_value = value;
	*ret_rest = rest;
	return true;
}

static bool suffix_shift(const char *suffix, unsigned *ret_shift)
{
	static const char units[] = "KMG";
	const char *unit;

	*ret_shift = 0;
	if (suffix[0] == '\0')
		return true;
	unit = strchr(units, suffix[0] >= 'a' ? suffix[0] - 'a' + 'A' : suffix[0]);
	if (unit == NULL || (suffix[1] != '\0' && strcmp(suffix + 1, "iB") != 0))
		return false;
	*ret_shift = 10 * (unsigned)(unit - units + 1);
	return true;
}

bool number_bytes(const char *text, uint64_t *ret_value)
{
	uint64_t value;
	unsigned shift;
	const char *rest;

	if (!leading_number(text, 10, &value, &rest) || !suffix_shift(rest, &shift))
		return false;
	if (value > UINT64_MAX >> shift)
		return false;
	*ret_value = value << shift;
	return true;
}

bool number_count(const char *text, uint64_t *ret_value)
{
	uint64_t value;
	const char *rest;

	if (!leading_number(text, 10, &value, &rest) || *rest != '\0')
		return false;
	*ret_value = value;
	return true;
}

bool number_seconds_ns(const char *text, int64_t *ret_value)
{
	char *rest;
	double seconds;

	/* strtod() alone would also take "inf", "0x1p3" and "-1". */
	if (text[0] == '\0' || text[strspn(text, "0123456789.")] != '\0')
		return false;
	seconds = strtod(text, &rest);
	if (rest == text || *rest != '\0' || !isfinite(seconds) || seconds > 1e9)
		return false;
	*ret_value = (int64_t)(seconds * 1e9);
	return true;
}

bool number_mode(const char *text, uint32_t *ret_value)
{
	uint64_t value;
	const char *rest;

	if (!leading_number(text, 8, &value, &rest) || *rest != '\0')
		return false;
	if (value == 0 || (value & ~(uint64_t)0666) != 0)
		return false;
	*ret_value = (uint32_t)value;
	return true;
}

const char *text_bytes(char *buffer, uint64_t bytes)
{
	static const char units[] = "BKMGTPE";
	double value = (double)bytes;
	unsigned unit = 0;

	while (value >= 1023.95 && unit < sizeof units - 2) {
		value /= 1024;
		unit++;
	}
	if (unit == 0 || value == floor(value))
		snprintf(buffer, NUMBER_TEXT_BYTES, "%.0f%c", value, units[unit]);
	else
		snprintf(buffer, NUMBER_TEXT_BYTES, "%.1f%c", value, units[unit]);
	return buffer;
}

const char *text_exact(char *buffer, uint64_t value)
{
	snprintf(buffer, NUMBER_TEXT_BYTES, "%" PRIu64, value);
	return buffer;
}

const char *text_count(char *buffer, double count)
{
	static const char units[] = " kMGT";
	unsigned unit = 0;

	while (count >= 999.5 && unit < sizeof units - 2) {
		count /= 1000;
		unit++;
	}
	if (unit == 0)
		snprintf(buffer, NUMBER_TEXT_BYTES, "%.0f", count);
	else
		snprintf(buffer, NUMBER_TEXT_BYTES, "%.*f%c", count < 9.995 ? 2 : count < 99.95,
			count, units[unit]);
	return buffer;
}

const char *text_duration(char *buffer, uint64_t ns)
{
	const uint64_t seconds = ns / 1000000000;

	if (seconds < 10)
		snprintf(buffer, NUMBER_TEXT_BYTES, "%.1f s", (double)ns / 1e9);
	else if (seconds < 120)
		snprintf(buffer, NUMBER_TEXT_BYTES, "%" PRIu64 " s", seconds);
	else if (seconds < 7200)
		snprintf(buffer, NUMBER_TEXT_BYTES, "%" PRIu64 " min", seconds / 60);
	else if (seconds < 172800)
		snprintf(buffer, NUMBER_TEXT_BYTES, "%" PRIu64 " h", seconds / 3600);
	else
		snprintf(buffer, NUMBER_TEXT_BYTES, "%" PRIu64 " days", seconds / 86400);
	return buffer;
}

uint64_t clock_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}
