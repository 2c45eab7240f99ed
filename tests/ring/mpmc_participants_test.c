/*
 * Many come and go, and die: seats, memory, descriptors and locks come back, and a full table says
 * so.
 */
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "mpmc_rings.h"

TestSuite(mpmc_participants, .timeout = 240, .init = rings_open, .fini = rings_close);

enum { BYTES = 50 };

static struct gyre_ring *try_to_sit(const char *key, enum gyre_role role, struct gyre_error *reterr)
{
	struct gyre_ring *ring = NULL;

	reterr->code = gyre_ring_attach(key, role, NULL, &ring, reterr);
	return ring;
}

/* ---- A full table ---- */

static const char *just_sit(struct gyre_ring *ring, void *context)
{
	(void)ring;
	(void)context;
	return NULL;
}

static void expect_full(const char *key, enum gyre_role role, uint32_t seats)
{
	struct gyre_error error = {0};
	char number[16];

	snprintf(number, sizeof number, "%u", seats);
	cr_assert(eq(ptr, try_to_sit(key, role, &error), NULL));
	if (seats == 1) {
		cr_assert(eq(int, error.code, GYRE_EBUSY));
		return;
	}
	cr_assert(eq(int, error.code, GYRE_ENORES));
	expect_well(expect_words(
		error.what, (const char *const[]){number,
				    role == GYRE_PRODUCER ? "producer" : "consumer", NULL}));
}

static void fill_table(const struct variant *v, enum gyre_role role)
{
	const uint32_t seats = role == GYRE_PRODUCER ? v->producers_max : v->consumers_max;
	const struct gyre_ring_options options = cells_of(v, MPMC_CELLS);
	struct gyre_ring *rings[16] = {NULL};
	char key[KEY_BYTES];
	struct child mortal;

	key_of(v, "full", key);
	make_ring(key, &options);
	for (uint32_t i = 1; i < seats; i++)
		rings[i] = attach(key, role);
	mortal = live_until_killed(key, role, just_sit, NULL);
	expect_full(key, role, seats);
	kill_child(&mortal);
	rings[0] = attach(key, role); /* the dead one's seat */
	expect_full(key, role, seats);
	gyre_ring_detach(rings[seats / 2]);
	rings[seats / 2] = attach(key, role);
	expect_full(key, role, seats);
	cr_assert(eq(uint, totals_of(key).seats, seats));
	for (uint32_t i = 0; i < seats; i++)
		gyre_ring_detach(rings[i]);
	gyre_ring_unlink(key, NULL);
}

Test(mpmc_participants, a_full_table_says_so_but_not_because_of_the_dead)
{
	for (const struct variant *v = mpmc_first(); v != NULL; v = mpmc_next()) {
		fill_table(v, GYRE_PRODUCER);
		fill_table(v, GYRE_CONSUMER);
	}
}

Test(mpmc_participants, as_many_as_a_ring_can_have_may_sit)
{
	const struct variant *v = mode_first();
	struct gyre_ring_options options = cells_of(v, MPMC_CELLS);
	static struct gyre_ring *rings[510];
	struct gyre_error error = {0};
	char key[KEY_BYTES];

	options.producers_max = 400;
	options.consumers_max = 110;
	key_of(v, "all", key);
	make_ring(key, &options);
	for (unsigned i = 0; i < 510; i++)
		rings[i] = attach(key, i < 400 ? GYRE_PRODUCER : GYRE_CONSUMER);
	cr_assert(eq(ptr, try_to_sit(key, GYRE_PRODUCER, &error), NULL));
	cr_assert(eq(ptr, try_to_sit(key, GYRE_CONSUMER, &error), NULL));
	/* The last of each, whose numbers are the largest an owner can have. */
	cr_assert(eq(int, send_number(rings[399], 1, BYTES, 0), GYRE_OK));
	cr_assert(eq(i64, receive_number(rings[509], 1, 0), BYTES));
	cr_assert(eq(uint, totals_of(key).producers_alive, 400));
	cr_assert(eq(uint, totals_of(key).consumers_alive, 110));
	for (unsigned i = 0; i < 510; i++)
		gyre_ring_detach(rings[i]);
	gyre_ring_unlink(key, NULL);
	while (mpmc_next() != NULL)
		;
}

