/*
 * Edit distance with transpositions (a wrong, missing, extra or swapped letter counts one), over
 * three rows of the table. Near is: at most a third of the letters wrong, but one always may be.
 */
#include <string.h>
#include "nearest.h"

enum { LETTERS_MAX = 31 };

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	const unsigned ab = a < b ? a : b;

	return ab < c ? ab : c;
}

static unsigned distance(const char *a, const char *b)
{
	unsigned rows[3][LETTERS_MAX + 1];
	unsigned *before = rows[0], *last = rows[1], *row = rows[2], *spare;
	const size_t a_length = strlen(a), b_length = strlen(b);
	size_t i, k;

	for (k = 0; k <= b_length; k++)
		last[k] = (unsigned)k;
	for (i = 1; i <= a_length; i++) {
		row[0] = (unsigned)i;
		for (k = 1; k <= b_length; k++) {
			row[k] = min3(
				last[k] + 1, row[k - 1] + 1, last[k - 1] + (a[i - 1] != b[k - 1]));
			if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1] &&
				before[k - 2] + 1 < row[k])
				row[k] = before[k - 2] + 1;
		}
		spare = before;
		before = last;
		last = row;
		row = spare;
	}
	return last[b_length];
}

const char *nearest_word(const char *typed, const char *const *words, size_t count)
{
	const size_t length = strlen(typed);
	unsigned best = length < 6 ? 2 : 3, found;
	const char *nearest = NULL;
	size_t i;

	if (length == 0 || length > LETTERS_MAX)
		return NULL;
	for (i = 0; i < count; i++) {
		found = distance(typed, words[i]);
		if (found < best || (found == best && nearest == NULL && length > 2)) {
			best = found;
			nearest = words[i];
		}
	}
	return nearest;
}
