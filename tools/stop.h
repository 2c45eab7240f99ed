/* SIGINT, SIGTERM and SIGHUP as a wish to end in good order. */
#ifndef GYRE_TOOLS_STOP_H
#define GYRE_TOOLS_STOP_H

#include <stdint.h>

/* From here on the signals set a flag; a second one kills at once. Ignores SIGPIPE. */
void stop_catch(void);

/* The signal that asked to stop, or 0. */
int stop_asked(void);

/* No blocking library call may last longer than this, or it would sleep through a signal. */
#define STOP_SLICE_NS ((int64_t)100000000)

#endif
