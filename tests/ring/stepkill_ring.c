#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "stepkill_ring.h"

enum {
	FOLLOWERS = 4, /* messages that must get through one by one */
	ROUNDS = 50,   /* of going on after those */
	BOTH = 2,      /* seats of a ring with one producer and one consumer */
	LOOKS = 1000,  /* a millisecond each */
	STRAY = 5,     /* messages behind the wrap, where the place does not matter */
	LIMIT_MS = 10000,
	ASLEEP_MS = 4, /* a producer's slices end at 10 */
};

bool say(struct world *w, enum stepkill_fault fault, const char *format, ...)
{
	struct board *const b = w->board;
	char text[STEPKILL_TEXT_BYTES];
	va_list values;

	va_start(values, format);
	vsnprintf(text, sizeof text, format, values);
	va_end(values);
	if (w->report != NULL) {
		stepkill_fault(w->report, fault, "%s", text);
	} else {
		if (b->faults == 0)
			memcpy(b->complaint, text, sizeof text);
		b->faults |= (uint32_t)fault;
	}
	return false;
}

/* What processes without a report found. */
static bool hear_complaints(struct world *w)
{
	const struct board *const b = w->board;

	return b->faults == 0 || say(w, (enum stepkill_fault)b->faults, "%s", b->complaint);
}

/* ---- Messages ---- */

void write_messages(struct world *w, unsigned count, size_t bytes)
{
	for (unsigned i = 0; i < count; i++) {
		const uint64_t number = w->board->sent + 1 + i;
		unsigned char *const at = w->payload + (size_t)i * MESSAGE_MAX;

		fill_message(at, bytes, number);
		w->board->lengths[number % LENGTHS] = (uint32_t)bytes;
		w->outgoing[i] =
			(struct gyre_message){.data = at, .bytes = bytes, .tag = (uint32_t)number};
	}
}

void offer(struct world *w, unsigned count)
{
	w->board->offered = w->board->sent + count;
}

void acknowledge(struct world *w)
{
	const uint64_t offered = w->board->offered;

	w->board->sent = offered;
}

int send_next(struct world *w, size_t bytes, int64_t timeout_ns)
{
	int outcome;

	write_messages(w, 1, bytes);
	offer(w, 1);
	outcome = gyre_ring_send(w->producer, w->payload, bytes, w->outgoing[0].tag, timeout_ns);
	if (outcome == GYRE_OK)
		acknowledge(w);
	else
		offer(w, 0);
	return outcome;
}

static bool is_whole(struct world *w, const struct gyre_message *m, uint64_t number)
{
	if (m->tag != number || m->flags != 0)
		return say(w, STEPKILL_CORRUPT, "message %lu came with tag %u, flags %u",
			(unsigned long)number, m->tag, m->flags);
	if (m->bytes != w->board->lengths[number % LENGTHS])
		return say(w, STEPKILL_CORRUPT, "message %lu has %zu bytes, not %u",
			(unsigned long)number, m->bytes, w->board->lengths[number % LENGTHS]);
	return is_message_of(m->data, m->bytes, number) ||
	       say(w, STEPKILL_CORRUPT, "message %lu came damaged", (unsigned long)number);
}

bool accept(struct world *w, const struct gyre_message *m)
{
	struct board *const b = w->board;
	const uint64_t number = b->received + 1;

	if (m->tag != 0 && m->tag < number)
		return say(w, STEPKILL_DUPLICATE, "message %u came again: %lu were received",
			m->tag, (unsigned long)b->received);
	if (m->tag > number && m->tag <= b->offered)
		return say(w, STEPKILL_LOST, "message %u came, not %lu", m->tag,
			(unsigned long)number);
	if (number > b->offered)
		return say(w, STEPKILL_CORRUPT, "a message (tag %u) that nobody sent", m->tag);
	if (!is_whole(w, m, number))
		return false;
	if (number > b->sent)
		acknowledge(w); /* it was in doubt: now all of its batch must come */
	b->taken = number;
	b->received = number;
	return true;
}

