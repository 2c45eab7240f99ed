/* A producer is killed in mid-stream, and another goes on where it stopped. */
#ifndef DEMO_SUCCESSION_H
#define DEMO_SUCCESSION_H

#include "flow.h"
#include "sources.h"

/* gyre: the command's path. */
bool succession(const char *gyre, const struct stream *stream, struct text *text);

#endif
