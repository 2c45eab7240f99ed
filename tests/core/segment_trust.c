/*
 * What stands under a name may have been planted there: it is refused at once, unless the caller
 * named its owner or its mode. And what is made is open to no one who was not named.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>
#include "fdmap.h"
#include "support.h"

enum { BYTES = 4096 };

TestSuite(trust, .timeout = 120, .fini = place_close);

static int attach(const struct gyre_key *key, enum gyre_access access,
	const struct gyre_permissions *perm, struct gyre_error *error)
{
	struct gyre_segment *segment = NULL;
	const int err = gyre_segment_attach(key, access, perm, &segment, error);

	gyre_segment_detach(segment);
	return err;
}

static int create(const struct gyre_key *key, const struct gyre_permissions *perm)
{
	struct gyre_segment *segment = NULL;
	const int err = gyre_segment_create(key, BYTES, perm, &segment, NULL);

	gyre_segment_detach(segment);
	return err;
}

/* Both ways of attaching are refused for that reason, create does not touch it, nothing leaks. */
static void expect_refused(const struct place *p, const char *reason)
{
	const unsigned descriptors = count_descriptors();
	const unsigned names = place_count_names(p);

	for (int access = GYRE_READ_ONLY; access <= GYRE_READ_WRITE; access++) {
		struct gyre_error error = {0};

		cr_assert(eq(int, attach(&p->key, (enum gyre_access)access, NULL, &error),
				  GYRE_EUNSAFE),
			"%s", error.what);
		cr_assert(ne(ptr, strstr(error.what, reason), NULL), "%s", error.what);
	}
	cr_assert(eq(int, create(&p->key, NULL), GYRE_EEXIST));
	cr_assert(eq(uint, count_descriptors(), descriptors));
	cr_assert(eq(uint, place_count_names(p), names));
}

/* ---- Planted ---- */

Test(trust, a_planted_name_is_shown_without_its_control_characters)
{
	for (struct place *p = place_first(); p != NULL; p = place_next()) {
		const struct gyre_key key = place_key(p, "\x1b[2J\n\xc2\x9b\xff");
		struct gyre_error error = {0};
		char path[2 * PATH_BYTES + 2];

		place_path(p, "\x1b[2J\n\xc2\x9b\xff", path);
		cr_assert(eq(int, mkfifo(path, 0600), 0));
		cr_assert(eq(int, attach(&key, GYRE_READ_ONLY, NULL, &error), GYRE_EUNSAFE));
		cr_assert(ne(ptr, strstr(error.what, "?[2J????: a FIFO"), NULL), "%s", error.what);
		cr_assert(eq(int, unlink(path), 0));
	}
}

Test(trust, a_symbolic_link_is_refused)
{
	for (struct place *p = place_first(); p != NULL; p = place_next()) {
		const struct gyre_key aim = place_key(p, "-aim");
		char aim_path[2 * PATH_BYTES + 2];

		place_path(p, "-aim", aim_path);
		cr_assert(eq(int, symlink(aim_path, p->path), 0)); /* leads nowhere yet */
		expect_refused(p, "symbolic link");
		cr_assert(eq(int, attach(&aim, GYRE_READ_ONLY, NULL, NULL), GYRE_ENOTFOUND));
		cr_assert(eq(int, create(&aim, NULL), GYRE_OK));
		expect_refused(p, "symbolic link");
		cr_assert(eq(int, gyre_segment_unlink(&p->key, NULL), GYRE_OK));
		cr_assert(eq(int, attach(&aim, GYRE_READ_WRITE, NULL, NULL), GYRE_OK));
	}
}

Test(trust, a_second_hard_link_is_refused)
{
	for (struct place *p = place_first(); p != NULL; p = place_next()) {
		const struct gyre_key aim = place_key(p, "-aim");
		char aim_path[2 * PATH_BYTES + 2];

		place_path(p, "-aim", aim_path);
		cr_assert(eq(int, create(&aim, NULL), GYRE_OK));
		cr_assert(eq(int, link(aim_path, p->path), 0));
		expect_refused(p, "hard link");
		cr_assert(eq(int, gyre_segment_unlink(&p->key, NULL), GYRE_OK));
		cr_assert(eq(int, attach(&aim, GYRE_READ_WRITE, NULL, NULL), GYRE_OK));
	}
}

