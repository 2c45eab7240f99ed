#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "buffer.h"

enum { PIECE = 1 << 16 };

static bool make_room(struct buffer *buffer, size_t more)
{
	const size_t needed = buffer->size + more;
	size_t room = buffer->room;
	unsigned char *larger;

	if (needed <= room)
		return true;
	while (room < needed)
		room = room == 0 ? 2 * PIECE : room + room / 2;
	larger = realloc(buffer->bytes, room);
	if (larger == NULL)
		return false;
	buffer->bytes = larger;
	buffer->room = room;
	return true;
}

bool buffer_append(struct buffer *buffer, const void *bytes, size_t size)
{
	if (!make_room(buffer, size))
		return false;
	memcpy(buffer->bytes + buffer->size, bytes, size);
	buffer->size += size;
	return true;
}

bool buffer_append_file(struct buffer *buffer, const char *path)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = -1;

	if (fd < 0)
		return false;
	while (make_room(buffer, PIECE) &&
		(got = read(fd, buffer->bytes + buffer->size, PIECE)) > 0)
		buffer->size += (size_t)got;
	close(fd);
	return got == 0;
}

void buffer_free(struct buffer *buffer)
{
	free(buffer->bytes);
	*buffer = (struct buffer){0};
}
