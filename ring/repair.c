/*
 * Repairing the dead of a ring without taking part in it: for the tools. The same routine as any
 * participant's that is held up by one, under the same lock byte.
 */
#include "gyre_inspect.h"
#include "ring_private.h"

static int repair_all(const struct gyre_view *view)
{
	const struct gyre_ring_shape *const shape = gyre_ring_shape_of(&view->header);
	int repaired = 0;

	for (unsigned number = 0; number < gyre_seats(view); number++) {
		if (gyre_seat_repair(view, number, 0, shape->settle) != GYRE_SEAT_IS_DEAD)
			continue;
		shape->tell(view);
		repaired++;
	}
	return repaired;
}

int gyre_repair(const char *key_text, struct gyre_error *reterr)
{
	const struct gyre_backend *backend;
	struct gyre_view view;
	struct gyre_key key;
	int outcome = gyre_key_parse(key_text, &key, reterr);

	if (outcome != GYRE_OK)
		return outcome;
	backend = gyre_backend_of(&key, reterr);
	if (backend == NULL)
		return GYRE_EKEY;
	outcome = backend->attach(&key, GYRE_READ_WRITE, &gyre_permissions_any, &view.map, reterr);
	if (outcome != GYRE_OK)
		return outcome;
	outcome = gyre_header_check(&view.map, &view.header, reterr);
	if (outcome == GYRE_OK)
		outcome = gyre_check_geometry(&view.header, reterr);
	if (outcome == GYRE_OK)
		outcome = repair_all(&view);
	gyre_view_close(&view);
	return outcome;
}
