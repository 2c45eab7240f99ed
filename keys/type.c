/*
 * The vocabulary of keys: types, kinds, systems, their words, and which system has which type.
 */
#include <stdio.h>
#include <string.h>
#include "key_private.h"

enum { SYSTEMV_MAX = 255 };

enum has {
	HAS_SYSTEMV = 1 << 0,
	HAS_POSIX = 1 << 1,
	HAS_WINDOWS = 1 << 2,
	HAS_FILE = 1 << 3,
	HAS_MEMFD = 1 << 4,
};

static const struct {
	const char *word;
	unsigned has;
} systems[] = {
	[GYRE_OS_LINUX] = {"linux", HAS_SYSTEMV | HAS_POSIX | HAS_FILE | HAS_MEMFD},
	[GYRE_OS_FREEBSD] = {"freebsd", HAS_SYSTEMV | HAS_POSIX | HAS_FILE | HAS_MEMFD},
	[GYRE_OS_QNX] = {"qnx", HAS_POSIX | HAS_FILE},
	[GYRE_OS_APPLE] = {"apple", HAS_SYSTEMV | HAS_POSIX | HAS_FILE},
	[GYRE_OS_APPLE_SANDBOXED] = {"apple-sandboxed", HAS_POSIX | HAS_FILE},
	[GYRE_OS_WINDOWS] = {"windows", HAS_WINDOWS | HAS_FILE},
	[GYRE_OS_ANDROID] = {"android", HAS_FILE | HAS_MEMFD},
	[GYRE_OS_INTEGRITY] = {"integrity", 0},
};

static const size_t systems_count = sizeof systems / sizeof systems[0];

static const struct {
	const char *scheme;
	uint16_t type;
	unsigned has;
} types[] = {
	{"systemv", GYRE_KEY_SYSTEMV, HAS_SYSTEMV},
	{"posix", GYRE_KEY_POSIX, HAS_POSIX},
	{"windows", GYRE_KEY_WINDOWS, HAS_WINDOWS},
	{"file", GYRE_KEY_FILE, HAS_FILE},
	{"memfd", GYRE_KEY_MEMFD, HAS_MEMFD},
};

static const size_t types_count = sizeof types / sizeof types[0];

static const char *const kinds[] = {[GYRE_KEY_SHM] = "shm", [GYRE_KEY_SEM] = "sem"};

bool gyre_type_is_systemv(uint16_t type)
{
	return type >= 1 && type <= SYSTEMV_MAX;
}

bool gyre_type_is_qt(uint16_t type)
{
	return gyre_type_is_systemv(type) || type == GYRE_KEY_POSIX || type == GYRE_KEY_WINDOWS;
}

size_t gyre_key_type_text(uint16_t type, char *buf, size_t size)
{
	struct gyre_text text = {buf, size, 0};
	char number[8];

	for (size_t i = 0; i < types_count; i++)
		if (types[i].type == type)
			gyre_text_puts(&text, types[i].scheme);
	if (text.bytes == 0 && gyre_type_is_systemv(type)) {
		(void)snprintf(number, sizeof number, "%u", (unsigned)type);
		gyre_text_puts(&text, "systemv-");
		gyre_text_puts(&text, number);
	}
	return gyre_text_end(&text);
}

/* The ftok id of "systemv-N": digits only, as many leading zeros as one likes. */
static uint16_t systemv_of_digits(struct gyre_span digits)
{
	unsigned number = 0;

	for (size_t i = 0; i < digits.bytes; i++) {
		if (digits.at[i] < '0' || digits.at[i] > '9')
			return GYRE_KEY_INVALID;
		number = number * 10 + (unsigned)(digits.at[i] - '0');
		if (number > SYSTEMV_MAX)
			return GYRE_KEY_INVALID;
	}
	return (uint16_t)number;
}

/* ASCII only, whatever the locale. */
static char lower(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (char)(c - 'A' + 'a');
	return c;
}

uint16_t gyre_type_of_scheme(struct gyre_span scheme)
{
	static const char numbered[] = "systemv-";
	const size_t numbered_bytes = sizeof numbered - 1;
	char low[sizeof numbered] = "";

	for (size_t i = 0; i < scheme.bytes && i < numbered_bytes; i++)
		low[i] = lower(scheme.at[i]);
	if (strcmp(low, numbered) == 0)
		return systemv_of_digits((struct gyre_span){
			scheme.at + numbered_bytes, scheme.bytes - numbered_bytes});
	for (size_t i = 0; i < types_count && scheme.bytes < numbered_bytes; i++)
		if (strcmp(low, types[i].scheme) == 0)
			return types[i].type;
	return GYRE_KEY_INVALID;
}

uint16_t gyre_key_type_from_text(const char *scheme)
{
	return gyre_type_of_scheme(gyre_span_of(scheme));
}

const char *gyre_key_kind_text(enum gyre_key_kind kind)
{
	return kind == GYRE_KEY_SHM || kind == GYRE_KEY_SEM ? kinds[kind] : "";
}

int gyre_key_kind_from_text(const char *word, enum gyre_key_kind *ret_kind)
{
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		if (strcmp(kinds[i], word) == 0) {
			*ret_kind = (enum gyre_key_kind)i;
			return GYRE_OK;
		}
	}
	return GYRE_EINVAL;
}

const char *gyre_key_os_text(enum gyre_os os)
{
	return (size_t)os < systems_count ? systems[os].word : "";
}

int gyre_key_os_from_text(const char *word, enum gyre_os *ret_os)
{
	for (size_t i = 0; i < systems_count; i++) {
		if (strcmp(systems[i].word, word) == 0) {
			*ret_os = (enum gyre_os)i;
			return GYRE_OK;
		}
	}
	return GYRE_EINVAL;
}

enum gyre_os gyre_key_os_here(void)
{
#if defined(__ANDROID__)
	return GYRE_OS_ANDROID;
#elif defined(__FreeBSD__)
	return GYRE_OS_FREEBSD;
#elif defined(__QNX__)
	return GYRE_OS_QNX;
#elif defined(__APPLE__)
	return GYRE_OS_APPLE;
#elif defined(_WIN32)
	return GYRE_OS_WINDOWS;
#elif defined(__INTEGRITY)
	return GYRE_OS_INTEGRITY;
#else
	return GYRE_OS_LINUX;
#endif
}

bool gyre_key_type_exists(uint16_t type, enum gyre_os os)
{
	const unsigned has = (size_t)os < systems_count ? systems[os].has : 0;

	if (gyre_type_is_systemv(type))
		return (has & HAS_SYSTEMV) != 0;
	for (size_t i = 0; i < types_count; i++)
		if (types[i].type == type)
			return (has & types[i].has) != 0;
	return false;
}

uint16_t gyre_key_default_type(enum gyre_os os)
{
	return os == GYRE_OS_WINDOWS ? GYRE_KEY_WINDOWS : GYRE_KEY_POSIX;
}

uint16_t gyre_key_legacy_default_type(enum gyre_os os, bool qt_posix_ipc)
{
	const bool only_posix = gyre_key_type_exists(GYRE_KEY_POSIX, os) &&
				!gyre_key_type_exists(GYRE_KEY_SYSTEMV, os);

	if (os == GYRE_OS_WINDOWS)
		return GYRE_KEY_WINDOWS;
	return qt_posix_ipc || only_posix ? GYRE_KEY_POSIX : GYRE_KEY_SYSTEMV;
}