int64_t receive_next(struct world *w, int64_t timeout_ns)
{
	static unsigned char buffer[MESSAGE_MAX];
	struct gyre_message message;
	const int64_t outcome =
		gyre_ring_receive(w->consumer, buffer, sizeof buffer, timeout_ns, &message);

	return outcome >= 0 && !accept(w, &message) ? WRONG_MESSAGE : outcome;
}

/* What a victim received and acknowledged. */
static bool judge_landing(struct world *w)
{
	struct board *const b = w->board;

	for (uint32_t i = 0; i < b->landed; i++)
		if (!is_whole(w, &b->messages[i], b->landed_after + 1 + i))
			return false;
	b->landed = 0;
	return true;
}

/* ---- Books ---- */

void set_reservation(struct world *w, enum reservation state, uint64_t more_aborted)
{
	const uint64_t aborted = (w->board->reservation >> 2) + more_aborted;

	w->board->reservation = aborted << 2 | (uint64_t)state;
}

static bool judge_aborted(struct world *w, uint64_t counted, bool arrived)
{
	const uint64_t reservation = w->board->reservation;
	uint64_t least = reservation >> 2;
	uint64_t most = least;

	switch ((enum reservation)(reservation & 3)) {
	case RESERVATION_NONE:
		break;
	case RESERVATION_ASKED:
		most++;
		break;
	case RESERVATION_OPEN:
		least = ++most;
		break;
	case RESERVATION_COMMITTED:
		if (!arrived)
			least = ++most;
		break;
	}
	if (counted < least || counted > most)
		return say(w, STEPKILL_OTHER, "the books have %lu aborted, not %lu to %lu",
			(unsigned long)counted, (unsigned long)least, (unsigned long)most);
	w->board->reservation = counted << 2;
	return true;
}

static bool judge_committed(struct world *w, const struct gyre_counters *counters)
{
	struct board *const b = w->board;
	const bool arrived = counters->messages == b->offered;

	if (arrived)
		acknowledge(w);
	else if (counters->messages == b->sent)
		offer(w, 0);
	else
		return say(w, counters->messages < b->sent ? STEPKILL_LOST : STEPKILL_CORRUPT,
			"the books have %lu messages committed, not %lu or %lu",
			(unsigned long)counters->messages, (unsigned long)b->sent,
			(unsigned long)b->offered);
	return judge_aborted(w, counters->aborted, arrived);
}

static bool judge_released(struct world *w, const struct gyre_counters *counters)
{
	struct board *const b = w->board;
	const uint64_t taken = b->taken;

	if (counters->messages == taken)
		b->received = taken;
	else if (counters->messages != b->received)
		return say(w, counters->messages < b->received ? STEPKILL_DUPLICATE : STEPKILL_LOST,
			"the books have %lu messages released, not %lu or %lu",
			(unsigned long)counters->messages, (unsigned long)b->received,
			(unsigned long)taken);
	b->taken = b->received;
	return true;
}

/* What a handle sees of its ring. */
static bool look_inside(struct world *w, const struct gyre_ring *ring,
	struct gyre_ring_info *ret_info, struct gyre_counters ret_counters[BOTH + 1])
{
	struct gyre_participant seats[BOTH];
	struct gyre_error error = {0};
	unsigned count = BOTH;

	memset(ret_counters, 0, (BOTH + 1) * sizeof *ret_counters);
	if (gyre_ring_inspect(ring, ret_info, seats, &count, &error) != GYRE_OK)
		return say(w, STEPKILL_CORRUPT, "gyre_ring_inspect: %s", error.what);
	for (unsigned i = 0; i < count && i < BOTH; i++)
		ret_counters[seats[i].role] = seats[i].counters;
	return true;
}

/* ---- Roles ---- */

static const char *role_name(enum gyre_role role)
{
	return role == GYRE_PRODUCER ? "producer" : "consumer";
}

