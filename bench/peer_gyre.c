/*
 * gyre's rings for one producer and one consumer: slots of one size, and records of any size.
 */
#include "gyre_channel.h"

#include "loops.h"
#include "loops_batch.h"
#include "loops_in_place.h"
#include "loops_paced.h"

static int create_slots(const struct channel_plan *plan, struct channel **ret_channel)
{
	return gyre_channel_create(
		plan, (struct gyre_ring_options){.slot_bytes = (uint32_t)plan->bytes}, ret_channel);
}

static int create_records(const struct channel_plan *plan, struct channel **ret_channel)
{
	return gyre_channel_create(plan, (struct gyre_ring_options){0}, ret_channel);
}

const struct peer peer_gyre_slots = {
	.name = "gyre_slots",
	.caps = PEER_POLLS | PEER_BLOCKS | PEER_CREATES | PEER_ATTACHES,
	.bytes_max = SIZE_MAX,
	.create = create_slots,
	.destroy = gyre_channel_destroy,
	.open = gyre_channel_open,
	.close = gyre_channel_close,
	.describe = port_describe,
	.one = {stream_out, stream_in},
	.batch = {batch_out, batch_in},
	.in_place = {place_out, place_in},
	.trip = {trip_ping, trip_pong},
	.paced = {paced_out, paced_in},
};

const struct peer peer_gyre_records = {
	.name = "gyre_records",
	.caps = PEER_POLLS | PEER_BLOCKS | PEER_CREATES | PEER_ATTACHES,
	.bytes_max = SIZE_MAX,
	.create = create_records,
	.destroy = gyre_channel_destroy,
	.open = gyre_channel_open,
	.close = gyre_channel_close,
	.describe = port_describe,
	.one = {stream_out, stream_in},
	.batch = {batch_out, batch_in},
	.in_place = {place_out, place_in},
	.trip = {trip_ping, trip_pong},
	.paced = {paced_out, paced_in},
};
