/*
 * The mpmc ring: owner-stamped words, and what is left when a process dies between any two of its
 * accesses to shared memory.
 *
 * docs/mpmc.md tells the protocol in words, with the same names. Here every access to shared
 * memory is a step of its own; between any two steps anybody else may run, and the process may die.
 * Memory is sequentially consistent: the orders that matter on other machines are argued in
 * docs/mpmc.md, and the one that matters on x86 (store, then load) belongs to the wakeup and is
 * modelled in wakeup.pml.
 *
 * Waiting: a process that found nothing to do sleeps until anything shared has changed since it
 * began to look (`quiet`), then looks again. So a ring that is stuck is a state in which nothing can
 * move, and the last assertions of this file are evaluated exactly there.
 *
 * Death: at any step, if the process is in MORTAL and `kills` are left. The kernel drops the lock
 * bytes it held, its own and those of whom it was repairing. What it wrote stays.
 *
 * Configuration (-D):
 *   N              cells (4)
 *   NP, NC         producers, consumers
 *   MSGS, SPANS    messages of each producer; a digit each, the last digit is message 0 of
 *                  producer 0: their spans; 0: no such message; 5 + span: reserved, then discarded
 *   START          position at which the ring stands, empty, in the beginning
 *   PREFILL        the first so many messages of producer 0, of span 1, are in the ring already
 *   LAPM           laps are counted modulo this (and STAMP: laps that stamp inner words)
 *   KILLS, MORTAL  deaths; bit mask of those who may die (producers first)
 *   HOLD           bit mask of consumers that take a second message, where there is one, before
 *                  they release, and release them in either order
 *   TAKES          a digit for each consumer, the last digit for the first: it leaves after that many messages (0: never)
 *   LATE           bit mask of processes that are not there in the beginning: each takes the slot of
 *                  somebody who died
 *   SP, SC         the only producer / consumer of the ring: no CAS
 *   DROP           policy: what a dead consumer held is dropped (default: delivered again)
 *   LIMIT          deliveries after which a message is dropped (default: no limit)
 *   STEPOVER       bit mask of consumers that step over a message being written
 *   CLOSE          bit mask of producers that close the ring when they are through
 *   LEDGER         the accounting, checked exactly
 * Faults, for the negative controls: see docs/mpmc.md, "Negative controls".
 */
#ifndef N
#define N 4
#endif
#ifndef NP
#define NP 2
#endif
#ifndef NC
#define NC 2
#endif
#ifndef MSGS
#define MSGS 1
#endif
#ifndef SPANS
#define SPANS 21
#endif
#ifndef START
#define START 2
#endif
#ifndef PREFILL
#define PREFILL 0
#endif
#ifndef LAPM
#define LAPM 60
#endif
#ifndef KILLS
#define KILLS 1
#endif
#ifndef MORTAL
#define MORTAL 0
#endif
#ifndef TAKES
#define TAKES 0
#endif
#ifndef STEPOVER
#define STEPOVER 0
#endif
#ifndef CLOSE
#define CLOSE 0
#endif
#ifndef LATE
#define LATE 0
#endif
#ifndef HOLD
#define HOLD 0
#endif
#define NPROC (NP + NC)
#define NMSG (NP * MSGS)

#define WRITING 1
#define READY 2
#define AGAIN 3  /* READY_AGAIN */
#define READING 4
#define DONE 5
#define CLOSED 6

/* The word {lap, span, phase, owner}; 0 is never used. */
#define MK(l, s, p, o) (((l) << 9) | ((s) << 6) | ((p) << 3) | (o))
#define LAP(w) ((w) >> 9)
#define SPAN(w) (((w) >> 6) & 7)
#define PHASE(w) (((w) >> 3) & 7)
#define OWNER(w) ((w) & 7)
#define IX(t) ((t) % N)
#define LAPOF(t) ((((t) / N) % LAPM) + 1)
#ifdef LAP_ORDER
#define CLAIMED(w, t) (LAP(w) >= LAPOF(t))
#else
#define CLAIMED(w, t) (LAP(w) == LAPOF(t))
#endif

#define ID(p, k) ((p) * MSGS + (k))
#define TEN(i) ((i) == 0 -> 1 : ((i) == 1 -> 10 : ((i) == 2 -> 100 : ((i) == 3 -> 1000 : \
	((i) == 4 -> 10000 : ((i) == 5 -> 100000 : ((i) == 6 -> 1000000 : \
	((i) == 7 -> 10000000 : 100000000))))))))
#define DIGIT(x, i) ((x) / TEN(i) % 10)
#define SPANOF(id) (DIGIT(SPANS, id) % 5)
#define DISCARDS(id) (DIGIT(SPANS, id) > 5)
#define BIT(mask, i) (((mask) >> (i)) & 1)

