/*
 * The futex eventcount: who sleeps, who wakes, and what is left when one of them dies.
 *
 * docs/wakeup.md tells the protocol in words; this is the same thing for Spin. The ring is reduced
 * to what a wakeup can see of it: how many messages each producer has published and how many of
 * those were taken. What is kept in full is the order in which things happen to the wakeup word,
 * to the kernel's queue, and to a publisher's store buffer.
 *
 *   The word is {epoch, somebody-may-sleep}. The epoch is not modelled as a number: what the
 *   protocol asks of it is only "has the word changed since I saw it", so every process has a bit
 *   `same`, set when it reads or writes the word and cleared by anybody's change. That is the
 *   protocol with an epoch that never wraps.
 *
 *   A publisher's plain store waits in its store buffer (x86 TSO) until it drains by itself, or a
 *   fence, a locked instruction or the membarrier of a sleeper drains it. The buffer of a killed
 *   process still drains: a retired store is never lost.
 *
 *   A killed sleeper leaves the kernel's queue a moment after it was killed; a wake in between is
 *   counted as having woken somebody.
 *
 * Configuration (-D):
 *   NP, NC, MSGS   producers, consumers, messages of each producer
 *   BATCH          messages published by one commit and announced by one wake
 *   FENCE          publishers fence between the commit and the look at the word
 *   MEMBARRIER     sleepers drain every publisher's buffer between the word and the second look
 *                  (neither: the negative control without ordering)
 *   SLICE          no sleep is for ever
 *   CRASH, PCRASH  any consumer but the last / any producer may die, at any step
 *   ONESHOT        a consumer leaves after one message (without it: when all is taken)
 *   GIVEUP         a sleeper may be told to stop waiting (its deadline, or a cancel) when woken
 * Faults, for the negative controls:
 *   NOBUMP         the sleeper sets the flag, but does not change a word that has it already
 *   CLEARCHANGED   a wake that woke nobody clears the flag though the word changed
 *   CLEARALWAYS    every wake clears the flag
 *   LATEFLAG       the sleeper looks first and sets the flag afterwards
 *   NOWAITCHECK    sleeping does not compare the word (a plain queue, no futex)
 *   STILLWAKER     a waker does not change the word before it wakes
   NOBATON        a woken consumer that sees more to do does not wake one more
 *   GIVEUP_BLIND   a woken consumer gives up without having looked
 */
#ifndef NP
#define NP 2
#endif
#ifndef NC
#define NC 2
#endif
#ifndef MSGS
#define MSGS 2
#endif
#ifndef BATCH
#define BATCH 1
#endif
#define NPROC (NP + NC)

bit flag;          /* the word: somebody may sleep */
bit same[NPROC];   /* the word has not changed since this process saw it */
bit asleep[NC];    /* in the kernel's queue */
byte issued[NP];   /* commits executed */
byte visible[NP];  /* commits that left the store buffer */
byte taken[NP];    /* of those, taken */
bit gone[NPROC];   /* left, or died */
bit dying[NPROC];  /* killed */

/* Any change of the word: nobody but the one who made it has seen the new value. */
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

#define drained(p) (visible[p] == issued[p])

/* FUTEX_WAKE of one: any sleeper; the kernel's order is not relied upon. */
inline futex_wake(woke)
{
	atomic {
		if
		:: asleep[0] -> asleep[0] = 0; woke = 1
#if NC > 1
		:: asleep[1] -> asleep[1] = 0; woke = 1
#endif
#if NC > 2
		:: asleep[2] -> asleep[2] = 0; woke = 1
#endif
		:: else -> woke = 0
		fi
	}
}

/* What follows a publication once the flag was seen. A locked instruction needs an empty buffer;
 * a consumer handing the baton on has none to drain. */
inline wake_one(who, buffer_empty)
{
#ifdef STILLWAKER
	atomic { buffer_empty -> same[who] = 1 };
#else
	atomic { buffer_empty -> changed(who) };  /* fetch_add of the epoch */
#endif
	futex_wake(woke);
	atomic {
		if
#ifdef CLEARALWAYS
		:: true -> flag = 0; changed(who)
#endif
#ifdef CLEARCHANGED
		:: !woke -> flag = 0; changed(who)
#endif
		:: !woke && same[who] -> flag = 0; changed(who)
		:: else -> skip
		fi;
		/* of no further use; kept out of the state */
		same[who] = 0;
		woke = 0
	}
}

/* The store buffer of one producer: drains at any time, or stays as long as it likes. */
proctype store_buffer(byte p)
{
end:
	do
	:: atomic { visible[p] < issued[p] -> visible[p] = visible[p] + BATCH }
	:: atomic { gone[p] && drained(p) -> break }
	od
}

proctype producer(byte me)
{
	byte i;
	bit woke;
	{
		do
		:: issued[me] < MSGS ->
			issued[me] = issued[me] + BATCH;  /* commit: a plain store */
#ifdef FENCE
			drained(me);
#endif
			if
			:: flag -> wake_one(me, drained(me))
			:: else -> skip  /* nobody may be asleep: no syscall */
			fi
		:: else -> break
		od
	} unless {
		dying[me]
	};
	gone[me] = 1
}

