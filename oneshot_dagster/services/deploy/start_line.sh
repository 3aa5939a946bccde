# Runs one start line ($2) when the other end of descriptor $1 says so, and not otherwise.
exec 2>&1
echo oneshot-ready
read -r -u "$1" word && [ "$word" = go ] || exit 75
eval "exec $1<&-"
exec /bin/bash -c "$2"
