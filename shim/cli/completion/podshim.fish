# SPDX-License-Identifier: Apache-2.0
# fish completion for podshim: podshim itself knows what fits.
function __podshim_complete
	set -l words (commandline -opc) (commandline -ct)
	for line in ($words[1] __complete $words[2..-1] 2>/dev/null)
		switch $line
			case ':file'
				__fish_complete_path (commandline -ct)
			case ':dir'
				__fish_complete_directories (commandline -ct)
			case '*'
				echo $line
		end
	end
end
complete -c podshim -f -a '(__podshim_complete)'
