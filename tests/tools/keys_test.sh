#!/bin/bash
# gyre key: every notation of a key, keys made by Qt's rules, and files of test vectors.
. "$(dirname "$0")/tap.sh"

vectors=$(realpath "$(dirname "$0")/../vectors")
mkdir -m 700 "$WORK/run"
mkdir "$WORK/tmp"
export XDG_RUNTIME_DIR=$WORK/run TMPDIR=$WORK/tmp

# shows WHAT PATTERN...: the last output has a line of each pattern.
shows() {
	local what=$1 pattern
	shift
	for pattern; do
		check "$what: $pattern" grep -Eq -- "$pattern" "$WORK/out"
	done
}

is_output() {
	[ "$(cat "$WORK/out")" = "$1" ]
}

# ---- One key ----

expect "a bare name" 0 "" key cam0
shows "a bare name" '^key +posix:/cam0$' '^to be typed +cam0$' '^in Qt +posix:/cam0$' \
	'^type +posix \(256\)$' '^native key +/cam0$' '^legacy key +-$' \
	'^shared memory +/dev/shm/cam0$' '^semaphore +/dev/shm/sem\.cam0$' \
	'^lock +posix:/cam0 \(/dev/shm/sem\.cam0\)$' '^lock, old Qt +none: .*legacyKey' \
	'^works +here, for memory and semaphores$'
check "... without a problem" sh -c "! grep -q '^problem' '$WORK/out'"
mv "$WORK/out" "$WORK/bare"
expect "its string form" 0 "" key posix:/cam0
check "... is the same key" cmp "$WORK/bare" "$WORK/out"
expect "an odd spelling" 0 "" key SystemV-081:/tmp/%66eed
shows "an odd spelling" '^key +systemv:/tmp/feed$' '^key file +/tmp/feed' '^type +systemv \(81\)$'

: >"$WORK/keyfile"
expect "a System V key" 0 "" key "systemv-7:$WORK/keyfile"
ftok=$(printf '0x07%02x%04x' $(($(stat -c %d "$WORK/keyfile") & 0xff)) \
	$(($(stat -c %i "$WORK/keyfile") & 0xffff)))
shows "a System V key" "^key file +$WORK/keyfile\$" "^shared memory +$ftok \(ipcs -m\)\$" \
	"^semaphore +$ftok \(ipcs -s\)\$" "^lock +systemv-7:$WORK/keyfile"
rm "$WORK/keyfile"
expect "... without its file" 0 "" key "systemv-7:$WORK/keyfile"
shows "... without its file" "^key file +$WORK/keyfile, which is not there yet\$"

expect "a legacy key" 0 "" key "systemv:$WORK/x?legacyKey=foo"
lock=$WORK/tmp/qipc_systemsem_foo0beec7b5ea3f0fdbc95d0dd47f3c5bc275da8a33
shows "a legacy key has its lock elsewhere" '^legacy key +foo$' \
	"^lock +systemv:$lock\?legacyKey=foo \($lock\)\$" \
	"^lock, old Qt +systemv:$lock\?legacyKey=foo"

expect "a mapped file" 0 "" key file:/run/cam0
shows "a mapped file" '^in Qt +-' '^shared memory +/run/cam0$' '^semaphore +-$' '^lock +none' \
	'^works +here, for memory$'
expect "a descriptor" 0 "" key memfd:7
shows "a descriptor" '^shared memory +/proc/self/fd/7$'
expect "another system's key" 0 "" key 'windows:Global\cam0'
shows "another system's key" '^works +no: linux has no keys of this type$'
expect "... by its own rules" 0 "" key --os windows 'windows:Global\cam0'
shows "... by its own rules" '^shared memory +Global\\cam0$' '^works +on windows$' \
	'^lock +windows:Global\\cam0_sem \(Global\\cam0_sem\)$'
expect "a name that is too long elsewhere" 0 "" key --os apple "$(printf 'x%.0s' {1..40})"
shows "a name that is too long elsewhere" '^problem .*30 bytes.*write for instance /x+-[0-9a-f]{16}$'

