/*
 * What making and finding shared memory by its name costs: the calls alone, room reserved. It
 * carries no messages.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "peer.h"

struct channel {
	char name[64];
};

struct port {
	void *memory;
	size_t bytes;
};

static const char *port_describe(int code)
{
	return strerror(-code);
}

static void destroy_memory(struct channel *channel)
{
	if (channel == NULL)
		return;
	shm_unlink(channel->name);
	free(channel);
}

static int reserve(const char *name, size_t bytes)
{
	const int fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int rc;

	if (fd < 0)
		return -errno;
	rc = -posix_fallocate(fd, 0, (off_t)bytes);
	close(fd);
	return rc;
}

static int create_memory(const struct channel_plan *plan, struct channel **ret_channel)
{
	struct channel *const channel = calloc(1, sizeof(*channel));
	static unsigned made;
	int rc;

	if (channel == NULL)
		return -ENOMEM;
	snprintf(
		channel->name, sizeof(channel->name), "/bench-bare-%ld-%u", (long)getpid(), made++);
	rc = reserve(channel->name, plan->capacity_bytes);
	if (rc != 0) {
		destroy_memory(channel);
		return rc;
	}
	*ret_channel = channel;
	return 0;
}

static void *map(int fd, size_t *ret_bytes)
{
	struct stat about;

	if (fstat(fd, &about) != 0)
		return MAP_FAILED;
	*ret_bytes = (size_t)about.st_size;
	return mmap(NULL, *ret_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
}

static struct port *open_memory(struct channel *channel, enum peer_side side)
{
	const int fd = shm_open(channel->name, O_RDWR | O_CLOEXEC, 0);
	struct port *const port = calloc(1, sizeof(*port));

	(void)side;
	if (fd < 0 || port == NULL) {
		free(port);
		return NULL;
	}
	port->memory = map(fd, &port->bytes);
	close(fd);
	if (port->memory == MAP_FAILED) {
		free(port);
		return NULL;
	}
	return port;
}

static void close_memory(struct port *port)
{
	munmap(port->memory, port->bytes);
	free(port);
}

const struct peer peer_bare_shm = {
	.name = "bare_shm",
	.caps = PEER_CREATES | PEER_ATTACHES,
	.bytes_max = SIZE_MAX,
	.create = create_memory,
	.destroy = destroy_memory,
	.open = open_memory,
	.close = close_memory,
	.describe = port_describe,
};