/* Shared memory. */
short word[N];
byte tail = START;     /* hint */
byte head = START;     /* hint */
byte reclaimed = START;
byte redo;
#ifdef LIMIT
byte again[N];         /* redeliveries begun, in the side entry */
#endif
bit used[NPROC];       /* the participant slot is taken */
byte lock[NPROC];      /* its lock byte: who holds it (kernel) */

#ifdef LEDGER
/* Each ledger has two copies; `op` names the position of the operation in flight and the copy that
 * is right once it happened: 2 + 2 * position + copy; or just the copy: settled. */
byte committed[2 * NPROC];
byte discarded[2 * NPROC];
byte pop[NPROC];
byte released[2 * NPROC];
byte cop[NPROC];
byte aborted[2 * NPROC];   /* the repairer's, in the slot of the dead */
byte dropped[2 * NPROC];
byte redelivered[2 * NPROC];
byte rop[NPROC];
/* what really happened */
byte was_committed, was_discarded, was_released, was_aborted, was_dropped, was_redelivered;
#endif

/* Ghosts. */
byte kills = KILLS;
byte quiet;            /* mask: is looking, and nothing changed since it began */
byte frontier = START; /* the first unclaimed position */
byte holder[N];        /* whose message (id + 1) has this cell: claimed and not DONE */
byte got[NMSG];        /* times taken */
bit com[NMSG];         /* committed */
bit fin[NMSG];         /* released or dropped */
bit through[NPROC];    /* came to its end, alive */
bit dead[NPROC];
bit is_closed;
#ifdef LIMIT
byte shown[NMSG];      /* times its user saw it */
#endif

/* Something shared changed. */
#define tell() quiet = 0
#define LOOK quiet = quiet | (1 << me)
#define LOOKED quiet = quiet & ~(1 << me)

inline unlock1(p)
{
	if
	:: lock[p] == me + 1 -> lock[p] = 0
	:: else -> skip
	fi
}

inline die()
{
	kills--;
	dead[me] = 1;
	unlock1(0);
	unlock1(1);
#if NPROC > 2
	unlock1(2);
#endif
#if NPROC > 3
	unlock1(3);
#endif
#if NPROC > 4
	unlock1(4);
#endif
	tell()
}

#define MAYDIE (kills > 0 && BIT(MORTAL, me))
#define STEP(...) if :: atomic { __VA_ARGS__ } :: atomic { MAYDIE -> goto died } fi

/* The cells of a record: given to message id (0: given back). */
inline cells(pos, span, old, new)
{
	/* from the last to the first: `old` may be spelt as the holder of the first */
	if
	:: (span) > 2 -> assert(holder[IX(pos + 2)] == old); holder[IX(pos + 2)] = new
	:: else -> skip
	fi;
	if
	:: (span) > 1 -> assert(holder[IX(pos + 1)] == old); holder[IX(pos + 1)] = new
	:: else -> skip
	fi;
	assert(holder[IX(pos)] == old);
	holder[IX(pos)] = new
}

#ifdef LEDGER
/* Does the word still stand as it did before the operation in flight at `op`? Then it did not
 * happen. 2 + 2 * pos + copy -> copy that is right. */
#define OPPOS(op) (((op) - 2) / 2)
#define OPWAITS(op, ph, who) (LAP(word[IX(OPPOS(op))]) == LAPOF(OPPOS(op)) && \
	PHASE(word[IX(OPPOS(op))]) == ph && OWNER(word[IX(OPPOS(op))]) == (who) + 1)
#ifdef SP
#define PWAITS(op, who) (!CLAIMED(word[IX(OPPOS(op))], OPPOS(op)) && OPPOS(op) >= reclaimed)
#else
#define PWAITS(op, who) OPWAITS(op, WRITING, who)
#endif
#define SETTLE(op, waits, who) \
	if \
	:: op[who] >= 2 && (waits) -> op[who] = 1 - (op[who] & 1) \
	:: op[who] >= 2 && !(waits) -> op[who] = op[who] & 1 \
	:: else -> skip \
	fi
#define CUR(op, who) (2 * (who) + (op[who] & 1))
#define NXT(op, who) (2 * (who) + 1 - (op[who] & 1))
#define BEGIN(op, who, pos) op[who] = 2 + 2 * (pos) + 1 - (op[who] & 1)
#endif

#ifdef DROP
#define DROPIT(t) true
#else
#ifdef LIMIT
#define DROPIT(t) (again[IX(t)] + 1 >= LIMIT)
#else
#define DROPIT(t) false
#endif
#endif

/*
 * Repair of d, whose lock byte is ours. Uses t, w, r. Every step may be the last one of the
 * repairer; whoever comes next begins at the top.
 */