bool become(struct world *w, enum gyre_role role, uint32_t flags)
{
	struct gyre_ring **const handle = role == GYRE_PRODUCER ? &w->producer : &w->consumer;
	const struct gyre_ring_options options = {.flags = flags, .name = role_name(role)};
	struct gyre_counters counters[BOTH + 1];
	struct gyre_error error = {0};
	struct gyre_ring_info info;
	const int outcome = gyre_ring_attach(w->key, role, &options, handle, &error);

	if (outcome == GYRE_EBUSY || outcome == GYRE_ESUSPECT)
		return say(
			w, STEPKILL_BLOCKED, "no %s may attach: %s", role_name(role), error.what);
	if (outcome != GYRE_OK)
		return say(
			w, STEPKILL_CORRUPT, "no %s can attach: %s", role_name(role), error.what);
	if (!look_inside(w, *handle, &info, counters))
		return false;
	return role == GYRE_PRODUCER ? judge_committed(w, &counters[role])
				     : judge_landing(w) && judge_released(w, &counters[role]);
}

void leave(struct world *w)
{
	gyre_ring_detach(w->producer);
	gyre_ring_detach(w->consumer);
	w->producer = w->consumer = NULL;
}

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

static bool make_beginning(struct world *w)
{
	const struct beginning *const begin = &w->scene->beginning;

	if (gyre_ring_create(w->key, &w->options, NULL) != 0)
		return false;
	if (begin->unused)
		return true;
	return become(w, GYRE_CONSUMER, 0) && become(w, GYRE_PRODUCER, 0) &&
	       travel(w, begin->before_end) && fill(w, begin) && finish(w, begin);
}

static bool make_in_child(struct world *w)
{
	const pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(make_beginning(w) ? 0 : 1);
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0 && w->board->faults == 0;
}

static bool keep_image(struct world *w)
{
	const int fd = open(w->path, O_RDONLY | O_CLOEXEC);
	const off_t bytes = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);
	struct gyre_ring_info info;

	if (gyre_inspect(w->key, NULL, &info, NULL, NULL, NULL) != GYRE_OK)
		return false;
	w->generation = info.generation;
	if (bytes > 0) {
		w->image = malloc((size_t)bytes);
		w->image_bytes = (size_t)bytes;
	}
	if (w->image == NULL || pread(fd, w->image, w->image_bytes, 0) != bytes)
		return false;
	close(fd);
	return true;
}

static void let_go(struct world *w)
{
	if (w->mapped != NULL)
		munmap(w->mapped, w->image_bytes);
	if (w->fd >= 0)
		close(w->fd);
	unlink(w->path);
	w->mapped = NULL;
	w->fd = -1;
}

/* As the ring's maker would, but that it is not its first day. */
static bool place_image(struct world *w)
{
	void *mapped;

	w->fd = open(w->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (w->fd < 0 || pwrite(w->fd, w->image, w->image_bytes, 0) != (ssize_t)w->image_bytes)
		return false;
	mapped = mmap(NULL, w->image_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, w->fd, 0);
	if (mapped == MAP_FAILED)
		return false;
	w->mapped = mapped;
	return true;
}

static bool set_up(void *world)
{
	struct world *const w = world;

	let_go(w);
	if (w->scene->beginning.absent) {
		memset(w->board, 0, sizeof *w->board);
		return true;
	}
	if (w->image == NULL) {
		if (!make_in_child(w) || !keep_image(w))
			return false;
		memcpy(w->board_image, w->board, sizeof *w->board);
		unlink(w->path);
	}
	memcpy(w->board, w->board_image, sizeof *w->board);
	return place_image(w);
}

static size_t ranges(void *world, struct stepkill_range *ret_ranges)
{
	const struct world *const w = world;

	ret_ranges[0] = (struct stepkill_range){.base = w->mapped, .bytes = w->image_bytes};
	return w->mapped != NULL ? 1 : 0;
}

/* ---- Company ---- */

static enum gyre_role company_role(const struct world *w)
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
	for (;;) {
		struct gyre_counters counters[BOTH + 1];
		struct gyre_ring_info info;

		if (!look_inside(w, role == GYRE_PRODUCER ? w->producer : w->consumer, &info,
			    counters) ||
			counters[role].sleeps > 0)
			return;
		usleep(100);
	}
}

/* ---- After the deaths ---- */

