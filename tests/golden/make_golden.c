/*
 * Makes the golden segments of the layout's current version:
 *
 *	make_golden DIRECTORY
 *
 * leaves layoutN-records.ring, layoutN-slots.ring, layoutN-closed.ring and layoutN-mpmc.ring there,
 * where they are missing. To be run once for each version, when it is settled; tests/core reads
 *what it left for ever after. Small rings, after some laps: five unread messages lie on both sides
 *of the end of the data, the records with a pad among them; the third one is closed, too. In the
 *mpmc ring the first unread one comes again, and a batch follows them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <fcntl.h>
#include <unistd.h>
#include <xxhash.h>
#include "golden.h"
#include "gyre_ring.h"
#include "layout.h"
#include "messages.h"

static unsigned char buffer[GOLDEN_CAPACITY];

static int complain(const char *doing, const char *what)
{
	fprintf(stderr, "make_golden: %s: %s\n", doing, what);
	return 1;
}

static int send(struct gyre_ring *ring, uint64_t number)
{
	const size_t bytes = golden_bytes(number);

	fill_message(buffer, bytes, number);
	return gyre_ring_send(ring, buffer, bytes, golden_tag(number), 0);
}

/* One after the other, so that at the end only the last ones are unread. */
static int run(struct gyre_ring *producer, struct gyre_ring *consumer, int closes)
{
	for (uint64_t number = 0; number < GOLDEN_MESSAGES; number++) {
		if (send(producer, number) != GYRE_OK)
			return complain("send", "refused");
		if (number < GOLDEN_UNREAD)
			continue;
		if (gyre_ring_receive(consumer, buffer, sizeof buffer, 0, NULL) !=
			(int64_t)golden_bytes(number - GOLDEN_UNREAD))
			return complain("receive", "not what was sent");
	}
	return closes && gyre_ring_close(producer) != GYRE_OK ? complain("close", "refused") : 0;
}

/* Behind them: a batch; and the first one is in the hands of a consumer, that leaves. */
static int end_mpmc(struct gyre_ring *producer, struct gyre_ring *consumer)
{
	static unsigned char payload[GOLDEN_BATCH][GOLDEN_CAPACITY];
	struct gyre_message batch[GOLDEN_BATCH], held;

	for (uint64_t i = 0; i < GOLDEN_BATCH; i++) {
		const size_t bytes = golden_bytes(GOLDEN_MESSAGES + i);

		fill_message(payload[i], bytes, GOLDEN_MESSAGES + i);
		batch[i] = (struct gyre_message){
			.data = payload[i], .bytes = bytes, .tag = golden_tag(GOLDEN_MESSAGES + i)};
	}
	if (gyre_ring_send_batch(producer, batch, GOLDEN_BATCH, 0) != GOLDEN_BATCH)
		return complain("batch", "refused");
	return gyre_ring_peek(consumer, 0, &held) != GYRE_OK ? complain("peek", "refused") : 0;
}

static void anonymise_seat(struct gyre_seat *seat)
{
	atomic_store(&seat->pid, GOLDEN_PID);
	atomic_store(&seat->start_ticks, GOLDEN_START_TICKS);
	atomic_store(&seat->pid_namespace, GOLDEN_PID_NAMESPACE);
	atomic_store(&seat->attached_ns, GOLDEN_TIME_NS);
	atomic_store(&seat->departed_ns, GOLDEN_TIME_NS + 1);
}

/* What is of this machine and this moment becomes something everybody knows. */
static int anonymise(const char *path, size_t bytes)
{
	const int fd = open(path, O_RDWR);
	struct gyre_header *header = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (fd < 0 || header == MAP_FAILED)
		return complain(path, "cannot be mapped");
	header->generation = GOLDEN_GENERATION;
	header->created_ns = GOLDEN_TIME_NS;
	for (unsigned i = 0; i < sizeof header->boot_id; i++)
		header->boot_id[i] = (uint8_t)i;
	header->creator_pid = GOLDEN_PID;
	header->creator_uid = GOLDEN_UID;
	header->creator_start_ticks = GOLDEN_START_TICKS;
	header->creator_pid_namespace = GOLDEN_PID_NAMESPACE;
	header->checksum = XXH3_64bits(header, offsetof(struct gyre_header, checksum));
	anonymise_seat((struct gyre_seat *)((char *)header + header->producers_offset));
	anonymise_seat((struct gyre_seat *)((char *)header + header->consumers_offset));
	munmap(header, bytes);
	close(fd);
	return 0;
}

static int make(
	const char *directory, const char *name, struct gyre_ring_options options, int closes)
{
	const int mpmc = options.kind == GYRE_RING_MPMC;
	struct gyre_ring *producer = NULL, *consumer = NULL;
	struct gyre_error error = {0};
	char path[4200], key[4210];
	int failed;

	options.capacity_bytes = GOLDEN_CAPACITY;
	options.wake = GYRE_WAKE_FENCE;
	options.flags = GYRE_RING_KEEP;
	options.name = "golden";
	snprintf(path, sizeof path, "%s/layout%u-%s.ring", directory, GYRE_LAYOUT_VERSION, name);
	snprintf(key, sizeof key, "file:%s", path);
	if (access(path, F_OK) == 0)
		return 0;
	if (gyre_ring_create(key, &options, &error) != 0)
		return complain(key, error.code == 0 ? "is there already" : error.what);
	if (gyre_ring_attach(key, GYRE_PRODUCER, &options, &producer, &error) != GYRE_OK ||
		gyre_ring_attach(key, GYRE_CONSUMER, &options, &consumer, &error) != GYRE_OK)
		return complain(key, error.what);
	failed =
		run(producer, consumer, closes) != 0 || (mpmc && end_mpmc(producer, consumer) != 0);
	gyre_ring_detach(consumer);
	gyre_ring_detach(producer);
	return failed != 0 || anonymise(path, mpmc ? GOLDEN_MPMC_BYTES : GOLDEN_BYTES) != 0;
}

int main(int argc, char **argv)
{
	const struct gyre_ring_options records = {0}, slots = {.slot_bytes = GOLDEN_SLOT},
				       mpmc = {
					       .kind = GYRE_RING_MPMC,
					       .cell_bytes = GOLDEN_CELL,
					       .producers_max = 2,
					       .consumers_max = 2,
				       };
	char directory[4096];

	if (argc != 2 || realpath(argv[1], directory) == NULL)
		return complain("usage", "make_golden DIRECTORY");
	return make(directory, "records", records, 0) != 0 ||
	       make(directory, "slots", slots, 0) != 0 ||
	       make(directory, "closed", records, 1) != 0 || make(directory, "mpmc", mpmc, 0) != 0;
}
