/* What a handle answers that may not: a consumer asked to produce, a producer asked to consume,
 * and whatever a forked child inherited. */
#include "ring_private.h"

#pragma GCC diagnostic ignored "-Wunused-parameter" /* a refusal looks at nothing else */

static int refusal(const struct gyre_ring *r)
{
	return r->attachment.poisoned ? GYRE_ESTALE : GYRE_EROLE;
}

static int refuse_reserve(struct gyre_ring *r, size_t bytes, int64_t timeout_ns, void **ret_data)
{
	return refusal(r);
}

static int refuse_commit(struct gyre_ring *r, size_t bytes, uint32_t tag)
{
	return refusal(r);
}

static int refuse_ring(struct gyre_ring *r)
{
	return refusal(r);
}

static int refuse_send(
	struct gyre_ring *r, const void *data, size_t bytes, uint32_t tag, int64_t timeout_ns)
{
	return refusal(r);
}

static int refuse_send_batch(struct gyre_ring *r, const struct gyre_message *messages,
	unsigned count, int64_t timeout_ns)
{
	return refusal(r);
}

static int refuse_peek(
	struct gyre_ring *r, int64_t timeout_ns, struct gyre_message *ret_messages, unsigned count)
{
	return refusal(r);
}

static int refuse_release(struct gyre_ring *r, const struct gyre_message *message, unsigned count)
{
	return refusal(r);
}

static int64_t refuse_receive(struct gyre_ring *r, void *buffer, size_t bytes, int64_t timeout_ns,
	struct gyre_message *ret_message)
{
	return refusal(r);
}

static int refuse_receive_batch(struct gyre_ring *r, void *buffer, size_t bytes, int64_t timeout_ns,
	struct gyre_message *ret_messages, unsigned count)
{
	return refusal(r);
}

const struct gyre_producer_ops gyre_no_producer = {
	.reserve = refuse_reserve,
	.commit = refuse_commit,
	.discard = refuse_ring,
	.send = refuse_send,
	.send_batch = refuse_send_batch,
	.close = refuse_ring,
};

const struct gyre_consumer_ops gyre_no_consumer = {
	.peek = refuse_peek,
	.release = refuse_release,
	.receive = refuse_receive,
	.receive_batch = refuse_receive_batch,
};
