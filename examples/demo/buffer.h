/* Files in memory. */
#ifndef DEMO_BUFFER_H
#define DEMO_BUFFER_H

#include <stdbool.h>
#include <stddef.h>

/* Zeroed it is empty. */
struct buffer {
	unsigned char *bytes;
	size_t size, room;
};

bool buffer_append(struct buffer *buffer, const void *bytes, size_t size);
bool buffer_append_file(struct buffer *buffer, const char *path); /* false: see errno */
void buffer_free(struct buffer *buffer);

#endif