inline repair(KEEPS)
{
#ifdef LEDGER
#ifndef SETTLE_LATE
	STEP(SETTLE(pop, PWAITS(pop[d], d), d));
	STEP(SETTLE(cop, OPWAITS(cop[d], READING, d), d));
#endif
	/* an earlier repairer of d died over one word: did it change it? */
	if
	:: atomic { rop[d] >= 2 && (OPWAITS(rop[d], WRITING, d) || OPWAITS(rop[d], READING, d)) ->
		rop[d] = 1 - (rop[d] & 1) }
	:: atomic { rop[d] >= 2 && !(OPWAITS(rop[d], WRITING, d) || OPWAITS(rop[d], READING, d)) ->
		rop[d] = rop[d] & 1 }
	:: atomic { rop[d] < 2 -> skip }
	:: atomic { MAYDIE -> goto died }
	fi;
#endif
	STEP(t = reclaimed);
#ifdef REDO_IF_FOUND
	found = 0;
#endif
sweep:
	STEP(
		w = word[IX(t)];
		if
		:: CLAIMED(w, t) && PHASE(w) != CLOSED ->
			if
			:: OWNER(w) == d + 1 && (PHASE(w) == WRITING || PHASE(w) == READING) -> skip
			:: else -> t = t + SPAN(w); assert(t <= frontier); w = 0; goto sweep
			fi
		:: CLAIMED(w, t) && PHASE(w) == CLOSED -> w = 0; goto swept
		:: else -> w = 0; goto unclaimed
		fi
	);
#ifdef LEDGER
	STEP(
		aborted[NXT(rop, d)] = aborted[CUR(rop, d)] + (PHASE(w) == WRITING);
		dropped[NXT(rop, d)] = dropped[CUR(rop, d)] + (PHASE(w) == READING && DROPIT(t));
		redelivered[NXT(rop, d)] = redelivered[CUR(rop, d)] +
			(PHASE(w) == READING && !DROPIT(t))
	);
	STEP(BEGIN(rop, d, t));
#endif
#ifdef STAMP
	if
	:: PHASE(w) == WRITING && LAP(w) % STAMP == 0 && SPAN(w) > 1 ->
		STEP(word[IX(t + 1)] = MK(LAP(w), 1, DONE, 0))
	:: else -> skip
	fi;
	if
	:: PHASE(w) == WRITING && LAP(w) % STAMP == 0 && SPAN(w) > 2 ->
		STEP(word[IX(t + 2)] = MK(LAP(w), 1, DONE, 0))
	:: else -> skip
	fi;
#endif
#ifdef COUNT_BY_REPAIRER
	if
	:: PHASE(w) == READING -> STEP(again[IX(t)] = again[IX(t)] + 1)
	:: else -> skip
	fi;
#endif
	STEP(
#ifndef TIMEOUT_REPAIR
		/* nobody but the holder of the lock byte changes this word */
		assert(word[IX(t)] == w);
#endif
		if
		:: PHASE(w) == WRITING ->
			word[IX(t)] = MK(LAP(w), SPAN(w), DONE, 0);
			cells(t, SPAN(w), holder[IX(t)], 0)
#ifdef LEDGER
			;
			was_aborted++
#endif
		:: PHASE(w) == READING && DROPIT(t) ->
			word[IX(t)] = MK(LAP(w), SPAN(w), DONE, 0);
#ifdef LIMIT
			assert(got[holder[IX(t)] - 1] >= LIMIT);  /* not before its time */
#endif
			fin[holder[IX(t)] - 1] = 1;
			cells(t, SPAN(w), holder[IX(t)], 0)
#ifdef LEDGER
			;
			was_dropped++
#endif
		:: PHASE(w) == READING && !DROPIT(t) ->
			word[IX(t)] = MK(LAP(w), SPAN(w), AGAIN, 0)
#ifdef LEDGER
			;
			was_redelivered++
#endif
		fi;
		tell();
#ifdef REDO_IF_FOUND
		found = 1;
#endif
		t = t + SPAN(w);
		w = 0;
		goto sweep
	);
unclaimed:
	STEP(
		if
		:: t < reclaimed -> t = reclaimed; goto sweep
		:: else -> skip
		fi
	);
swept:
#ifdef LEDGER
#ifdef SETTLE_LATE
	STEP(SETTLE(pop, PWAITS(pop[d], d), d));
	STEP(SETTLE(cop, OPWAITS(cop[d], READING, d), d));
#endif
	/* every change of ours happened */
	STEP(rop[d] = rop[d] & 1);
#endif
#ifdef REDO_IF_FOUND
	if
	:: found -> STEP(t = 0; found = 0; redo++; tell())
	:: else -> t = 0
	fi;
#else
	STEP(t = 0; redo++; tell());
#endif
	/* An attacher keeps the slot. Everybody else frees it, and then the lock byte. */
	if
	:: KEEPS -> d = 0
	:: else ->
		STEP(used[d] = 0);
		STEP(lock[d] = 0; d = 0; tell())
	fi
}