expect "what cannot work is refused" 1 "slash inside" key posix:/a/b
expect "... and read all the same as Qt reads it" 0 "" key --qt posix:/a/b
shows "... with its problem" '^native key +/a/b$' '^problem .*slash inside'
expect "Qt knows no bare names" 1 "no scheme" key --qt cam0

# ---- Made by Qt's rules ----

makes() { # KEY ARGUMENT...
	local key=$1
	shift
	expect "$*" 0 "" key "$@"
	check "... is $key" is_output "$key"
}
foo=foo0beec7b5ea3f0fdbc95d0dd47f3c5bc275da8a33
makes "systemv:$WORK/tmp/qipc_sharedmemory_$foo?legacyKey=foo" legacy foo
makes "systemv:$WORK/tmp/qipc_systemsem_$foo?legacyKey=foo" legacy foo --kind sem --type systemv
makes "posix:/qipc_sharedmemory_$foo?legacyKey=foo" legacy foo --type posix --os linux
makes "posix:/0beec7b5ea3f0fdbc95d0dd47f3c5?legacyKey=foo" legacy foo --os apple --type posix
makes "windows:qipc_systemsem_$foo?legacyKey=foo" legacy foo -k sem --os windows
makes posix:/cam0 safe cam0
makes 'windows:Local\sem_cam0' safe 'Local\cam0' --os windows --kind sem
makes "systemv-7:$WORK/run/cam0" safe cam0 --type systemv-7
makes "systemv:/abs/olute" safe /abs/olute --type systemv
makes "file:$WORK/run/cam0" safe cam0 --type file

long=$(printf 'x%.0s' {1..40})
expect "a name that Qt cuts" 0 "Qt cuts.*x{12}-[0-9a-f]{16}" key safe "$long" --os apple
check "... is cut as Qt cuts it" is_output "posix:/$(printf 'x%.0s' {1..29})"
expect "a legacy name that is too long" 0 "no system takes this key" \
	key legacy "$(printf 'x%.0s' {1..200})" --type systemv
XDG_RUNTIME_DIR='' expect "a key that depends on the environment" 0 "XDG_RUNTIME_DIR is not set" \
	key safe cam0 --type systemv
check "... says which" is_output "systemv:$WORK/tmp/runtime-$(id -un)/cam0"
expect "a type that the system has not" 1 "linux has no memory" key safe cam0 --type windows --os linux
expect "no semaphores of files" 1 "no semaphore of type file" key safe cam0 --type file --kind sem
expect "an empty name" 1 "empty" key safe ''
expect "legacy keys are Qt's" 1 "Qt's" key legacy foo --type file
expect "a name that is no UTF-8" 1 "not UTF-8" key safe $'\xff'

# ---- Wrong usage ----

expect "no key" 2 "KEY" key
expect "two keys" 2 "too many" key one two
expect "an option of legacy and safe" 2 "--kind and --type" key cam0 --kind sem
expect "a bad kind" 2 "shm, sem" key safe cam0 --kind ring
expect "a bad type" 2 "systemv-255" key safe cam0 --type systemv-256
expect "a bad system" 2 "apple-sandboxed" key safe cam0 --os beos
expect "check without a file" 2 "posix:/check" key check
expect "legacy without a name" 2 "posix:/legacy" key legacy
expect "check with what the file says itself" 2 "only --json" key check x --type posix
expect "--qt with a name" 2 "KEY" key safe x --qt

# ---- Test vectors ----

