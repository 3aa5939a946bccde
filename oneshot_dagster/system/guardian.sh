# Ends what a process of ours left behind when it was killed: PDEATHSIG reaches a command, but not the command's children.
# Reads "+GROUP" and "-GROUP" lines until its starter is gone. Whatever bears the mark $1 in its environment is killed
# at once, what bears $2 (it was told to stop by PDEATHSIG) after ten seconds.
trap '' INT TERM HUP QUIT
groups=' '
while read -r line; do
  group=${line#?}
  case $line in
    +*) groups="$groups$group " ;;
    -*) case $groups in *" $group "*) groups="${groups%% "$group" *} ${groups#* "$group" }" ;; esac ;;
  esac
done

bearing() { grep -ls -- "$1" /proc/[0-9]*/environ; }

end() {
  for file in $(bearing "$1"); do
    pid=${file#/proc/}
    kill -9 "${pid%/environ}" 2>/dev/null
  done
}

for group in $groups; do kill -9 "-$group" 2>/dev/null; done
rounds=0
while [ $rounds -lt 20 ] && [ -n "$(bearing "$1")" ]; do end "$1"; rounds=$((rounds + 1)); done
rounds=0
while [ $rounds -lt 100 ] && [ -n "$(bearing "$2")" ]; do sleep 0.1; rounds=$((rounds + 1)); done
end "$2"
