/*
 * Properties over many random keys and texts. The generator is seeded: a failure repeats.
 * GYRE_KEY_ROUNDS sets another number of rounds than a million.
 */
#include <stdlib.h>
#include "support.h"

TestSuite(roundtrip, .timeout = 120);

/* xorshift64*: small and good enough to mix names. */
static uint64_t state = 0x9E3779B97F4A7C15;

static uint32_t random_below(uint32_t limit)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return (uint32_t)((state * 0x2545F4914F6CDD1D) >> 33) % limit;
}

static unsigned long rounds(unsigned long fallback)
{
	const char *const set = getenv("GYRE_KEY_ROUNDS");

	return set == NULL ? fallback : strtoul(set, NULL, 10);
}

/* What keys are made of: letters, all that is special somewhere, and every width of UTF-8. */
static const char *const pieces[] = {"a", "b", "Z", "9", "/", "//", ":", "?", "#", "%", "%2", "%41",
	"%2F", "&", "=", "+", "@", " ", "\\", ".", "..", "~", "\x01", "\t", "\n", "\x1F", "\x7F",
	"\u00A0", "\u00E9", "\u20AC", "\uFFFD", "\uFFFE", "\U0001F600", "\U0010FFFF", "legacyKey",
	"?legacyKey=", "Local\\"};

/* As many random pieces as asked for, while they fit. */
static void fill(char *buf, size_t size, uint32_t count)
{
	size_t bytes = 0;

	while (count-- > 0) {
		const char *const piece = pieces[random_below(sizeof pieces / sizeof pieces[0])];

		if (bytes + strlen(piece) >= size)
			break;
		memcpy(buf + bytes, piece, strlen(piece));
		bytes += strlen(piece);
	}
	buf[bytes] = '\0';
}

static uint16_t random_qt_type(void)
{
	const uint32_t choice = random_below(4);

	if (choice == 0)
		return GYRE_KEY_POSIX;
	if (choice == 1)
		return GYRE_KEY_WINDOWS;
	return choice == 2 ? GYRE_KEY_SYSTEMV : (uint16_t)(1 + random_below(255));
}

/* Mostly short; now and then up to what a key can hold. */
static void random_key(struct gyre_key *key, uint16_t type)
{
	const uint32_t longest = random_below(1000) == 0 ? GYRE_KEY_NATIVE_SIZE : 12;

	key->type = type;
	fill(key->native, sizeof key->native, random_below(longest));
	fill(key->legacy, sizeof key->legacy, random_below(2) * random_below(longest));
}

static char text[GYRE_KEY_TEXT_SIZE], again[GYRE_KEY_TEXT_SIZE];

Test(roundtrip, qts_reader_reads_what_qts_writer_wrote)
{
	static struct gyre_key key, back;

	for (unsigned long i = rounds(1000000); i > 0; i--) {
		random_key(&key, random_qt_type());
		const size_t bytes = gyre_key_print_qt(&key, text, sizeof text);
		const int r = gyre_key_parse_qt(text, &back, NULL);

		if (bytes >= sizeof text || r != GYRE_OK || !gyre_key_equal(&key, &back))
			cr_fatal("%s does not come back (%s)", text, gyre_errname(r));
	}
}

Test(roundtrip, the_users_reader_reads_what_it_accepts_and_the_writer_wrote)
{
	static struct gyre_key key, back;
	unsigned long accepted = 0;

	for (unsigned long i = rounds(1000000) / 4; i > 0; i--) {
		const uint32_t choice = random_below(3);

		random_key(&key, choice == 0   ? random_qt_type()
				 : choice == 1 ? GYRE_KEY_FILE
					       : GYRE_KEY_MEMFD);
		if (choice > 0)
			key.native[0] = '/';
		if (choice > 0)
			key.legacy[0] = '\0';
		if (gyre_key_set_native(&(struct gyre_key){0}, key.native, NULL) != GYRE_OK ||
			gyre_key_check(&key, gyre_key_os_here(), NULL) != GYRE_OK)
			continue;
		accepted++;
		(void)gyre_key_print(&key, text, sizeof text);
		if (gyre_key_parse(text, &back, NULL) != GYRE_OK || !gyre_key_equal(&key, &back))
			cr_fatal("%s does not come back", text);
	}
	cr_assert(gt(ulong, accepted, rounds(1000000) / 40));
}

