/*
 * What a role sends from and receives into. See buffers.h.
 */
#include "buffers.h"

#include <stdlib.h>
#include <string.h>

#include "message.h"
#include "peer.h"

enum { PAGE = 4096 };

static unsigned char *pages(size_t bytes)
{
	return aligned_alloc(PAGE, (bytes + PAGE - 1) & ~(size_t)(PAGE - 1));
}

bool run_fill_buffers(struct run *run, size_t bytes, bool batch)
{
	const size_t sources = batch ? MESSAGE_SOURCES : message_pool(bytes);
	const size_t sinks = batch ? MESSAGE_BATCH : 1;

	run->bytes = bytes;
	run->source = pages(sources * bytes);
	run->sink = pages(sinks * bytes);
	if (run->source == NULL || run->sink == NULL)
		return false;
	for (size_t i = 0; i < sources; i++)
		message_fill(run->source + i * bytes, bytes, i);
	memset(run->sink, 0, sinks * bytes);
	return true;
}
