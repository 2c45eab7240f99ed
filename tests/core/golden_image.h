/* A golden segment as bytes: little-endian, whatever this machine is. */
#ifndef GYRE_TESTS_CORE_GOLDEN_IMAGE_H
#define GYRE_TESTS_CORE_GOLDEN_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#define GOLDEN_IMAGE_BYTES_MAX 0xa000

extern uint8_t image[GOLDEN_IMAGE_BYTES_MAX];

/* layout1-NAME.ring: its size. */
size_t read_golden(const char *name);

/* The number at an offset of the image. */
uint64_t u32(size_t offset);
uint64_t u64(size_t offset);
void put_u64(size_t offset, uint64_t number);

/* The image becomes one of this boot, with a right checksum. */
void make_current(void);

/* An object of these bytes under a key; and away with it. */
void write_object(const char *key, const void *bytes, size_t size);
void remove_object(const char *key);

#endif
