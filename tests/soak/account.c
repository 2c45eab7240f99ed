/* Who sent, got and released what. */
#include <inttypes.h>
#include <stdarg.h>
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

static uint64_t seed_of(uint32_t tag)
{
	uint64_t state = tag;

	return soak_random(&state);
}

/* Mostly small, down to one byte, now and then up to the largest. */
static size_t length_of(uint64_t seed, size_t bytes_max)
{
	uint64_t state = seed;
	const uint64_t kind = soak_random(&state) % 8;

	return 1 + (size_t)(soak_random(&state) % (kind == 0          ? bytes_max
							  : kind == 1 ? 8
								      : bytes_max / 16 + 1));
}

static uint8_t pattern(uint64_t seed, size_t i)
{
	return (uint8_t)(seed >> i % 8 * 8 ^ i);
}

size_t soak_fill(uint8_t *to, uint32_t tag, size_t bytes_max)
{
	const uint64_t seed = seed_of(tag);
	const size_t bytes = length_of(seed, bytes_max);

	for (size_t i = 0; i < bytes; i++)
		to[i] = pattern(seed, i);
	return bytes;
}

bool soak_check(const struct gyre_message *message, size_t bytes_max)
{
	const uint64_t seed = seed_of(message->tag);
	const uint8_t *const from = message->data;

	if (message->bytes != length_of(seed, bytes_max))
		return false;
	for (size_t i = 0; i < message->bytes; i++)
		if (from[i] != pattern(seed, i))
			return false;
	return true;
}

/* Numbers whose send returned and that bear no mark of the other kind. */
static uint64_t count_without(const struct soak_account *a, unsigned producers, enum soak_map map)
{
	uint64_t count = 0;

	for (unsigned p = 0; p < producers; p++)
		for (uint64_t n = 0; n < a->next_number[p]; n++)
			count += soak_is_marked(a, p, SOAK_ACKNOWLEDGED, n) &&
				 !soak_is_marked(a, p, map, n);
	return count;
}

static bool is_between(uint64_t value, uint64_t least, uint64_t in_doubt)
{
	return value >= least && value <= least + in_doubt;
}

static void judge_books(struct soak_account *a, const struct gyre_totals *t)
{
	if (t->committed != t->released + t->dropped)
		soak_fault(a, "the books do not balance");
	if (!is_between(t->committed, a->acknowledged, a->sends_in_doubt))
		soak_fault(a, "the books have more or fewer messages than were sent");
	if (!is_between(t->released, a->released, a->releases_in_doubt))
		soak_fault(a, "the books have more or fewer messages than were released");
}

bool soak_verdict(
	struct soak_account *a, const struct soak_options *o, const struct gyre_ring_info *info)
{
	const struct gyre_totals *const t = &info->totals;
	const uint64_t allowed = t->dropped + a->releases_in_doubt;
	const uint64_t unreleased = count_without(a, o->producers, SOAK_RELEASED);
	const uint64_t never = count_without(a, o->producers, SOAK_DELIVERED);

	judge_books(a, t);
	if (info->messages != 0)
		soak_fault(a, "the ring is not empty");
	printf("# books: committed %" PRIu64 ", released %" PRIu64 ", dropped %" PRIu64
	       ", given back %" PRIu64 ", aborted %" PRIu64 "\n",
		t->committed, t->released, t->dropped, t->redelivered, t->aborted);
	printf("# acknowledged %" PRIu64 ", delivered %" PRIu64 ", released %" PRIu64
	       ", delivered again %" PRIu64 " (marked %" PRIu64 "), never delivered %" PRIu64 "\n",
		a->acknowledged, a->delivered, a->released, a->again, a->marked_again, never);
	printf("# in the hands of the dead: at most %" PRIu64 " sends, %" PRIu64
	       " releases; lost beyond those dropped and these: %" PRIu64 "\n",
		a->sends_in_doubt, a->releases_in_doubt,
		unreleased > allowed ? unreleased - allowed : 0);
	if (a->faulty != 0)
		printf("# FAULT: %s\n", a->fault);
	return a->faulty == 0 && unreleased <= allowed && a->delivered > 0;
}
