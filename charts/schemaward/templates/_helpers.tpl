{{/* Names begin with the release's, and say "schemaward" where that does not. */}}
{{- define "schemaward.name" -}}
{{- if contains "schemaward" .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-schemaward" .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* ClusterRoles are the cluster's: two releases of one name in two namespaces must not meet. */}}
{{- define "schemaward.clusterName" -}}
{{- printf "%s:%s" .Release.Namespace (include "schemaward.name" .) -}}
{{- end -}}

{{- define "schemaward.serviceAccount" -}}
{{- .Values.serviceAccount.name | default (include "schemaward.name" .) -}}
{{- end -}}

{{- define "schemaward.selector" -}}
app.kubernetes.io/name: schemaward
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "schemaward.labels" -}}
{{ include "schemaward.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end -}}

{{- define "schemaward.image" -}}
{{- $repository := .Values.image.repository | required "image.repository is empty: no image of Schemaward is published yet. Build one (see the Dockerfile) and give its name with --set image.repository=…" -}}
{{- printf "%s:%s" $repository (.Values.image.tag | default .Chart.AppVersion) -}}
{{- end -}}
