/*
 * The ring that each run of a scene begins with. It is made once, in a process of its own, with all
 * that this leaves in it; each run begins with a copy of its bytes under the name.
 */
#ifndef GYRE_TESTS_STEPKILL_IMAGE_H
#define GYRE_TESTS_STEPKILL_IMAGE_H

#include "../support/rings.h"
#include "stepkill.h"

struct ring_image {
	char key[KEY_BYTES];
	char path[KEY_BYTES];
	unsigned char *bytes; /* NULL: not made yet, or there is none */
	size_t count;
	uint64_t generation;
	void *mapped; /* the object of this run */
	int fd;
};

/* A key of the scene's own. file: in a directory of its own. */
void image_open(struct ring_image *image, bool file);
void image_close(struct ring_image *image);

/* Let make() leave a ring under the name, in a child; then keep it. */
bool image_make(struct ring_image *image, bool (*make)(void *context), void *context);

/* The name as it was then, whatever it is now. */
bool image_place(struct ring_image *image);
void image_let_go(struct ring_image *image);

/* For the harness's ranges(). */
size_t image_range(const struct ring_image *image, struct stepkill_range *ret_range);

#endif