static bool is_shown_rightly(const struct world *w, const struct gyre_participant *seat)
{
	const bool is_ours = (seat->role == GYRE_PRODUCER ? w->producer : w->consumer) != NULL;

	return is_ours ==
	       (seat->liveness == GYRE_LIFE_ALIVE || seat->liveness == GYRE_LIFE_SUSPECT);
}

/* As a monitor sees it; absent is well only where it may be. */
static bool inspect(struct world *w, struct gyre_ring_info *ret_info,
	struct gyre_participant ret_seats[BOTH], bool *ret_there)
{
	struct gyre_error error = {0};
	unsigned count = BOTH;
	const int outcome = gyre_inspect(w->key, NULL, ret_info, ret_seats, &count, &error);

	memset(ret_seats + count, 0, (BOTH - count) * sizeof *ret_seats);
	*ret_there = outcome == GYRE_OK;
	if (outcome == GYRE_ENOTFOUND && w->scene->may_vanish)
		return true;
	if (outcome != GYRE_OK)
		return say(w, STEPKILL_LOST, "gyre_inspect: %s", error.what);
	if (ret_info->state == GYRE_STATE_BROKEN || ret_info->state == GYRE_STATE_OTHER_BOOT ||
		ret_info->state == GYRE_STATE_HALF_MADE)
		return say(w, STEPKILL_CORRUPT, "state %u: %s", ret_info->state, ret_info->problem);
	return true;
}

/* The dead must be seen to be dead; but while our company repairs a seat it has its lock. */
static bool inspect_seats(struct world *w, struct gyre_ring_info *ret_info, bool *ret_there)
{
	struct gyre_participant seats[BOTH];
	const struct gyre_participant *wrong = NULL;

	for (unsigned looks = 0; looks < (w->has_thread ? LOOKS : 1); looks++) {
		if (!inspect(w, ret_info, seats, ret_there))
			return false;
		wrong = NULL;
		for (unsigned i = 0; *ret_there && i < BOTH && seats[i].role != 0; i++) {
			if (!is_shown_rightly(w, &seats[i]))
				wrong = &seats[i];
			if (seats[i].role == GYRE_CONSUMER)
				w->released_seen = seats[i].counters.messages;
		}
		if (wrong == NULL)
			return true;
		usleep(1000);
	}
	return say(w, STEPKILL_OTHER, "gyre_inspect shows the %s of pid %u with liveness %u",
		role_name((enum gyre_role)wrong->role), wrong->pid, wrong->liveness);
}

static bool look_from_outside(struct world *w, bool *ret_there)
{
	struct board *const b = w->board;
	struct gyre_ring_info info;

	if (!inspect_seats(w, &info, ret_there))
		return false;
	if (!*ret_there)
		return true;
	if (info.messages > 0 && gyre_clean(w->key, GYRE_CLEAN_DRY_RUN, NULL) == 1)
		return say(w, STEPKILL_LOST, "gyre_clean would remove %lu messages",
			(unsigned long)info.messages);
	if (w->generation != 0 && info.generation != w->generation && w->scene->may_vanish)
		memset(b, 0, sizeof *b); /* another ring by now, and nobody has used it */
	if (info.closed < b->closed || info.closed > b->closing)
		return say(w, STEPKILL_OTHER,
			info.closed != 0 ? "closed, but nobody did that" : "the close is gone");
	b->closed = info.closed;
	w->messages_seen = info.messages;
	return true;
}

/* Everything that is there. */
static bool drain(struct world *w)
{
	struct board *const b = w->board;
	unsigned departures = 0;
	int64_t outcome;

	do {
		outcome = receive_next(w, 0);
		departures += outcome == GYRE_ELEFT || outcome == GYRE_EDIED;
	} while (outcome >= 0 ||
		 ((outcome == GYRE_ELEFT || outcome == GYRE_EDIED) && departures <= CHAIN_MAX + 1));
	if (outcome == WRONG_MESSAGE)
		return false;
	if (outcome != (b->closed ? GYRE_ECLOSED : GYRE_EAGAIN))
		return say(w, STEPKILL_OTHER, "the ring ends with %s", gyre_errname((int)outcome));
	if (b->received < b->sent)
		return say(w, STEPKILL_LOST, "%s after message %lu: %lu were sent",
			gyre_errname((int)outcome), (unsigned long)b->received,
			(unsigned long)b->sent);
	return true;
}

