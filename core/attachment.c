#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "attachment.h"
#include "clock.h"
#include "fdmap.h"
#include "lockbyte.h"
#include "wakeup.h"

enum { PATIENCE_NS = 2000000000 }; /* with those who remove names */

/* ---- What this process has attached: for fork(), and to map each object once ---- */

static pthread_mutex_t registry_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct gyre_attachment *registry;
static pthread_once_t fork_handlers_once = PTHREAD_ONCE_INIT;

static void before_fork(void)
{
	pthread_mutex_lock(&registry_mutex);
}

static void after_fork_in_parent(void)
{
	pthread_mutex_unlock(&registry_mutex);
}

/* The child shares every open file description with its parent: as long as it kept one, by a
 * descriptor or by a mapping, a dead parent would seem alive. The mappings are not inherited:
 * MADV_DONTFORK. */
static void after_fork_in_child(void)
{
	for (struct gyre_attachment *a = registry; a != NULL; a = a->next) {
		a->poisoned = true;
		if (gyre_fdmap_owns_fd(&a->view.map))
			close(a->view.map.fd);
		a->view.map.fd = -1;
		a->view.map.base = NULL;
		a->poison(a);
	}
	registry_mutex = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
}

static void install_fork_handlers(void)
{
	pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
}

static bool same_object(const struct gyre_map *a, const struct gyre_map *b)
{
	return a->backend == b->backend && a->device == b->device && a->inode == b->inode &&
	       a->bytes == b->bytes;
}

static struct gyre_attachment *find_same_mapping(const struct gyre_attachment *of)
{
	struct gyre_attachment *a = registry;

	while (a != NULL && (a == of || a->poisoned || !same_object(&a->view.map, &of->view.map)))
		a = a->next;
	return a;
}

/* One mapping for all handles of an object: saves address space, and lets ThreadSanitizer see
 * two threads' handles meet. */
static void register_locked(struct gyre_attachment *attachment)
{
	const struct gyre_attachment *other = find_same_mapping(attachment);

	if (other != NULL) {
		munmap(attachment->view.map.base, attachment->view.map.bytes);
		attachment->view.map.base = other->view.map.base;
	} else {
		madvise(attachment->view.map.base, attachment->view.map.bytes, MADV_DONTFORK);
	}
	attachment->next = registry;
	registry = attachment;
}

static void unregister_attachment(struct gyre_attachment *attachment)
{
	struct gyre_attachment **link = &registry;

	pthread_mutex_lock(&registry_mutex);
	while (*link != NULL && *link != attachment)
		link = &(*link)->next;
	if (*link != NULL)
		*link = attachment->next;
	if (find_same_mapping(attachment) != NULL)
		attachment->view.map.base = NULL; /* still in use: not ours to unmap */
	pthread_mutex_unlock(&registry_mutex);
}

bool gyre_attached_here(const struct gyre_map *map, unsigned number)
{
	bool here = false;

	pthread_mutex_lock(&registry_mutex);
	for (const struct gyre_attachment *a = registry; a != NULL; a = a->next)
		if (!a->poisoned && a->number == number && a->seat != NULL &&
			same_object(&a->view.map, map))
			here = true;
	pthread_mutex_unlock(&registry_mutex);
	return here;
}

void *gyre_handle_alloc(size_t bytes)
{
	const size_t rounded = (bytes + GYRE_LINE - 1) / GYRE_LINE * GYRE_LINE;
	void *handle = aligned_alloc(GYRE_LINE, rounded);

	if (handle != NULL)
		memset(handle, 0, rounded);
	return handle;
}

void gyre_handle_free(void *handle)
{
	free(handle);
}

/* ---- Opening ---- */

static int map_object(const struct gyre_key *key, int fd, enum gyre_access access,
	const struct gyre_permissions *permissions, struct gyre_map *ret_map,
	struct gyre_error *reterr)
{
	const struct gyre_backend *backend;

	if (key == NULL)
		return gyre_fdmap_attach_fd(fd, access, permissions, ret_map, reterr);
	backend = gyre_backend_of(key, reterr);
	if (backend == NULL)
		return GYRE_EKEY;
	return backend->attach(key, access, permissions, ret_map, reterr);
}

