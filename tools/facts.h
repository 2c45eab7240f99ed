/* A table of facts: what something is, and its value. */
#ifndef GYRE_TOOLS_FACTS_H
#define GYRE_TOOLS_FACTS_H

#include "table.h"

/* Two columns without headings; to be ended by table_end(). NULL, said: out of memory. */
struct table *facts_new(void);

__attribute__((format(printf, 3, 4))) void fact(
	struct table *facts, const char *what, const char *format, ...);

#endif
