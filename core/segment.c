/* Named segments for the application: gyre_segment.h over the table of backend.h. */
#include <stdlib.h>
#include "backend.h"

struct gyre_segment {
	struct gyre_map map;
	struct gyre_key key;
};

/* A segment that knows its key and its backend, and nothing else yet; NULL with *error filled. */
static struct gyre_segment *prepare(const struct gyre_key *key, struct gyre_error *error)
{
	const struct gyre_backend *const backend = gyre_backend_of(key, error);
	struct gyre_segment *segment;

	if (backend == NULL)
		return NULL;
	segment = calloc(1, sizeof *segment);
	if (segment == NULL) {
		gyre_fail_os(error, GYRE_ENORES, "out of memory: %zu bytes asked", sizeof *segment);
		return NULL;
	}
	segment->key = *key;
	segment->map = (struct gyre_map){.backend = backend, .fd = -1};
	return segment;
}

int gyre_segment_create(const struct gyre_key *key, size_t bytes,
	const struct gyre_permissions *permissions, struct gyre_segment **ret_segment,
	struct gyre_error *reterr)
{
	struct gyre_error mine;
	struct gyre_error *const error = reterr == NULL ? &mine : reterr;
	struct gyre_segment *segment;
	int err;

	if (key == NULL || ret_segment == NULL)
		return gyre_fail(error, GYRE_EINVAL, "gyre_segment_create: NULL argument");
	segment = prepare(key, error);
	if (segment == NULL)
		return error->code;
	err = segment->map.backend->create(key, bytes, permissions, &segment->map, error);
	if (err == GYRE_OK)
		err = segment->map.backend->publish(key, &segment->map, error);
	if (err == GYRE_OK)
		*ret_segment = segment;
	else
		gyre_segment_detach(segment);
	return err;
}

int gyre_segment_attach(const struct gyre_key *key, enum gyre_access access,
	const struct gyre_permissions *permissions, struct gyre_segment **ret_segment,
	struct gyre_error *reterr)
{
	struct gyre_error mine;
	struct gyre_error *const error = reterr == NULL ? &mine : reterr;
	struct gyre_segment *segment;
	int err;

	if (key == NULL || ret_segment == NULL)
		return gyre_fail(error, GYRE_EINVAL, "gyre_segment_attach: NULL argument");
	if (access != GYRE_READ_ONLY && access != GYRE_READ_WRITE)
		return gyre_fail(
			error, GYRE_EINVAL, "gyre_segment_attach: access is %d", (int)access);
	segment = prepare(key, error);
	if (segment == NULL)
		return error->code;
	err = segment->map.backend->attach(key, access, permissions, &segment->map, error);
	if (err == GYRE_OK)
		*ret_segment = segment;
	else
		gyre_segment_detach(segment);
	return err;
}

void gyre_segment_detach(struct gyre_segment *segment)
{
	if (segment == NULL)
		return;
	segment->map.backend->detach(&segment->map);
	free(segment);
}

int gyre_segment_unlink(const struct gyre_key *key, struct gyre_error *reterr)
{
	struct gyre_error mine;
	struct gyre_error *const error = reterr == NULL ? &mine : reterr;
	const struct gyre_backend *backend;

	if (key == NULL)
		return gyre_fail(error, GYRE_EINVAL, "gyre_segment_unlink: NULL argument");
	backend = gyre_backend_of(key, error);
	return backend == NULL ? error->code : backend->unlink(key, NULL, error);
}

void *gyre_segment_data(const struct gyre_segment *segment)
{
	return segment->map.base;
}

size_t gyre_segment_bytes(const struct gyre_segment *segment)
{
	return segment->map.bytes;
}

const struct gyre_key *gyre_segment_key(const struct gyre_segment *segment)
{
	return &segment->key;
}