/* A waiting consumer is told once that the producer died. */
static bool be_told(struct world *w)
{
	const int64_t outcome = receive_next(w, NS_PER_MS);
	const int64_t again = receive_next(w, 0);

	if (outcome == GYRE_EDIED && again == GYRE_EAGAIN)
		return true;
	return say(w, STEPKILL_OTHER, "a death is told as %s, then %s", gyre_errname((int)outcome),
		gyre_errname((int)again));
}

/* The one who was blocked must have come free: its process has a time limit. */
static bool join_company(struct world *w)
{
	const bool consumes = company_role(w) == GYRE_CONSUMER;
	const int64_t wanted = !consumes ? GYRE_OK : w->board->closed ? GYRE_ECLOSED : GYRE_EDIED;

	pthread_join(w->thread, NULL);
	w->has_thread = false;
	if (!hear_complaints(w))
		return false;
	if (w->thread_outcome == wanted ||
		(consumes && w->scene->comes_or_goes && w->thread_outcome == GYRE_ELEFT))
		return true;
	return say(w, STEPKILL_OTHER, "the blocked %s got %s", consumes ? "consumer" : "producer",
		gyre_errname((int)w->thread_outcome));
}

static bool consumer_goes_on(struct world *w)
{
	const struct scene *const scene = w->scene;
	const bool counts = !w->has_thread && scene->first == GYRE_CONSUMER;
	uint64_t before;

	if (w->has_thread && company_role(w) == GYRE_CONSUMER)
		return join_company(w) && drain(w);
	/* If there is room the producer must come free before a successor stirs anything. */
	if (w->has_thread && w->released_seen > w->board_image->received && !join_company(w))
		return false;
	if (w->consumer == NULL && !become(w, GYRE_CONSUMER, 0))
		return false;
	before = w->board->received;
	if (!drain(w) || (w->has_thread && !(join_company(w) && drain(w))))
		return false;
	if (counts && w->board->received - before != w->messages_seen)
		return say(w, STEPKILL_OTHER, "gyre_inspect counted %lu messages, %lu came",
			(unsigned long)w->messages_seen,
			(unsigned long)(w->board->received - before));
	return scene->victim != GYRE_PRODUCER || scene->comes_or_goes || w->board->closed ||
	       w->producer != NULL || be_told(w);
}

static bool producer_goes_on(struct world *w)
{
	int outcome = GYRE_OK;

	if (w->producer == NULL && !become(w, GYRE_PRODUCER, 0))
		return false;
	if (w->board->closed) {
		outcome = send_next(w, 8, 0);
		return outcome == GYRE_ECLOSED ||
		       say(w, STEPKILL_OTHER, "a closed ring says %s to a producer",
			       gyre_errname(outcome));
	}
	if (w->scene->first == GYRE_PRODUCER)
		for (unsigned i = 0; i < FOLLOWERS && outcome == GYRE_OK; i++)
			outcome = send_next(w, 8 + 8 * i, 0);
	return outcome == GYRE_OK || outcome == GYRE_EAGAIN ||
	       say(w, STEPKILL_OTHER, "sending on: %s", gyre_errname(outcome));
}

static bool expect(struct world *w, const char *what, int64_t got, int64_t wanted)
{
	if (got == wanted || got == WRONG_MESSAGE)
		return got == wanted;
	return say(w,
		got == GYRE_EAGAIN || got == GYRE_ETIMEDOUT ? STEPKILL_BLOCKED : STEPKILL_OTHER,
		"going on, message %lu: %s gave %ld (%s)", (unsigned long)w->board->sent, what,
		(long)got, got < 0 ? gyre_errname((int)got) : "bytes");
}

