/* Scenes: the ring they begin with, the company, and the harness around them. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "stepkill_mpmc.h"

enum {
	STRAY = 5, /* cells behind the wrap, where the place does not matter */
	LIMIT_MS = 10000,
	ASLEEP_MS = 4, /* a producer's slices end at 10 */
};

/* ---- The beginning: in a process of its own ---- */

static bool pass_on(struct world *w, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (send_next(w, CELL, 0) != GYRE_OK || receive_next(w, &w->consumer, 0) != CELL)
			return false;
	return true;
}

/* To where the first message shall lie. */
static bool travel(struct world *w, const struct beginning *begin)
{
	const unsigned laps = begin->first_lap ? 1 : 3;

	if (begin->before_end != 0)
		return pass_on(w, laps * CELLS - begin->before_end);
	return pass_on(w, begin->first_lap ? 0 : 2 * CELLS + STRAY);
}

static bool fill(struct world *w)
{
	int outcome = GYRE_OK;

	while (outcome == GYRE_OK)
		outcome = send_next(w, CELL, 0);
	return outcome == GYRE_EAGAIN;
}

static bool leave_messages(struct world *w, const struct beginning *begin)
{
	int64_t outcome = 0;

	if (begin->full || begin->spent)
		outcome = fill(w) ? 0 : -1;
	while (begin->spent && outcome >= 0)
		outcome = receive_next(w, &w->consumer, 0);
	if (outcome < 0 && outcome != GYRE_EAGAIN)
		return false;
	if (begin->batch) {
		write_messages(w, begin->left, begin->left_bytes);
		offer(w, begin->left);
		if (gyre_ring_send_batch(w->producer, w->outgoing, begin->left, 0) !=
			(int)begin->left)
			return false;
		acknowledge(w, begin->left);
		return true;
	}
	for (unsigned i = 0; i < begin->left; i++)
		if (send_next(w, begin->left_bytes, 0) != GYRE_OK)
			return false;
	return true;
}

/* Take some, and go without releasing them: they come again. */
static bool give_back(struct world *w, unsigned count)
{
	struct gyre_message messages[BATCH_MAX];

	if (gyre_ring_peek_batch(w->consumer.ring, 0, messages, count) != (int)count)
		return false;
	for (unsigned i = 0; i < count; i++)
		if (!accept(w, &w->consumer, &messages[i]))
			return false;
	gyre_ring_detach(w->consumer.ring);
	return become(w, GYRE_CONSUMER, 0);
}

static bool abandon(struct world *w, const struct beginning *begin)
{
	struct gyre_message message;
	void *room;

	if (begin->reserved) {
		if (gyre_ring_reserve(w->producer, 8, 0, &room) != GYRE_OK)
			return false;
		w->board->aborted_least++;
		w->board->aborted_most++;
	}
	return !begin->holding || (gyre_ring_peek(w->consumer.ring, 0, &message) == GYRE_OK &&
					  accept(w, &w->consumer, &message));
}

static bool finish(struct world *w, const struct beginning *begin)
{
	for (unsigned i = 0; i < begin->times; i++)
		if (!give_back(w, begin->again))
			return false;
	if (begin->closed && gyre_ring_close(w->producer) != GYRE_OK)
		return false;
	w->board->closing = w->board->closed = begin->closed;
	if (begin->abandoned)
		return abandon(w, begin);
	leave(w);
	return true;
}

static bool make_beginning(void *world)
{
	struct world *const w = world;
	const struct beginning *const begin = &w->scene->beginning;

	if (gyre_ring_create(w->ring.key, &w->options, NULL) != 0)
		return false;
	if (begin->unused)
		return true;
	return become(w, GYRE_CONSUMER, 0) && become(w, GYRE_PRODUCER, 0) && travel(w, begin) &&
	       leave_messages(w, begin) && finish(w, begin);
}

static bool set_up(void *world)
{
	struct world *const w = world;

	image_let_go(&w->ring);
	if (w->ring.bytes == NULL) {
		if (!image_make(&w->ring, make_beginning, w) || w->board->faults != 0)
			return false;
		memcpy(w->board_image, w->board, sizeof *w->board);
	}
	memcpy(w->board, w->board_image, sizeof *w->board);
	return image_place(&w->ring);
}

static size_t ranges(void *world, struct stepkill_range *ret_ranges)
{
	const struct world *const w = world;

	return image_range(&w->ring, ret_ranges);
}

/* ---- Company ---- */

static void *wait_in_call(void *world)
{
	struct world *const w = world;

	if (w->producer != NULL) {
		w->thread_outcome = send_next(w, CELL, GYRE_FOREVER);
		return NULL;
	}
	do
		w->thread_outcome = receive_next(w, &w->consumer, GYRE_FOREVER);
	while (w->thread_outcome >= 0 || w->thread_outcome == GYRE_ELEFT ||
		w->thread_outcome == GYRE_EDIED);
	return NULL;
}

