#include <gyre_ring.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
	struct gyre_error error;
	struct gyre_ring *ring;

	if (gyre_ring_open("hello", GYRE_PRODUCER, NULL, &ring, &error) != GYRE_OK)
		return fprintf(stderr, "%s\n", error.what), 1;
	for (int i = 1; i < argc; i++)
		if (gyre_ring_send(ring, argv[i], strlen(argv[i]), 0, GYRE_FOREVER) != GYRE_OK)
			return fprintf(stderr, "cannot send %s\n", argv[i]), 1;
	gyre_ring_close(ring);
	gyre_ring_detach(ring);
	return 0;
}