Test(trust, a_fifo_is_refused_without_blocking)
{
	for (struct place *p = place_first(); p != NULL; p = place_next()) {
		cr_assert(eq(int, mkfifo(p->path, 0600), 0));
		expect_refused(p, "FIFO");
	}
}

Test(trust, a_directory_is_refused_and_not_removed)
{
	for (struct place *p = place_first(); p != NULL; p = place_next()) {
		cr_assert(eq(int, mkdir(p->path, 0700), 0));
		expect_refused(p, "directory");
		cr_assert(eq(int, gyre_segment_unlink(&p->key, NULL), GYRE_EUNSAFE));
		cr_assert(eq(uint, place_count_names(p), 1));
	}
}

Test(trust, a_socket_is_refused)
{
	for (struct place *p = place_first(); p != NULL; p = place_next()) {
		struct sockaddr_un address = {.sun_family = AF_UNIX};
		const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

		cr_assert(lt(sz, strlen(p->path), sizeof address.sun_path));
		memcpy(address.sun_path, p->path, strlen(p->path));
		cr_assert(eq(int, bind(fd, (struct sockaddr *)&address, sizeof address), 0));
		expect_refused(p, "socket");
		close(fd);
	}
}

Test(trust, a_device_is_refused)
{
	for (struct place *p = place_first(); p != NULL; p = place_next()) {
		if (mknod(p->path, S_IFCHR | 0600, makedev(1, 5)) != 0)
			expect_well(SKIP "making devices is not allowed here");
		expect_refused(p, "device");
	}
}

