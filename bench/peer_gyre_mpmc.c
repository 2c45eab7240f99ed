/*
 * gyre's ring for many producers and consumers, with cells of a message's size.
 */
#include "gyre_channel.h"

#include "loops.h"
#include "loops_batch.h"
#include "loops_in_place.h"
#include "loops_mpmc.h"
#include "loops_mpmc_batch.h"
#include "loops_paced.h"

static int create_mpmc(const struct channel_plan *plan, struct channel **ret_channel)
{
	struct gyre_ring_options options = {.kind = GYRE_RING_MPMC, .cell_bytes = 16};

	while (options.cell_bytes < plan->bytes && options.cell_bytes < 4096)
		options.cell_bytes *= 2;
	return gyre_channel_create(plan, options, ret_channel);
}

const struct peer peer_gyre_mpmc = {
	.name = "gyre_mpmc",
	.caps = PEER_POLLS | PEER_BLOCKS | PEER_CREATES | PEER_ATTACHES,
	.bytes_max = SIZE_MAX,
	.create = create_mpmc,
	.destroy = gyre_channel_destroy,
	.open = gyre_channel_open,
	.close = gyre_channel_close,
	.describe = port_describe,
	.one = {stream_out, stream_in},
	.batch = {batch_out, batch_in},
	.in_place = {place_out, place_in},
	.trip = {trip_ping, trip_pong},
	.paced = {paced_out, paced_in},
	.mpmc = {mpmc_out, mpmc_in},
	.mpmc_batch = {mpmc_batch_out, mpmc_batch_in},
};
