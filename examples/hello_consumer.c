#include <gyre_ring.h>
#include <stdio.h>

int main(void)
{
	struct gyre_message message;
	struct gyre_error error;
	struct gyre_ring *ring;

	if (gyre_ring_open("hello", GYRE_CONSUMER, NULL, &ring, &error) != GYRE_OK)
		return fprintf(stderr, "%s\n", error.what), 1;
	while (gyre_ring_peek(ring, GYRE_FOREVER, &message) == GYRE_OK) {
		printf("%.*s\n", (int)message.bytes, (const char *)message.data);
		gyre_ring_release(ring, &message);
	}
	gyre_ring_detach(ring);
	return 0;
}