/* The name lock is held exclusively only while a name is being removed: some microseconds. */
static int share_name_lock(const struct gyre_map *map, struct gyre_error *reterr)
{
	const uint64_t deadline = gyre_deadline(PATIENCE_NS);

	while (!gyre_lock_shared(map->fd, GYRE_LOCK_NAME)) {
		if (errno != EAGAIN && errno != EACCES)
			return gyre_fail_os(reterr, GYRE_ELOCK,
				"the kernel refuses locks on the ring's object; use a key on a file "
				"system that has them");
		if (gyre_now_ns() > deadline)
			return gyre_fail(reterr, GYRE_EBUSY,
				"somebody has been removing this ring for 2 s and is perhaps stopped; "
				"try again");
		gyre_nap(200000);
	}
	return GYRE_OK;
}

/* One attempt: GYRE_EAGAIN if the name was removed between open and lock. */
static int open_locked(const struct gyre_attach_request *request,
	struct gyre_attachment *attachment, struct gyre_error *reterr)
{
	struct gyre_view *view = &attachment->view;
	int outcome = map_object(request->key, request->fd, GYRE_READ_WRITE, request->permissions,
		&view->map, reterr);

	if (outcome != GYRE_OK)
		return outcome;
	outcome = share_name_lock(&view->map, reterr);
	if (outcome == GYRE_OK && request->key != NULL && !view->map.backend->is_named(&view->map))
		outcome = GYRE_EAGAIN;
	if (outcome == GYRE_OK)
		outcome = gyre_header_check(&view->map, &view->header, reterr);
	if (outcome == GYRE_OK)
		outcome = request->check(&view->header, reterr);
	if (outcome != GYRE_OK)
		view->map.backend->detach(&view->map);
	return outcome;
}

static int sit(const struct gyre_attach_request *request, struct gyre_attachment *attachment,
	struct gyre_error *reterr)
{
	const struct gyre_view *view = &attachment->view;
	unsigned first, end;
	int number;

	attachment->membarrier =
		view->header.wake == 2 /* GYRE_WAKE_MEMBARRIER */ && gyre_membarrier_register();
	request->seat_range(&view->header, request->role, &first, &end);
	number = gyre_seat_take(view, first, end, request->role, request->name,
		attachment->membarrier ? GYRE_CAN_MEMBARRIER : 0, request->settle, reterr);
	if (number < 0)
		return number;
	pthread_mutex_lock(&registry_mutex); /* other threads look there who sits where */
	attachment->number = (unsigned)number;
	attachment->seat = gyre_seat_at(view, (unsigned)number);
	pthread_mutex_unlock(&registry_mutex);
	return GYRE_OK;
}

int gyre_attach(const struct gyre_attach_request *request, struct gyre_attachment *attachment,
	struct gyre_error *reterr)
{
	const uint64_t deadline = gyre_deadline(PATIENCE_NS);
	int outcome;

	if (request->key != NULL) {
		attachment->key = *request->key;
		attachment->has_key = true;
	}
	pthread_once(&fork_handlers_once, install_fork_handlers);
	/* Held over both: a fork in between would give the child what no handler takes away. */
	pthread_mutex_lock(&registry_mutex);
	do
		outcome = open_locked(request, attachment, reterr);
	while (outcome == GYRE_EAGAIN && gyre_now_ns() <= deadline);
	if (outcome == GYRE_OK)
		register_locked(attachment);
	pthread_mutex_unlock(&registry_mutex);
	if (outcome == GYRE_EAGAIN)
		return gyre_fail(reterr, GYRE_EBUSY,
			"for 2 s the ring has been removed and made again all the time; find out who "
			"does that (gyre rm, gyre clean --force), or use another key");
	if (outcome != GYRE_OK)
		return outcome;
	outcome = sit(request, attachment, reterr);
	if (outcome != GYRE_OK) {
		unregister_attachment(attachment);
		attachment->view.map.backend->detach(&attachment->view.map);
	}
	return outcome;
}

/* Each leaver gives up its share first and only then asks for exclusiveness, so that of several
 * who leave at once the last one gets it. key: NULL where it is not known. */