/* One by one; and there is nothing behind. */
static bool pass_singly(struct world *w, size_t bytes)
{
	return expect(w, "send", send_next(w, bytes, 0), GYRE_OK) &&
	       expect(w, "receive", receive_next(w, 0), (int64_t)bytes) &&
	       (receive_next(w, 0) == GYRE_EAGAIN ||
		       say(w, STEPKILL_CORRUPT, "something stands behind the last message"));
}

static bool pass_waiting(struct world *w, size_t bytes)
{
	return expect(w, "send", send_next(w, bytes, 1000 * NS_PER_MS), GYRE_OK) &&
	       expect(w, "receive", receive_next(w, 1000 * NS_PER_MS), (int64_t)bytes);
}

static bool pass_in_place(struct world *w, size_t bytes)
{
	struct gyre_message message;
	void *room;

	write_messages(w, 1, bytes);
	if (!expect(w, "reserve", gyre_ring_reserve(w->producer, bytes, 0, &room), GYRE_OK))
		return false;
	memcpy(room, w->payload, bytes);
	offer(w, 1);
	if (!expect(w, "commit", gyre_ring_commit(w->producer, bytes, w->outgoing[0].tag), GYRE_OK))
		return false;
	acknowledge(w);
	return expect(w, "peek", gyre_ring_peek(w->consumer, 0, &message), GYRE_OK) &&
	       accept(w, &message) &&
	       expect(w, "release", gyre_ring_release(w->consumer, &message), GYRE_OK);
}

static bool pass_batch(struct world *w, size_t bytes)
{
	static unsigned char buffer[2 * MESSAGE_MAX];
	struct gyre_message messages[2];
	int sent, received;

	write_messages(w, 2, bytes);
	offer(w, 2);
	sent = gyre_ring_send_batch(w->producer, w->outgoing, 2, 0);
	if (sent < 1 || sent > 2) /* the second may have met the end of the data area */
		return expect(w, "send_batch", sent, 2);
	offer(w, (unsigned)sent);
	acknowledge(w);
	received = gyre_ring_receive_batch(w->consumer, buffer, sizeof buffer, 0, messages, 2);
	if (!expect(w, "receive_batch", received, sent))
		return false;
	for (int i = 0; i < received; i++)
		if (!accept(w, &messages[i]))
			return false;
	return true;
}

static bool exchange(struct world *w)
{
	static bool (*const pass[])(struct world *, size_t) = {
		pass_waiting, pass_in_place, pass_batch};
	const size_t most = w->options.slot_bytes != 0 ? w->options.slot_bytes : 600;

	for (size_t i = 0; i < FOLLOWERS; i++)
		if (!pass_singly(w, 16 * i))
			return false;
	for (size_t i = 0; i < ROUNDS; i++)
		if (!pass[i % 3](w, i * 37 % (most + 1)))
			return false;
	return true;
}

static bool judge_books(struct world *w)
{
	struct gyre_counters counters[BOTH + 1];
	const struct gyre_counters *const made = &counters[GYRE_PRODUCER];
	const struct gyre_counters *const used = &counters[GYRE_CONSUMER];
	struct gyre_ring_info info;

	if (!look_inside(w, w->consumer, &info, counters))
		return false;
	if (made->messages == w->board->sent && used->messages == made->messages &&
		used->bytes == made->bytes && info.messages == 0)
		return true;
	return say(w, STEPKILL_OTHER,
		"the books: %lu messages of %lu bytes in, %lu of %lu out, %lu there; sent were %lu",
		(unsigned long)made->messages, (unsigned long)made->bytes,
		(unsigned long)used->messages, (unsigned long)used->bytes,
		(unsigned long)info.messages, (unsigned long)w->board->sent);
}

static bool is_gone(struct world *w, const char *after)
{
	struct gyre_ring_info info;
	const int outcome = gyre_inspect(w->key, NULL, &info, NULL, NULL, NULL);

	return outcome == GYRE_ENOTFOUND ||
	       say(w, STEPKILL_OTHER, "the ring is still there after %s: %s", after,
		       gyre_errname(outcome));
}