static bool sleeps(const struct world *w, const struct gyre_ring *ring, enum gyre_role role)
{
	struct gyre_participant seats[2 * SEATS];
	struct gyre_ring_info info;
	unsigned count = 2 * SEATS;

	(void)w;
	if (gyre_ring_inspect(ring, &info, seats, &count, NULL) != GYRE_OK)
		return true; /* as it is, the survivor will say what is wrong */
	for (unsigned i = 0; i < count && i < 2 * SEATS; i++)
		if (seats[i].role == role && seats[i].counters.sleeps > 0 &&
			seats[i].liveness == GYRE_LIFE_ALIVE)
			return true;
	return false;
}

static void wait_in_thread(struct world *w, enum gyre_role role)
{
	const struct gyre_ring *const ring = role == GYRE_PRODUCER ? w->producer : w->consumer.ring;

	if (pthread_create(&w->thread, NULL, wait_in_call, w) != 0)
		abort();
	w->has_thread = true;
	while (!sleeps(w, ring, role))
		usleep(100);
}

static void keep_company(void *world)
{
	struct world *const w = world;
	const enum gyre_role victim = w->scene->victim;
	const bool blocks = w->setting->company == COMPANY_BLOCKED;
	const uint32_t flags = blocks ? GYRE_RING_NO_SPIN : 0;
	const bool produces = victim == GYRE_CONSUMER ||
			      (!blocks && w->setting->producers > 1 && CHAIN_MAX < SEATS);
	const bool consumes = victim == GYRE_PRODUCER || (!blocks && w->setting->consumers > 1);

	if ((produces && !become(w, GYRE_PRODUCER, flags)) ||
		(consumes && !become(w, GYRE_CONSUMER, flags)))
		return;
	if (blocks)
		wait_in_thread(w, produces ? GYRE_PRODUCER : GYRE_CONSUMER);
}

/* ---- Scenes ---- */

static void open_world(struct world *w, const struct scene *scene, const struct setting *setting)
{
	memset(w, 0, sizeof *w);
	w->scene = scene;
	w->setting = setting;
	w->options = (struct gyre_ring_options){
		.kind = GYRE_RING_MPMC,
		.capacity_bytes = (uint64_t)CELL * CELLS,
		.cell_bytes = CELL,
		.producers_max = setting->producers,
		.consumers_max = setting->consumers,
		.deliveries_max = setting->deliveries,
		.wake = setting->wake,
	};
	image_open(&w->ring, false);
	w->board = shared_memory(sizeof *w->board);
	w->board_image = malloc(sizeof *w->board_image);
	if (w->board_image == NULL)
		abort();
}

static void close_world(struct world *w)
{
	image_close(&w->ring);
	munmap(w->board, sizeof *w->board);
	free(w->board_image);
}

static unsigned count_victims(const struct scene *scene)
{
	unsigned count = 0;

	while (count < CHAIN_MAX && scene->victims[count].operation != NULL)
		count++;
	return count;
}

/* All pairs of points where there is the time for it. */
static uint64_t kills_max_of(const struct scene *scene, const struct setting *setting)
{
	if (scene->call != NULL || kills_everywhere())
		return 0;
	return setting->kills_max != 0 ? setting->kills_max : scene->kills_max;
}

static void run_scene(const struct scene *scene, const struct setting *setting,
	struct stepkill_result *ret_result)
{
	static struct world w;
	const struct stepkill_options how = {
		.points =
			kills_everywhere() && scene->call != NULL ? STEPKILL_EVERY : scene->points,
		.kills_max = kills_max_of(scene, setting),
		.check_limit_ms = LIMIT_MS,
		.victim_limit_ms = LIMIT_MS,
		.asleep_ms = ASLEEP_MS,
		.seed = 1,
	};
	const struct stepkill_victim only = {
		.name = role_name(scene->victim),
		.prepare = scene->prepare,
		.operation = scene->call,
		.wake = scene->wake,
	};
	const struct stepkill_scenario scenario = {
		.name = scene->name,
		.world = &w,
		.setup = set_up,
		.ranges = ranges,
		.victims = scene->call != NULL ? &only : scene->victims,
		.victim_count = scene->call != NULL ? 1 : count_victims(scene),
		.survivor_prepare = setting->company != COMPANY_NONE ? keep_company : NULL,
		.survivor_check = world_check,
	};

	open_world(&w, scene, setting);
	(void)stepkill_run(&scenario, &how, ret_result); /* the table shows what came of it */
	close_world(&w);
}

void run_scenes(const struct scene *scenes, size_t count, enum gyre_role victim,
	const struct setting *setting)
{
	struct stepkill_result result;
	struct table table;

	table_open(&table, setting->name);
	for (size_t i = 0; i < count; i++) {
		struct scene scene = scenes[i];

		if (scene.only_many && (setting->producers == 1 || setting->consumers == 1))
			continue;
		scene.victim = victim;
		run_scene(&scene, setting, &result);
		table_add(&table, &result);
	}
	table_close(&table);
}
