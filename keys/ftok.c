#include "gyre_key.h"

uint32_t gyre_key_ftok(uint64_t st_dev, uint64_t st_ino, int proj_id)
{
	return ((uint32_t)proj_id & 0xFF) << 24 | ((uint32_t)st_dev & 0xFF) << 16 |
	       ((uint32_t)st_ino & 0xFFFF);
}