/* ---- Nothing is left behind ---- */

static unsigned count_mappings(void)
{
	FILE *const maps = fopen("/proc/self/maps", "re");
	unsigned lines = 0;
	int c;

	cr_assert(ne(ptr, maps, NULL));
	while ((c = fgetc(maps)) != EOF)
		lines += c == '\n';
	fclose(maps);
	return lines;
}

static void pass_by(const char *key)
{
	struct gyre_ring *const producer = attach(key, GYRE_PRODUCER);
	struct gyre_ring *const consumer = attach(key, GYRE_CONSUMER);
	struct gyre_message held;
	void *data;

	cr_assert(eq(int, send_number(producer, 1, BYTES, 0), GYRE_OK));
	cr_assert(ge(i64, gyre_ring_peek(consumer, 0, &held), 0));
	cr_assert(eq(int, gyre_ring_release(consumer, &held), GYRE_OK));
	cr_assert(eq(int, send_number(producer, 2, BYTES, 0), GYRE_OK));
	cr_assert(ge(i64, gyre_ring_peek(consumer, 0, &held), 0));
	cr_assert(eq(int, gyre_ring_reserve(producer, 1, 0, &data), GYRE_OK));
	gyre_ring_detach(producer); /* with something in hand, both */
	gyre_ring_detach(consumer);
}

Test(mpmc_participants, a_process_that_attaches_and_leaves_keeps_nothing)
{
	for (const struct variant *v = mode_first(); v != NULL; v = mpmc_next()) {
		struct gyre_ring_options options = cells_of(v, MPMC_CELLS);
		unsigned descriptors, mappings;
		char key[KEY_BYTES];
		size_t memory;

		options.deliveries_max = 1; /* what is left in hand goes */
		key_of(v, "pass", key);
		make_ring(key, &options);
		pass_by(key);
		descriptors = count_descriptors();
		mappings = count_mappings();
		memory = mallinfo2().uordblks;
		for (int i = 0; i < 500; i++)
			pass_by(key);
		cr_assert(eq(uint, count_descriptors(), descriptors));
		cr_assert(le(uint, count_mappings(), mappings + 2));
		cr_assert(le(sz, mallinfo2().uordblks, memory + 4096));
		cr_assert(eq(uint, totals_of(key).seats, 2)); /* the first ones, every time */
		gyre_ring_unlink(key, NULL);
	}
}

/* ---- Many ---- */

enum {
	SEATS = 32, /* of either side: sixty-four at a time */
	SECONDS = 3,
};

struct guest {
	const char *key;
	enum gyre_role role;
	uint64_t seed;
	_Atomic uint64_t *visits;
};

static const char *move_a_few(struct gyre_ring *ring, enum gyre_role role, uint64_t *state)
{
	static unsigned char buffer[BYTES];

	for (uint64_t count = next_random(state) % 8; count > 0; count--) {
		const int64_t outcome =
			role == GYRE_PRODUCER
				? send_number(ring, count, next_random(state) % BYTES, 0)
				: gyre_ring_receive(ring, buffer, sizeof buffer, 0, NULL);

		if (outcome < 0 && outcome != GYRE_EAGAIN && outcome != GYRE_ELEFT &&
			outcome != GYRE_EDIED)
			return complain("%s", gyre_errname((int)outcome));
	}
	return NULL;
}

static void rest(uint64_t *state)
{
	const struct timespec nap = {.tv_nsec = (long)(next_random(state) % (4 * NS_PER_MS))};

	nanosleep(&nap, NULL);
}

