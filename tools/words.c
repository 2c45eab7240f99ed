/* One table per enumeration, read in both directions. */
#include <stddef.h>
#include <string.h>
#include "gyre_inspect.h"
#include "words.h"

struct word {
	uint32_t value;
	const char *text; /* NULL ends the table */
};

static const struct word kinds[] = {{GYRE_RING_SPSC, "spsc"}, {GYRE_RING_MPMC, "mpmc"}, {0, NULL}};

static const struct word wakes[] = {
	{GYRE_WAKE_FENCE, "fence"}, {GYRE_WAKE_MEMBARRIER, "membarrier"}, {0, NULL}};

static const struct word roles[] = {
	{GYRE_PRODUCER, "producer"}, {GYRE_CONSUMER, "consumer"}, {0, NULL}};

static const struct word states[] = {
	{GYRE_STATE_LIVE, "live"},
	{GYRE_STATE_IDLE, "idle"},
	{GYRE_STATE_CLOSED, "closed"},
	{GYRE_STATE_DRAINED, "drained"},
	{GYRE_STATE_OTHER_BOOT, "other-boot"},
	{GYRE_STATE_HALF_MADE, "half-made"},
	{GYRE_STATE_ORPHANED, "orphaned"},
	{GYRE_STATE_BROKEN, "broken"},
	{0, NULL},
};

static const struct word lives[] = {
	{GYRE_LIFE_NONE, "none"},
	{GYRE_LIFE_ALIVE, "alive"},
	{GYRE_LIFE_LEFT, "left"},
	{GYRE_LIFE_DEAD, "dead"},
	{GYRE_LIFE_SUSPECT, "suspect"},
	{0, NULL},
};

static const char *word_of(const struct word *table, uint32_t value)
{
	for (; table->text != NULL; table++) {
		if (table->value == value)
			return table->text;
	}
	return "?";
}

static bool value_of(const struct word *table, const char *text, uint32_t *ret_value)
{
	for (; table->text != NULL; table++) {
		if (strcmp(table->text, text) == 0) {
			*ret_value = table->value;
			return true;
		}
	}
	return false;
}

const char *kind_word(uint32_t kind)
{
	return word_of(kinds, kind);
}

const char *wake_word(uint32_t wake)
{
	return word_of(wakes, wake);
}

const char *role_word(uint32_t role)
{
	return word_of(roles, role);
}

const char *state_word(uint32_t state)
{
	return word_of(states, state);
}

const char *life_word(uint32_t liveness)
{
	return word_of(lives, liveness);
}

bool word_to_kind(const char *word, uint32_t *ret_kind)
{
	return value_of(kinds, word, ret_kind);
}

bool word_to_wake(const char *word, uint32_t *ret_wake)
{
	return value_of(wakes, word, ret_wake);
}

bool word_to_key_kind(const char *word, uint32_t *ret_kind)
{
	enum gyre_key_kind kind;

	if (gyre_key_kind_from_text(word, &kind) != GYRE_OK)
		return false;
	*ret_kind = kind;
	return true;
}

bool word_to_os(const char *word, uint32_t *ret_os)
{
	enum gyre_os os;

	if (gyre_key_os_from_text(word, &os) != GYRE_OK)
		return false;
	*ret_os = os;
	return true;
}