#ifdef TIMEOUT_REPAIR
#define ASK(d) (used[d] && (d) != me)
#else
#define ASK(d) (used[d] && lock[d] == 0)
#endif

#ifdef NO_CLOSE_ROOM
#define ROOM_FOR_CLOSE 0
#else
#define ROOM_FOR_CLOSE 1
#endif

proctype producer(byte me)
{
	byte slot;   /* in the participant table: its name as an owner */
	byte k;      /* message */
	byte t;      /* position */
	byte r;      /* reclaimed, as read */
	byte rr;
	byte d;      /* who is asked whether it lives */
	short w;     /* a word, as read */
	byte span;   /* of the message */
	bit discards;
	byte f;      /* filler before the message, or 0 */
	bit closing;
#ifdef REDO_IF_FOUND
	bit found;
#endif

	if
	:: me == 0 -> k = PREFILL
	:: else -> skip
	fi;
	slot = me;
	if
	:: BIT(LATE, me) -> goto attach
	:: else -> skip
	fi;
next:
	atomic {
		if
		:: k < MSGS ->
			span = SPANOF(ID(me, k));
			discards = DISCARDS(ID(me, k));
			if
			:: span == 0 -> k = MSGS
			:: else -> skip
			fi
		:: else -> skip
		fi;
		if
		:: k == MSGS && BIT(CLOSE, me) && !closing -> closing = 1
		:: k == MSGS && (!BIT(CLOSE, me) || closing) -> closing = 0; goto leave
		:: else -> skip
		fi
	};
reserve:
	STEP(LOOK; t = tail);
	STEP(
		if
		:: t < reclaimed -> t = reclaimed
		:: else -> skip
		fi
	);
look:
	/* The word first, `reclaimed` after it. */
#ifdef RECLAIM_FIRST
	STEP(r = reclaimed; rr = 0);
#endif
	STEP(
#ifndef RECLAIM_FIRST
		r = 0;
		rr = 0;
#endif
		w = word[IX(t)];
		if
		:: CLAIMED(w, t) && PHASE(w) == CLOSED -> goto refuse
		:: CLAIMED(w, t) && PHASE(w) != CLOSED ->
			t = t + SPAN(w); assert(t <= frontier); w = 0; goto look
		:: else -> skip
		fi
	);
	STEP(
#ifndef RECLAIM_FIRST
		r = reclaimed;
#endif
		if
#ifndef NO_RECLAIM_CHECK
		:: t < r -> t = r; r = 0; w = 0; goto look
#endif
		:: else -> skip
		fi;
		f = 0;
		if
		:: closing -> skip  /* one cell, for which room was always kept */
		:: !closing ->
			if
			:: IX(t) + span > N -> f = N - IX(t)
			:: else -> skip
			fi;
			if
#ifdef FILLER_EAGER
			:: t + (f > 0 -> f : span) + ROOM_FOR_CLOSE > r + N ->
				f = 0; w = 0; goto no_room
#else
			:: t + f + span + ROOM_FOR_CLOSE > r + N -> f = 0; w = 0; goto no_room
#endif
#if defined(STAMP) && !defined(FILLER_WHOLE)
			/* born DONE, it cannot be stamped later: one cell at a time */
			:: f > 1 && LAPOF(t) % STAMP == 0 -> f = 1
#endif
			:: else -> skip
			fi
		fi
	);
	/* The claim. */
#ifdef SP
	/* The only producer: the record appears with its commit. */
	if
	:: !closing && f == 0 -> atomic { assert(word[IX(t)] == w && t == frontier); w = 0; r = 0; goto commit }
	:: else -> skip
	fi;
#endif
	STEP(
		r = 0;
#ifdef SP
		assert(word[IX(t)] == w);
#endif
		if
		:: word[IX(t)] != w -> w = 0; f = 0; goto look
		:: else -> skip
		fi;
		/* the next one, and nothing of the lap before stands there */
		assert(t == frontier);
		frontier = t + (closing -> 1 : (f > 0 -> f : span));
		assert(w == 0 || PHASE(w) == DONE);
		w = 0;
		tell();
		if
		:: closing ->
			assert(holder[IX(t)] == 0);
			word[IX(t)] = MK(LAPOF(t), 1, CLOSED, slot + 1);
			assert(!is_closed);
			is_closed = 1;
			t = 0;
			goto leave
		:: !closing && f > 0 ->
			cells(t, f, 0, 0);
#ifdef FILLER_TAKEN
			word[IX(t)] = MK(LAPOF(t), f, READY, 0)
#else
			word[IX(t)] = MK(LAPOF(t), f, DONE, slot + 1)
#endif
		:: !closing && f == 0 ->
			cells(t, span, 0, ID(me, k) + 1);
			assert(!is_closed);
#ifdef NO_OWNER
			word[IX(t)] = MK(LAPOF(t), span, WRITING, 0)
#else
			word[IX(t)] = MK(LAPOF(t), span, WRITING, slot + 1)
#endif
		fi
	);
#ifdef NO_OWNER
	if
	:: f == 0 -> STEP(
		word[IX(t)] = MK(LAPOF(t), span, WRITING, slot + 1);
		tell())
	:: else -> skip
	fi;
#endif
	STEP(
		tail = t + (f > 0 -> f : span);
		tell();
		if
		:: f > 0 -> t = t + f; f = 0; goto look
		:: else -> skip
		fi
	);
#ifdef STAMP
	if
	:: LAPOF(t) % STAMP == 0 && span > 1 ->
		STEP(word[IX(t + 1)] = MK(LAPOF(t), 1, DONE, 0))
	:: else -> skip
	fi;
	if
	:: LAPOF(t) % STAMP == 0 && span > 2 ->
		STEP(word[IX(t + 2)] = MK(LAPOF(t), 1, DONE, 0))
	:: else -> skip
	fi;
#endif
#ifdef SP
commit:
#endif
	/* Commit or discard. The word has not changed since the claim: nobody repairs the living. */
#ifdef LEDGER
	STEP(
		LOOKED;
		committed[NXT(pop, slot)] = committed[CUR(pop, slot)] + !discards;
		discarded[NXT(pop, slot)] = discarded[CUR(pop, slot)] + discards
	);
	STEP(BEGIN(pop, slot, t));
#endif
	STEP(
		LOOKED;
#ifdef SP
		cells(t, span, 0, ID(me, k) + 1);
		frontier = t + span;
#else
		assert(word[IX(t)] == MK(LAPOF(t), span, WRITING, slot + 1));
#endif
#ifdef LIMIT
		again[IX(t)] = 0;
#endif
		if
		:: discards ->
			word[IX(t)] = MK(LAPOF(t), span, DONE, slot + 1);
			cells(t, span, ID(me, k) + 1, 0)
#ifdef LEDGER
			;
			was_discarded++
#endif
		:: else ->
			word[IX(t)] = MK(LAPOF(t), span, READY, slot + 1);
			com[ID(me, k)] = 1
#ifdef LEDGER
			;
			was_committed++
#endif
		fi;
		tell();
		t = 0;
		k++;
		goto next
	);

no_room:
	/* Advance `reclaimed` over what is DONE, in one batch. */
	STEP(rr = reclaimed; r = rr);
reclaiming:
	STEP(
		w = word[IX(rr)];
		if
		:: CLAIMED(w, rr) && PHASE(w) == DONE ->
			rr = rr + SPAN(w); w = 0; goto reclaiming
		:: else -> skip
		fi
	);
	if
	:: rr != r ->
		w = 0;
		STEP(
			if
			:: reclaimed == r -> reclaimed = rr; tell()
			:: else -> skip
			fi;
			r = 0;
			rr = 0;
			goto look
		)
	:: else -> skip
	fi;
	/* Nothing came of it. Ask about the one that holds the oldest record, and only that one. */
	STEP(
		t = 0;
		if
		:: CLAIMED(w, rr) && (PHASE(w) == WRITING || PHASE(w) == READING) && OWNER(w) > 0 ->
			d = OWNER(w) - 1;
			if
			:: ASK(d) -> lock[d] = me + 1; tell()
			:: else -> d = 0; r = 0; rr = 0; w = 0; goto wait
			fi
		:: else -> r = 0; rr = 0; w = 0; goto wait
		fi;
		r = 0;
		rr = 0;
		w = 0
	);
	goto mend;
attach:
	/* Takes the slot of somebody who died; repairs before anything else. */
	LOOK;
	STEP(
		if
		:: ASK(0) -> d = 0
		:: ASK(1) -> d = 1
#if NPROC > 2
		:: ASK(2) -> d = 2
#endif
#if NPROC > 3
		:: ASK(3) -> d = 3
#endif
		:: else -> goto wait_attach
		fi;
		lock[d] = me + 1;
		slot = d;
		tell()
	);
mend:
	repair(d == slot);
	goto next;
wait_attach:
end_attach:
	if
	:: atomic { !BIT(quiet, me) -> goto attach }
	:: atomic { MAYDIE -> goto died }
	fi;
wait:
end_wait:
	if
	:: atomic { !BIT(quiet, me) -> goto reserve }
	:: atomic { MAYDIE -> goto died }
	fi;
refuse:
	/* Closed: the message is not taken. */
	atomic { w = 0; t = 0; r = 0; closing = 0; assert(is_closed) };
leave:
	/* Orderly: nothing is held. The lock byte is given back last. */
	atomic { LOOKED; through[me] = 1; used[slot] = 0; lock[slot] = 0; slot = 0; k = 0; t = 0; span = 0; discards = 0; tell() };
	goto out;
	/* reached from within an atomic only, and so part of the step that did not happen */
	atomic {
		skip;
died:
		die();
		k = 0; t = 0; r = 0; rr = 0; d = 0; w = 0; f = 0; closing = 0; span = 0; discards = 0; slot = 0
	};
out:
	skip
}

