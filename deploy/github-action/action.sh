#!/usr/bin/env bash
# What the action does: its inputs to a run of rulesync, and what that prints to annotations, outputs, the summary of the
# step and one comment on the pull request. Needs bash, and `gh` for the comment.
set -euo pipefail

fail() {
    printf '::error title=rulesync::%s\n' "$1"
    exit 64
}

# The first of these variables that is set, by name.
first() {
    local name
    for name in "$@"; do
        if [ -n "${!name:-}" ]; then
            printf '%s' "${!name}"
            return
        fi
    done
}

# Prints a file, in which nothing is a command to the runner.
show() {
    local token
    token="$(random)"
    printf '::stop-commands::%s\n' "$token"
    cat "$1"
    printf '\n::%s::\n' "$token"
}

random() {
    od -An -N16 -tx1 /dev/urandom | tr -d ' \n'
}

# Sets an output to the content of a file. The delimiter cannot be known to whoever wrote the rules.
output() {
    local delimiter
    delimiter="$(random)"
    {
        printf '%s<<%s\n' "$1" "$delimiter"
        cat "$2"
        printf '\n%s\n' "$delimiter"
    } >>"$GITHUB_OUTPUT"
}

action="$(first INPUT_ACTION ACTION)"
case "$action" in
    check | lint) action=check ;;
    plan | diff) action=plan ;;
    sync | apply) action=sync ;;
    prepare) fail "the action \`prepare\` rewrites files, which rulesync does not do: a route of its configuration adds labels and matchers when rules are sent" ;;
    print) fail "the action \`print\` is no part of this action: run \`rulesync print\`" ;;
    '') fail "the input \`action\` is missing: check, plan or sync" ;;
    *) fail "the action \`$action\` is unknown: check, plan or sync" ;;
esac

# What Grafana's action has and this one does not is refused: rules that were left alone would be changed, or the other way
# round.
for name in NAMESPACES NAMESPACES_REGEX IGNORED_NAMESPACES IGNORED_NAMESPACES_REGEX; do
    if [ -n "$(first "INPUT_$name" "$name")" ]; then
        fail "\`$name\` is not supported: rulesync manages the namespaces of its owner, and touches no others"
    fi
done
for name in LABEL LABEL_EXCLUDED_RULE_GROUPS; do
    if [ -n "$(first "INPUT_$name" "$name")" ]; then
        fail "\`$name\` is not supported: it is for the action \`prepare\`"
    fi
done

# rulesync reads these from its environment, and after them those of mimirtool and lokitool. A secret is no argument.
pass_on() {
    local value
    value="$(first "${@:2}")"
    if [ -n "$value" ]; then
        export "$1=$value"
    fi
}
pass_on RULESYNC_ADDRESS INPUT_ADDRESS INPUT_MIMIR_ADDRESS
pass_on RULESYNC_TENANT_ID INPUT_TENANT INPUT_MIMIR_TENANT_ID
pass_on RULESYNC_API_USER INPUT_USER INPUT_MIMIR_API_USER
pass_on RULESYNC_API_KEY INPUT_KEY INPUT_MIMIR_API_KEY
pass_on RULESYNC_AUTH_TOKEN INPUT_AUTH_TOKEN INPUT_MIMIR_AUTH_TOKEN
pass_on RULESYNC_OWNER INPUT_OWNER
pass_on RULESYNC_INSTALLATION INPUT_INSTALLATION
pass_on RULESYNC_NAMING INPUT_NAMING
pass_on RULESYNC_INVENTORY INPUT_INVENTORY

temporary="$(mktemp -d "${RUNNER_TEMP:-/tmp}/rulesync.XXXXXX")"
rulesync="$(first INPUT_RULESYNC)"
if [ -z "$rulesync" ]; then
    rulesync="$(command -v rulesync || true)"
fi
if [ -z "$rulesync" ]; then
    root="${RUNNER_TOOL_CACHE:-$temporary}/rulesync"
    cargo install --locked --quiet --root "$root" --path "$GITHUB_ACTION_PATH/../../bins/rulesync"
    rulesync="$root/bin/rulesync"
fi

arguments=()
config="$(first INPUT_CONFIG)"
if [ -n "$config" ]; then
    arguments+=(--config "$config")
fi
if [ -n "$(first INPUT_RULER)" ]; then
    arguments+=(--ruler "$(first INPUT_RULER)")
fi
paths="$(first INPUT_PATHS INPUT_RULES_DIR RULES_DIR)"
if [ -z "$paths" ] && [ -z "$config" ]; then
    paths=.
fi
while IFS= read -r path; do
    path="${path#"${path%%[![:space:]]*}"}"
    path="${path%"${path##*[![:space:]]}"}"
    if [ -n "$path" ]; then
        # A path is never a flag.
        case "$path" in -*) path="./$path" ;; esac
        arguments+=("$path")
    fi
done <<<"${paths//,/$'\n'}"
if [ -n "${INPUT_SELECTOR:-}" ]; then
    arguments+=(--selector "$INPUT_SELECTOR")
