/*
 * libFuzzer entry: every door through which text comes into keys/, and keys that no reader made.
 * Beside memory errors it finds keys that do not survive being written and read.
 *
 * To be linked with every .c file of keys/ and libmd, with -fsanitize=fuzzer,address,undefined.
 * tests/vectors make a good first corpus.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "gyre_key.h"
#include "gyre_key_vectors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static const struct gyre_key_env env = {"/run/user/1000", "/tmp", NULL};
static char text[GYRE_KEY_TEXT_SIZE];

static void require(int holds)
{
	if (!holds)
		abort();
}

static void fuzz_qt(const char *input)
{
	struct gyre_error error;
	struct gyre_key key, back;

	if (gyre_key_parse_qt(input, &key, &error) != GYRE_OK)
		return;
	require(gyre_key_print_qt(&key, text, sizeof text) < sizeof text);
	require(gyre_key_parse_qt(text, &back, &error) == GYRE_OK);
	require(gyre_key_equal(&key, &back));
	for (int os = GYRE_OS_LINUX; os <= GYRE_OS_INTEGRITY; os++) {
		(void)gyre_key_check(&key, (enum gyre_os)os, &error);
		(void)gyre_key_os_name(&key, GYRE_KEY_SEM, (enum gyre_os)os, text, sizeof text);
		(void)gyre_key_lock_key(
			&key, GYRE_KEY_QT_NEW, (enum gyre_os)os, &env, &back, &error);
	}
}

static void fuzz_user(const char *input)
{
	struct gyre_error error;
	struct gyre_key key, back;

	if (gyre_key_parse(input, &key, &error) != GYRE_OK) {
		require(memchr(error.what, '\0', sizeof error.what) != error.what);
		return;
	}
	require(gyre_key_check(&key, gyre_key_os_here(), &error) == GYRE_OK);
	require(gyre_key_print(&key, text, sizeof text) < sizeof text);
	require(gyre_key_parse(text, &back, &error) == GYRE_OK);
	require(gyre_key_equal(&key, &back));
}

static void fuzz_name(const char *input)
{
	static const uint16_t types[] = {7, GYRE_KEY_POSIX, GYRE_KEY_WINDOWS, GYRE_KEY_FILE};
	const size_t type = strlen(input) % 4;
	struct gyre_error error;
	struct gyre_key key;

	for (int os = GYRE_OS_LINUX; os <= GYRE_OS_INTEGRITY; os++) {
		(void)gyre_key_safe(
			input, types[type], GYRE_KEY_SHM, (enum gyre_os)os, &env, &key, &error);
		(void)gyre_key_legacy(
			input, types[type], GYRE_KEY_SEM, (enum gyre_os)os, &env, &key, &error);
	}
	(void)gyre_key_shorten(input, 29, text, sizeof text);
	(void)gyre_key_type_from_text(input);
}

/* Both fields as the bytes are: for a field of odd first byte again and again, with no NUL. */
static void fill(char *field, size_t size, const uint8_t *data, size_t bytes)
{
	const size_t filled = bytes > 0 && (data[0] & 1) != 0 ? size : bytes;

	memset(field, 0, size);
	for (size_t i = 0; i < filled && i < size; i++)
		field[i] = (char)data[i % bytes];
}

static int is_text(const char *field, size_t size)
{
	static struct gyre_key key;

	return memchr(field, '\0', size) != NULL &&
	       gyre_key_set_native(&key, field, NULL) == GYRE_OK;
}

static void fuzz_print(const uint8_t *data, size_t bytes)
{
	static struct gyre_key key, back;
	struct gyre_error error;
	char *cut;
	size_t length, size;

	if (bytes < 3)
		return;
	key.type = (uint16_t)(data[0] | data[1] << 8);
	length = data[2] % (bytes - 2);
	fill(key.native, sizeof key.native, data + 3, length);
	fill(key.legacy, sizeof key.legacy, data + 3 + length, bytes - 3 - length);
	(void)gyre_key_check(&key, GYRE_OS_LINUX, &error);
	require(gyre_key_equal(&key, &key));
	length = gyre_key_print(&key, text, sizeof text);
	require(length < sizeof text && strlen(text) == length);
	size = length / 2 + 1; /* exactly so long: a byte too far is noticed */
	cut = malloc(size);
	require(cut == NULL || (gyre_key_print(&key, cut, size) == length &&
				       strncmp(cut, text, size - 1) == 0 && cut[size - 1] == '\0'));
	free(cut);
	if (gyre_key_print_qt(&key, text, sizeof text) == 0 ||
		!is_text(key.native, sizeof key.native) || !is_text(key.legacy, sizeof key.legacy))
		return;
	require(gyre_key_parse_qt(text, &back, &error) == GYRE_OK);
	require(gyre_key_equal(&key, &back));
}

static void fuzz_vectors(const uint8_t *data, size_t bytes)
{
	const struct gyre_key_vectors_options options = {&env, NULL, NULL};
	struct gyre_key_vectors_count count;
	struct gyre_error error;

	(void)gyre_key_check_vectors((const char *)data, bytes, &options, &count, &error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	char *const input = malloc(bytes + 1); /* exactly so long: a byte too far is noticed */

	if (input == NULL)
		return 0;
	memcpy(input, data, bytes);
	input[bytes] = '\0';
	fuzz_qt(input);
	fuzz_user(input);
	fuzz_name(input);
	fuzz_print(data, bytes);
	fuzz_vectors(data, bytes);
	free(input);
	return 0;
}
