#!/bin/bash
# gyre, installed in a place of its own, is all that the examples need: each builds outside the
# tree with cc and pkg-config alone, and works.
# Arguments: the top of the sources, the build directory, and the version.
here=$(dirname "$0")
. "$here/../tools/tap.sh" /bin/true
source=$(realpath "$1")
build=$(realpath "$2")
version=$3
root=$WORK/root
apart=$WORK/apart

# build_program NAME SOURCE... : what the README says, and nothing more.
build_program() {
	local name=$1
	shift
	# shellcheck disable=SC2046 # several words are meant
	(cd "$apart" && cc -o "$name" "$@" $(pkg-config --cflags --libs gyre))
}

build_demo() {
	# shellcheck disable=SC2046
	(cd "$source/examples/demo" && cc -O2 -D_GNU_SOURCE -o "$apart/gyre-demo" ./*.c \
		$(pkg-config --cflags --libs gyre libxxhash))
}

build_static() {
	# shellcheck disable=SC2046
	(cd "$apart" && cc -static -o static_producer hello_producer.c \
		$(pkg-config --static --cflags --libs gyre) && ./static_producer)
}

build_as_cxx() {
	# shellcheck disable=SC2046
	(cd "$apart" && c++ -std=c++17 -x c++ -o "cxx_$1" "$1.c" $(pkg-config --cflags --libs gyre))
}

# Another key than the README's: nobody else's ring is touched.
rename_key() {
	sed -i "s/\"$1\"/\"$PREFIX$1\"/" "$apart/$1"_*.c
}

said() {
	[ "$(cat "$WORK/to")" = "$1" ]
}

talk() { # EXPECTED CONSUMER PRODUCER [ARGUMENT...]
	local expected=$1 consumer=$2
	shift 2
	GYRE=$apart/$consumer start
	timeout "$LIMIT" "$apart/$1" "${@:2}" >/dev/null || return
	ended "$PID" && [ "$STATUS" -eq 0 ] && said "$expected"
}

check 'meson install' meson install -C "$build" --no-rebuild --quiet --destdir "$root"
pc=$(find "$root" -name gyre.pc)
if [ -z "$pc" ]; then
	fail 'gyre.pc is installed'
	plan
fi
pass 'gyre.pc is installed'
export PKG_CONFIG_PATH=${pc%/*} PKG_CONFIG_SYSROOT_DIR=$root
libraries=$(pkg-config --variable=libdir gyre)
export LD_LIBRARY_PATH=$root${libraries#"$root"}
check 'pkg-config knows the version' test "$(pkg-config --modversion gyre)" = "$version"

mkdir "$apart"
cp "$source"/examples/*.[ch] "$apart"
for program in "$source"/examples/*.c; do
	program=$(basename "$program" .c)
	check "$program builds with pkg-config alone" build_program "$program" "$program.c"
done
check 'hello_producer builds as C++' build_as_cxx hello_producer
check 'hello_consumer builds as C++' build_as_cxx hello_consumer
check 'the demo builds with pkg-config alone' build_demo

rename_key hello
rename_key frames
for program in hello_producer hello_consumer frames_producer frames_consumer; do
	build_program "$program" "$program.c"
done
check 'hello: what is sent is printed' \
	talk $'hi there\nyou' hello_consumer hello_producer 'hi there' you
check 'hello: its ring is gone then' absent "${PREFIX}hello"
check 'frames: all arrive, none broken' \
	talk '50 frames, 0 broken' frames_consumer frames_producer 50
check 'frames: its ring is gone then' absent "${PREFIX}frames"
check 'a program can be linked statically' build_static

GYRE=$(find "$root" -path '*/bin/gyre')
check 'the installed command says its version' test "$("$GYRE" --version)" = "gyre $version"
for page in man1/gyre.1 man5/gyre-json.5; do
	if command -v scdoc >/dev/null; then
		check "the man page $page is installed" test -n "$(find "$root" -path "*/$page")"
	else
		skip "the man page $page is installed" 'no scdoc'
	fi
done
check 'the completion is installed where bash looks for it' \
	test -n "$(find "$root" -path '*/share/bash-completion/completions/gyre')"
check 'no header is installed that is not public' \
	test -z "$(find "$root" -name '*.h' -not -name 'gyre_*.h' -o -name '*_private.h')"
plan
