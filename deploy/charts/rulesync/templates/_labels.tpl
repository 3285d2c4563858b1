{{/* Labels of objects and pods, and the metadata that all objects have. */}}

{{- define "rulesync.selectorLabels" -}}
app.kubernetes.io/name: {{ include "rulesync.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "rulesync.labels" -}}
{{- $own := dict
  "helm.sh/chart" (printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-")
  "app.kubernetes.io/version" .Chart.AppVersion
  "app.kubernetes.io/managed-by" .Release.Service -}}
{{- $selected := fromYaml (include "rulesync.selectorLabels" .) -}}
{{- toYaml (mergeOverwrite (deepCopy .Values.commonLabels) $own $selected) -}}
{{- end -}}

{{/* Labels with those that an object has of its own: `list . labels`. */}}
{{- define "rulesync.labelsAnd" -}}
{{- $context := index . 0 -}}
{{- toYaml (mergeOverwrite (deepCopy (index . 1)) (fromYaml (include "rulesync.labels" $context))) -}}
{{- end -}}