static void unlink_if_finished(const struct gyre_key *key, const struct gyre_view *view,
	bool (*is_finished)(const struct gyre_view *))
{
	const struct gyre_map *map = &view->map;

	gyre_unlock(map->fd, GYRE_LOCK_NAME);
	if (key == NULL || !gyre_lock_exclusive(map->fd, GYRE_LOCK_NAME))
		return;
	if (is_finished(view))
		map->backend->unlink(key, map, NULL);
	gyre_unlock(map->fd, GYRE_LOCK_NAME);
}

bool gyre_attachment_has_lock(const struct gyre_attachment *attachment)
{
	return !attachment->poisoned && gyre_fdmap_owns_fd(&attachment->view.map);
}

void gyre_leave(struct gyre_attachment *attachment)
{
	if (attachment->poisoned)
		return;
	gyre_seat_leave(&attachment->view, attachment->number);
	if (gyre_attachment_has_lock(attachment))
		gyre_seat_unlock(&attachment->view, attachment->number);
}

void gyre_detach(struct gyre_attachment *attachment, bool (*is_finished)(const struct gyre_view *))
{
	if (gyre_attachment_has_lock(attachment))
		unlink_if_finished(attachment->has_key ? &attachment->key : NULL, &attachment->view,
			is_finished);
	unregister_attachment(attachment);
	attachment->view.map.backend->detach(&attachment->view.map);
}

/* ---- Without a seat ---- */

int gyre_view_open(const struct gyre_key *key, enum gyre_access access,
	const struct gyre_permissions *permissions, struct gyre_view *ret_view,
	struct gyre_error *reterr)
{
	int outcome = map_object(key, -1, access, permissions, &ret_view->map, reterr);

	if (outcome != GYRE_OK)
		return outcome;
	outcome = gyre_header_check(&ret_view->map, &ret_view->header, reterr);
	if (outcome != GYRE_OK && outcome != GYRE_ESTALE)
		gyre_view_close(ret_view);
	return outcome;
}

void gyre_view_close(struct gyre_view *view)
{
	view->map.backend->detach(&view->map);
}

int gyre_make(const struct gyre_key *key, const struct gyre_permissions *permissions,
	struct gyre_header *header, struct gyre_view *ret_held, struct gyre_error *reterr)
{
	const struct gyre_backend *backend = gyre_backend_of(key, reterr);
	struct gyre_map map;
	int outcome;

	if (backend == NULL)
		return GYRE_EKEY;
	if (header->segment_bytes > SIZE_MAX / 2)
		return gyre_fail(reterr, GYRE_ESIZE,
			"a ring of that capacity does not fit this program's address space");
	outcome = backend->create(key, (size_t)header->segment_bytes, permissions, &map, reterr);
	if (outcome != GYRE_OK)
		return outcome;
	gyre_header_seal(header);
	memcpy(map.base, header, sizeof *header);
	if (ret_held != NULL)
		outcome = share_name_lock(&map, reterr);
	if (outcome == GYRE_OK)
		outcome = backend->publish(key, &map, reterr);
	if (outcome == GYRE_OK && ret_held != NULL)
		*ret_held = (struct gyre_view){.map = map, .header = *header};
	else
		backend->detach(&map);
	return outcome;
}

/* The share is given up explicitly, in unlink_if_finished(): a child forked meanwhile shares the
 * description, and would keep it. */
void gyre_let_go(const struct gyre_key *key, struct gyre_view *held,
	bool (*is_finished)(const struct gyre_view *))
{
	unlink_if_finished(key, held, is_finished);
	gyre_view_close(held);
}

int gyre_remove_if(const struct gyre_key *key, struct gyre_view *view,
	bool (*removable)(const struct gyre_view *), struct gyre_error *reterr)
{
	const struct gyre_map *map = &view->map;
	int outcome = 0;

	if (!gyre_lock_exclusive(map->fd, GYRE_LOCK_NAME))
		return 0; /* in use, or being removed by somebody else */
	if (removable(view)) {
		outcome = map->backend->unlink(key, map, reterr);
		outcome = outcome == GYRE_OK ? 1 : outcome == GYRE_ENOTFOUND ? 0 : outcome;
	}
	gyre_unlock(map->fd, GYRE_LOCK_NAME);
	return outcome;
}
