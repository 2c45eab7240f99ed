# shellcheck shell=bash
# bash completion for gyre(1). What there is to complete comes from the command itself: verbs, options
# and columns from its help, words such as spsc or fence from what it says to an empty one, keys
# from gyre ls. So a new verb or option needs nothing here.

# The verbs, and the programs gyre-VERB on the PATH.
_gyre_verbs() {
	"$1" help 2>/dev/null | awk '/^$/ { block++ } block == 1 && /^  [a-z]/ { print $1 }'
	compgen -c gyre- | sed 's/^gyre-//'
}

_gyre_options() {
	"$1" help "$2" 2>/dev/null | sed -En 's/^  (-.,|   ) (--[a-z-]+).*/\2/p'
}

# _gyre_argument GYRE VERB OPTION: what the argument of -X or --long is called; nothing for a flag.
_gyre_argument() {
	"$1" help "$2" 2>/dev/null | sed -En 's/^  (-.), (--[a-z-]+) ([A-Z]+) .*/\1 \3\n\2 \3/p
		s/^      (--[a-z-]+) ([A-Z]+) .*/\1 \2/p' | sed -n "s/^$3 //p"
}

# An option that is one of a few words lists them when it is given none.
_gyre_words() {
	"$1" "$2" "$3=" 2>&1 </dev/null | sed -n 's/.*there \(is\|are\): //p' | tr ',' '\n' |
		sed 's/^ *//' | grep -v ' '
}

_gyre_keys() {
	case $2 in
	file:*) compgen -f -- "${2#file:}" | sed 's/^/file:/' ;;
	*:*) "$1" ls --noheadings --raw --output KEY 2>/dev/null | grep -v '\\x' ;;
	*) "$1" ls --noheadings --raw --output NAME 2>/dev/null | grep -v '\\x' ;;
	esac
}

# _gyre_values GYRE VERB OPTION WORD: what may stand for the option's argument.
_gyre_values() {
	case $(_gyre_argument "$1" "$2" "$3") in
	KIND | HOW | TYPE | OS) _gyre_words "$1" "$2" "$3" ;;
	PATH | FILE) compgen -f -- "$4" ;;
	USER) compgen -u -- "$4" ;;
	MODE) printf '%s\n' 0600 0640 0660 ;;
	COLUMNS) "$1" help "$2" 2>/dev/null |
		sed -n '/^Columns:/,/^$/p' | sed 's/^Columns://' | tr ' ' '\n' | grep . |
		sed "s/^/$(sed -n 's/,[^,]*$/,/p' <<<"$4")/" ;;
	esac
}

# _gyre_operands GYRE VERB WORD OPERAND...: what may stand next.
_gyre_operands() {
	local gyre=$1 verb=$2 word=$3 usage
	shift 3
	if [ "$verb" = help ]; then
		_gyre_verbs "$gyre"
		return
	fi
	usage=$("$gyre" help "$verb" 2>/dev/null | sed -n '1s/^Usage: gyre [a-z]* \[OPTION\.\.\.\]//p')
	case "$verb ${1:-}" in
	"key check") compgen -f -- "$word" ;;
	"key legacy" | "key safe") ;;
	*)
		[ $# -gt 0 ] || grep -oE '\b[a-z]+\b' <<<"$usage"
		[[ $usage != *KEY* ]] || _gyre_keys "$gyre" "$word"
		;;
	esac
}

# The words before the one at the cursor, as the shell will see them: bash cuts them at ':' and '='.
_gyre_line() {
	local line=${COMP_LINE:0:COMP_POINT}
	word=${line##*[[:space:]]}
	read -ra before <<<"${line:0:${#line}-${#word}}"
}

# Operands among the words before, and the option that waits for its argument.
_gyre_read() {
	local i
	operands=()
	option=
	for ((i = 2; i < ${#before[@]}; i++)); do
		if [ -n "$option" ]; then
			option=
		elif [[ ${before[i]} == --*=* ]]; then
			:
		elif [[ ${before[i]} == -* ]]; then
			option=${before[i]}
			[ -n "$(_gyre_argument "$1" "$2" "$option")" ] || option=
		else
			operands+=("${before[i]}")
		fi
	done
}

_gyre() {
	local gyre=$1 word before operands option candidates candidate cut
	COMPREPLY=()
	_gyre_line
	if [ "${#before[@]}" -lt 2 ]; then
		candidates=$(_gyre_verbs "$gyre")
	else
		_gyre_read "$gyre" "${before[1]}"
		if [ -n "$option" ]; then
			candidates=$(_gyre_values "$gyre" "${before[1]}" "$option" "$word")
		elif [[ $word == --*=* ]]; then
			option=${word%%=*}
			candidates=$(_gyre_values "$gyre" "${before[1]}" "$option" "${word#*=}" |
				sed "s/^/$option=/")
		elif [[ $word == -* ]]; then
			candidates=$(_gyre_options "$gyre" "${before[1]}")
		else
			candidates=$(_gyre_operands "$gyre" "${before[1]}" "$word" "${operands[@]}")
		fi
	fi
	# Only what stands behind the last ':' or '=' is to be replaced.
	cut=${word%"${word##*[:=]}"}
	[[ $cut != *= || $COMP_WORDBREAKS == *=* ]] || cut=
	[[ $cut != *: || $COMP_WORDBREAKS == *:* ]] || cut=
	while read -r candidate; do
		[[ -z $candidate || $candidate != "$word"* ]] || COMPREPLY+=("${candidate:${#cut}}")
	done < <(sort -u <<<"$candidates")
	# Bash then puts a slash behind directories, and quotes around blanks.
	[ ! -e "${COMPREPLY[0]:-}" ] || compopt -o filenames 2>/dev/null
}

complete -F _gyre gyre