Test(trust, an_empty_object_is_refused)
{
	for (struct place *p = place_first(); p != NULL; p = place_next()) {
		const int fd = open(p->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		struct gyre_error error = {0};

		close(fd);
		cr_assert(eq(int, attach(&p->key, GYRE_READ_WRITE, NULL, &error), GYRE_ESIZE));
		cr_assert(ne(ptr, strstr(error.what, "empty"), NULL), "%s", error.what);
		cr_assert(eq(int, attach(&p->key, GYRE_READ_ONLY, NULL, NULL), GYRE_ESIZE));
	}
}

/* ---- Owners ---- */

Test(trust, a_foreign_owner_is_refused_unless_named)
{
	if (geteuid() != 0)
		expect_well(SKIP "needs root, to give a file away");
	for (struct place *p = place_first(); p != NULL; p = place_next()) {
		const struct gyre_permissions named = {.trusted_uid = NOBODY, .trust_uid = 1};
		const struct gyre_permissions other = {.trusted_uid = NOBODY - 1, .trust_uid = 1};
		const struct gyre_permissions half = {.trusted_uid = NOBODY};
		const struct gyre_permissions mode = {.mode = 0666};
		struct gyre_error error = {0};

		cr_assert(eq(int, create(&p->key, NULL), GYRE_OK));
		cr_assert(eq(int, chown(p->path, NOBODY, NOBODY), 0));
		expect_refused(p, "belongs to uid 65534");
		cr_assert(eq(int, attach(&p->key, GYRE_READ_ONLY, &other, NULL), GYRE_EUNSAFE));
		cr_assert(eq(int, attach(&p->key, GYRE_READ_ONLY, &half, NULL), GYRE_EUNSAFE));
		cr_assert(eq(int, attach(&p->key, GYRE_READ_ONLY, &mode, NULL), GYRE_EUNSAFE));
		cr_assert(eq(int, attach(&p->key, GYRE_READ_WRITE, &named, &error), GYRE_OK), "%s",
			error.what);
		/* Who is trusted is trusted to choose whom to let in. */
		cr_assert(eq(int, chmod(p->path, 0666), 0));
		cr_assert(eq(int, attach(&p->key, GYRE_READ_WRITE, &named, &error), GYRE_OK), "%s",
			error.what);
		cr_assert(eq(int, attach(&p->key, GYRE_READ_WRITE, &mode, NULL), GYRE_EUNSAFE));
	}
}

Test(trust, who_only_looks_looks_at_everything_of_everyone)
{
	for (struct place *p = place_first(); p != NULL; p = place_next()) {
		struct gyre_map map;

		cr_assert(eq(int, create(&p->key, NULL), GYRE_OK));
		cr_assert(eq(int, chmod(p->path, 0666), 0));
		if (geteuid() == 0)
			cr_assert(eq(int, chown(p->path, NOBODY, NOBODY), 0));
		cr_assert(eq(int,
			p->backend->attach(
				&p->key, GYRE_READ_ONLY, &gyre_permissions_any, &map, NULL),
			GYRE_OK));
		p->backend->detach(&map);
	}
}

static const char *use_what_root_made(void *context)
{
	const struct gyre_permissions root = {.trusted_uid = 0, .trust_uid = 1};
	const struct place *const p = context;
	struct gyre_error error = {0};
	const char *said = NULL;

	if (said == NULL)
		said = expect_code(
			attach(&p->key, GYRE_READ_ONLY, NULL, &error), GYRE_EUNSAFE, &error);
	if (said == NULL)
		said = expect_code(attach(&p->key, GYRE_READ_ONLY, &root, &error), GYRE_OK, &error);
	if (said == NULL)
		said = expect_code(
			attach(&p->key, GYRE_READ_WRITE, &root, &error), GYRE_EPERM, &error);
	return said;
}

Test(trust, what_root_made_is_no_exception)
{
	for (struct place *p = place_first(); p != NULL; p = place_next()) {
		const struct gyre_permissions readable = {.mode = 0644};

		if (p->kind != PLACE_POSIX)
			cr_assert(eq(int, chmod(p->directory, 0755), 0));
		cr_assert(eq(int, create(&p->key, &readable), GYRE_OK));
		expect_well(as_nobody(use_what_root_made, p));
	}
}

/* ---- Modes ---- */

static int attach_with_mode(const struct place *p, uint32_t mode)
{
	const struct gyre_permissions perm = {.mode = mode};

	return attach(&p->key, GYRE_READ_WRITE, &perm, NULL);
}

Test(trust, objects_open_to_others_are_refused_unless_the_mode_is_named)
{
	static const mode_t modes[] = {0620, 0602, 0622, 0640, 0604, 0644, 0660, 0606, 0666};

	for (struct place *p = place_first(); p != NULL; p = place_next()) {
		cr_assert(eq(int, create(&p->key, NULL), GYRE_OK));
		for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
			cr_assert(eq(int, chmod(p->path, modes[i]), 0));
			expect_refused(p, "lets others in");
			cr_assert(eq(int, attach_with_mode(p, (uint32_t)modes[i]), GYRE_OK));
			cr_assert(eq(int, attach_with_mode(p, 0666), GYRE_OK));
			cr_assert(eq(int, attach_with_mode(p, 0600), GYRE_EUNSAFE));
		}
		cr_assert(eq(int, chmod(p->path, 0660), 0));
		cr_assert(eq(int, attach_with_mode(p, 0640), GYRE_EUNSAFE));
		cr_assert(eq(int, attach_with_mode(p, 0606), GYRE_EUNSAFE));
		cr_assert(eq(int, attach_with_mode(p, 0777), GYRE_EINVAL));
	}
}

Test(trust, a_named_mode_accepts_a_narrower_one)
{
	for (struct place *p = place_first(); p != NULL; p = place_next()) {
		cr_assert(eq(int, create(&p->key, NULL), GYRE_OK));
		cr_assert(eq(int, attach_with_mode(p, 0660), GYRE_OK));
	}
}

Test(trust, the_mode_is_exact_whatever_the_umask)
{
	static const mode_t umasks[] = {0, 022, 077, 0777};
	static const uint32_t modes[] = {0, 0600, 0640, 0660, 0644, 0666, 0400, 0200};

	for (struct place *p = place_first(); p != NULL; p = place_next()) {
		for (size_t i = 0; i < sizeof umasks / sizeof *umasks; i++) {
			for (size_t j = 0; j < sizeof modes / sizeof *modes; j++) {
				const struct gyre_permissions perm = {.mode = modes[j]};
				const mode_t before = umask(umasks[i]);
				const int err = create(&p->key, &perm);
				struct stat st;

				umask(before);
				cr_assert(eq(int, err, GYRE_OK));
				cr_assert(eq(int, stat(p->path, &st), 0));
				cr_assert(eq(
					uint, st.st_mode & 07777, modes[j] == 0 ? 0600 : modes[j]));
				cr_assert(eq(int, gyre_segment_unlink(&p->key, NULL), GYRE_OK));
			}
		}
	}
}

/* ---- Permission denied ---- */

