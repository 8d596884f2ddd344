# SPDX-License-Identifier: Apache-2.0
# bash completion for podshim: podshim itself knows what fits.
_podshim() {
	local word
	COMPREPLY=()
	while IFS=$'\t' read -r word _; do
		case $word in
		:file) mapfile -t COMPREPLY < <(compgen -f -- "$2") && compopt -o filenames ;;
		:dir) mapfile -t COMPREPLY < <(compgen -d -- "$2") && compopt -o filenames ;;
		*) COMPREPLY+=("$word") ;;
		esac
	done < <("$1" __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _podshim podshim
