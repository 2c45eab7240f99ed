#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include "mpmc_hostile.h"
#include "neighbours.h"

struct gyre_ring_options hostile_options(const struct variant *v)
{
	struct gyre_ring_options options =
		options_of(v, HOSTILE_CELLS * (uint64_t)HOSTILE_CELL_BYTES, 0);

	options.cell_bytes = HOSTILE_CELL_BYTES;
	options.producers_max = v->producers_max > 1 ? 2 : 1;
	options.consumers_max = v->consumers_max > 1 ? 2 : 1;
	return options;
}

/* ---- The image ---- */

static void send_batch(struct gyre_ring *ring)
{
	struct gyre_message batch[5];

	for (uint32_t i = 0; i < 5; i++)
		batch[i] = (struct gyre_message){.data = "abcdefgh", .bytes = 3 + i, .tag = i};
	cr_assert(eq(int, gyre_ring_send_batch(ring, batch, 5, 0), 5));
}

/* A lap and a bit, then four finished messages, one of them a batch. */
static const char *send_and_reserve(struct gyre_ring *ring, void *context)
{
	struct gyre_ring *reader = NULL;
	void *data;

	if (gyre_ring_attach(context, GYRE_CONSUMER, NULL, &reader, NULL) != GYRE_OK)
		return "cannot attach";
	for (uint64_t number = 0; number < HOSTILE_CELLS + 3; number++)
		if (send_number(ring, number, 20, 0) != GYRE_OK ||
			receive_number(reader, number, 0) != 20)
			return "cannot move";
	gyre_ring_detach(reader);
	send_number(ring, 100, 30, 0);
	send_number(ring, 101, 600, 0);
	send_batch(ring);
	return gyre_ring_reserve(ring, 10, 0, &data) == GYRE_OK ? NULL : "cannot reserve";
}

static const char *hold_two(struct gyre_ring *ring, void *context)
{
	static struct gyre_message held[2];

	(void)context;
	return gyre_ring_peek_batch(ring, 0, held, 2) == 2 ? NULL : "cannot peek";
}

