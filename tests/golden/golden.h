/* What is in the golden segments: one truth for the program that makes them and for the test. */
#ifndef GYRE_TESTS_GOLDEN_H
#define GYRE_TESTS_GOLDEN_H

#include <stddef.h>
#include <stdint.h>

enum {
	GOLDEN_CAPACITY = 4096,
	GOLDEN_SLOT = 200,
	GOLDEN_MESSAGES = 130, /* so that the unread ones lie on both sides of the end */
	GOLDEN_UNREAD = 5,
	GOLDEN_BYTES = 0x8000,
	GOLDEN_CELL = 16, /* mpmc */
	GOLDEN_BATCH = 3, /* mpmc: messages in one, behind the unread ones */
	GOLDEN_MPMC_BYTES = 0xa000,
	GOLDEN_PID = 4711,
	GOLDEN_UID = 1000,
};

#define GOLDEN_GENERATION 0x0123456789abcdefu
#define GOLDEN_TIME_NS 12345678901234u
#define GOLDEN_START_TICKS 987654u
#define GOLDEN_PID_NAMESPACE 4026531836u

/* Records of these: the end of the data falls between two unread ones, and takes a pad. */
static inline size_t golden_bytes(uint64_t number)
{
	static const size_t sizes[] = {0, 1, 7, 8, 9, 63, 64, 65, 130, 200};

	return sizes[number % (sizeof sizes / sizeof *sizes)];
}

static inline uint32_t golden_tag(uint64_t number)
{
	return (uint32_t)(0x80000000u + 3 * number);
}

#endif
