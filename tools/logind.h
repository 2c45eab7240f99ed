/* Whether systemd-logind removes a user's objects when that user logs out. */
#ifndef GYRE_TOOLS_LOGIND_H
#define GYRE_TOOLS_LOGIND_H

#include <stdbool.h>
#include <stddef.h>

/* RemoveIPC= of logind.conf and its drop-ins, as logind reads them; true, its default, if none of
 * them says. ret_where gets the file that decided, "" for the default. */
bool logind_removes_ipc(char *ret_where, size_t size);

#endif