static const char *be_denied(void *context)
{
	static const char *const words[] = {"permission denied", "uid 0", "mode 0600", NULL};
	const struct place *const p = context;
	struct gyre_error error = {0};
	const char *said;

	said = expect_code(attach(&p->key, GYRE_READ_WRITE, NULL, &error), GYRE_EPERM, &error);
	if (said == NULL && p->kind == PLACE_POSIX)
		said = expect_words(error.what, words);
	if (said == NULL)
		said = expect_code(
			attach(&p->key, GYRE_READ_ONLY, NULL, &error), GYRE_EPERM, &error);
	if (said == NULL)
		said = expect_code(gyre_segment_unlink(&p->key, &error), GYRE_EPERM, &error);
	if (said == NULL && error.what[0] == '\0')
		said = "no word about it";
	return said;
}

Test(trust, another_user_is_denied)
{
	for (struct place *p = place_first(); p != NULL; p = place_next()) {
		cr_assert(eq(int, create(&p->key, NULL), GYRE_OK));
		expect_well(as_nobody(be_denied, p)); /* a file's directory is 0700 */
		if (p->kind == PLACE_POSIX)
			continue;
		cr_assert(eq(int, chmod(p->directory, 01777), 0));
		expect_well(as_nobody(be_denied, p));
	}
}

static const char *create_where_not_allowed(void *context)
{
	const struct gyre_key key = place_key(context, "-new");
	struct gyre_segment *segment = NULL;
	struct gyre_error error = {0};

	return expect_code(
		gyre_segment_create(&key, BYTES, NULL, &segment, &error), GYRE_EPERM, &error);
}

Test(trust, create_is_denied_in_a_directory_of_others)
{
	for (struct place *p = place_first(); p != NULL; p = place_next()) {
		if (p->kind == PLACE_POSIX)
			continue;
		expect_well(as_nobody(create_where_not_allowed, p));
		cr_assert(eq(int, chmod(p->directory, 0755), 0));
		expect_well(as_nobody(create_where_not_allowed, p));
		cr_assert(eq(uint, place_count_names(p), 0));
	}
}

/* ---- Keys ---- */

static int create_native(uint16_t type, const char *native)
{
	struct gyre_key key = {.type = type};

	snprintf(key.native, sizeof key.native, "%s", native);
	return create(&key, NULL);
}

Test(trust, keys_that_name_no_object_are_refused)
{
	char long_name[GYRE_NAME_BYTES + 8] = "/tmp/";
	struct gyre_key endless = {.type = GYRE_KEY_POSIX};

	memset(long_name + 5, 'x', 256);
	memset(endless.native, 'x', sizeof endless.native);
	cr_assert(eq(int, create_native(GYRE_KEY_POSIX, ""), GYRE_EKEY));
	cr_assert(eq(int, create_native(GYRE_KEY_POSIX, "/"), GYRE_EKEY));
	cr_assert(eq(int, create_native(GYRE_KEY_POSIX, "//"), GYRE_EKEY));
	cr_assert(eq(int, create_native(GYRE_KEY_POSIX, "/."), GYRE_EKEY));
	cr_assert(eq(int, create_native(GYRE_KEY_POSIX, "/.."), GYRE_EKEY));
	cr_assert(eq(int, create_native(GYRE_KEY_POSIX, "/../tmp/x"), GYRE_EKEY));
	cr_assert(eq(int, create_native(GYRE_KEY_POSIX, "/a/"), GYRE_EKEY));
	cr_assert(eq(int, create_native(GYRE_KEY_POSIX, long_name + 4), GYRE_EKEY));
	cr_assert(eq(int, create_native(GYRE_KEY_POSIX, "/sem.gyre-test"), GYRE_EKEY));
	cr_assert(eq(int, create_native(GYRE_KEY_POSIX, "/.gyre-new-1"), GYRE_EKEY));
	cr_assert(eq(int, create_native(GYRE_KEY_FILE, ""), GYRE_EKEY));
	cr_assert(eq(int, create_native(GYRE_KEY_FILE, "gyre-test"), GYRE_EKEY));
	cr_assert(eq(int, create_native(GYRE_KEY_FILE, "/tmp/"), GYRE_EKEY));
	cr_assert(eq(int, create_native(GYRE_KEY_FILE, "/tmp/.."), GYRE_EKEY));
	cr_assert(eq(int, create_native(GYRE_KEY_FILE, long_name), GYRE_EKEY));
	cr_assert(eq(int, create_native(GYRE_KEY_FILE, "/tmp/.gyre-new-1"), GYRE_EKEY));
	cr_assert(eq(int, create_native(GYRE_KEY_FILE, "/no/such/directory"), GYRE_ENOTFOUND));
	cr_assert(eq(int, create_native(GYRE_KEY_FILE, "/dev/null/x"), GYRE_ENOTFOUND));
	cr_assert(eq(int, create_native(0, "/x"), GYRE_EKEY));
	cr_assert(eq(int, create_native(99, "/x"), GYRE_ENOTSUP));
	cr_assert(eq(int, create(&endless, NULL), GYRE_EKEY));
}

