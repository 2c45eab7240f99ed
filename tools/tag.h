/*
 * How pub and sub use a message's tag. The lower 31 bits are the user's (--tag). The top bit says
 * that no newline belongs after the message: pub sets it on the pieces of --raw and on a last line
 * that has none, so that sub gives back exactly the bytes that went in.
 */
#ifndef GYRE_TOOLS_TAG_H
#define GYRE_TOOLS_TAG_H

#include <stdint.h>

#define TAG_NO_NEWLINE ((uint32_t)1 << 31)
#define TAG_USER_MAX (TAG_NO_NEWLINE - 1)

#endif
