/**
 * @file gyre_error.h
 * @brief What can go wrong: stable negative codes, and a caller-owned detail.
 *
 * Every gyre function that can fail returns 0 (or a count) on success and one of these codes on
 * failure. The numbers are gyre's own and never change: errno differs between systems. A
 * library must not print, so whatever a person should read is put into a struct gyre_error that
 * the caller owns; pass NULL where it is not wanted. There is no thread-local error.
 *
 * - Blocking: never. Threads: all functions here are pure. Signals: async-signal-safe.
 * @since 0.1
 */
#ifndef GYRE_ERROR_H
#define GYRE_ERROR_H

#ifndef GYRE_API
#if defined(_WIN32)
#define GYRE_API
#else
#define GYRE_API __attribute__((visibility("default")))
#endif
#endif

#ifdef __cplusplus
extern "C" {
#endif

/** @brief Outcomes. 0 is success; all others are negative. */
enum gyre_err {
	GYRE_OK = 0,
	/* Arguments and names. */
	GYRE_EINVAL = -1,    /**< An argument is out of its documented range. */
	GYRE_EKEY = -2,      /**< The key is malformed, or its type does not exist here. */
	GYRE_EEXIST = -3,    /**< Something of that name exists already. */
	GYRE_ENOTFOUND = -4, /**< Nothing of that name exists. */
	GYRE_EPERM = -5,     /**< The system denies access. */
	GYRE_ESIZE = -6,     /**< The size asked for is impossible. */
	GYRE_ELOCK = -7,     /**< A lock could not be taken or is not there. */
	GYRE_ENORES = -8,    /**< Out of space, memory, descriptors, or participant slots. */
	GYRE_ESYSTEM = -9,   /**< The system failed in another way: see os_code. */
	GYRE_ENOTSUP = -10,  /**< This system, or this build, does not offer it. */
	/* What is found under the name. */
	GYRE_EUNSAFE = -11,   /**< Wrong owner, mode or file type: refused. */
	GYRE_EFORMAT = -12,   /**< Not a gyre segment. */
	GYRE_EVERSION = -13,  /**< A gyre segment of a layout or feature this library lacks. */
	GYRE_ECORRUPT = -14,  /**< The segment's content is impossible. */
	GYRE_ESTALE = -15,    /**< Handle inherited over fork(), or a segment of another boot. */
	GYRE_EMISMATCH = -16, /**< The ring exists with another kind or geometry. */
	/* Using a ring. */
	GYRE_EAGAIN = -20,    /**< Nothing to receive, or no room: an ordinary outcome. */
	GYRE_ETIMEDOUT = -21, /**< The time given has passed. */
	GYRE_EMSGSIZE = -22,  /**< The message does not fit the ring, or the buffer given. */
	GYRE_ECLOSED = -23,   /**< The ring was closed (receive: and everything was received). */
	GYRE_ELEFT = -24,     /**< Ring empty; its last producer detached without closing it. */
	GYRE_EDIED = -25,     /**< Ring empty; its last producer died. */
	GYRE_EBUSY = -26,     /**< The role, or the one open reservation, is taken. */
	GYRE_ESTATE = -27,    /**< Called out of order: nothing reserved, or not the oldest held. */
	GYRE_EROLE = -28,     /**< A consumer's handle was used to produce, or the reverse. */
	GYRE_ESUSPECT = -29,  /**< A live process lost its lock and still maps the ring. */
};

/** @brief Details of a failure, for people. Written only on failure. */
struct gyre_error {
	int code;       /**< an enum gyre_err */
	int os_code;    /**< errno or GetLastError(); 0 when the system was not involved */
	char what[496]; /**< one line: what failed, the numbers, what to do next; never empty */
};

/**
 * @brief A short English phrase for a code.
 * @param code Any int; an unknown one gives a fixed phrase.
 * @return A static string, never NULL.
 */
GYRE_API const char *gyre_strerror(int code);

/**
 * @brief The code's name, such as "GYRE_EAGAIN", for logs and tests.
 * @param code Any int; an unknown one gives "GYRE_E?".
 * @return A static string, never NULL.
 */
GYRE_API const char *gyre_errname(int code);

#ifdef __cplusplus
}
#endif
#endif
