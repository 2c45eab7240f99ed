/* A large real text: the C headers and the licences of this machine, a message a line. */
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include "sources.h"

enum { OPEN_FOLDERS_MAX = 32, TEXT_BYTES_MAX = 192 << 20 };

static struct text *loading; /* nftw() takes no context */

static int take_file(const char *path, const struct stat *about, int type, struct FTW *where)
{
	struct buffer *all = &loading->all;
	const size_t before = all->size;

	(void)where;
	if (type != FTW_F || !S_ISREG(about->st_mode))
		return 0;
	if (all->size + (size_t)about->st_size > TEXT_BYTES_MAX)
		return 0;
	if (!buffer_append_file(all, path)) {
		all->size = before;
		return 0;
	}
	if (all->size == before)
		return 0;
	loading->files++;
	return all->bytes[all->size - 1] == '\n' || buffer_append(all, "\n", 1) ? 0 : 1;
}

/* The end of the line that starts at `at`, its newline excluded. */
static size_t end_of_line(const struct text *text, size_t at)
{
	const unsigned char *end = memchr(text->all.bytes + at, '\n', text->all.size - at);

	return end != NULL ? (size_t)(end - text->all.bytes) : text->all.size;
}

static void measure(struct text *text)
{
	size_t at, end;

	for (at = 0; at < text->all.size; at = end + 1) {
		end = end_of_line(text, at);
		text->lines++;
		if (end - at > text->longest_line)
			text->longest_line = end - at;
	}
}

bool text_load(struct text *text)
{
	static const char *const folders[] = {"/usr/share/common-licenses", "/usr/include"};

	*text = (struct text){0};
	loading = text;
	for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++)
		nftw(folders[i], take_file, OPEN_FOLDERS_MAX, FTW_PHYS);
	measure(text);
	if (text->lines == 0)
		fprintf(stderr, "no text to be read in /usr/include\n");
	return text->lines > 0;
}

void text_free(struct text *text)
{
	buffer_free(&text->all);
}

static bool send_line(struct sender *sender, const unsigned char *line, size_t bytes)
{
	void *room = sender_room(sender, bytes);

	if (room == NULL)
		return false;
	memcpy(room, line, bytes);
	return sender_commit(sender, bytes, 0);
}

static bool is_over(const struct text *text, unsigned times, uint64_t end_ns)
{
	return text->times != 0 ? times == text->times : clock_ns(CLOCK_MONOTONIC) > end_ns;
}

bool text_produce(struct sender *sender, const void *source, uint64_t first)
{
	const struct text *text = source;
	const uint64_t end_ns = clock_ns(CLOCK_MONOTONIC) + TEXT_SECONDS * 1000000000ull;
	unsigned times = (unsigned)(first / text->lines);
	uint64_t to_skip = first % text->lines;
	size_t at, end;

	for (; !is_over(text, times, end_ns); times++) {
		for (at = 0; at < text->all.size; at = end + 1) {
			end = end_of_line(text, at);
			if (to_skip > 0)
				to_skip--;
			else if (!send_line(sender, text->all.bytes + at, end - at))
				return false;
		}
	}
	return true;
}

uint64_t text_checksum(const struct text *text)
{
	uint64_t checksum = 0;
	size_t at, end;

	for (unsigned times = 0; times < text->times; times++) {
		for (at = 0; at < text->all.size; at = end + 1) {
			end = end_of_line(text, at);
			checksum =
				checksum_add(checksum, checksum_of(text->all.bytes + at, end - at));
		}
	}
	return checksum;
}