fi
if [ "$action" != check ] && [ "${INPUT_RELEASE_DELETES:-}" = true ]; then
    arguments+=(--release-deletes)
fi

report="$temporary/report.md"
code=0
case "$action" in
    check)
        arguments+=(--fail-on "${INPUT_FAIL_ON:-error}")
        # Annotations, which rulesync escapes.
        "$rulesync" check -o github "${arguments[@]}" || code=$?
        if [ "$code" -gt 1 ]; then
            exit "$code"
        fi
        "$rulesync" check -o markdown "${arguments[@]}" >"$report" || [ $? = "$code" ]
        if [ -n "${INPUT_SARIF:-}" ]; then
            "$rulesync" check -o sarif "${arguments[@]}" >"$INPUT_SARIF" || [ $? = "$code" ]
        fi
        summary="$(grep -m1 '^Checked ' "$report" || true)"
        ;;
    plan)
        plan="$temporary/plan.json"
        "$rulesync" plan -o markdown --out "$plan" --detailed-exitcode "${arguments[@]}" >"$report" || code=$?
        show "$report"
        # Changes are no failure.
        if [ "$code" = 2 ]; then
            code=0
        fi
        summary="$(sed -n 's/^\*\*Plan:\*\* //p;' "$report" | head -n 1)"
        if [ -f "$plan" ]; then
            printf 'plan=%s\n' "$plan" >>"$GITHUB_OUTPUT"
        fi
        ;;
    sync)
        if [ -n "${INPUT_PLAN_FILE:-}" ]; then
            arguments+=("--plan=$INPUT_PLAN_FILE")
        fi
        "$rulesync" --color never sync "${arguments[@]}" >"$temporary/sync.txt" || code=$?
        show "$temporary/sync.txt"
        summary="$(sed -n 's/^Sync: //p' "$temporary/sync.txt" | tail -n 1)"
        # Every line is indented, so that it is code whatever is in it.
        { printf '### rulesync sync\n\n' && sed 's/^/    /' "$temporary/sync.txt"; } >"$report"
        ;;
esac

# Adds up the numbers in the summary that stand before these words.
total() {
    local number sum=0
    for number in $(grep -oE "[0-9]+ ($1)" <<<"$summary" | grep -oE '^[0-9]+' || true); do
        sum=$((sum + number))
    done
    printf '%s' "$sum"
}
changes="$(total 'errors?|warnings?|to add|to change|to delete|added|changed|deleted')"
# What does not change, but is to be seen to.
withheld="$(total 'held|refused')"
# An output, and the summary of a step, hold a mebibyte at most.
if [ "$(wc -c <"$report")" -gt 900000 ]; then
    awk '{ bytes += length($0) * 4 + 1 } bytes > 900000 { exit } { print }' "$report" >"$report.cut"
    printf '````\n\nMore than fits here: see the log.\n' >>"$report.cut"
    mv "$report.cut" "$report"
fi
printf '%s' "$summary" >"$temporary/summary.txt"
output summary "$temporary/summary.txt"
output detailed "$report"
printf 'changes=%s\n' "$changes" >>"$GITHUB_OUTPUT"
cat "$report" >>"$GITHUB_STEP_SUMMARY"

# One comment, found again by its first line. The first one is made when there is something to say.
comment() {
    local key marker id body="$temporary/comment.md" comments="repos/$GITHUB_REPOSITORY/issues"
    key="$(printf '%s' "${INPUT_COMMENT_KEY:-}" | tr -cd 'A-Za-z0-9._-')"
    marker="<!-- rulesync $action${key:+ $key} -->"
    { printf '%s\n' "$marker" && cat "$report"; } >"$body"
    # A comment has 65,536 characters at most.
    if [ "$(wc -c <"$body")" -gt 60000 ]; then
        local run="${GITHUB_SERVER_URL:-https://github.com}/$GITHUB_REPOSITORY/actions/runs/${GITHUB_RUN_ID:-}"
        printf '%s\n**rulesync %s**: %s\n\nMore than fits into a comment: see [the run](%s).\n' \
            "$marker" "$action" "$summary" "$run" >"$body"
    fi
    id="$(gh api --paginate "$comments/$PULL_REQUEST/comments" \
        --jq ".[] | select(.user.type == \"Bot\" and (.body | startswith(\"$marker\"))) | .id")" || return
    id="${id%%$'\n'*}"
    if [ -n "$id" ]; then
        gh api --silent --method PATCH "$comments/comments/$id" -F "body=@$body"
    elif [ "$changes" -gt 0 ] || [ "$withheld" -gt 0 ] || [ "$code" != 0 ]; then
        gh api --silent --method POST "$comments/$PULL_REQUEST/comments" -F "body=@$body"
    fi
}
if [ "$action" != sync ] && [ "${INPUT_COMMENT:-}" = true ] && [ -n "${PULL_REQUEST:-}" ]; then
    comment || printf '::warning title=rulesync::%s\n' \
        "the comment could not be written: the job needs the permission \`pull-requests: write\`"
fi
exit "$code"
