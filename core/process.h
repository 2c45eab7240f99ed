/* Who is this process, and does that one still live? */
#ifndef GYRE_PROCESS_H
#define GYRE_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

struct gyre_map;

/* What identifies a process beyond its reused pid. 0 where procfs does not tell. */
struct gyre_process {
	uint32_t pid;
	uint64_t start_ticks;
	uint64_t pid_namespace;
};

struct gyre_process gyre_process_self(void);

/* The running kernel's boot id, all zero without procfs. */
void gyre_boot_id(uint8_t ret_id[16]);

/* The program's name for display, never empty. */
const char *gyre_program_name(void);

/* How many processors this process may run on. */
unsigned gyre_online_cpus(void);

enum gyre_witness {
	GYRE_WITNESS_GONE,     /* no such process, a zombie, or another one under that pid */
	GYRE_WITNESS_UNKNOWN,  /* another pid namespace, or no procfs */
	GYRE_WITNESS_UNMAPPED, /* lives, but maps the object no more (exec) */
	GYRE_WITNESS_MAPPED,   /* lives and maps the object, or may */
};

/* What procfs says of a process that is said to map the object. Reads files; may be slow. */
enum gyre_witness gyre_process_witness(
	const struct gyre_process *process, const struct gyre_map *map);

#endif
