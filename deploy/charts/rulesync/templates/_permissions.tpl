{{/* Permissions, as far as the configuration needs them. */}}

{{/*
What the daemon does in this cluster: the kinds that it watches, what it publishes, and the names of what it keeps. Of a
configuration that the chart did not make, the values in `rbac` say it.
*/}}
{{- define "rulesync.duties" -}}
{{- $duties := dict "watches" true "kinds" list "inventory" dict "lease" dict -}}
{{- if include "rulesync.hasOwnConfiguration" . -}}
{{- $_ := set $duties "kinds" .Values.rbac.kinds -}}
{{- $duties = merge $duties .Values.rbac.status -}}
{{- if ne .Values.rbac.inventoryName "-" -}}
{{- $_ := set $duties "inventory" (dict "name" (.Values.rbac.inventoryName | default (include "rulesync.inventoryName" .)) "namespace" .Release.Namespace) -}}
{{- end -}}
{{- if ne .Values.rbac.leaseName "-" -}}
{{- $_ := set $duties "lease" (dict "name" (.Values.rbac.leaseName | default (include "rulesync.leaseName" .)) "namespace" .Release.Namespace) -}}
{{- end -}}
{{- else -}}
{{- $config := fromYaml (include "rulesync.configuration" .) -}}
{{- $clusters := list -}}
{{- range $config.sources -}}
{{- if eq .type "kubernetes" -}}{{- $clusters = append $clusters (.kubeconfig | default "") -}}{{- end -}}
{{- end -}}
{{- $_ := set $duties "watches" (has "" $clusters) -}}
{{- $loki := list -}}
{{- range $config.rulers -}}
{{- if eq .type "loki" -}}{{- $loki = append $loki .name -}}{{- end -}}
{{- end -}}
{{- $kinds := list -}}
{{- range $config.routes -}}
{{- if .kinds -}}
{{- $kinds = concat $kinds .kinds -}}
{{- else -}}
{{- $kinds = append $kinds "PrometheusRule" -}}
{{- if has .ruler $loki -}}
{{- $kinds = concat $kinds (list "AlertingRule" "RecordingRule" "LoggingRule") -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $_ := set $duties "kinds" (uniq $kinds | sortAlpha) -}}
{{- $status := $config.status | default dict -}}
{{- $_ := set $duties "objects" (ne ($status.objects | default "problems") "off") -}}
{{- $_ := set $duties "events" (ne ($status.events | default "warnings") "off") -}}
{{- $_ := set $duties "annotate" (ne ($status.annotate | default "off") "off") -}}
{{- $_ := set $duties "reports" (ne ($status.reports | default "off") "off") -}}
{{- /* Inventory and Lease are in the cluster of the first Kubernetes source. */ -}}
{{- if and $clusters (eq (first $clusters) "") -}}
{{- if eq $config.inventory.type "config_map" -}}
{{- $_ := set $duties "inventory" (dict "name" $config.inventory.name "namespace" ($config.inventory.namespace | default .Release.Namespace)) -}}
{{- end -}}
{{- if $config.leader_election.enabled -}}
{{- $_ := set $duties "lease" (dict "name" $config.leader_election.lease_name "namespace" ($config.leader_election.lease_namespace | default .Release.Namespace)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toYaml $duties -}}
{{- end -}}

{{/* Whether an election is held, so that pods may overlap. */}}
{{- define "rulesync.hasElection" -}}
{{- if include "rulesync.hasOwnConfiguration" . -}}
{{- if ne .Values.rbac.leaseName "-" -}}true{{- end -}}
{{- else if dig "leader_election" "enabled" false (fromYaml (include "rulesync.configuration" .)) -}}true
{{- end -}}
{{- end -}}

{{/* The rules of the role that watches and publishes, in all Kubernetes namespaces or in one. */}}
{{- define "rulesync.watchRules" -}}
{{- $duties := fromYaml (include "rulesync.duties" .) -}}
{{- $resources := dict
  "PrometheusRule" (list "monitoring.coreos.com" "prometheusrules")
  "LoggingRule" (list "rulesync.dev" "loggingrules")
  "AlertingRule" (list "loki.grafana.com" "alertingrules")
  "RecordingRule" (list "loki.grafana.com" "recordingrules") -}}
{{- $verbs := list "list" "watch" -}}
{{- if $duties.annotate -}}{{- $verbs = append $verbs "patch" -}}{{- end -}}
{{- $rules := list -}}
{{- range $duties.kinds -}}
{{- $resource := get $resources . -}}
{{- $rules = append $rules (dict "apiGroups" (list (first $resource)) "resources" (list (last $resource)) "verbs" $verbs) -}}
{{- end -}}
{{- if not .Values.watch.namespaces -}}
{{- $rules = append $rules (dict "apiGroups" (list "") "resources" (list "namespaces") "verbs" (list "list" "watch")) -}}
{{- /* Its UID tells clusters apart. */ -}}
{{- $rules = append $rules (dict "apiGroups" (list "") "resources" (list "namespaces") "resourceNames" (list "kube-system") "verbs" (list "get")) -}}
{{- end -}}
{{- if without $duties.kinds "LoggingRule" -}}
{{- /* Where none are written, those that were are removed. */ -}}
{{- $verbs := ternary (list "list" "create" "patch" "delete") (list "list" "delete") $duties.objects -}}
{{- $rules = append $rules (dict "apiGroups" (list "rulesync.dev") "resources" (list "rulestatuses") "verbs" $verbs) -}}
{{- end -}}
{{- if and $duties.objects (has "LoggingRule" $duties.kinds) -}}
{{- $rules = append $rules (dict "apiGroups" (list "rulesync.dev") "resources" (list "loggingrules/status") "verbs" (list "patch")) -}}
{{- end -}}
{{- if $duties.events -}}
{{- $rules = append $rules (dict "apiGroups" (list "events.k8s.io") "resources" (list "events") "verbs" (list "create")) -}}
{{- end -}}
{{- if $duties.reports -}}
{{- $rules = append $rules (dict "apiGroups" (list "openreports.io") "resources" (list "reports") "verbs" (list "list" "create" "patch" "delete")) -}}
{{- end -}}
{{- toYaml (concat $rules .Values.rbac.extraRules) -}}
{{- end -}}

{{/*
The rules for what the daemon keeps, by Kubernetes namespace. A Lease is made by POST, which a name cannot limit; a
ConfigMap is made by server-side apply, which has one.
*/}}
{{- define "rulesync.stateRules" -}}
{{- $duties := fromYaml (include "rulesync.duties" .) -}}
{{- $namespaces := dict -}}
{{- with $duties.inventory -}}
{{- $_ := set $namespaces .namespace (list
  (dict "apiGroups" (list "") "resources" (list "configmaps") "resourceNames" (list .name) "verbs" (list "get" "create" "patch"))) -}}
{{- end -}}
{{- with $duties.lease -}}
{{- $_ := set $namespaces .namespace (concat (get $namespaces .namespace | default list) (list
  (dict "apiGroups" (list "coordination.k8s.io") "resources" (list "leases") "verbs" (list "create"))
  (dict "apiGroups" (list "coordination.k8s.io") "resources" (list "leases") "resourceNames" (list .name) "verbs" (list "get" "update")))) -}}
{{- end -}}
{{- toYaml $namespaces -}}
{{- end -}}

{{/* Who has the permissions. */}}
{{- define "rulesync.subjects" -}}
- kind: ServiceAccount
  name: {{ include "rulesync.serviceAccountName" . }}
  namespace: {{ .Release.Namespace }}
{{- end -}}
