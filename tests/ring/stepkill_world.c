/* Scenes: the ring they begin with, the company, and the harness around them. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "stepkill_ring.h"

enum {
	SLOT = 64, /* bytes, if the messages are not longer */
	CAPACITY = 4096,
	STRAY = 5, /* messages behind the wrap, where the place does not matter */
	LIMIT_MS = 10000,
	ASLEEP_MS = 4, /* a producer's slices end at 10 */
};

/* ---- The beginning: in a process of its own ---- */

static bool pass_on(struct world *w, size_t bytes)
{
	return send_next(w, bytes, 0) == GYRE_OK && receive_next(w, 0) == (int64_t)bytes;
}

/* Once around, and on to where the first message shall lie. The messages of that way are empty
 * where they can be, so that what lies ahead is full of old words, each as good as a message. */
static bool travel(struct world *w, uint32_t before_end)
{
	const uint32_t slot = w->options.slot_bytes;
	const uint64_t unit = slot == 0 ? 8 : (8 + slot + 7) / 8 * 8;
	struct gyre_counters counters[BOTH + 1];
	struct gyre_ring_info info;
	uint64_t lap, way;

	if (!look_inside(w, w->producer, &info, counters))
		return false;
	lap = info.capacity_bytes / unit;
	way = before_end == 0 ? lap + STRAY : 2 * lap - before_end / (slot == 0 ? unit : 1);
	for (uint64_t i = 0; i < way; i++)
		if (!pass_on(w, slot == 0 ? 0 : slot))
			return false;
	return true;
}

static bool fill(struct world *w, const struct beginning *begin)
{
	unsigned sent = 0;
	int outcome = GYRE_OK;
	void *room;

	while (outcome == GYRE_OK && (begin->full || sent++ < begin->left))
		outcome = send_next(w, begin->left_bytes, 0);
	if (outcome != (begin->full ? GYRE_EAGAIN : GYRE_OK))
		return false;
	if (begin->reserved) {
		set_reservation(w, RESERVATION_OPEN, 0);
		if (gyre_ring_reserve(w->producer, 8, 0, &room) != GYRE_OK)
			return false;
	}
	return true;
}

static bool finish(struct world *w, const struct beginning *begin)
{
	if (begin->closed && gyre_ring_close(w->producer) != GYRE_OK)
		return false;
	w->board->closing = w->board->closed = begin->closed;
	if (begin->drained && receive_next(w, 0) != GYRE_ECLOSED)
		return false;
	if (!begin->abandoned)
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
	return become(w, GYRE_CONSUMER, 0) && become(w, GYRE_PRODUCER, 0) &&
	       travel(w, begin->before_end) && fill(w, begin) && finish(w, begin);
}

static bool set_up(void *world)
{
	struct world *const w = world;

	image_let_go(&w->ring);
	if (w->scene->beginning.absent) {
		memset(w->board, 0, sizeof *w->board);
		return true;
	}
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

enum gyre_role company_role(const struct world *w)
{
	return w->scene->victim == GYRE_PRODUCER ? GYRE_CONSUMER : GYRE_PRODUCER;
}

static void *wait_in_call(void *world)
{
	struct world *const w = world;

	if (w->producer != NULL) {
		w->thread_outcome = send_next(w, w->scene->beginning.left_bytes, GYRE_FOREVER);
		return NULL;
	}
	do
		w->thread_outcome = receive_next(w, GYRE_FOREVER);
	while (w->thread_outcome >= 0);
	return NULL;
}

static bool sleeps(const struct world *w, enum gyre_role role)
{
	struct gyre_participant seats[BOTH];
	struct gyre_ring_info info;
	unsigned count = BOTH;

	if (gyre_inspect(w->ring.key, NULL, &info, seats, &count, NULL) != GYRE_OK)
		return true; /* as it is, the survivor will say what is wrong */
	for (unsigned i = 0; i < count && i < BOTH; i++)
		if (seats[i].role == role && seats[i].counters.sleeps > 0)
			return true;
	return false;
}

static void keep_company(void *world)
{
	struct world *const w = world;
	const bool blocks = w->scene->company == COMPANY_BLOCKED;
	const enum gyre_role role = company_role(w);

	if (!become(w, role, blocks ? GYRE_RING_NO_SPIN : 0) || !blocks)
		return;
	/* That the one who made the beginning left must not end the wait. */
	if (role == GYRE_CONSUMER && receive_next(w, 0) != GYRE_ELEFT)
		say(w, STEPKILL_OTHER, "a beginning that is not empty, or whose producer is there");
	if (pthread_create(&w->thread, NULL, wait_in_call, w) != 0)
		abort();
	w->has_thread = true;
	while (!sleeps(w, role))
		usleep(100);
}

/* ---- Scenes ---- */

static void open_world(
	struct world *w, const struct scene *scene, const struct gyre_ring_options *options)
{
	memset(w, 0, sizeof *w);
	w->scene = scene;
	w->options = *options;
	image_open(&w->ring, scene->file);
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

static enum stepkill_points points_of(const struct scene *scene, bool every)
{
	if (!every || scene->call == NULL)
		return scene->points;
	return scene->points == STEPKILL_SYSCALLS ? STEPKILL_MERGED : STEPKILL_EVERY;
}

static unsigned count_victims(const struct scene *scene)
{
	unsigned count = 0;

	while (count < CHAIN_MAX && scene->victims[count].operation != NULL)
		count++;
	return count;
}

static void run_scene(const struct scene *scene, const struct gyre_ring_options *options,
	bool every, struct stepkill_result *ret_result)
{
	static struct world w;
	const struct stepkill_options how = {
		.points = points_of(scene, every),
		.kills_max = scene->kills_max,
		.check_limit_ms = LIMIT_MS,
		.victim_limit_ms = LIMIT_MS,
		.asleep_ms = ASLEEP_MS,
		.seed = 1,
	};
	const struct stepkill_victim only = {
		.name = scene->victim == GYRE_CONSUMER ? "consumer" : "producer",
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
		.survivor_prepare = scene->company != COMPANY_NONE ? keep_company : NULL,
		.survivor_check = world_check,
	};

	open_world(&w, scene, options);
	(void)stepkill_run(&scenario, &how, ret_result); /* the table shows what came of it */
	close_world(&w);
}

static void run_one(struct table *table, const struct scene *scene, const struct setting *setting)
{
	const struct gyre_ring_options options = {
		.capacity_bytes = CAPACITY,
		.slot_bytes = !setting->slots       ? 0
			      : scene->bytes > SLOT ? (uint32_t)scene->bytes
						    : SLOT,
		.wake = setting->wake,
	};
	struct stepkill_result result;

	run_scene(scene, &options, kills_everywhere(), &result);
	table_add(table, &result);
}

void run_scenes(const struct scene *scenes, size_t count, enum gyre_role victim,
	const struct setting *setting)
{
	struct table table;

	table_open(&table, setting->name);
	for (size_t i = 0; i < count; i++) {
		struct scene scene = scenes[i];

		if ((scene.only_slots && !setting->slots) || (scene.only_records && setting->slots))
			continue;
		scene.victim = victim;
		scene.company = setting->company;
		scene.first = setting->first;
		run_one(&table, &scene, setting);
	}
	table_close(&table);
}
