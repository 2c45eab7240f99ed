/* A ring in a wanted state, over and over again. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "stepkill_image.h"

void image_open(struct ring_image *image, bool file)
{
	const struct variant variant = {.file = file};

	memset(image, 0, sizeof *image);
	image->fd = -1;
	key_of(&variant, "stepkill", image->key);
	path_of(image->key, image->path);
}

void image_let_go(struct ring_image *image)
{
	if (image->mapped != NULL)
		munmap(image->mapped, image->count);
	if (image->fd >= 0)
		close(image->fd);
	unlink(image->path);
	image->mapped = NULL;
	image->fd = -1;
}

void image_close(struct ring_image *image)
{
	image_let_go(image);
	free(image->bytes);
}

static bool make_in_child(bool (*make)(void *context), void *context)
{
	const pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(make(context) ? 0 : 1);
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

static bool keep(struct ring_image *image)
{
	const int fd = open(image->path, O_RDONLY | O_CLOEXEC);
	const off_t bytes = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);
	struct gyre_ring_info info;

	if (gyre_inspect(image->key, NULL, &info, NULL, NULL, NULL) != GYRE_OK)
		return false;
	image->generation = info.generation;
	if (bytes > 0) {
		image->bytes = malloc((size_t)bytes);
		image->count = (size_t)bytes;
	}
	if (image->bytes == NULL || pread(fd, image->bytes, image->count, 0) != bytes)
		return false;
	close(fd);
	return true;
}

bool image_make(struct ring_image *image, bool (*make)(void *context), void *context)
{
	if (!make_in_child(make, context) || !keep(image))
		return false;
	unlink(image->path);
	return true;
}

/* As the ring's maker would, but that it is not its first day. */
bool image_place(struct ring_image *image)
{
	void *mapped;

	image->fd = open(image->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (image->fd < 0 ||
		pwrite(image->fd, image->bytes, image->count, 0) != (ssize_t)image->count)
		return false;
	mapped = mmap(NULL, image->count, PROT_READ | PROT_WRITE, MAP_SHARED, image->fd, 0);
	if (mapped == MAP_FAILED)
		return false;
	image->mapped = mapped;
	return true;
}

size_t image_range(const struct ring_image *image, struct stepkill_range *ret_range)
{
	*ret_range = (struct stepkill_range){.base = image->mapped, .bytes = image->count};
	return image->mapped != NULL ? 1 : 0;
}
