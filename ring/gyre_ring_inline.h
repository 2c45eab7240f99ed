/**
 * @file gyre_ring_inline.h
 * @brief The quick ways of gyre_ring.h, for the caller's compiler to inline.
 *
 * Included by gyre_ring.h; not to be included by itself. Nothing here is API: only the functions
 * that gyre_ring.h documents are, and they behave the same with GYRE_NO_INLINE defined before the
 * include, when every call is a call into the library. What is inlined is the case in which a
 * message moves at once, without waiting: the size of a message is often known where the call
 * stands, and a call costs as much as moving eight bytes. The library is compiled from the same
 * code. Its order, word by word, is docs/layout.md's and docs/ordering.md's.
 */
#ifndef GYRE_RING_INLINE_H
#define GYRE_RING_INLINE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "gyre_ring.h"

#ifdef __cplusplus
extern "C" {
#define gyre_cast_(type, value) reinterpret_cast<type>(value)
#else
#define gyre_cast_(type, value) ((type)(value))
#endif

#define gyre_inline static inline __attribute__((always_inline, unused))
#define gyre_likely_(x) __builtin_expect(!!(x), 1)
#define gyre_unlikely_(x) __builtin_expect(!!(x), 0)

typedef uint64_t __attribute__((may_alias)) gyre_word_t_;
typedef uint64_t __attribute__((may_alias, aligned(1))) gyre_u64_any_;
typedef uint32_t __attribute__((may_alias, aligned(1))) gyre_u32_any_;

/*
 * The head of every handle. The quick ways know only what a small message in the middle of the ring
 * needs: no turn at the end of the data area, no look at the other side. The library brings the
 * rest up to date when it is called, and arms them again when it returns: room and expect are what
 * they are allowed. A handle that may not (other role or kind, after fork(), messages held, a
 * reservation open, closed, a ring of wake mode fence where the fence costs more than the call) has
 * room 0, and expects what no word is.
 */
struct gyre_ring_hot_ {
	uint8_t *at;     /* the place of the next message: the tail, or the first not yet peeked */
	uint64_t room;   /* producer: bytes from there that may be written, in one piece */
	uint64_t sent;   /* producer: since armed, messages << 32 | bytes of them */
	uint32_t phase;  /* slots: the phase bit of this lap, in place; records: 0 */
	uint32_t expect; /* consumer: the low four bits of a message's word */
	uint32_t stride; /* slots: bytes from one to the next; records: 0 */
	uint32_t align;  /* records: of positions; slots: 1 */
	uint32_t small_bytes_max; /* what the quick ways take: GYRE_SMALL_ or less */
	uint32_t message_bytes_max;
	const uint32_t *wake_word; /* where the other side sleeps */
	uint8_t *end;              /* of the data area */
	gyre_word_t_ *progress;    /* consumer: its exact position, in its seat */
	uint64_t position; /* producer: tail, when armed; consumer: head, all before is released */
	uint64_t show_at;  /* consumer: the position at which the head is shown */

	/* The library's. */
	uint64_t armed;           /* producer: room, as it was armed */
	uint64_t limit;           /* producer: may write up to here without looking, in one piece */
	uint64_t next;            /* consumer: the first one not yet peeked */
	uint64_t messages, bytes; /* producer: committed, when armed */
	uint64_t lap_bytes;       /* of the data area */
	uint64_t capacity;        /* of it in the unit of positions */
	uint64_t mask;            /* of an index in that unit */
	uint8_t *data;            /* of position 0 */
	uint64_t nothing;         /* what `at` leads to where there is no ring */
};

/* What no word's low four bits are. */
#define GYRE_EXPECT_NOTHING_ 16u

/* Out of line: wake the other side; GYRE_OK. */
GYRE_API int gyre_ring_wake_(struct gyre_ring *ring);
/* Out of line: show the head; GYRE_OK. */
GYRE_API int gyre_ring_show_(struct gyre_ring *ring);

gyre_inline struct gyre_ring_hot_ *gyre_hot_(struct gyre_ring *ring)
{
	return gyre_cast_(struct gyre_ring_hot_ *, ring);
}

/* ---- The 8-byte word in front of every message ----
 *
 *	bits 0-2   type, 0 nothing, 1 message, 2 pad, 3 close
 *	bit  3     phase: fixed slots flip it every lap; records leave it 0
 *	bits 4-31  length in bytes
 *	bits 32-63 the user's tag
 */
#define GYRE_WORD_BYTES_ 8u
#define GYRE_WORD_MESSAGE_ 1u

/* phase: 0, or GYRE_WORD_PHASE_. */
#define GYRE_WORD_PHASE_ 8u

gyre_inline uint64_t gyre_word_(uint32_t type, uint32_t phase, size_t bytes, uint32_t tag)
{
	return (uint64_t)tag << 32 | (uint32_t)bytes << 4 | phase | type;
}

gyre_inline uint32_t gyre_word_length_(uint64_t word)
{
	return (uint32_t)word >> 4;
}

/* ---- The two shapes; `slots` is always a constant ---- */

gyre_inline uint8_t *gyre_cell_(const struct gyre_ring_hot_ *r, uint64_t position, int slots)
{
	return r->data + (slots ? (position & r->mask) * r->stride : (position & r->mask));
}

/* How far a message of so many bytes moves the position. */
gyre_inline uint64_t gyre_span_(const struct gyre_ring_hot_ *r, size_t bytes, int slots)
{
	if (slots)
		return 1;
	return (GYRE_WORD_BYTES_ + (uint64_t)bytes + r->align - 1) & ~((uint64_t)r->align - 1);
}

/* How much can stand at position in one piece: to the end of the data area, and beyond. */
gyre_inline uint64_t gyre_reach_(const struct gyre_ring_hot_ *r, uint64_t position)
{
	return r->capacity - (position & r->mask) + 2 * (uint64_t)r->align;
}

gyre_inline uint32_t gyre_phase_(const struct gyre_ring_hot_ *r, uint64_t position, int slots)
{
	return slots && (position & (r->mask + 1)) == 0 ? GYRE_WORD_PHASE_ : 0;
}

/* Set at and phase for a position, from nothing. */
gyre_inline void gyre_aim_(struct gyre_ring_hot_ *r, uint64_t position, int slots)
{
	r->at = gyre_cell_(r, position, slots);
	r->phase = gyre_phase_(r, position, slots);
}

/* A word is believed only as far as its message stays inside its place. */
gyre_inline int gyre_is_message_(
	const struct gyre_ring_hot_ *r, uint64_t position, uint64_t word, int slots)
{
	if ((word & 15) != (uint64_t)(gyre_phase_(r, position, slots) | GYRE_WORD_MESSAGE_))
		return 0;
	if (slots)
		return gyre_word_length_(word) <= r->message_bytes_max;
	return gyre_span_(r, gyre_word_length_(word), 0) <= gyre_reach_(r, position);
}

/* ---- Memory ---- */

/* Ask for ownership of a line that will be written soon: the one thing that makes a stream fast,
 * since stores commit in order and one missing line holds up all that follow. */
gyre_inline void gyre_prefetch_write_(const void *address)
{
#if defined(__x86_64__) || defined(__i386__)
	/* gcc has no builtin for it that works without -mprfchw. */
	__asm__ volatile("prefetchw %0" : : "m"(*gyre_cast_(const char *, address)));
#else
	__builtin_prefetch(address, 1, 3);
#endif
}

/* How far ahead of its use a line is asked for. Beyond the end of the data area, and of the
 * mapping, a prefetch does nothing: the lines behind the wrap are not asked for, a KiB a lap. */
#define GYRE_PREFETCH_AHEAD_ 1024

/* The lines that writing so many bytes at `at` brings into reach. */
gyre_inline void gyre_prefetch_ahead_(const uint8_t *at, size_t bytes)
{
	gyre_prefetch_write_(at + GYRE_PREFETCH_AHEAD_);
	if (bytes > 64 - GYRE_WORD_BYTES_)
		for (size_t line = 64; line < bytes + GYRE_WORD_BYTES_; line += 64)
			gyre_prefetch_write_(at + GYRE_PREFETCH_AHEAD_ + line);
}

gyre_inline void gyre_copy_word_(uint8_t *to, const uint8_t *from, size_t i)
{
	uint64_t word = gyre_cast_(const gyre_u64_any_ *, from)[i];

	__asm__("" : "+r"(word)); /* keep the compiler from making wider loads of it */
	gyre_cast_(gyre_u64_any_ *, to)[i] = word;
}

#define GYRE_SMALL_ 64u

/* Up to GYRE_SMALL_ bytes in words of eight: a wider load would stall on what the caller stored
 * just before in narrower ones (store forwarding). Reads and writes exactly bytes. */
gyre_inline void gyre_copy_small_(uint8_t *to, const uint8_t *from, size_t bytes)
{
	/* What the compiler knows of the caller's object says nothing about the other cases. */
	__asm__("" : "+r"(to));
	__asm__("" : "+r"(from));
	switch (bytes / 8) {
	case 8:
		gyre_copy_word_(to, from, 7); /* fall through */
	case 7:
		gyre_copy_word_(to, from, 6); /* fall through */
	case 6:
		gyre_copy_word_(to, from, 5); /* fall through */
	case 5:
		gyre_copy_word_(to, from, 4); /* fall through */
	case 4:
		gyre_copy_word_(to, from, 3); /* fall through */
	case 3:
		gyre_copy_word_(to, from, 2); /* fall through */
	case 2:
		gyre_copy_word_(to, from, 1); /* fall through */
	case 1:
		gyre_copy_word_(to, from, 0);
		if (bytes % 8 != 0)
			gyre_copy_word_(to + bytes - 8, from + bytes - 8, 0);
		return;
	default:
		break;
	}
	if (bytes >= 4) {
		const uint32_t first = *gyre_cast_(const gyre_u32_any_ *, from);
		const uint32_t last = *gyre_cast_(const gyre_u32_any_ *, from + bytes - 4);

		*gyre_cast_(gyre_u32_any_ *, to) = first;
		*gyre_cast_(gyre_u32_any_ *, to + bytes - 4) = last;
	} else {
		for (size_t i = 0; i < bytes; i++)
			to[i] = from[i];
	}
}

/* In pieces for which libc uses vector registers: its "rep movsb" for larger ones is twenty times
 * slower where the target lies a few bytes behind the source, modulo 4 KiB (AMD Zen 3), as what
 * comes after an 8-byte word does. Into the ring (a constant), where the lines belong to the other
 * core: asks for the next KiB, copies this one. */
gyre_inline void gyre_copy_large_(uint8_t *to, const uint8_t *from, size_t bytes, int into_ring)
{
	size_t part = GYRE_PREFETCH_AHEAD_;

	/* Of a size that they know, or know to be small, compilers make "rep movs", which is slower
	 * than libc's vectors. */
	__asm__("" : "+r"(part));
	for (; bytes > GYRE_PREFETCH_AHEAD_; bytes -= GYRE_PREFETCH_AHEAD_) {
		if (into_ring)
			gyre_prefetch_ahead_(to, GYRE_PREFETCH_AHEAD_);
		memcpy(to, from, part);
		to += GYRE_PREFETCH_AHEAD_;
		from += GYRE_PREFETCH_AHEAD_;
	}
	if (into_ring)
		gyre_prefetch_ahead_(to, bytes);
	__asm__("" : "+r"(bytes));
	memcpy(to, from, bytes);
}

/* ---- Publishing ---- */

/* Relaxed: the publication is ordered before this load, by a fence or by the sleeper's
 * membarrier. [SLEEP] */
gyre_inline int gyre_may_sleep_(const struct gyre_ring_hot_ *r)
{
	return (__atomic_load_n(r->wake_word, __ATOMIC_RELAXED) & 1) != 0;
}

/* After a publication in wake mode membarrier: wake the other side if it may sleep. GYRE_OK. */
gyre_inline int gyre_published_(struct gyre_ring_hot_ *r)
{
	/* [SLEEP] The sleeper's membarrier orders the publication before the look at the flag; the
	 * sleeper sets the flag before it looks at the ring again. */
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	if (gyre_unlikely_(gyre_may_sleep_(r)))
		return gyre_ring_wake_(gyre_cast_(struct gyre_ring *, r));
	return GYRE_OK;
}

gyre_inline uint64_t gyre_load_word_at_(const uint8_t *at)
{
	/* [WORD] acquire: pairs with the release in gyre_ring_send_inline_(), publish() and
	 * store_word(). */
	return __atomic_load_n(gyre_cast_(const gyre_word_t_ *, at), __ATOMIC_ACQUIRE);
}

gyre_inline uint64_t gyre_load_word_(const struct gyre_ring_hot_ *r, uint64_t position, int slots)
{
	return gyre_load_word_at_(gyre_cell_(r, position, slots));
}

/* Release everything before position: the exact progress, and every quarter of the ring the shown
 * head. GYRE_OK. */
gyre_inline int gyre_progress_(struct gyre_ring_hot_ *r, uint64_t position)
{
	r->position = position;
	/* [PROGRESS] release: pairs with the acquire in gyre_consumer_position(). The last read of
	 * the room given back happens before the producer's next write there. One store to a line
	 * that nobody else reads in normal running. */
	__atomic_store_n(r->progress, position, __ATOMIC_RELEASE);
	if (gyre_unlikely_((int64_t)(position - r->show_at) >= 0))
		return gyre_ring_show_(gyre_cast_(struct gyre_ring *, r));
	return GYRE_OK;
}

/* ---- One message ---- */

gyre_inline void gyre_describe_(
	struct gyre_message *ret, const void *data, uint64_t word, uint64_t position)
{
	ret->data = data;
	ret->bytes = gyre_word_length_(word);
	ret->tag = (uint32_t)(word >> 32);
	ret->flags = 0;
	ret->position = position;
	ret->index = 0;
	ret->deliveries = 1;
}

#ifndef GYRE_NO_INLINE

gyre_inline int gyre_ring_send_inline_(
	struct gyre_ring *ring, const void *data, size_t bytes, uint32_t tag, int64_t timeout_ns)
{
	struct gyre_ring_hot_ *const r = gyre_hot_(ring);
	const uint32_t stride = r->stride;
	const uint64_t span = stride != 0 ? stride : gyre_span_(r, bytes, 0);
	uint8_t *const at = r->at;

	if (bytes > GYRE_SMALL_ || gyre_unlikely_(bytes > r->small_bytes_max || span > r->room))
		return gyre_ring_send(ring, data, bytes, tag, timeout_ns);
	gyre_prefetch_ahead_(at, bytes);
	gyre_copy_small_(at + GYRE_WORD_BYTES_, gyre_cast_(const uint8_t *, data), bytes);
	/* Relaxed: ordered before the word that leads there by that one's release. */
	if (stride == 0)
		__atomic_store_n(gyre_cast_(gyre_word_t_ *, at + span), 0, __ATOMIC_RELAXED);
	r->at = at + span;
	r->room -= span;
	r->sent += (uint64_t)1 << 32 | bytes;
	/* [WORD] release: pairs with the acquire in gyre_load_word_at_(). */
	__atomic_store_n(gyre_cast_(gyre_word_t_ *, at),
		gyre_word_(GYRE_WORD_MESSAGE_, r->phase, bytes, tag), __ATOMIC_RELEASE);
	return gyre_published_(r);
}

/* A word that lies can at worst make it read and pass what is within the data area. */
gyre_inline int64_t gyre_ring_receive_inline_(struct gyre_ring *ring, void *buffer,
	size_t buffer_bytes, int64_t timeout_ns, struct gyre_message *ret_message)
{
	struct gyre_ring_hot_ *const r = gyre_hot_(ring);
	uint8_t *const at = r->at;
	const uint64_t word = gyre_load_word_at_(at);
	const size_t bytes = gyre_word_length_(word);
	const uint32_t stride = r->stride;
	const uint64_t span = stride != 0 ? stride : gyre_span_(r, bytes, 0);
	const uint64_t position = r->position;

	if (gyre_unlikely_((word & 15) != r->expect || bytes > r->small_bytes_max ||
			   bytes > buffer_bytes || span >= (uint64_t)(r->end - at)))
		return gyre_ring_receive(ring, buffer, buffer_bytes, timeout_ns, ret_message);
	if (ret_message != NULL)
		gyre_describe_(ret_message, buffer, word, position);
	gyre_copy_small_(gyre_cast_(uint8_t *, buffer), at + GYRE_WORD_BYTES_, bytes);
	r->at = at + span;
	gyre_progress_(r, position + (stride != 0 ? 1 : span));
	return (int64_t)bytes;
}

#define gyre_ring_send gyre_ring_send_inline_
#define gyre_ring_receive gyre_ring_receive_inline_

#endif

#ifdef __cplusplus
}
#endif
#endif
