/*
 * Ask for a line to write to, before it is needed.
 *
 * Stores become visible in order: one to a line that the other core holds stops all that follow.
 * __builtin_prefetch(p, 1) is not enough on x86-64: unless -mprfchw is given, the compiler makes
 * it a prefetch for reading, which fetches the line without its ownership. The instruction needs
 * no check: processors without it execute it as a no-op.
 */
#ifndef BENCH_PREFETCHW_H
#define BENCH_PREFETCHW_H

static inline void prefetchw(const void *address)
{
#ifdef __x86_64__
	__asm__ volatile("prefetchw %0" : : "m"(*(const char *)address));
#else
	__builtin_prefetch(address, 1, 3);
#endif
}

#endif
