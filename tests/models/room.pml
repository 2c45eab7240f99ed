/*
 * Waiting for room: sleepers that need different amounts of it.
 *
 * The same word, the same sleeping and waking as in wakeup.pml (whose ordering questions are not
 * asked again here: memory is sequentially consistent). What differs is that a wake may reach a
 * waiter whom the room does not suit, while one whom it suits sleeps on. The rule under test:
 *
 *   a woken waiter that took room and sees some left wakes one more;
 *   a woken waiter that found too little wakes one more if room came since it last looked;
 *   else it says nothing, so that two of them never wake each other for ever.
 *
 * The kernel's queue is first in, first out, as futexes are between threads of equal priority.
 *
 *   COUNT          check that a unit of room is not passed along for ever
 *   NW             waiters; waiter w needs 1 + w % 2 units (NEED3: 1 + w % 3)
 *   RELEASERS      each gives back UNITS units, one at a time, and wakes one after each
 *   CRASH, SLICE   waiter 0 may die at any step; no sleep is for ever
 * Faults:
 *   NOPASS         the one with too little says nothing
 *   PASSALWAYS     it always wakes one more (must be caught waking for ever)
 *   ANYORDER       the kernel wakes in any order: needs SLICE
 */
#ifndef NW
#define NW 3
#endif
#ifndef RELEASERS
#define RELEASERS 1
#endif
#ifndef UNITS
#define UNITS 3
#endif
#define NPROC (NW + RELEASERS)

bit flag;
bit same[NPROC];
bit dying[NW];
bit gone[NPROC];
byte freed;             /* free-running, as `reclaimed` is */
byte used;
chan queue = [NW] of { byte };
bit asleep[NW];
byte passes;            /* wakes by waiters (COUNT: bounded) */

#ifdef NEED3
#define NEED(w) (1 + (w) % 3)
#else
#define NEED(w) (1 + (w) % 2)
#endif
#define ROOM (freed - used)

inline changed(who)
{
	d_step {
		i = 0;
		do
		:: i < NPROC -> same[i] = (i == who); i++
		:: else -> break
		od;
		i = 0
	}
}

inline wake_one(who)
{
	atomic { changed(who) };
	atomic {
		if
#ifdef ANYORDER
		:: queue??[0] -> queue??0; asleep[0] = 0; woke = 1
		:: queue??[1] -> queue??1; asleep[1] = 0; woke = 1
		:: queue??[2] -> queue??2; asleep[2] = 0; woke = 1
#else
		:: nempty(queue) -> queue?w; asleep[w] = 0; w = 0; woke = 1
#endif
		:: empty(queue) -> woke = 0
		fi
	};
	atomic {
		if
		:: !woke && same[who] -> flag = 0; changed(who)
		:: else -> skip
		fi;
		same[who] = 0;
		woke = 0
	}
}

proctype releaser(byte me)
{
	byte i;
	byte w;
	bit woke;
	byte n;
	do
	:: n < UNITS ->
		atomic { freed++; n++ };
		if
		:: flag -> wake_one(me)
		:: !flag -> skip
		fi
	:: n == UNITS -> break
	od;
	gone[me] = 1
}

inline pass_on()
{
#ifdef COUNT
	atomic {
		passes++;
		/* each unit is passed along at most once by each waiter, and once by its taker */
		assert(passes <= RELEASERS * UNITS * (NW + 1))
	};
#endif
	wake_one(me)
}

proctype waiter(byte me)
{
	byte i;
	byte w;
	bit woke;
	bit was_woken;
	byte seen;
	bit news;
	{
		skip;
again:
		atomic {
			if
			:: ROOM >= NEED(me) -> used = used + NEED(me); goto took
			:: else -> news = (freed != seen); seen = freed
			fi
		};
		if
#ifdef PASSALWAYS
		:: was_woken && flag -> news = 0; was_woken = 0; pass_on()
		:: !was_woken || !flag -> news = 0; was_woken = 0
#else
#ifndef NOPASS
		:: was_woken && news && flag -> news = 0; was_woken = 0; pass_on()
#endif
		:: else -> news = 0; was_woken = 0
#endif
		fi;
		atomic { flag = 1; changed(me) };
		atomic {
			if
			:: ROOM >= NEED(me) -> used = used + NEED(me); goto took
			:: else -> seen = freed
			fi
		};
		atomic {
			if
			:: same[me] -> same[me] = 0; queue!me; asleep[me] = 1
			:: else -> goto again
			fi
		};
end_asleep:
		if
		:: atomic { !asleep[me] -> was_woken = 1 }
#ifdef SLICE
		:: atomic { asleep[me] -> asleep[me] = 0; queue??eval(me) }
#endif
		fi;
		goto again;
took:
		if
		:: was_woken && ROOM > 0 && flag -> was_woken = 0; pass_on()
		:: else -> was_woken = 0
		fi
	} unless {
		dying[me]
	};
	atomic {
		same[me] = 0;
		gone[me] = 1;
		if
		:: asleep[me] -> asleep[me] = 0; queue??eval(me)
		:: else -> skip
		fi
	}
}

#ifdef CRASH
proctype reaper()
{
end:
	atomic { !gone[0] -> dying[0] = 1 }
}
#endif

init {
	byte p;
	atomic {
		p = 0;
		do
		:: p < NW -> run waiter(p); p++
		:: else -> break
		od;
		do
		:: p < NPROC -> run releaser(p); p++
		:: else -> break
		od;
#ifdef CRASH
		run reaper();
#endif
		p = 0
	};
	timeout;
	do
	:: p < NW -> assert(!asleep[p] || dying[p] || ROOM < NEED(p)); p++
	:: else -> break
	od
}
