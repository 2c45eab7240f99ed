/* Around this process: is it in a container, and who removes what it leaves. */
#include <inttypes.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "doctor.h"
#include "logind.h"

enum { SYSTEM_UID_MAX = 999 }; /* of systemd in Debian: logind leaves their objects alone */

/* ---- Container ---- */

/* One line of a file, or "" if there is none. */
static void first_line(const char *path, char *line, int size)
{
	FILE *file = fopen(path, "re");

	line[0] = '\0';
	if (file == NULL)
		return;
	if (fgets(line, size, file) == NULL)
		line[0] = '\0';
	line[strcspn(line, "\n")] = '\0';
	fclose(file);
}

/* The control group names the engine, unless the container has a namespace of groups. */
static const char *by_cgroup(void)
{
	static const char *const engines[] = {
		"kubepods", "docker", "libpod", "containerd", "lxc", "garden"};
	FILE *file = fopen("/proc/1/cgroup", "re");
	const char *found = NULL;
	char line[1024];
	size_t i;

	while (file != NULL && found == NULL && fgets(line, sizeof line, file) != NULL) {
		for (i = 0; found == NULL && i < sizeof engines / sizeof engines[0]; i++) {
			if (strstr(line, engines[i]) != NULL)
				found = engines[i];
		}
	}
	if (file != NULL)
		fclose(file);
	return found;
}

/* NULL: in none that could be told. */
static const char *container_engine(char *buffer, int size)
{
	first_line("/run/systemd/container", buffer, size);
	if (buffer[0] != '\0')
		return buffer;
	if (getenv("KUBERNETES_SERVICE_HOST") != NULL)
		return "Kubernetes";
	if (access("/run/.containerenv", F_OK) == 0)
		return "podman";
	if (access("/.dockerenv", F_OK) == 0)
		return "docker";
	return by_cgroup();
}

void doctor_container(struct doctor *d)
{
	char buffer[64];
	const char *engine = container_engine(buffer, sizeof buffer);

	if (engine == NULL)
		finding(d, HEALTH_OK, "container",
			"none: every process here sees the same /dev/shm");
	else
		finding(d, HEALTH_OK, "container",
			"%s: only containers that share its /dev/shm see its rings "
			"(--ipc=shareable and --ipc=container:NAME, or a volume there)",
			engine);
	figure(d, "container", engine != NULL);
}

/* ---- RemoveIPC ---- */

static bool lingers(const char *user)
{
	char path[320];

	snprintf(path, sizeof path, "/var/lib/systemd/linger/%s", user);
	return access(path, F_OK) == 0;
}

static void say_removal(struct doctor *d, const char *where)
{
	const uid_t uid = geteuid();
	const struct passwd *entry = getpwuid(uid);
	const char *user = entry != NULL ? entry->pw_name : "the user";

	if (uid <= SYSTEM_UID_MAX) {
		finding(d, HEALTH_OK, "logind",
			"RemoveIPC=yes (%s), but %s is a system user, whose rings stay; others "
			"lose theirs at their last logout",
			where, user);
	} else if (lingers(user)) {
		finding(d, HEALTH_OK, "logind",
			"RemoveIPC=yes (%s), but %s lingers: nothing goes at logout", where, user);
	} else {
		finding(d, HEALTH_WARN, "logind",
			"RemoveIPC=yes (%s): the rings of %s in /dev/shm, and System V ones, go at "
			"the last logout",
			where, user);
		cure(d,
			"RemoveIPC=no in /etc/systemd/logind.conf, loginctl enable-linger %s, or "
			"file: keys elsewhere",
			user);
	}
}

void doctor_remove_ipc(struct doctor *d)
{
	char where[600];

	if (access("/run/systemd/system", F_OK) != 0) { /* sd_booted(3) */
		finding(d, HEALTH_OK, "logind", "systemd does not run here: nobody removes rings");
		return;
	}
	if (!logind_removes_ipc(where, sizeof where))
		finding(d, HEALTH_OK, "logind",
			"RemoveIPC=no (%s): rings outlive their user's session", where);
	else
		say_removal(d, where[0] != '\0' ? where : "the default");
}
