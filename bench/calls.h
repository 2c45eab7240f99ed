/*
 * A ring's operations behind pointers, as loops.h and its companions describe them.
 */
#ifndef BENCH_CALLS_H
#define BENCH_CALLS_H

#include <stddef.h>
#include <stdint.h>

struct port;

struct calls {
	int (*send)(struct port *port, const void *message, size_t bytes);
	int64_t (*receive)(struct port *port, void *buffer, size_t bytes);
	int (*send_batch)(struct port *port, const void *messages, size_t bytes, unsigned count);
	int (*receive_batch)(struct port *port, void *buffer, size_t bytes, unsigned count);
	int (*reserve)(struct port *port, size_t bytes, void **ret_message);
	int (*commit)(struct port *port, size_t bytes);
	int64_t (*peek)(struct port *port, const void **ret_message);
	int (*release)(struct port *port);
};

#endif
