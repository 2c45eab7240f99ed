#include <errno.h>
#include <fcntl.h>
#include "lockbyte.h"

static struct flock lock_of(short type, unsigned byte)
{
	return (struct flock){
		.l_type = type,
		.l_whence = SEEK_SET,
		.l_start = (off_t)byte,
		.l_len = 1,
		.l_pid = 0, /* required by F_OFD_* */
	};
}

static bool set(int fd, short type, unsigned byte)
{
	struct flock lock = lock_of(type, byte);
	int outcome;

	do
		outcome = fcntl(fd, F_OFD_SETLK, &lock);
	while (outcome < 0 && errno == EINTR);
	return outcome == 0;
}

bool gyre_lock_exclusive(int fd, unsigned byte)
{
	return set(fd, F_WRLCK, byte);
}

bool gyre_lock_shared(int fd, unsigned byte)
{
	return set(fd, F_RDLCK, byte);
}

void gyre_unlock(int fd, unsigned byte)
{
	set(fd, F_UNLCK, byte);
}

bool gyre_lock_is_held(int fd, unsigned byte)
{
	struct flock lock = lock_of(F_WRLCK, byte);

	return fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}
