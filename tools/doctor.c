/* gyre doctor: what on this machine will bite, each with the cure. */
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "doctor.h"
#include "gyre_inspect.h"
#include "json.h"
#include "numbers.h"
#include "say.h"
#include "verb.h"
#include "view_json.h"

struct doctor_settings {
	bool json, quiet;
};

#define AT(field) offsetof(struct doctor_settings, field)

static const struct option_spec options[] = {
	{'q', "quiet", OPTION_FLAG, AT(quiet), NULL, "only what is not ok"},
	{'J', "json", OPTION_FLAG, AT(json), NULL, "as JSON, with all figures: see gyre-json(5)"},
	{0, NULL, OPTION_FLAG, 0, NULL, NULL},
};

typedef void check_fn(struct doctor *doctor);

static check_fn *const checks[] = {doctor_shm, doctor_memory, doctor_container, doctor_remove_ipc,
	doctor_liveness, doctor_wakeup, doctor_seals, doctor_descriptors, doctor_locked,
	doctor_systemv, doctor_rings};

static const char *const words[] = {"ok", "warn", "problem"};

/* ---- What the checks say ---- */

void finding(struct doctor *doctor, enum health health, const char *what, const char *format, ...)
{
	/* The last place is written over rather than a line lost in silence: a mistake of ours. */
	struct finding *last = &doctor->findings[doctor->count < FINDINGS_MAX ? doctor->count++
									      : FINDINGS_MAX - 1];
	va_list args;

	*last = (struct finding){.health = health, .what = what};
	va_start(args, format);
	vsnprintf(last->text, sizeof last->text, format, args);
	va_end(args);
}

void cure(struct doctor *doctor, const char *format, ...)
{
	struct finding *last = &doctor->findings[doctor->count - 1];
	va_list args;

	va_start(args, format);
	vsnprintf(last->cure, sizeof last->cure, format, args);
	va_end(args);
}

void figure(struct doctor *doctor, const char *name, uint64_t value)
{
	struct finding *last = &doctor->findings[doctor->count - 1];

	if (last->figure_count < FIGURES_MAX)
		last->figures[last->figure_count++] = (struct figure){name, value};
}

uint64_t doctor_ring_bytes(void)
{
	struct gyre_ring_info info;

	return gyre_ring_plan(NULL, 0, 0, &info, NULL) == GYRE_OK ? info.segment_bytes : 0;
}

static unsigned count_of(const struct doctor *doctor, enum health health)
{
	unsigned i, count = 0;

	for (i = 0; i < doctor->count; i++)
		count += doctor->findings[i].health == health;
	return count;
}

/* ---- As a table ---- */

enum {
	STATE_WIDTH = 8,
	WHAT_WIDTH = 13,
	TEXT_START = STATE_WIDTH + WHAT_WIDTH,
	TEXT_WIDTH_MIN = 20,
};

/* How wide the texts may be: what is not read on a terminal is not broken into lines. */
static size_t text_width(void)
{
	const char *told = getenv("COLUMNS");
	struct winsize size = {.ws_col = 0};
	uint64_t columns;

	if (isatty(STDOUT_FILENO) != 1)
		return SIZE_MAX;
	if (told == NULL || !number_count(told, &columns)) {
		ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
		columns = size.ws_col;
	}
	return columns >= TEXT_START + TEXT_WIDTH_MIN ? columns - TEXT_START : SIZE_MAX;
}

/* The bytes of a text that fit into a line: up to its last blank, if there is one. */
static size_t line_of(const char *text, size_t width)
{
	size_t length = strlen(text), cut = width;

	if (length <= width)
		return length;
	while (cut > 0 && text[cut] != ' ')
		cut--;
	return cut > 0 ? cut : width;
}

static void put_wrapped(const char *text, size_t width)
{
	size_t length = line_of(text, width);

	printf("%.*s\n", (int)length, text);
	for (text += length; *text != '\0'; text += length) {
		text += strspn(text, " ");
		length = line_of(text, width);
		printf("%*s%.*s\n", TEXT_START, "", (int)length, text);
	}
}