#define over (gone[0] && drained(0) && taken[0] == visible[0] && OVER1)
#if NP > 1
#define OVER1 (gone[1] && drained(1) && taken[1] == visible[1])
#else
#define OVER1 true
#endif

/* One look at the ring: the producers' words one after the other, as a walk would. Taking is a
 * locked instruction on the word that was found READY. `take` 0: is there more? */
inline look(take)
{
	do
	:: atomic { taken[i] < visible[i] ->
		taken[i] = taken[i] + take; found = 1; i = 0; break }
	:: atomic { taken[i] == visible[i] && i < NP - 1 -> i++ }
	:: atomic { taken[i] == visible[i] && i == NP - 1 -> found = 0; i = 0; break }
	od
}

inline prepare(who)
{
	atomic {
#ifdef NOBUMP
		if
		:: flag -> same[who] = 1
		:: else -> flag = 1; changed(who)
		fi
#else
		flag = 1;
		changed(who)
#endif
	};
#ifdef MEMBARRIER
	/* Every publisher's processor passes a full barrier between the call and its return. */
	drained(0);
#if NP > 1
	drained(1);
#endif
#endif
}

proctype consumer(byte c)
{
	byte i;
	bit woke;
	bit found;
	bit was_woken;
	byte me = NP + c;
	{
		skip;
again:
		look(1);
		if
		:: atomic { found -> found = 0; goto took }
		:: atomic { !found && over -> goto leave }
		:: atomic { !found && !over -> skip }
		fi;
#ifdef LATEFLAG
		look(1);
		prepare(me);
#else
		prepare(me);
		look(1);
#endif
		/* FUTEX_WAIT: compares the word and queues in one step. */
		atomic {
			was_woken = 0;
			if
			:: found -> found = 0; same[me] = 0; goto took
#ifdef NOWAITCHECK
			:: !found -> same[me] = 0; asleep[c] = 1
#else
			:: !found && same[me] -> same[me] = 0; asleep[c] = 1
			:: !found && !same[me] -> goto again
#endif
			fi
		};
end_asleep:
		if
		:: atomic { !asleep[c] -> was_woken = 1 }
#ifdef SLICE
		:: atomic { asleep[c] -> asleep[c] = 0 }
#endif
		fi;
#ifdef GIVEUP
		/* Told to stop, just when it was woken. One look is owed to the wake it consumed. */
		if
		:: was_woken ->
#ifndef GIVEUP_BLIND
			look(1);
			if
			:: atomic { found -> found = 0; goto took }
			:: atomic { !found -> skip }
			fi;
#endif
			goto leave
		:: true -> skip
		fi;
#endif
		goto again;
took:
#ifndef NOBATON
		if
		:: was_woken ->
			look(0);
			was_woken = 0;
			if
			:: atomic { found && flag -> found = 0 };
				wake_one(me, true)
			:: atomic { !found || !flag -> found = 0 }
			fi
		:: else -> skip
		fi;
#endif
#ifdef ONESHOT
		goto leave;
#else
		goto again;
#endif
leave:
		skip
	} unless {
		dying[me]
	};
	/* The kernel takes a dead sleeper out of its queue, a moment after the kill. */
	atomic { asleep[c] = 0; same[me] = 0; gone[me] = 1 }
}

#if defined(CRASH) || defined(PCRASH)
proctype reaper()
{
end:
	if
#ifdef CRASH
	:: atomic { !gone[NP] -> dying[NP] = 1 }
#endif
#ifdef PCRASH
	:: atomic { !gone[0] -> dying[0] = 1 }
#endif
	fi
#if defined(CRASH) && defined(PCRASH)
	;
end2:
	if
	:: atomic { !gone[NP] && !dying[NP] -> dying[NP] = 1 }
	:: atomic { !gone[0] && !dying[0] -> dying[0] = 1 }
	fi
#endif
}
#endif

#define LEFT (visible[0] - taken[0] + LEFT1)
#if NP > 1
#define LEFT1 (visible[1] - taken[1])
#else
#define LEFT1 0
#endif

init {
	byte p;
	atomic {
		p = 0;
		do
		:: p < NP -> run producer(p); run store_buffer(p); p++
		:: else -> break
		od;
		p = 0;
		do
		:: p < NC -> run consumer(p); p++
		:: else -> break
		od;
#if defined(CRASH) || defined(PCRASH)
		run reaper();
#endif
		p = 0
	};
	/* Nothing can move any more. Whoever still sleeps must have nothing to do. */
	timeout;
	assert(LEFT == 0 || !(asleep[0] && !dying[NP]));
#if NC > 1
	assert(LEFT == 0 || !asleep[1]);
#endif
#if NC > 2
	assert(LEFT == 0 || !asleep[2]);
#endif
}
