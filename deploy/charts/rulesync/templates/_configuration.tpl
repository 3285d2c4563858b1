{{/* The configuration of the daemon: `config`, with what the chart knows. */}}

{{/*
YAML 1.1, which Helm reads, takes `on` and `off` for booleans; the daemon has them as words.
`list mapping key…` sets them back in place.
*/}}
{{- define "rulesync.words" -}}
{{- $mapping := first . -}}
{{- range rest . -}}
{{- if kindIs "bool" (get $mapping .) -}}
{{- $_ := set $mapping . (ternary "on" "off" (get $mapping .)) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* The sources. This cluster is one unless others are given; `watch.namespaces` is the only place that limits it. */}}
{{- define "rulesync.sources" -}}
{{- $watched := .Values.watch.namespaces -}}
{{- $sources := list -}}
{{- range $index, $given := .Values.config.sources | default (list (dict "type" "kubernetes")) -}}
{{- $source := deepCopy $given -}}
{{- if and (eq $source.type "kubernetes") (not $source.kubeconfig) -}}
{{- $own := $source.namespaces | default list -}}
{{- if and $own (ne (toJson (sortAlpha $own)) (toJson (sortAlpha $watched))) -}}
{{- fail (printf "config.sources[%d].namespaces: set watch.namespaces instead, from which the chart makes both this list and the roles" $index) -}}
{{- end -}}
{{- if $watched -}}
{{- $_ := set $source "namespaces" $watched -}}
{{- end -}}
{{- end -}}
{{- $sources = append $sources $source -}}
{{- end -}}
{{- toYaml (dict "sources" $sources) -}}
{{- end -}}

{{- define "rulesync.configuration" -}}
{{- $config := deepCopy .Values.config -}}
{{- $_ := set $config "owner" .Values.owner -}}
{{- $sources := (fromYaml (include "rulesync.sources" .)).sources -}}
{{- $_ := set $config "sources" $sources -}}
{{- $hasCluster := false -}}
{{- range $sources -}}
{{- if eq .type "kubernetes" -}}{{- $hasCluster = true -}}{{- end -}}
{{- end -}}
{{- include "rulesync.words" (list $config "claim") -}}
{{- with $config.status -}}
{{- include "rulesync.words" (list . "objects" "events" "annotate" "reports") -}}
{{- end -}}
{{- with $config.inventory -}}
{{- include "rulesync.words" (list . "type") -}}
{{- end -}}
{{- if $hasCluster -}}
{{- if not $config.inventory -}}
{{- $_ := set $config "inventory" (dict "type" "config_map" "name" (include "rulesync.inventoryName" .)) -}}
{{- else if and (eq $config.inventory.type "config_map") (not $config.inventory.name) -}}
{{- $_ := set $config.inventory "name" (include "rulesync.inventoryName" .) -}}
{{- end -}}
{{- /* The cluster cannot be identified without a permission for it, and without any identity no claim is made. */ -}}
{{- if and .Values.watch.namespaces (not $config.installation) -}}
{{- $_ := set $config "installation" (printf "%s/%s" .Release.Namespace .Release.Name) -}}
{{- end -}}
{{- $election := $config.leader_election | default dict -}}
{{- if not (hasKey $election "enabled") -}}
{{- $_ := set $election "enabled" (gt (int .Values.replicas) 1) -}}
{{- end -}}
{{- if and $election.enabled (not $election.lease_name) -}}
{{- $_ := set $election "lease_name" (include "rulesync.leaseName" .) -}}
{{- end -}}
{{- $_ := set $config "leader_election" $election -}}
{{- else if gt (int .Values.replicas) 1 -}}
{{- fail "replicas: more than one needs an election, which needs a source of the type kubernetes; set replicas to 1" -}}
{{- end -}}
{{- toYaml $config -}}
{{- end -}}

{{/*
A checksum of what takes effect at a restart only; the daemon reads everything else again. The namings of rulers and routes
are among it, the kubeconfig of the first source, and where embedded rulers store their rules.
*/}}
{{- define "rulesync.restartChecksum" -}}
{{- $config := fromYaml (include "rulesync.configuration" .) -}}
{{- $fixed := pick $config "owner" "naming" "inventory" "installation" "previous_installations" "leader_election" "metrics" -}}
{{- $parts := list -}}
{{- range $config.rulers -}}
{{- $parts = append $parts (pick . "name" "naming" "path") -}}
{{- end -}}
{{- range $config.routes -}}
{{- $parts = append $parts (pick . "name" "naming") -}}
{{- end -}}
{{- range $config.sources -}}
{{- $parts = append $parts (pick . "kubeconfig") -}}
{{- end -}}
{{- list $fixed (without $parts dict) | toJson | sha256sum | trunc 16 -}}
{{- end -}}
