/* What the demo prints: figures of a stream, and whether they are right. */
#ifndef DEMO_REPORT_H
#define DEMO_REPORT_H

#include <stdbool.h>
#include "flow.h"

void report_title(const char *title);

bool report_start(const struct flow *flow); /* which processes; always true */

/* Rate, latency, processor time. */
void report_figures(const struct flow *flow);

/* Everything sent was received, once, whole and in order; false if not. */
bool report_balance(const struct flow *flow, const struct account *account, uint64_t sent_checksum);

/* Each fills a caller's buffer and returns it. */
#define TEXT_BYTES 32
const char *text_of_count(char *buffer, uint64_t count); /* "1,234,567" */
const char *text_of_bytes(char *buffer, double bytes);   /* "1.23 MB" */

#endif
