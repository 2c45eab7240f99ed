/* Who sent, got and released what. */
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include "soak.h"

struct soak_account *soak_account_new(const struct soak_options *options)
{
	const size_t words = (size_t)((options->numbers + 63) / 64);
	const size_t bytes = sizeof(struct soak_account) + 3 * 8 * words * options->producers;
	struct soak_account *a =
		mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (a == MAP_FAILED)
		return NULL;
	a->numbers = options->numbers;
	a->map_words = words;
	return a;
}

static size_t word_index(
	const struct soak_account *a, unsigned producer, enum soak_map map, uint64_t number)
{
	return (producer * 3u + (size_t)map) * a->map_words + (size_t)(number / 64);
}

bool soak_mark(struct soak_account *a, unsigned producer, enum soak_map map, uint64_t number)
{
	const uint64_t bit = (uint64_t)1 << number % 64;

	return (atomic_fetch_or(&a->maps[word_index(a, producer, map, number)], bit) & bit) != 0;
}

bool soak_is_marked(
	const struct soak_account *a, unsigned producer, enum soak_map map, uint64_t number)
{
	return (atomic_load(&a->maps[word_index(a, producer, map, number)]) >> number % 64 & 1) !=
	       0;
}

void soak_fault(struct soak_account *a, const char *format, ...)
{
	va_list args;

	if (atomic_exchange(&a->faulty, 1) != 0)
		return;
	va_start(args, format);
	vsnprintf(a->fault, sizeof a->fault, format, args);
	va_end(args);
}

static uint8_t pattern(uint64_t seed, size_t i)
{
	return (uint8_t)(seed >> i % 8 * 8 ^ i);
}

size_t soak_fill(uint8_t *to, unsigned producer, uint64_t number, size_t bytes_max)
{
	uint64_t state = number << 8 | producer;
	struct soak_content content = {
		.producer = producer,
		.number = number,
		.seed = soak_random(&state),
	};
	const size_t room = bytes_max - sizeof content;

	/* Mostly small, now and then up to the largest. */
	content.bytes = (uint32_t)(sizeof content +
				   soak_random(&state) %
					   (soak_random(&state) % 8 == 0 ? room : room / 16 + 1));
	memcpy(to, &content, sizeof content);
	for (size_t i = sizeof content; i < content.bytes; i++)
		to[i] = pattern(content.seed, i);
	return content.bytes;
}

bool soak_check(const uint8_t *from, size_t bytes, struct soak_content *ret_content)
{
	if (bytes < sizeof *ret_content)
		return false;
	memcpy(ret_content, from, sizeof *ret_content);
	if (ret_content->bytes != bytes)
		return false;
	for (size_t i = sizeof *ret_content; i < bytes; i++)
		if (from[i] != pattern(ret_content->seed, i))
			return false;
	return true;
}

/* Numbers whose send returned and that nobody ever got. */
static uint64_t count_lost(const struct soak_account *a, unsigned producers)
{
	uint64_t lost = 0;

	for (unsigned p = 0; p < producers; p++)
		for (uint64_t n = 0; n < a->next_number[p]; n++)
			lost += soak_is_marked(a, p, SOAK_ACKNOWLEDGED, n) &&
				!soak_is_marked(a, p, SOAK_DELIVERED, n);
	return lost;
}

bool soak_verdict(const struct soak_account *a, const struct soak_options *o, uint64_t dropped)
{
	const uint64_t lost = count_lost(a, o->producers);
	const uint64_t allowed = dropped + a->taken_along;
	const bool good = a->faulty == 0 && lost <= allowed && a->delivered > 0;

	printf("# acknowledged %" PRIu64 ", delivered %" PRIu64 ", released %" PRIu64
	       ", delivered again %" PRIu64 " (marked %" PRIu64 "), dropped %" PRIu64
	       ", at most %" PRIu64 " taken along by consumers that died in receive, lost %" PRIu64
	       " beyond these\n",
		a->acknowledged, a->delivered, a->released, a->again, a->marked_again, dropped,
		a->taken_along, lost > allowed ? lost - allowed : 0);
	if (a->faulty != 0)
		printf("# FAULT: %s\n", a->fault);
	return good;
}
