/*
 * Decoding by the table of well-formed byte sequences in the Unicode standard (table 3-7):
 * the lead byte gives the length and what the second byte may be; all others are 80..BF.
 */
#include "utf8_private.h"

static const struct {
	uint8_t lead_min, lead_max;
	uint8_t second_min, second_max;
	uint8_t bytes;
	uint8_t lead_bits; /* what the lead byte contributes */
} forms[] = {
	{0x00, 0x7F, 0x00, 0x00, 1, 0x7F},
	{0xC2, 0xDF, 0x80, 0xBF, 2, 0x1F},
	{0xE0, 0xE0, 0xA0, 0xBF, 3, 0x0F},
	{0xE1, 0xEC, 0x80, 0xBF, 3, 0x0F},
	{0xED, 0xED, 0x80, 0x9F, 3, 0x0F},
	{0xEE, 0xEF, 0x80, 0xBF, 3, 0x0F},
	{0xF0, 0xF0, 0x90, 0xBF, 4, 0x07},
	{0xF1, 0xF3, 0x80, 0xBF, 4, 0x07},
	{0xF4, 0xF4, 0x80, 0x8F, 4, 0x07},
};

/* The form of a lead byte, or -1: a continuation byte, or a byte that UTF-8 never uses. */
static int form_of(uint8_t lead)
{
	for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++)
		if (lead >= forms[i].lead_min && lead <= forms[i].lead_max)
			return (int)i;
	return -1;
}

size_t gyre_utf8_sequence(const char *at, size_t bytes, uint32_t *ret_codepoint)
{
	const int form = bytes == 0 ? -1 : form_of((uint8_t)at[0]);
	uint32_t codepoint;

	if (form < 0 || bytes < forms[form].bytes)
		return 0;
	codepoint = (uint8_t)at[0] & forms[form].lead_bits;
	for (size_t i = 1; i < forms[form].bytes; i++) {
		const uint8_t byte = (uint8_t)at[i];
		const uint8_t min = i == 1 ? forms[form].second_min : 0x80;
		const uint8_t max = i == 1 ? forms[form].second_max : 0xBF;

		if (byte < min || byte > max)
			return 0;
		codepoint = codepoint << 6 | (byte & 0x3F);
	}
	*ret_codepoint = codepoint;
	return forms[form].bytes;
}

size_t gyre_utf8_valid_bytes(const char *at, size_t bytes)
{
	uint32_t codepoint;
	size_t done = 0;

	while (done < bytes) {
		const size_t step = gyre_utf8_sequence(at + done, bytes - done, &codepoint);

		if (step == 0)
			break;
		done += step;
	}
	return done;
}

size_t gyre_utf8_floor(const char *at, size_t bytes_max)
{
	size_t cut = bytes_max;

	while (cut > 0 && ((uint8_t)at[cut] & 0xC0) == 0x80)
		cut--;
	return cut;
}

size_t gyre_utf8_units(const char *at, size_t bytes)
{
	size_t units = 0;

	for (size_t i = 0; i < bytes; i++) {
		const uint8_t byte = (uint8_t)at[i];

		if ((byte & 0xC0) != 0x80) /* each lead byte; beyond the BMP a surrogate pair */
			units += byte >= 0xF0 ? 2 : 1;
	}
	return units;
}

size_t gyre_utf8_floor_units(const char *at, size_t bytes, size_t units_max, bool *ret_split)
{
	uint32_t codepoint;
	size_t units = 0;
	size_t done = 0;

	*ret_split = false;
	while (done < bytes) {
		const size_t step = gyre_utf8_sequence(at + done, bytes - done, &codepoint);
		const size_t width = step == 4 ? 2 : 1; /* beyond the BMP: a surrogate pair */

		if (units + width > units_max) {
			*ret_split = units < units_max;
			break;
		}
		units += width;
		done += step == 0 ? 1 : step; /* a stray byte counts as one character */
	}
	return done;
}

bool gyre_utf8_is_noncharacter(uint32_t codepoint)
{
	return (codepoint & 0xFFFE) == 0xFFFE || (codepoint >= 0xFDD0 && codepoint <= 0xFDEF);
}