/* Whatever is read has one spelling, and reading that gives the same key. */
static void assert_canonical(const char *input)
{
	static struct gyre_key key, back;

	if (gyre_key_parse_qt(input, &key, NULL) == GYRE_OK) {
		(void)gyre_key_print_qt(&key, text, sizeof text);
		if (gyre_key_parse_qt(text, &back, NULL) != GYRE_OK || !gyre_key_equal(&key, &back))
			cr_fatal("%s is read, its canonical form %s is not", input, text);
		(void)gyre_key_print_qt(&back, again, sizeof again);
		if (strcmp(text, again) != 0)
			cr_fatal("%s has two canonical forms", input);
	}
	if (gyre_key_parse(input, &key, NULL) == GYRE_OK) {
		(void)gyre_key_print(&key, text, sizeof text);
		if (gyre_key_parse(text, &back, NULL) != GYRE_OK || !gyre_key_equal(&key, &back))
			cr_fatal("%s is accepted, its canonical form %s is not", input, text);
	}
}

Test(roundtrip, texts_of_special_pieces_are_read_or_refused)
{
	static const char *const schemes[] = {"posix:", "systemv:", "systemv-9:", "windows:",
		"file:", "memfd:", "POSIX://", "systemv-", ""};
	static char input[2000];

	for (unsigned long i = rounds(1000000) / 4; i > 0; i--) {
		strcpy(input, schemes[random_below(sizeof schemes / sizeof schemes[0])]);
		fill(input + strlen(input), sizeof input - strlen(input), random_below(16));
		assert_canonical(input);
	}
}

Test(roundtrip, garbage_is_read_or_refused)
{
	static char input[600];

	for (unsigned long i = rounds(1000000) / 4; i > 0; i--) {
		const size_t bytes = random_below(random_below(10) == 0 ? sizeof input : 40);
		const size_t start = random_below(2) * strlen(strcpy(input, "posix:/"));

		for (size_t j = start; j < start + bytes && j < sizeof input - 1; j++)
			input[j] = (char)random_below(256);
		input[start + bytes < sizeof input ? start + bytes : sizeof input - 1] = '\0';
		assert_canonical(input);
	}
}

Test(roundtrip, every_name_gives_a_key_on_every_system)
{
	static char name[GYRE_KEY_LEGACY_SIZE], buf[GYRE_KEY_TEXT_SIZE];
	static struct gyre_key key, lock;

	for (unsigned long i = rounds(1000000) / 20; i > 0; i--) {
		const enum gyre_os os = (enum gyre_os)random_below(8);
		const enum gyre_key_kind kind = (enum gyre_key_kind)random_below(2);
		const uint16_t type = random_qt_type();

		fill(name, sizeof name, random_below(random_below(50) == 0 ? 1000 : 20));
		cr_assert(eq(int, gyre_key_safe(name, type, kind, os, &test_env, &key, NULL), 0));
		cr_assert(eq(int, gyre_key_legacy(name, type, kind, os, &test_env, &key, NULL), 0));
		cr_assert(eq(int,
			gyre_key_lock_key(&key, GYRE_KEY_QT_NEW, os, &test_env, &lock, NULL), 0));
		cr_assert(lt(sz, gyre_key_os_name(&key, kind, os, buf, sizeof buf), sizeof buf));
		cr_assert(ge(int, gyre_key_shorten(name, 251, buf, sizeof buf), 0));
		cr_assert(eq(int, gyre_key_set_native(&key, buf, NULL), GYRE_OK));
	}
}
