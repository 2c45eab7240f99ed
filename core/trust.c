/*
 * Whom and what to trust. A name proves nothing: anyone may make anything under any free name in
 * /dev/shm or /tmp, so what is found there is judged by its owner and its mode.
 *
 * Accepted is an object of this process's user that is open to no one else, further than the
 * caller named; and any object of an owner whom the caller named: who is trusted is trusted to
 * choose whom to let in. Root is a user like others here: what others made is refused unless
 * named, or a planted object could lure root's programs.
 */
#include <limits.h>
#include <stdint.h>
#include <unistd.h>
#include "backend.h"

enum {
	MODE_DEFAULT = 0600,
	MODE_POSSIBLE = 0666,
	MODE_OTHERS = 0077,
};

const struct gyre_permissions gyre_permissions_any = {0};

uint32_t gyre_mode_wanted(const struct gyre_permissions *perm)
{
	return perm == NULL || perm->mode == 0 ? MODE_DEFAULT : perm->mode;
}

int gyre_check_permissions(const struct gyre_permissions *perm, struct gyre_error *reterr)
{
	if (perm == NULL)
		return GYRE_OK;
	if ((perm->mode & ~(uint32_t)MODE_POSSIBLE) != 0)
		return gyre_fail(reterr, GYRE_EINVAL,
			"mode %04o: only read and write permissions (0666 at most) make sense for "
			"shared memory",
			perm->mode);
	if (perm->reserved != 0)
		return gyre_fail(reterr, GYRE_EINVAL,
			"gyre_permissions.reserved is %u and must be 0: clear the struct first",
			perm->reserved);
	return GYRE_OK;
}

int gyre_check_create(size_t bytes, const struct gyre_permissions *perm, struct gyre_error *reterr)
{
	if (bytes == 0)
		return gyre_fail(reterr, GYRE_ESIZE, "0 bytes asked: a segment has at least 1");
	if (bytes > SSIZE_MAX)
		return gyre_fail(reterr, GYRE_ESIZE,
			"%zu bytes asked: no object can have more than %zu here", bytes,
			(size_t)SSIZE_MAX);
	return gyre_check_permissions(perm, reterr);
}

int gyre_judge_owner(const char *shown, uint32_t owner_uid, uint32_t mode,
	const struct gyre_permissions *perm, struct gyre_error *reterr)
{
	const uint32_t me = (uint32_t)geteuid();
	const uint32_t open_to_others = mode & MODE_OTHERS;

	if (perm == &gyre_permissions_any)
		return GYRE_OK;
	if (perm != NULL && perm->trust_uid != 0 && perm->trusted_uid == owner_uid)
		return GYRE_OK;
	if (owner_uid != me)
		return gyre_fail(reterr, GYRE_EUNSAFE,
			"%s: belongs to uid %u and this process is uid %u: refused, as anyone may "
			"plant a name; if that user is to be trusted, name it (gyre --owner; permissions.trusted_uid)",
			shown, owner_uid, me);
	if ((open_to_others & ~gyre_mode_wanted(perm)) != 0)
		return gyre_fail(reterr, GYRE_EUNSAFE,
			"%s: its mode %04o lets others in, further than the %04o this program "
			"asked for: refused; chmod it, or name the mode that is meant (gyre --mode; permissions.mode)",
			shown, mode, gyre_mode_wanted(perm));
	return GYRE_OK;
}
