# Starts a function's external extensions, then, once it is told to, its runtime.
#
#     sh -c "$(cat launch.sh)" launch DIRECTORY "HIDDEN VARIABLES" MARK COMMAND [ARGUMENT]...
#
# Descriptors: 0 reads the region's words, one a line; 3 writes reports to the region, one a line; 4 is where
# the extensions write; 1 and 2 are the runtime's. Where 3 and 4 are one, MARK tells a report from output; a report is
# written at once, so that nothing comes between.
#
#     words      start     start the runtime
#                TERM      send the runtime that signal (KILL likewise)
#     reports    extension STATUS NAME     an extension ended, with the status as a shell has it
#                runtime STATUS            the runtime ended
#
# It stays until the region ends it, for extensions outlive the runtime.
directory=$1 hidden=$2 mark=$3
shift 3
exec 5<&0 </dev/null

for file in "$directory"/*; do
    [ -f "$file" ] || continue
    (
        (
            # shellcheck disable=SC2086 # names of variables, a word each
            unset $hidden
            exec "$file" >&4 2>&4 3>&- 4>&- 5<&-
        )
        echo "${mark}extension $? ${file##*/}" >&3
    ) 2>/dev/null & # a shell writes there how its children died
done

read -r word <&5
[ "$word" = start ] || exit 0
"$@" 3>&- 4>&- 5<&- &
runtime=$!
exec 2>/dev/null
while read -r word; do
    kill -s "$word" "$runtime"
done <&5 3>&- 4>&- &
wait "$runtime"
echo "${mark}runtime $?" >&3
wait
