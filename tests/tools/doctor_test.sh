#!/bin/bash
# gyre doctor: each thing that bites, on a machine made so: mounts, limits and System V of its own.
# Arguments: the command, and tests/tools/without.
. "$(dirname "$0")/tap.sh"
without=$(realpath "$2")
golden=$(realpath "$(dirname "$0")/../golden/layout1-records.ring")

# As nobody the command has to be somewhere that nobody may enter.
mkdir -m 755 "$WORK/bin"
chmod 755 "$WORK"
cp "$GYRE" "$WORK/bin/gyre"
ldd "$GYRE" | sed -n 's/.*libgyre[^ ]* => \([^ ]*\) .*/\1/p' | xargs -r cp -L -t "$WORK/bin"
chmod 755 "$WORK"/bin/*
export LD_LIBRARY_PATH=$WORK/bin GYRE_HERE=$WORK/bin/gyre

# A healthy machine: enough room, no rings, no systemd, limits as they should be.
healthy='
	mount -t tmpfs -o size=256m,mode=1777 tmpfs /dev/shm
	[ ! -d /run/systemd ] || mount -t tmpfs tmpfs /run/systemd
	ulimit -n 1024'
as_root='exec "$GYRE_HERE"'
as_nobody='exec setpriv --reuid=65534 --regid=65534 --clear-groups "$GYRE_HERE"'

# on SETUP RUN ARGUMENT...: gyre where this shell script was run first; $found is its exit status.
on() {
	timeout -s KILL "$LIMIT" unshare -m -i sh -ec "$healthy
		$1
		$2 \"\$@\"" sh "${@:3}" >"$WORK/out" 2>"$WORK/err"
	found=$?
}

# bites WHAT STATE TOPIC TEXT CURE SETUP [RUN]: one line of that state about the topic, with its
# cure, and status 1.
bites() {
	local what=$1
	on "$6" "${7:-$as_root}" doctor
	if [ "$found" -ne 1 ]; then
		fail "$what" "status $found, not 1" "$(cat "$WORK/out" "$WORK/err")"
	elif ! grep -Eq "^$2 +$3 +.*$4" "$WORK/out"; then
		fail "$what" "no '$2 $3 $4' in:" "$(cat "$WORK/out" "$WORK/err")"
	elif ! grep -E -A1 "^$2 +$3 +.*$4" "$WORK/out" | grep -Eq "^ +-> .*$5"; then
		fail "$what" "no cure '$5' in:" "$(cat "$WORK/out" "$WORK/err")"
	else
		pass "$what"
	fi
}

# fine WHAT TOPIC TEXT SETUP [RUN]: a line that is ok, and status 0.
fine() {
	local what=$1
	on "$4" "${5:-$as_root}" doctor
	if [ "$found" -ne 0 ]; then
		fail "$what" "status $found, not 0" "$(cat "$WORK/out" "$WORK/err")"
	elif ! grep -Eq "^ok +$2 +.*$3" "$WORK/out"; then
		fail "$what" "no 'ok $2 $3' in:" "$(cat "$WORK/out" "$WORK/err")"
	else
		pass "$what"
	fi
}

expect "an operand" 2 "too many" doctor please

# Whatever this machine is like.
gyre doctor >"$WORK/out" 2>"$WORK/err"
check "here it has an answer" test $? -le 1
for topic in /dev/shm container logind liveness futex membarrier memfd descriptors memlock 'System V' rings; do
	check "... about $topic" grep -Eq "^(ok|warn|problem) +$topic " "$WORK/out"
done
check "... and no complaint" test ! -s "$WORK/err"

on : "$as_root" --version
if [ "$found" -ne 0 ]; then
	skip "all the rest" "a machine of one's own is not allowed here"
	plan
fi

# ---- Nothing bites ----

fine "a healthy machine" rings "0, 0 in use" :
check "... and says so at the end" test "$(tail -1 "$WORK/out")" = "nothing that will bite"
on : "$as_root" doctor --quiet
check "--quiet then says nothing" test "$found" -eq 0 -a ! -s "$WORK/out"
fine "an ordinary user" memlock "may lock" : "$as_nobody"

# ---- Room ----

bites "what a container is given" warn /dev/shm "64M, 64M free" "--shm-size" \
	'mount -o remount,size=64m /dev/shm'
bites "a full /dev/shm" problem /dev/shm "not even a ring" "gyre clean.*--shm-size" \
	'head -c 256m /dev/zero >/dev/shm/full 2>/dev/null || :'
bites "a nearly full one" warn /dev/shm "only 6M free" "gyre ls" 'head -c 250m /dev/zero >/dev/shm/most'
bites "too many files" problem /dev/shm "all the [0-9]+ files" "nr_inodes=" \
	'mount -o remount,nr_inodes=2 /dev/shm; : >/dev/shm/one'
bites "a read-only one" problem /dev/shm "read-only" "remount,rw" 'mount -o remount,ro /dev/shm'
bites "no right to write" problem /dev/shm "uid 65534 may not write" "chmod 1777" \
	'chmod 755 /dev/shm' "$as_nobody"
bites "no sticky bit" warn /dev/shm "0777" "chmod 1777" 'chmod 777 /dev/shm'
if [ "$(stat -f -c %T "$(dirname "$GYRE")")" != tmpfs ]; then
	bites "a disk there" problem /dev/shm "no tmpfs" "mount -t tmpfs" \
		"mount --bind '$(dirname "$GYRE")' /dev/shm"
else
	skip "a disk there" "the build is on a tmpfs"
fi
fine "no limit" /dev/shm "without a limit" 'mount -o remount,size=0 /dev/shm'
bites "a limit on files" problem "file size" "50K at most" "ulimit -f" 'ulimit -f 100'

# ---- Who removes rings ----

systemd='mkdir /run/systemd/system; mount -t tmpfs tmpfs /etc/systemd; mkdir -p /etc/systemd/logind.conf.d \
	/run/systemd/logind.conf.d; say() { printf "%s\n" "$@"; }'
if [ -d /etc/systemd ] && [ -d /run/systemd ]; then
	bites "RemoveIPC by default" warn logind "RemoveIPC=yes \(the default\)" \
		"RemoveIPC=no.*enable-linger" "$systemd" "$as_nobody"
	fine "... does not concern system users" logind "system user" "$systemd"
	fine "RemoveIPC=no" logind "RemoveIPC=no \(/etc/systemd/logind.conf\)" \
		"$systemd; say '[Login]' ' RemoveIPC = Off ' >/etc/systemd/logind.conf" "$as_nobody"
	for line in '#RemoveIPC=no' 'RemoveIPC=perhaps' 'removeipc=no' '[Other]' ''; do
		bites "... is not said by '$line'" warn logind "the default" "RemoveIPC=no" \
			"$systemd; say '[Login]' '$line' >/etc/systemd/logind.conf
			[ '$line' != '[Other]' ] || say RemoveIPC=no >>/etc/systemd/logind.conf" "$as_nobody"
	done
	no="$systemd; say '[Login]' RemoveIPC=no >/etc/systemd/logind.conf"
	drop="$no; say '[Login]' RemoveIPC=yes >/run/systemd/logind.conf.d/50-x.conf"
	bites "a drop-in counts more" warn logind "/run/systemd/logind.conf.d/50-x.conf" "RemoveIPC=no" \
		"$drop" "$as_nobody"
	fine "... unless one of its name hides it" logind "RemoveIPC=no" \
		"$drop; : >/etc/systemd/logind.conf.d/50-x.conf" "$as_nobody"
	fine "... or a later one contradicts" logind "60-y.conf" \
		"$drop; say '[Login]' RemoveIPC=no >/etc/systemd/logind.conf.d/60-y.conf" "$as_nobody"
	bites "... an earlier one does not" warn logind "50-x.conf" "RemoveIPC=no" \
		"$drop; say '[Login]' RemoveIPC=no >/etc/systemd/logind.conf.d/40-y.conf" "$as_nobody"
	bites "... nor what is no .conf" warn logind "50-x.conf" "RemoveIPC=no" \
		"$drop; say '[Login]' RemoveIPC=no >/etc/systemd/logind.conf.d/60-y.off" "$as_nobody"
	fine "who lingers keeps rings" logind "lingers" "$systemd; mount -t tmpfs tmpfs /var/lib
		mkdir -p /var/lib/systemd/linger; : >/var/lib/systemd/linger/nobody" "$as_nobody"
else
	skip "RemoveIPC" "there is no /etc/systemd, or no /run/systemd"
fi

# ---- The kernel ----

deny() { # WHAT STATE TOPIC TEXT CURE CALL ERRNO
	"$without" "$6" "$7" true
	if [ $? -eq 77 ]; then
		skip "$1" "system call filters are not allowed here"
	else
		bites "$1" "$2" "$3" "$4" "$5" : "exec '$without' $6 $7 \"\$GYRE_HERE\""
	fi
}
deny "no membarrier" warn membarrier "not offered" "seccomp" membarrier 1
deny "no memfd" warn memfd "cannot be made" "posix:" memfd_create 38
deny "no futex between processes" problem futex "nobody can sleep" "seccomp" futex 1
deny "no System V" warn "System V" "does without" "posix:" shmget 38
bites "no /proc" problem liveness "/proc/self/fd" "mount -t proc" 'mount -t tmpfs tmpfs /proc'

# ---- Limits ----

bites "few descriptors" warn descriptors "64 for a process" "ulimit -n" 'ulimit -n 64'
bites "hardly any" problem descriptors "12 for a process" "LimitNOFILE" 'ulimit -n 12'
bites "little that may be locked" warn memlock "64K" "LimitMEMLOCK" 'ulimit -l 64' "$as_nobody"
fine "... does not concern root" memlock "all their memory" 'ulimit -l 64'
set_kernel() { # NAME VALUE...: for a setup
	printf 'echo %s >/proc/sys/kernel/%s\n' "${*:2}" "$1"
}
if unshare -i sh -c "$(set_kernel shmmax 1000)" 2>/dev/null; then
	bites "small segments" warn "System V" "1000B \(shmmax\)" "kernel.shmmax=" "$(set_kernel shmmax 1000)"
	bites "few pages" warn "System V" "shmall" "kernel.shmall=" \
		"$(set_kernel shmall 1); ipcmk -M 4096 >/dev/null"
	bites "few segments" warn "System V" "1 of 1 segments" "kernel.shmmni=2" \
		"$(set_kernel shmmni 1); ipcmk -M 4096 >/dev/null"
	bites "few semaphore sets" warn "System V" "2 of 2 semaphore sets" "kernel.sem=\"32000 9999 500 4\"" \
		"$(set_kernel sem 32000 9999 500 2); ipcmk -S 1 >/dev/null; ipcmk -S 1 >/dev/null"
	bites "small semaphore sets" warn "System V" "semmsl" "kernel.sem=" "$(set_kernel sem 100 32000 500 32000)"
	bites "segments that vanish" warn "System V" "shm_rmid_forced" "shm_rmid_forced=0" \
		"$(set_kernel shm_rmid_forced 1)"
else
	skip "System V limits" "they cannot be set here"
fi

# ---- Rings ----

ring='"$GYRE_HERE" pub --no-close ring one two three'
fine "rings that wait" rings "1, 0 in use; 3 messages wait" "$ring"
fine "a ring that was made to stay is not stale" rings "1, 0 in use" \
	'"$GYRE_HERE" create ring >/dev/null; "$GYRE_HERE" pub ring x; "$GYRE_HERE" sub ring >/dev/null'
bites "one of another boot" warn "stale rings" "1, which take [0-9]+K: drained" "gyre clean" \
	"install -m 600 '$golden' /dev/shm/old"
bites "a half-made one" warn "stale rings" "1: drained" "gyre clean" \
	': >/dev/shm/.gyre-new-0123456789abcdef'
bites "a broken one" warn "broken rings" "posix:/ring: .*damaged" "gyre clean --force ring" \
	"$ring; printf x | dd of=/dev/shm/ring bs=1 seek=100 conv=notrunc status=none"
bites "... of several" warn "broken rings" "2, such as" "gyre clean --force" \
	"$ring; cp /dev/shm/ring /dev/shm/other; for i in ring other; do
	printf x | dd of=/dev/shm/\$i bs=1 seek=100 conv=notrunc status=none; done"
on "$ring" "$as_nobody" doctor
check "what permissions hide is counted" grep -q "permissions hide 1 object" "$WORK/out"

# ---- JSON, and that looking is all it does ----

on 'mount -o remount,size=64m /dev/shm; ulimit -n 64' "$as_root" doctor --json
cp "$WORK/out" "$WORK/doctor.json"
on 'mount -o remount,size=64m /dev/shm' "$as_root" doctor --json --quiet
if python3 -c '' 2>/dev/null; then
	cat >"$WORK/check.py" <<-'PYTHON'
		import json, sys
		all, quiet = (json.load(open(path)) for path in sys.argv[1:])
		assert all["version"] == 1 and (all["problems"], all["warnings"]) == (0, 2)
		found = {f["what"]: f for f in all["findings"]}
		shm = found["/dev/shm"]
		assert shm["health"] == "warn" and "--shm-size" in shm["cure"] and "64M" in shm["text"]
		assert shm["figures"] == {"total_bytes": 64 << 20, "free_bytes": 64 << 20}
		assert found["descriptors"]["figures"]["limit"] == 64
		assert found["futex"]["health"] == "ok" and found["futex"]["cure"] is None
		assert found["rings"]["figures"] == {"rings": 0, "used": 0, "messages": 0, "hidden": 0}
		only, = quiet["findings"]
		assert only == shm and (quiet["problems"], quiet["warnings"]) == (0, 1)
	PYTHON
	check "the JSON says what is so" python3 "$WORK/check.py" "$WORK/doctor.json" "$WORK/out"
else
	skip "the JSON says what is so" "no python3"
fi

key=${PREFIX}doctor
gyre pub --no-close "$key" one two
before=$(stat -c '%i %y %z %s' "/dev/shm/$key")
if strace -f -o "$WORK/trace" -e trace=%file,ftruncate,fcntl,shmget,semget "$GYRE" doctor >/dev/null 2>&1 ||
	[ -s "$WORK/trace" ]; then
	sed -i '/tsan\.rodata/d' "$WORK/trace" # the sanitizer's own
	check "it looks at the ring" grep -q "\"/*$key\"\|shm/$key" "$WORK/trace"
	check "... and makes and removes nothing" test -z "$(grep -E \
		'^[0-9]+ +(mkdir|rmdir|unlink|rename|link|symlink|mknod|f?chmod|f?truncate)|O_CREAT|O_TMPFILE|IPC_CREAT' \
		"$WORK/trace")"
	check "... and locks nobody's object" test "$(grep -c F_OFD_SETLK "$WORK/trace")" -le 1
else
	skip "it makes and removes nothing" "no strace, or it is not allowed"
fi
check "... which is as it was" test "$(stat -c '%i %y %z %s' "/dev/shm/$key")" = "$before"
check "... with what it holds" holds "$key" 2

plan