static void put_finding(const struct finding *f, size_t width)
{
	char arrow[sizeof f->cure + 4];

	printf("%-*s%-*s", STATE_WIDTH, words[f->health], WHAT_WIDTH, f->what);
	put_wrapped(f->text, width);
	if (f->cure[0] == '\0')
		return;
	snprintf(arrow, sizeof arrow, "-> %s", f->cure);
	printf("%*s", TEXT_START, "");
	put_wrapped(arrow, width);
}

static void as_table(const struct doctor *doctor, bool quiet)
{
	const unsigned warnings = count_of(doctor, HEALTH_WARN);
	const unsigned problems = count_of(doctor, HEALTH_PROBLEM);
	const size_t width = text_width();
	unsigned i;

	for (i = 0; i < doctor->count; i++) {
		if (!quiet || doctor->findings[i].health != HEALTH_OK)
			put_finding(&doctor->findings[i], width);
	}
	if (warnings + problems > 0)
		printf("%u problem%s, %u warning%s\n", problems, problems == 1 ? "" : "s", warnings,
			warnings == 1 ? "" : "s");
	else if (!quiet)
		printf("nothing that will bite\n");
}

/* ---- As JSON ---- */

static void finding_json(struct json *json, const struct finding *f)
{
	unsigned i;

	json_open(json, NULL, '{');
	json_text(json, "what", f->what);
	json_text(json, "health", words[f->health]);
	json_text(json, "text", f->text);
	json_text(json, "cure", f->cure[0] != '\0' ? f->cure : NULL);
	json_open(json, "figures", '{');
	for (i = 0; i < f->figure_count; i++) {
		if (f->figures[i].value == UINT64_MAX)
			json_text(json, f->figures[i].name, NULL);
		else
			json_number(json, f->figures[i].name, f->figures[i].value);
	}
	json_close(json, '}');
	json_close(json, '}');
}

static void as_json(const struct doctor *doctor, bool quiet)
{
	struct json json = {0, false};
	unsigned i;

	json_open(&json, NULL, '{');
	json_number(&json, "version", JSON_VERSION);
	json_open(&json, "findings", '[');
	for (i = 0; i < doctor->count; i++) {
		if (!quiet || doctor->findings[i].health != HEALTH_OK)
			finding_json(&json, &doctor->findings[i]);
	}
	json_close(&json, ']');
	json_number(&json, "problems", count_of(doctor, HEALTH_PROBLEM));
	json_number(&json, "warnings", count_of(doctor, HEALTH_WARN));
	json_close(&json, '}');
}

static int run(const struct verb *verb, int argc, char **argv)
{
	struct doctor_settings settings = {.json = false};
	static struct doctor doctor;
	size_t i;

	options_parse(verb, argc, argv, &settings);
	for (i = 0; i < sizeof checks / sizeof checks[0]; i++)
		checks[i](&doctor);
	if (settings.json)
		as_json(&doctor, settings.quiet);
	else
		as_table(&doctor, settings.quiet);
	return count_of(&doctor, HEALTH_OK) == doctor.count ? STATUS_OK : STATUS_ERROR;
}

const struct verb verb_doctor = {
	.name = "doctor",
	.operands = "",
	.operands_min = 0,
	.operands_max = 0,
	.summary = "what on this machine will bite, and the cure",
	.text = "Look at what rings need of this machine: room, limits, features of the kernel,\n"
		"who removes them, what is left over. Looking changes nothing, disturbs nobody.",
	.options = options,
	.examples = "  gyre doctor --quiet || gyre clean\n"
		    "  gyre doctor --json | jq '.findings[] | select(.health != \"ok\")'",
	.statuses = "0 nothing will bite, 1 something will, 2 usage",
	.run = run,
};