Test(trust, the_longest_names_work)
{
	for (struct place *p = place_first(); p != NULL; p = place_next()) {
		char suffix[NAME_MAX + 1] = "-";
		struct gyre_key key;

		memset(suffix + 1, 'x', NAME_MAX - strlen(p->name) - 1);
		key = place_key(p, suffix);
		cr_assert(eq(int, create(&key, NULL), GYRE_OK));
		cr_assert(eq(int, attach(&key, GYRE_READ_WRITE, NULL, NULL), GYRE_OK));
		cr_assert(eq(int, create(&key, NULL), GYRE_EEXIST));
		cr_assert(eq(int, gyre_segment_unlink(&key, NULL), GYRE_OK));
	}
}

Test(trust, posix_names_are_read_as_shm_open_does)
{
	struct place *const p = place_open(PLACE_POSIX);
	struct gyre_key bare = {.type = GYRE_KEY_POSIX};
	struct gyre_key slashes = bare;

	snprintf(bare.native, sizeof bare.native, "%s", p->name);
	snprintf(slashes.native, sizeof slashes.native, "///%s", p->name);
	cr_assert(eq(int, create(&bare, NULL), GYRE_OK));
	cr_assert(eq(int, attach(&p->key, GYRE_READ_WRITE, NULL, NULL), GYRE_OK));
	cr_assert(eq(int, attach(&slashes, GYRE_READ_WRITE, NULL, NULL), GYRE_OK));
	cr_assert(eq(int, gyre_segment_unlink(&p->key, NULL), GYRE_OK));
	place_end();
}

/* ---- Listing ---- */

struct listing {
	const struct place *place;
	unsigned found;
	unsigned hidden;
	unsigned stop_after;
};

static int count_if_ours(void *context, const struct gyre_key *key)
{
	struct listing *const listing = context;

	if (strstr(key->native, listing->place->name) != NULL)
		listing->found++;
	return listing->stop_after != 0 && listing->found == listing->stop_after;
}

static const char *list_as_other(void *context)
{
	struct listing *const listing = context;

	if (gyre_backend_posix.list(count_if_ours, listing, &listing->hidden, NULL) != GYRE_OK)
		return "list failed";
	if (listing->found != 1 || listing->hidden < 1)
		return complain("%u found, %u hidden", listing->found, listing->hidden);
	return NULL;
}

Test(trust, list_finds_objects_and_counts_what_permission_hides)
{
	struct place *const p = place_open(PLACE_POSIX);
	struct listing listing = {.place = p};
	const struct gyre_permissions readable = {.mode = 0644};
	const struct gyre_key second = place_key(p, "-2");
	char path[2 * PATH_BYTES + 2];

	cr_assert(eq(int, create(&p->key, NULL), GYRE_OK));
	cr_assert(eq(int, create(&second, &readable), GYRE_OK));
	place_path(p, "-3", path);
	cr_assert(eq(int, mkfifo(path, 0600), 0));
	place_path(p, "-4", path);
	cr_assert(eq(int, symlink("x", path), 0));
	cr_assert(eq(int, gyre_backend_posix.list(count_if_ours, &listing, &listing.hidden, NULL),
		GYRE_OK));
	cr_assert(eq(uint, listing.found, 2));
	listing = (struct listing){.place = p, .stop_after = 1};
	cr_assert(eq(int, gyre_backend_posix.list(count_if_ours, &listing, &listing.hidden, NULL),
		GYRE_OK));
	cr_assert(eq(uint, listing.found, 1));
	listing = (struct listing){.place = p};
	expect_well(as_nobody(list_as_other, &listing));
	place_end();
}
