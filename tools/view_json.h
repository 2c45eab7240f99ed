/* A ring as JSON: schema version 1, described in gyre-json(5). */
#ifndef GYRE_TOOLS_VIEW_JSON_H
#define GYRE_TOOLS_VIEW_JSON_H

#include "json.h"
#include "view.h"

#define JSON_VERSION 1

void view_json(struct json *json, const char *name, const struct ring_view *view);

#endif