#define TAKESOF(c) DIGIT(TAKES, c)
#define CI (me - NP)

proctype consumer(byte me)
{
	byte h;      /* position */
	byte r;
	byte rr;
	byte t;
	byte d;
	short w;
	byte seen;   /* redo, as seen before the last walk */
	bit own;     /* walks by its own cursor, not by the shared hint */
	byte cur;    /* that cursor */
	byte until;  /* and as far as this */
	byte skipped;  /* first one stepped over; 255 none */
	byte slot;   /* in the participant table: its name as an owner */
	byte held;   /* position + 1 of a message held */
	byte held2;
	byte takes;
	bit ended;
#ifdef REDO_IF_FOUND
	bit found;
#endif

	skipped = 255;
	slot = me;
	if
	:: BIT(LATE, me) -> goto attach
	:: else -> skip
	fi;
walk:
	/* `redo` before the walk. */
	STEP(
		LOOK;
		if
		:: seen != redo ->
#ifndef REDO_AFTER
			seen = redo;
#endif
			own = 1;
			cur = 0;
			until = 0
		:: else -> skip
		fi
	);
	/* The hint first, `reclaimed` after it. */
	STEP(
		if
		:: own -> h = cur
		:: else -> h = head
		fi
	);
	STEP(
		if
		:: h < reclaimed -> h = reclaimed
		:: else -> skip
		fi;
		if
		:: own && until == 0 -> until = h + N
		:: else -> skip
		fi;
#ifdef HINT_AFTER_REDO
		/* from `reclaimed` once, from the hint ever after */
		own = 0; cur = 0; until = 0;
#endif
		if
		:: own && h >= until -> own = 0; cur = 0; until = 0
		:: else -> skip
		fi
	);
look:
	STEP(
		w = word[IX(h)];
		if
		:: !CLAIMED(w, h) -> w = 0; goto unclaimed_here
		:: else -> skip
		fi;
		if
		:: PHASE(w) == READY || PHASE(w) == AGAIN -> skip
		:: PHASE(w) == READING || PHASE(w) == DONE ->
			h = h + SPAN(w); assert(h <= frontier); w = 0; goto look
		:: PHASE(w) == WRITING ->
			if
			:: BIT(STEPOVER, CI) ->
				if
				:: skipped == 255 -> skipped = h
				:: else -> skip
				fi;
				h = h + SPAN(w);
				assert(h <= frontier);
				w = 0;
				goto look
			:: else -> goto behind
			fi
		:: PHASE(w) == CLOSED -> w = 0; goto at_close
		fi
	);
	/* Take it. */
	STEP(
#ifdef SC
		assert(word[IX(h)] == w);  /* the only consumer: a plain store */
#endif
		if
		:: word[IX(h)] != w -> w = 0; goto look
		:: else -> skip
		fi;
		LOOKED;
		tell();
#ifdef FILLER_TAKEN
		if
		:: holder[IX(h)] == 0 ->
			word[IX(h)] = MK(LAP(w), SPAN(w), DONE, 0);
			w = 0;
			goto walk
		:: else -> skip
		fi;
#endif
		word[IX(h)] = MK(LAP(w), SPAN(w), READING, slot + 1);
		assert(holder[IX(h)] > 0 && com[holder[IX(h)] - 1] && !fin[holder[IX(h)] - 1]);
		/* a second delivery only where marked */
		assert((got[holder[IX(h)] - 1] > 0) == (PHASE(w) == AGAIN));
		/* in the order of the producer's claims */
		if
		:: STEPOVER == 0 && (holder[IX(h)] - 1) % MSGS > 0 ->
			assert(got[holder[IX(h)] - 2] > 0 || !com[holder[IX(h)] - 2])
		:: else -> skip
		fi;
		got[holder[IX(h)] - 1]++
	);
#ifdef LIMIT
#ifndef COUNT_BY_REPAIRER
	/* The taker of a redelivered message counts it, before its user sees it. */
	if
	:: PHASE(w) == AGAIN -> STEP(again[IX(h)] = again[IX(h)] + 1)
	:: else -> skip
	fi;
#endif
#endif
	/* The hint; not by a walk that stepped over something, nor by one of its own cursor. */
	if
#ifdef HINT_STEPPED
	:: !own -> STEP(head = h + SPAN(w); tell())
#else
	:: !own && skipped == 255 -> STEP(head = h + SPAN(w); tell())
#endif
	:: else ->
		atomic {
			if
			:: own && skipped < 255 -> cur = skipped
			:: own && skipped == 255 -> cur = h + SPAN(w)
			:: else -> skip
			fi
		}
	fi;
#ifdef REDO_AFTER
	STEP(seen = redo);
#endif
	atomic {
#ifdef LIMIT
		/* now its user sees it */
		shown[holder[IX(h)] - 1]++;
		assert(shown[holder[IX(h)] - 1] <= LIMIT);
#endif
		w = 0;
		skipped = 255;
		if
		:: held == 0 -> held = h + 1
		:: else -> held2 = h + 1
		fi;
		h = 0
	};
	if
	:: BIT(HOLD, CI) && held2 == 0 -> goto walk
	:: !BIT(HOLD, CI) || held2 > 0 -> skip
	:: held2 > 0 -> atomic { t = held; held = held2; held2 = t; t = 0 }
	fi;
release:
#ifdef LEDGER
	STEP(released[NXT(cop, slot)] = released[CUR(cop, slot)] + 1);
	STEP(BEGIN(cop, slot, held - 1));
#endif
	STEP(
		w = word[IX(held - 1)];
		assert(LAP(w) == LAPOF(held - 1) && PHASE(w) == READING && OWNER(w) == slot + 1);
		word[IX(held - 1)] = MK(LAP(w), SPAN(w), DONE, slot + 1);
		assert(!fin[holder[IX(held - 1)] - 1]);
		fin[holder[IX(held - 1)] - 1] = 1;
#ifdef LEDGER
		was_released++;
#endif
		cells(held - 1, SPAN(w), holder[IX(held - 1)], 0);
		tell();
		w = 0;
		held = held2;
		held2 = 0;
		takes++;
		if
		:: TAKESOF(CI) == 0 -> takes = 0
		:: else -> skip
		fi
	);
	if
	:: held > 0 -> goto release
	:: held == 0 && takes > 0 && takes == TAKESOF(CI) -> goto leave
	:: else -> goto walk
	fi;

unclaimed_here:
	/* The word was read; `reclaimed` after it. */
	STEP(
		if
		:: h < reclaimed -> h = reclaimed; goto look
		:: else -> skip
		fi
	);
	/* Nothing (more) to read. What was walked by its own cursor is known to be taken. */
	atomic {
		if
		:: own && skipped == 255 -> own = 0; cur = 0; until = 0
		:: own && skipped < 255 -> cur = skipped
		:: else -> skip
		fi;
		skipped = 255;
		h = 0;
		if
		:: held > 0 -> goto release
		:: else -> skip
		fi
	};
#ifdef REDO_AFTER
	STEP(seen = redo);
#endif
	goto anyone;

at_close:
	/* The end, if everything before it is DONE. */
	STEP(rr = reclaimed; r = rr);
reclaiming:
	STEP(
		w = word[IX(rr)];
		if
		:: CLAIMED(w, rr) && PHASE(w) == DONE ->
			rr = rr + SPAN(w); w = 0; goto reclaiming
		:: else -> skip
		fi
	);
	STEP(
		if
		:: rr != r && reclaimed == r -> reclaimed = rr; tell()
		:: else -> skip
		fi;
		if
#ifdef CLOSE_EARLY
		:: held == 0 -> ended = 1
#else
		:: CLAIMED(w, rr) && PHASE(w) == CLOSED && held == 0 -> ended = 1
#endif
		:: else -> skip
		fi;
		r = 0;
		rr = 0;
		w = 0;
		h = 0;
		if
		:: own && skipped == 255 -> own = 0; cur = 0; until = 0
		:: own && skipped < 255 -> cur = skipped
		:: else -> skip
		fi;
		skipped = 255;
		if
		:: held > 0 -> goto release
		:: held == 0 && ended -> goto leave
		:: else -> goto anyone
		fi
	);

behind:
	/* Behind somebody's unfinished message: ask about that one. */
	STEP(
		d = OWNER(w);
		w = 0;
		if
		:: own && skipped == 255 -> cur = h
		:: else -> skip
		fi;
		skipped = 255;
		h = 0;
		if
		:: held > 0 -> d = 0; goto release
		:: held == 0 && d > 0 && ASK(d - 1) -> d--; lock[d] = me + 1; tell()
		:: else -> d = 0; goto wait
		fi
	);
	goto mend;

anyone:
	/* A slice ran out on an empty ring: is anybody dead? */
	STEP(
		if
		:: ASK(0) -> d = 0
#if NPROC > 1
		:: ASK(1) -> d = 1
#endif
#if NPROC > 2
		:: ASK(2) -> d = 2
#endif
#if NPROC > 3
		:: ASK(3) -> d = 3
#endif
#if NPROC > 4
		:: ASK(4) -> d = 4
#endif
		:: else -> goto wait
		fi;
		lock[d] = me + 1;
		tell()
	);
	goto mend;
attach:
	/* Takes the slot of somebody who died; repairs before anything else. */
	LOOK;
	STEP(
		if
		:: ASK(0) -> d = 0
		:: ASK(1) -> d = 1
#if NPROC > 2
		:: ASK(2) -> d = 2
#endif
#if NPROC > 3
		:: ASK(3) -> d = 3
#endif
		:: else -> goto wait_attach
		fi;
		lock[d] = me + 1;
		slot = d;
		tell()
#ifdef ATTACH_BLIND
		;
		d = 0;
		goto walk
#endif
	);
mend:
	repair(d == slot);
	goto walk;
wait_attach:
end_attach:
	if
	:: atomic { !BIT(quiet, me) -> goto attach }
	:: atomic { MAYDIE -> goto died }
	fi;
wait:
end_wait:
	if
	:: atomic { !BIT(quiet, me) -> goto walk }
	:: atomic { MAYDIE -> goto died }
	fi;
leave:
	atomic { LOOKED; through[me] = 1; used[slot] = 0; lock[slot] = 0; slot = 0; seen = 0; own = 0;
		cur = 0; until = 0; takes = 0; tell() };
	goto out;
	atomic {
		skip;
died:
		die();
		h = 0; r = 0; rr = 0; t = 0; d = 0; w = 0; seen = 0; own = 0; cur = 0; until = 0;
		skipped = 0; held = 0; held2 = 0; takes = 0; slot = 0
	};
out:
	skip
}