for file in "$vectors"/*.tsv; do
	name=$(basename "$file")
	expect "check $name" 0 "" key check "$file"
	check "... all of it" is_output "$(($(wc -l <"$file") - 1)) passed, 0 failed"
done

sed '5s/systemv:/systemw:/' "$vectors/keys_tostring.tsv" >"$WORK/wrong.tsv"
id=$(sed -n 5p "$WORK/wrong.tsv" | cut -f1)
rows=$(($(wc -l <"$WORK/wrong.tsv") - 1))
expect "a row that is wrong" 1 "" key check "$WORK/wrong.tsv"
check "... is printed" grep -Eq \
	"^$WORK/wrong\.tsv:5: $id: expected: expected \"systemw:.*\", got \"systemv:.*\"\$" "$WORK/out"
check "... alone" test "$(wc -l <"$WORK/out")" = 2
check "... before the count" test "$(tail -1 "$WORK/out")" = "$((rows - 1)) passed, 1 failed"
expect "a row that is wrong, as JSON" 1 "" key check --json "$WORK/wrong.tsv"
cp "$WORK/out" "$WORK/check.json"
expect "all rows right, as JSON" 0 "" key check --json "$vectors/ftok.tsv"
cp "$WORK/out" "$WORK/right.json"

expect "no such file" 3 "no such file" key check "$WORK/absent.tsv"
expect "a directory" 7 "directory" key check "$WORK"
expect "an empty file" 7 "line 1" key check /dev/null
expect "another file" 7 "line 1.*header" key check "$0"
expect "an endless file" 7 "too large" key check /dev/zero
printf 'st_dev\tst_ino\tproj_id\texpected_key\tsource\n1\t2\n' >"$WORK/short.tsv"
expect "a line that is too short" 7 "line 2: 2 columns, where the header has 5" \
	key check "$WORK/short.tsv"
check "... prints no count" test ! -s "$WORK/out"
expect "a malformed file, as JSON" 7 "line 2" key check --json "$WORK/short.tsv"
check "... is no JSON at all" test ! -s "$WORK/out"
if [ "$(id -u)" -ne 0 ]; then
	cp "$vectors/ftok.tsv" "$WORK/hidden.tsv"
	chmod 0 "$WORK/hidden.tsv"
	expect "a file that may not be read" 7 "ermission" key check "$WORK/hidden.tsv"
else
	skip "a file that may not be read" "root may read all"
fi

# ---- JSON ----

expect "key --json" 0 "" key --json "systemv:$WORK/x?legacyKey=foo"
cp "$WORK/out" "$WORK/key.json"
expect "legacy --json" 0 "" key legacy foo --type posix --json
cp "$WORK/out" "$WORK/legacy.json"
if python3 -c '' 2>/dev/null; then
	cat >"$WORK/check.py" <<-'PYTHON'
		import json, sys
		work, rows = sys.argv[1], int(sys.argv[2])
		load = lambda name: json.load(open(f"{work}/{name}.json"))
		key = load("key")
		assert key["version"] == 1
		key = key["key"]
		assert key["key"] == key["qt"] == f"systemv:{work}/x?legacyKey=foo" == key["user"]
		assert key["type"] == "systemv" and key["type_number"] == 81
		assert key["native_key"] == f"{work}/x" == key["memory"] == key["semaphore"]
		assert key["legacy_key"] == "foo" and key["ftok"] is None and key["exists"] is True
		assert key["os"] == "linux" and key["problem"] is None
		assert key["memory_supported"] is True and key["semaphore_supported"] is True
		assert key["lock"] == key["legacy_lock"] and key["lock"]["none"] is None
		assert key["lock"]["name"].startswith(f"{work}/tmp/qipc_systemsem_foo")
		legacy = load("legacy")["key"]
		assert legacy["legacy_key"] == "foo" and legacy["type"] == "posix"
		check = load("check")
		assert check["version"] == 1 and (check["passed"], check["failed"]) == (rows - 1, 1)
		wrong, = check["mismatches"]
		assert wrong["line"] == 5 and wrong["column"] == "expected"
		assert wrong["expected"].replace("systemw:", "systemv:") == wrong["actual"]
		right = load("right")
		assert right["failed"] == 0 and right["passed"] > 0 and right["mismatches"] == []
	PYTHON
	check "the JSON says what is so" python3 "$WORK/check.py" "$WORK" "$rows"
else
	skip "the JSON says what is so" "no python3"
fi

plan