static void read_object(const char *key, struct image *image)
{
	char path[KEY_BYTES];
	ssize_t size;
	int fd;

	path_of(key, path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	cr_assert(ge(int, fd, 0));
	size = read(fd, image->bytes, sizeof image->bytes);
	cr_assert(gt(i64, size, HOSTILE_DATA));
	image->size = (size_t)size;
	close(fd);
}

void make_image(const struct variant *v, struct image *image)
{
	const struct gyre_ring_options options = hostile_options(v);
	struct gyre_ring *consumer;
	struct gyre_header header;
	char key[KEY_BYTES];

	key_of(v, "image", key);
	make_ring(key, &options);
	live_and_die(key, GYRE_PRODUCER, send_and_reserve, key);
	consumer = attach(key, GYRE_CONSUMER); /* gives back what it takes: it comes again */
	hold_two(consumer, NULL);
	gyre_ring_detach(consumer);
	live_and_die(key, GYRE_CONSUMER, hold_two, NULL);
	read_header(key, &header);
	cr_assert(eq(u64, header.producers_offset, HOSTILE_PRODUCERS));
	cr_assert(eq(u64, header.consumers_offset, HOSTILE_CONSUMERS));
	cr_assert(eq(u64, header.entries_offset, HOSTILE_ENTRIES));
	cr_assert(eq(u64, header.data_offset, HOSTILE_DATA));
	read_object(key, image);
	gyre_ring_unlink(key, NULL);
}

/* ---- Its use ---- */

void expect_possible(int64_t outcome)
{
	if (outcome >= 0)
		return;
	switch (outcome) {
	case GYRE_EAGAIN:
	case GYRE_ETIMEDOUT:
	case GYRE_ECORRUPT:
	case GYRE_ECLOSED:
	case GYRE_ELEFT:
	case GYRE_EDIED:
	case GYRE_EMSGSIZE:
	case GYRE_ESTATE:
	case GYRE_EBUSY:
		return;
	default:
		cr_fatal("%s", gyre_errname((int)outcome));
	}
}

enum { MESSAGE_MAX = 2 * HOSTILE_CELLS * HOSTILE_CELL_BYTES };

static unsigned char buffer[MESSAGE_MAX];

/* Mostly without waiting: one that waits asks the kernel. */
static int64_t some_time(uint64_t *state)
{
	return next_random(state) % 256 == 0 ? 1 : 0;
}

void consume_something(struct gyre_ring *ring, uint64_t *state)
{
	struct gyre_message got[8];
	int found;

	switch (next_random(state) % 5) {
	case 0:
		expect_possible(gyre_ring_receive(
			ring, buffer, next_random(state) % MESSAGE_MAX, some_time(state), got));
		break;
	case 1:
		expect_possible(gyre_ring_receive_batch(
			ring, buffer, next_random(state) % MESSAGE_MAX, some_time(state), got, 8));
		break;
	case 2:
		found = gyre_ring_peek_batch(ring, some_time(state), got, 8);
		expect_possible(found);
		for (int i = 0; i < found; i++)
			touch(got[i].data, got[i].bytes);
		for (int i = found - 1; i >= 0; i -= 2)
			expect_possible(gyre_ring_release(ring, &got[i]));
		break;
	case 3:
		expect_possible(
			gyre_ring_release_batch(ring, 1 + (unsigned)(next_random(state) % 4)));
		break;
	default:
		got[0].position = next_random(state) % 64;
		got[0].index = (uint32_t)(next_random(state) % 70);
		expect_possible(gyre_ring_release(ring, &got[0]));
		break;
	}
}

void produce_something(struct gyre_ring *ring, uint64_t *state)
{
	const size_t bytes =
		next_random(state) % (next_random(state) % 4 != 0 ? 50 : MESSAGE_MAX / 3);
	const struct gyre_message batch[] = {
		{.data = buffer, .bytes = bytes}, {.data = buffer, .bytes = 3}, {.data = buffer}};
	void *data;

	switch (next_random(state) % 5) {
	case 0:
	case 1:
		expect_possible(gyre_ring_send(ring, buffer, bytes, 1, some_time(state)));
		break;
	case 2:
		expect_possible(gyre_ring_send_batch(ring, batch, 3, some_time(state)));
		break;
	case 3:
		expect_possible(gyre_ring_discard(ring));
		break;
	default:
		if (gyre_ring_reserve(ring, bytes, some_time(state), &data) != GYRE_OK)
			break;
		touch(data, bytes);
		memset(data, 0x44, bytes);
		if (next_random(state) % 2 == 0)
			expect_possible(gyre_ring_commit(ring, bytes / 2, 2));
		break;
	}
}

static struct gyre_ring *try_to_attach(const char *key, enum gyre_role role)
{
	struct gyre_ring *ring = NULL;
	struct gyre_error error = {0};
	const int outcome = gyre_ring_attach(key, role, NULL, &ring, &error);

	switch (outcome) {
	case GYRE_OK:
		break;
	case GYRE_EFORMAT:
	case GYRE_EVERSION:
	case GYRE_ECORRUPT:
	case GYRE_ESTALE:
	case GYRE_EBUSY:
	case GYRE_ENORES:
	case GYRE_ESUSPECT:
	case GYRE_ENOTFOUND: /* the last to leave took it away */
		cr_assert(ne(chr, error.what[0], '\0'));
		break;
	default:
		cr_fatal("attach: %s", gyre_errname(outcome));
	}
	return ring;
}

static void look_at(const char *key)
{
	struct gyre_participant seats[5];
	struct gyre_ring_info info;
	unsigned count = 5;
	const int outcome = gyre_inspect(key, NULL, &info, seats, &count, NULL);

	cr_assert(outcome == GYRE_OK || outcome == GYRE_EFORMAT || outcome == GYRE_ENOTFOUND, "%s",
		gyre_errname(outcome));
}

static void write_object(const char *key, const struct image *image)
{
	char path[KEY_BYTES];
	int fd;

	path_of(key, path);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	cr_assert(ge(int, fd, 0));
	cr_assert(eq(i64, write(fd, image->bytes, image->size), (int64_t)image->size));
	close(fd);
}

void use_image(const struct variant *v, const struct image *image, unsigned calls, uint64_t seed)
{
	struct gyre_ring *producers[2] = {NULL}, *consumers[2] = {NULL};
	uint64_t state = seed;
	char key[KEY_BYTES];

	key_of(v, "used", key);
	write_object(key, image);
	look_at(key);
	for (uint64_t i = 0; i < 1 + seed % 2; i++) {
		producers[i] = try_to_attach(key, GYRE_PRODUCER);
		consumers[i] = try_to_attach(key, GYRE_CONSUMER);
	}
	if (producers[0] != NULL || consumers[0] != NULL) /* all handles share a mapping */
		guard(key);
	for (unsigned i = 0; i < calls; i++) {
		const unsigned which = (unsigned)(next_random(&state) % 4);
		struct gyre_ring *const ring =
			which % 2 == 0 ? producers[which / 2] : consumers[which / 2];

		if (ring != NULL)
			(which % 2 == 0 ? produce_something : consume_something)(ring, &state);
	}
	look_at(key);
	gyre_ring_detach(consumers[1]);
	if (producers[0] != NULL)
		expect_possible(gyre_ring_close(producers[0]));
	for (int i = 0; i < 20 && consumers[0] != NULL; i++)
		consume_something(consumers[0], &state);
	gyre_ring_detach(producers[0]);
	gyre_ring_detach(producers[1]);
	gyre_ring_detach(consumers[0]);
	look_at(key);
	gyre_ring_unlink(key, NULL);
	if (is_there(key)) { /* not a ring any more: not the library's to remove */
		char path[KEY_BYTES];

		path_of(key, path);
		unlink(path);
	}
}