init {
	byte i;
	byte sum;
	atomic {
		/* An empty ring that stands at START: the last N cells before it are DONE. */
		do
		:: i < START && i < N ->
			word[IX(START - 1 - i)] = MK(LAPOF(START - 1 - i), 1, DONE, 0);
			i++
		:: else -> break
		od;
		i = 0;
		do
		:: i < PREFILL ->
			word[IX(START + i)] = MK(LAPOF(START + i), 1, READY, 1);
			holder[IX(START + i)] = i + 1;
			com[i] = 1;
			frontier++;
#ifdef LEDGER
			committed[0]++;
			was_committed++;
#endif
			i++
		:: else -> break
		od;
		i = 0;
		do
		:: i < NPROC ->
			if
			:: BIT(LATE, i) -> skip
			:: else -> used[i] = 1; lock[i] = i + 1
			fi;
			i++
		:: else -> break
		od;
		i = 0;
		do
		:: i < NP -> run producer(i); i++
		:: else -> break
		od;
		do
		:: i < NPROC -> run consumer(i); i++
		:: else -> break
		od;
		i = 0
	};
	timeout;
	/* Nothing can move any more. */
	d_step {
		do
		:: i < NPROC ->
			/* no lock byte is left behind; the dead are repaired, unless all have gone */
			assert(lock[i] == 0 || !dead[lock[i] - 1]);
			assert(used[i] == (lock[i] != 0) || is_closed);
			i++
		:: else -> break
		od;
		i = 0;
		do
		:: i < NP -> assert(dead[i] || through[i] || BIT(LATE, i)); i++  /* no producer is blocked */
		:: else -> break
		od;
		i = 0;
		do
		:: i < NMSG ->
			/* what was committed was delivered and released, or dropped by the policy */
			assert(com[i] == fin[i]);
			i++
		:: else -> break
		od;
		i = 0;
#if CLOSE
		do
		:: i < NC -> assert(!is_closed || dead[NP + i] || through[NP + i] || BIT(LATE, NP + i)); i++  /* all were told the end */
		:: else -> break
		od;
		i = 0;
#endif
		do
		:: i < N -> assert(holder[i] == 0); i++
		:: else -> break
		od;
		i = 0
#ifdef LEDGER
		;
#define TOTAL(c, op, what) \
		sum = 0; \
		do \
		:: i < NPROC -> sum = sum + c[CUR(op, i)]; i++ \
		:: else -> break \
		od; \
		i = 0; \
		assert(sum == what)
		TOTAL(committed, pop, was_committed);
		TOTAL(discarded, pop, was_discarded);
		TOTAL(released, cop, was_released);
		TOTAL(aborted, rop, was_aborted);
		TOTAL(dropped, rop, was_dropped);
		TOTAL(redelivered, rop, was_redelivered);
		assert(was_committed == was_released + was_dropped)
#endif
	}
}
