#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <xxhash.h>
#include "golden_image.h"
#include "process.h"
#include "rings.h"

enum {
	BOOT_ID = 0x40,
	CHECKSUM = 0x1f8,
};

uint8_t image[GOLDEN_IMAGE_BYTES_MAX];

size_t read_golden(const char *name)
{
	const char *const directory = getenv("GYRE_GOLDEN_DIR");
	char path[512];
	ssize_t size;
	int fd;

	snprintf(path, sizeof path, "%s/layout1-%s.ring",
		directory != NULL ? directory : "tests/golden", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	cr_assert(ge(int, fd, 0), "%s is missing: set GYRE_GOLDEN_DIR", path);
	size = read(fd, image, sizeof image);
	cr_assert(ge(i64, size, CHECKSUM + 8));
	close(fd);
	return (size_t)size;
}

static uint64_t number_at(size_t offset, unsigned bytes)
{
	uint64_t number = 0;

	for (unsigned i = bytes; i > 0; i--)
		number = number << 8 | image[offset + i - 1];
	return number;
}

uint64_t u32(size_t offset)
{
	return number_at(offset, 4);
}

uint64_t u64(size_t offset)
{
	return number_at(offset, 8);
}

void put_u64(size_t offset, uint64_t number)
{
	for (unsigned i = 0; i < 8; i++)
		image[offset + i] = (uint8_t)(number >> 8 * i);
}

void make_current(void)
{
	gyre_boot_id(image + BOOT_ID);
	put_u64(CHECKSUM, XXH3_64bits(image, CHECKSUM));
}

void write_object(const char *key, const void *bytes, size_t size)
{
	char path[KEY_BYTES];
	int fd;

	path_of(key, path);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	cr_assert(ge(int, fd, 0));
	cr_assert(eq(i64, write(fd, bytes, size), (int64_t)size));
	close(fd);
}

void remove_object(const char *key)
{
	char path[KEY_BYTES];

	path_of(key, path);
	unlink(path);
}
