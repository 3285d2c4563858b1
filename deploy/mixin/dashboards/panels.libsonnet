// Panels of Grafana, with what all of ours have in common.
{
  local datasource = { type: 'prometheus', uid: '${datasource}' },

  // A query; `legend` is empty for a single value.
  query(expr, legend=''):: { expr: expr, legendFormat: legend },

  local numbered(targets, instant) = std.mapWithIndex(
    function(i, target) target {
      refId: std.char(65 + i),
      datasource: datasource,
      [if instant then 'instant']: true,
    },
    targets
  ),

  local panel(type, title, description, targets, instant) = {
    type: type,
    title: title,
    description: description,
    datasource: datasource,
    targets: numbered(if std.isArray(targets) then targets else [targets], instant),
  },

  row(title, panels):: [
    { type: 'row', title: title, collapsed: false, panels: [], gridPos: { w: 24, h: 1 } },
  ] + panels,

  // A number. `steps` are colors with the value that each begins at, the first without one.
  stat(title, description, targets, steps, width=4, unit='short', mappings=[])::
    panel('stat', title, description, targets, instant=true) + {
      gridPos: { w: width, h: 4 },
      fieldConfig: {
        defaults: {
          unit: unit,
          mappings: mappings,
          thresholds: { mode: 'absolute', steps: [{ color: step[0], value: step[1] } for step in steps] },
        },
        overrides: [],
      },
      options: {
        colorMode: 'background',
        graphMode: 'none',
        reduceOptions: { calcs: ['lastNotNull'] },
      },
    },

  // Colors of a stat: of numbers that must be zero, of ones, and without meaning.
  mustBeZero:: [['green', null], ['red', 1]],
  mustBeOne:: [['red', null], ['green', 1]],
  neutral:: [['blue', null]],
  yesOrNo(yes, no):: [{ type: 'value', options: { '0': { text: no }, '1': { text: yes } } }],

  graph(title, description, targets, unit='short', width=12, stacked=false)::
    panel('timeseries', title, description, targets, instant=false) + {
      gridPos: { w: width, h: 8 },
      fieldConfig: {
        defaults: {
          unit: unit,
          custom: {
            fillOpacity: if stacked then 30 else 10,
            showPoints: 'never',
            stacking: { mode: if stacked then 'normal' else 'none' },
          },
        },
        overrides: [],
      },
      options: {
        legend: { displayMode: 'table', placement: 'bottom', showLegend: true, calcs: ['lastNotNull', 'max'] },
        tooltip: { mode: 'multi', sort: 'desc' },
      },
    },

  // Gives panels their numbers, and their places: from left to right, in lines as high as the highest panel in them.
  // A fold over objects would evaluate their fields again at each use, which takes a minute.
  placed(panels)::
    local place(i, x, y, height) =
      if i == std.length(panels) then []
      else
        local size = panels[i].gridPos;
        local wraps = x + size.w > 24;
        local left = if wraps then 0 else x;
        local top = if wraps then y + height else y;
        [panels[i] { id: i + 1, gridPos: { x: left, y: top } + size }]
        + place(i + 1, left + size.w, top, if wraps then size.h else std.max(height, size.h)) tailstrict;
    place(0, 0, 0, 0),

  local variable(name, label) = { name: name, label: label, current: {} },

  // The variable that chooses the Prometheus.
  datasource:: variable('datasource', 'Data source') + { type: 'datasource', query: 'prometheus' },

  // A variable with the values of a label, any number of which may be chosen. What has no such label belongs to "all".
  values(name, label, series, of)::
    local query = 'label_values(%s, %s)' % [series, of];
    variable(name, label) + {
      type: 'query',
      datasource: datasource,
      query: { query: query, refId: name },
      definition: query,
      includeAll: true,
      multi: true,
      allValue: '.*',
      refresh: 2,
      sort: 1,
    },
}
