/*
 * Liveness as the kernel sees it: open-file-description locks on bytes of the segment's object
 * (fcntl_locking(2), F_OFD_SETLK). The kernel drops them when the last descriptor of the
 * description is closed, so with the death of its process, and keeps them while it is stopped.
 */
#ifndef GYRE_LOCKBYTE_H
#define GYRE_LOCKBYTE_H

#include <stdbool.h>

/* Each is one system call that does not block. true: done. */
bool gyre_lock_exclusive(int fd, unsigned byte);
bool gyre_lock_shared(int fd, unsigned byte);
void gyre_unlock(int fd, unsigned byte);

/* Whether another description holds the byte. Works on a read-only descriptor. */
bool gyre_lock_is_held(int fd, unsigned byte);

#endif
