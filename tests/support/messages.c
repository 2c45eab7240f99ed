#include <string.h>
#include "messages.h"

uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u; /* splitmix64 */

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

void fill_message(void *data, size_t bytes, uint64_t number)
{
	unsigned char *to = data;
	uint64_t state = number * 0x2545f4914f6cdd1du + bytes;

	for (size_t done = 0; done < bytes; done += 8) {
		const uint64_t word = next_random(&state);

		memcpy(to + done, &word, bytes - done < 8 ? bytes - done : 8);
	}
}

bool is_message_of(const void *data, size_t bytes, uint64_t number)
{
	const unsigned char *at = data;
	uint64_t state = number * 0x2545f4914f6cdd1du + bytes;

	for (size_t done = 0; done < bytes; done += 8) {
		const uint64_t word = next_random(&state);

		if (memcmp(at + done, &word, bytes - done < 8 ? bytes - done : 8) != 0)
			return false;
	}
	return true;
}