static const char *come_and_go(void *context)
{
	const struct guest *const guest = context;
	uint64_t state = guest->seed;
	const char *complaint = NULL;

	while (complaint == NULL) {
		struct gyre_error error = {0};
		struct gyre_ring *const ring = try_to_sit(guest->key, guest->role, &error);

		if (ring == NULL)
			return complain("cannot attach: %s", error.what);
		complaint = move_a_few(ring, guest->role, &state);
		gyre_ring_detach(ring);
		atomic_fetch_add(guest->visits, 1);
		rest(&state); /* or the many would keep the processor from each other */
	}
	return complaint;
}

static struct child invite(
	const char *key, unsigned number, uint64_t seed, _Atomic uint64_t *visits)
{
	struct guest guest = {key, number % 2 == 0 ? GYRE_PRODUCER : GYRE_CONSUMER, seed, visits};

	return start_child(come_and_go, &guest);
}

static bool has_locks(const char *key)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	char path[KEY_BYTES];
	int fd;

	path_of(key, path);
	fd = open(path, O_RDWR | O_CLOEXEC);
	cr_assert(ge(int, fd, 0));
	cr_assert(eq(int, fcntl(fd, F_OFD_GETLK, &lock), 0));
	close(fd);
	return lock.l_type != F_UNLCK;
}

static uint64_t blocks_of(const char *key)
{
	char path[KEY_BYTES];
	struct stat st;

	path_of(key, path);
	cr_assert(eq(int, stat(path, &st), 0));
	return (uint64_t)st.st_blocks;
}

/* Every seat is to be had, once more, and nothing is in the hands of the dead. */
static void expect_all_seats(const char *key)
{
	static struct gyre_ring *rings[2 * SEATS];
	struct totals totals;

	for (unsigned i = 0; i < 2 * SEATS; i++)
		rings[i] = attach(key, i % 2 == 0 ? GYRE_PRODUCER : GYRE_CONSUMER);
	expect_full(key, GYRE_PRODUCER, SEATS);
	expect_full(key, GYRE_CONSUMER, SEATS);
	totals = totals_of(key);
	expect_accounts(&totals);
	cr_assert(eq(uint, totals.producers_alive, SEATS));
	cr_assert(eq(uint, totals.consumers_alive, SEATS));
	for (unsigned i = 0; i < 2 * SEATS; i++)
		gyre_ring_detach(rings[i]);
	cr_assert(not(has_locks(key)));
}

Test(mpmc_participants, sixty_four_come_and_go_and_die_and_nothing_leaks)
{
	const struct variant *v = mode_first();
	struct gyre_ring_options options = cells_of(v, 16 * MPMC_CELLS);
	_Atomic uint64_t *const visits = shared_memory(sizeof *visits);
	const uint64_t limit = now_ns() + SECONDS * (uint64_t)1000000000;
	struct child children[2 * SEATS];
	uint64_t state = 1, blocks;
	char key[KEY_BYTES];

	options.producers_max = options.consumers_max = SEATS;
	key_of(v, "inn", key);
	make_ring(key, &options);
	blocks = blocks_of(key);
	for (unsigned i = 0; i < 2 * SEATS; i++)
		children[i] = invite(key, i, next_random(&state), visits);
	while (now_ns() < limit) {
		const unsigned number = (unsigned)(next_random(&state) % (2 * SEATS));

		rest(&state);
		kill_child(&children[number]);
		cr_assert(eq(str, children[number].complaint, ""));
		children[number] = invite(key, number, next_random(&state), visits);
	}
	for (unsigned i = 0; i < 2 * SEATS; i++)
		kill(children[i].pid, SIGKILL);
	for (unsigned i = 0; i < 2 * SEATS; i++) {
		kill_child(&children[i]);
		cr_assert(eq(str, children[i].complaint, ""));
	}
	cr_assert(gt(u64, *visits, 2 * SEATS));
	cr_assert(not(has_locks(key)));
	cr_assert(eq(u64, blocks_of(key), blocks));
	expect_all_seats(key);
	gyre_ring_unlink(key, NULL);
	while (mpmc_next() != NULL)
		;
}
