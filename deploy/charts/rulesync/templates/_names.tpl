{{/* Names of objects, and of what the daemon keeps under the name of the release. */}}

{{- define "rulesync.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "rulesync.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- $name := include "rulesync.name" . -}}
{{- /* Eleven characters are left for endings such as `-inventory`. */ -}}
{{- ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "rulesync.serviceAccountName" -}}
{{- .Values.serviceAccount.name | default (ternary (include "rulesync.fullname" .) "default" .Values.serviceAccount.create) -}}
{{- end -}}

{{/* The ConfigMap of the inventory, and the Lease, unless the configuration names others. */}}
{{- define "rulesync.inventoryName" -}}
{{- printf "%s-inventory" (include "rulesync.fullname" .) -}}
{{- end -}}

{{- define "rulesync.leaseName" -}}
{{- include "rulesync.fullname" . -}}
{{- end -}}

{{- define "rulesync.image" -}}
{{- $image := .Values.image -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $image.repository $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $image.repository ($image.tag | default .Chart.AppVersion) -}}
{{- end -}}
{{- end -}}

{{/* The configuration is not made by the chart. */}}
{{- define "rulesync.hasOwnConfiguration" -}}
{{- if or .Values.existingConfigMap .Values.existingSecret -}}true{{- end -}}
{{- end -}}
