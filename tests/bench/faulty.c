/*
 * A peer that does wrong once, as $FAULT says: what the benchmark has to notice.
 */
#include <string.h>

#include "bare_vyukov.h"
#include "peer.h"

/* The message it happens to: one that is checked word by word. */
enum { WHEN = 31, BYTES_MAX = 64 };

enum fault { LOSES, DOUBLES, SWAPS, CHANGES, CUTS, FAULTS };

static const char *const fault_names[FAULTS] = {"loses", "doubles", "swaps", "changes", "cuts"};
static enum fault fault = FAULTS; /* none */

/* This role's. */
static unsigned sent;
static unsigned received;

/* The next one overtakes it. */
static int send_swapped(struct port *port, const void *message, size_t bytes, unsigned which)
{
	static unsigned char late[BYTES_MAX];

	if (which == WHEN) {
		memcpy(late, message, bytes);
		return 1;
	}
	if (vyukov_send(port, message, bytes) == 0)
		return 0;
	while (which == WHEN + 1 && vyukov_send(port, late, bytes) == 0)
		;
	return 1;
}

static int send_changed(struct port *port, const void *message, size_t bytes)
{
	unsigned char changed[BYTES_MAX];

	memcpy(changed, message, bytes);
	changed[bytes - 1] ^= 1;
	return vyukov_send(port, changed, bytes);
}

static int send_wrongly(struct port *port, const void *message, size_t bytes, unsigned which)
{
	if (bytes > BYTES_MAX)
		return -1;
	if (fault == SWAPS)
		return send_swapped(port, message, bytes, which);
	if (which == WHEN && fault == LOSES)
		return 1;
	if (which == WHEN && fault == CHANGES)
		return send_changed(port, message, bytes);
	if (which == WHEN && fault == DOUBLES)
		while (vyukov_send(port, message, bytes) == 0)
			;
	return vyukov_send(port, message, bytes);
}

static inline int port_send(struct port *port, const void *message, size_t bytes)
{
	const int rc = send_wrongly(port, message, bytes, sent);

	sent += (unsigned)rc;
	return rc;
}

static inline int64_t port_receive(struct port *port, void *buffer, size_t bytes)
{
	const int64_t rc = vyukov_receive(port, buffer, bytes);

	if (rc > 0 && received++ == WHEN && fault == CUTS)
		return rc - 8;
	return rc;
}

static const char *port_describe(int code)
{
	return vyukov_describe(code);
}

#include "loops.h"
#include "loops_mpmc.h"
#include "loops_paced.h"

static int create_faulty(const struct channel_plan *plan, struct channel **ret_channel)
{
	const char *const wanted = getenv("FAULT");

	for (unsigned i = 0; wanted != NULL && i < FAULTS; i++) {
		if (strcmp(wanted, fault_names[i]) == 0)
			fault = (enum fault)i;
	}
	return vyukov_create(plan, ret_channel);
}

static const struct peer faulty = {
	.name = "faulty",
	.caps = PEER_POLLS,
	.bytes_max = BYTES_MAX,
	.create = create_faulty,
	.destroy = vyukov_destroy,
	.open = vyukov_open,
	.close = vyukov_close,
	.describe = port_describe,
	.one = {stream_out, stream_in},
	.trip = {trip_ping, trip_pong},
	.paced = {paced_out, paced_in},
	.mpmc = {mpmc_out, mpmc_in},
};

const struct peer *const peers[] = {&faulty, NULL};