/* Closed, drained and left by both it goes. */
static bool end(struct world *w)
{
	if (!w->board->closed && !expect(w, "close", gyre_ring_close(w->producer), GYRE_OK))
		return false;
	if (!expect(w, "receive", receive_next(w, 0), GYRE_ECLOSED) || !judge_books(w))
		return false;
	leave(w);
	return is_gone(w, "its end");
}

static bool go_on(struct world *w)
{
	const bool both = w->scene->first == GYRE_CONSUMER
				  ? consumer_goes_on(w) && producer_goes_on(w)
				  : producer_goes_on(w) && consumer_goes_on(w);

	return both && (w->board->closed || exchange(w)) && end(w);
}

static bool clean(struct world *w)
{
	struct gyre_error error = {0};
	const int outcome = gyre_clean(w->key, 0, &error);

	if (outcome != 1)
		return say(w, STEPKILL_OTHER, "gyre_clean: %d %s", outcome, error.what);
	return is_gone(w, "gyre_clean");
}

/* Whatever happened to the name: a new ring can have it. */
static bool begin_anew(struct world *w)
{
	struct gyre_error error = {0};

	memset(w->board, 0, sizeof *w->board);
	if (gyre_ring_open(w->key, GYRE_CONSUMER, &w->options, &w->consumer, &error) != GYRE_OK ||
		gyre_ring_open(w->key, GYRE_PRODUCER, &w->options, &w->producer, &error) != GYRE_OK)
		return say(w, STEPKILL_BLOCKED, "no ring can be made there: %s", error.what);
	return exchange(w) && end(w);
}

/* Names of objects that were being made, in a directory that is the scene's own. */
static bool clean_leftovers(struct world *w)
{
	char parent[KEY_BYTES], key[2 * KEY_BYTES];
	const struct dirent *entry;
	unsigned left = 0, cleaned = 0;
	DIR *directory;

	snprintf(parent, sizeof parent, "%s", w->path);
	*strrchr(parent, '/') = '\0';
	directory = opendir(parent);
	if (directory == NULL)
		return say(w, STEPKILL_OTHER, "%s cannot be read", parent);
	while ((entry = readdir(directory)) != NULL) {
		if (entry->d_name[0] == '.' && entry->d_name[1] != 'g')
			continue; /* . and .. */
		left++;
		snprintf(key, sizeof key, "file:%s/%s", parent, entry->d_name);
		cleaned += gyre_clean(key, 0, NULL) == 1;
	}
	closedir(directory);
	return left == cleaned ||
	       say(w, STEPKILL_OTHER, "%u names left, %u of them cleaned up", left, cleaned);
}

static void check(void *world, const struct stepkill_death *deaths, unsigned count,
	struct stepkill_report *report)
{
	struct world *const w = world;
	bool there;

	(void)deaths;
	(void)count;
	w->report = report;
	if (!hear_complaints(w) || !judge_landing(w) || !look_from_outside(w, &there))
		return;
	if (there && !(w->scene->stale ? clean(w) : go_on(w)))
		return;
	if (w->scene->file && !clean_leftovers(w))
		return;
	if (w->scene->may_vanish)
		(void)begin_anew(w);
}

/* ---- Scenes ---- */

static void open_world(
	struct world *w, const struct scene *scene, const struct gyre_ring_options *options)
{
	const struct variant variant = {.file = scene->file};

	memset(w, 0, sizeof *w);
	w->scene = scene;
	w->options = *options;
	w->fd = -1;
	key_of(&variant, "stepkill", w->key);
	path_of(w->key, w->path);
	w->board = shared_memory(sizeof *w->board);
	w->board_image = malloc(sizeof *w->board_image);
	if (w->board_image == NULL)
		abort();
}

static void close_world(struct world *w)
{
	let_go(w);
	munmap(w->board, sizeof *w->board);
	free(w->board_image);
	free(w->image);
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

int run_scene(const struct scene *scene, const struct gyre_ring_options *options, bool every,
	struct stepkill_result *ret_result)
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
		.survivor_check = check,
	};
	int outcome;

	open_world(&w, scene, options);
	outcome = stepkill_run(&scenario, &how, ret_result);
	close_world(&w);
	return outcome;
}
