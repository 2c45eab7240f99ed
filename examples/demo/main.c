/*
 * gyre-demo: real data from one process to another, through the public interface only. Every
 * message carries the time of its commit, its number and a checksum; the consumer looks at all
 * three. The exit status is 0 only if everything that was sent arrived, once, whole and in order.
 */
#include <stdio.h>
#include <string.h>
#include "report.h"
#include "sources.h"
#include "succession.h"

struct choice {
	const char *gyre; /* the command */
	bool speech, text, pictures, kill;
};

static bool run(const struct stream *stream)
{
	struct account account;
	struct flow flow;
	bool good;

	good = flow_open(&flow, stream) && flow_start_consumer(&flow) &&
	       flow_start_producer(&flow) && report_start(&flow) && flow_wait(&flow) &&
	       flow_account(&flow, &account);
	if (good) {
		report_figures(&flow);
		good = report_balance(&flow, &account, flow.producer.tally->checksum);
	}
	flow_close(&flow);
	return good;
}

static bool run_speech(void)
{
	static struct speech speech;
	const struct stream stream = {.name = "speech",
		.offset = sizeof(struct envelope),
		.produce = speech_produce,
		.source = &speech};
	bool good;

	report_title("Speech: " SPEECH_FOLDER "/*.wav, 10 ms every 10 ms");
	good = speech_load(&speech) && run(&stream);
	speech_free(&speech);
	return good;
}

static struct stream text_stream(const char *name, const struct text *text)
{
	const uint64_t needed =
		gyre_ring_capacity_for(sizeof(struct envelope) + text->longest_line);

	return (struct stream){.name = name,
		.ring.capacity_bytes = needed > 1 << 20 ? needed : 1 << 20,
		.offset = sizeof(struct envelope),
		.produce = text_produce,
		.source = text};
}

static bool run_text(struct text *text)
{
	const struct stream stream = text_stream("text", text);
	char title[128], lines[TEXT_BYTES], bytes[TEXT_BYTES];

	snprintf(title, sizeof title,
		"Text: %s lines (%s) of %u files in /usr/include, at full speed",
		text_of_count(lines, text->lines), text_of_bytes(bytes, (double)text->all.size),
		text->files);
	report_title(title);
	text->times = 0;
	return run(&stream);
}

static bool run_pictures(void)
{
	const struct stream stream = {.name = "pictures",
		.ring = {.capacity_bytes = gyre_ring_capacity_for(PICTURE_BYTES + 64) * 4,
			.align_bytes = 64},
		.offset = 64, /* the planes start on a cache line */
		.produce = pictures_produce};

	report_title(
		"Pictures: 1920x1080 NV12 in motion, rendered and read in place, at full speed");
	return run(&stream);
}

static bool run_kill(const char *gyre, struct text *text)
{
	const struct stream stream = text_stream("kill", text);

	report_title("The text again, and kill -9 in mid-stream");
	return succession(gyre, &stream, text);
}

static bool run_chosen(const struct choice *choice)
{
	static struct text text;
	bool good;

	good = (!choice->speech || run_speech()) &&
	       (!(choice->text || choice->kill) || text_load(&text)) &&
	       (!choice->text || run_text(&text)) && (!choice->pictures || run_pictures()) &&
	       (!choice->kill || run_kill(choice->gyre, &text));
	text_free(&text);
	return good;
}

static int usage(FILE *to)
{
	fprintf(to, "Usage: gyre-demo [--gyre PATH] [speech] [text] [pictures] [kill]\n"
		    "Real data from process to process; all four parts if none is named.\n"
		    "PATH is the command gyre. Exit status: 0 if all of it arrived, 1 if not.\n");
	return to == stdout ? 0 : 2;
}

static bool choose(const char *word, struct choice *choice)
{
	bool *const parts[] = {&choice->speech, &choice->text, &choice->pictures, &choice->kill};
	static const char *const names[] = {"speech", "text", "pictures", "kill"};

	for (unsigned i = 0; i < 4; i++) {
		if (strcmp(word, names[i]) == 0) {
			*parts[i] = true;
			return true;
		}
	}
	return false;
}

int main(int argc, char **argv)
{
	struct choice choice = {.gyre = "gyre"};
	bool good;
	int i;

	for (i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			return usage(stdout);
		if (strcmp(argv[i], "--gyre") == 0 && i + 1 < argc)
			choice.gyre = argv[++i];
		else if (!choose(argv[i], &choice))
			return usage(stderr);
	}
	if (!choice.speech && !choice.text && !choice.pictures && !choice.kill)
		choice.speech = choice.text = choice.pictures = choice.kill = true;
	flow_catch_signals();
	printf("gyre: real data from one process to another, through shared memory\n");
	good = run_chosen(&choice);
	if (flow_signal() != 0)
		return 128 + flow_signal();
	printf(good ? "\nEverything that was sent arrived.\n" : "\nThe demo FAILED.\n");
	return good ? 0 : 1;
}
