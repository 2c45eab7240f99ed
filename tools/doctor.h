/*
 * gyre doctor: what its checks find. A check looks at one thing of this machine and disturbs
 * nothing: it makes nothing that anybody else could see, and takes no lock of anybody's object.
 */
#ifndef GYRE_TOOLS_DOCTOR_H
#define GYRE_TOOLS_DOCTOR_H

#include <stdint.h>

enum health {
	HEALTH_OK,
	HEALTH_WARN,    /* will bite some who do not know */
	HEALTH_PROBLEM, /* gyre cannot do here what it promises */
};

enum {
	FINDINGS_MAX = 24,
	FIGURES_MAX = 10,
};

struct figure {
	const char *name;
	uint64_t value; /* UINT64_MAX: no limit */
};

struct finding {
	enum health health;
	const char *what;
	char text[400];
	char cure[500]; /* "": none is needed */
	struct figure figures[FIGURES_MAX];
	unsigned figure_count;
};

struct doctor {
	struct finding findings[FINDINGS_MAX];
	unsigned count;
};

/* A line. What is said by cure() and figure() belongs to the last one. */
__attribute__((format(printf, 4, 5))) void finding(
	struct doctor *doctor, enum health health, const char *what, const char *format, ...);
__attribute__((format(printf, 2, 3))) void cure(struct doctor *doctor, const char *format, ...);
void figure(struct doctor *doctor, const char *name, uint64_t value);

void doctor_shm(struct doctor *doctor);         /* doctor_room.c */
void doctor_memory(struct doctor *doctor);      /* doctor_room.c */
void doctor_container(struct doctor *doctor);   /* doctor_host.c */
void doctor_remove_ipc(struct doctor *doctor);  /* doctor_host.c */
void doctor_liveness(struct doctor *doctor);    /* doctor_kernel.c */
void doctor_wakeup(struct doctor *doctor);      /* doctor_kernel.c */
void doctor_seals(struct doctor *doctor);       /* doctor_kernel.c */
void doctor_descriptors(struct doctor *doctor); /* doctor_limits.c */
void doctor_locked(struct doctor *doctor);      /* doctor_limits.c */
void doctor_systemv(struct doctor *doctor);     /* doctor_systemv.c */
void doctor_rings(struct doctor *doctor);       /* doctor_rings.c */

/* The memory that a ring of default size takes. */
uint64_t doctor_ring_bytes(void);

#endif
