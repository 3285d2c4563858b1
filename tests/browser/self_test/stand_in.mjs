// A small server of pages that pass every check, and of the same pages with one fault. It stands in for the daemon where
// the checks themselves are tested.

import http from 'node:http';

/** What authors write when they mean harm, or are unlucky. */
export const HOSTILE = [
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(2)>',
  "' autofocus onfocus=alert(3) '",
  'javascript:alert(4)',
  '&lt;b&gt; &amp;amp;',
  '</title></textarea></style><svg onload=alert(5)>',
  `left\u202eright\u200b`,
  '🚨 grün',
  'n'.repeat(300),
];

const OBJECTS = [
  { name: 'shop/checkout', state: 'synced' },
  { name: 'shop/pay', state: 'refused' },
  ...HOSTILE.map((name) => ({ name, state: 'refused' })),
];

/** What the server shows of a text: hidden characters as escapes, and no markup. */
export function written(text) {
  return text.replace(/[\u200b\u202e]/g, (c) => `\\u{${c.codePointAt(0).toString(16)}}`);
}

const ENTITIES = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

const escaped = (text) => written(text).replace(/[&<>"']/g, (c) => ENTITIES[c]);

const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "form-action 'self'",
].join('; ');

const CSS = `
:root { color-scheme: light dark; --back: #fff; --text: #1b1f24; --link: #0550ae; --line: #8c959f; }
@media (prefers-color-scheme: dark) {
  :root { --back: #0d1117; --text: #e6edf3; --link: #79c0ff; --line: #6e7681; }
}
body { margin: 1rem; background: var(--back); color: var(--text); font: 16px/1.5 sans-serif; }
a { color: var(--link); overflow-wrap: anywhere; }
:focus-visible { outline: 3px solid var(--link); outline-offset: 1px; }
input, select, button { font: inherit; color: inherit; background: var(--back); border: 1px solid var(--line); }
pre { overflow-x: auto; border: 1px solid var(--line); }
`;

const SCRIPT = `document.documentElement.dataset.live = 'yes';`;

/** The objects' page, below `base`. */
function objects(query) {
  const [state, q] = [query.get('state') ?? '', query.get('q') ?? ''];
  const shown = OBJECTS.filter((object) => {
    return (!state || object.state === state) && object.name.includes(q);
  });
  const option = (value) => `<option${value === state ? ' selected' : ''}>${value}</option>`;
  return page(
    'Objects',
    `
<form method="get">
<label>State <select name="state"><option value="">any</option>${['synced', 'refused'].map(option).join('')}</select></label>
<label>Name <input name="q" value="${escaped(q)}"></label>
<button>Filter</button>
</form>
<ul>${shown
      .map(
        ({ name, state }) => `
<li title="${escaped(name)}"><a href="objects/${encodeURIComponent(name)}">${escaped(name)}</a> ${state}</li>`,
      )
      .join('')}
</ul>
<pre tabindex="0" aria-label="Expression">sum(${'rate(a_metric_with_a_long_name[5m]) + '.repeat(20)}1)</pre>`,
    '',
  );
}

function object(name) {
  return page(
    name,
    `<p>It is refused.</p><details><summary>As it was sent</summary><pre tabindex="0"
aria-label="Group">expr: ${escaped(name)}</pre></details>`,
    '../',
  );
}

function page(title, main, up) {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${escaped(title)}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="${up}assets/page.css"><script src="${up}assets/page.js" defer></script>
</head><body><nav aria-label="Pages"><a href="${up}objects">Objects</a></nav>
<main><h1><a href="#top" id="top">${escaped(title)}</a></h1>${main}</main></body></html>`;
}

/**
 * Starts the server. A fault replaces parts of what the good one sends: `html`, `css` and `script` are functions from the
 * good text to another one, `policy` is another policy, `headers` are more headers, `ignores` are fields of the form that
 * have no effect, `status` and `type` are those of pages. `unchanged` of the server are the parts that a function was to
 * change and never has.
 */
export async function start(fault = {}) {
  const { policy = POLICY, headers = {}, ignores = [] } = fault;
  const unchanged = new Set(['html', 'css', 'script'].filter((part) => fault[part]));
  const changed = (part, text) => {
    const other = fault[part]?.(text) ?? text;
    if (other !== text) {
      unchanged.delete(part);
    }
    return other;
  };
  const server = http.createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url, 'http://stand-in/');
    ignores.forEach((field) => searchParams.delete(field));
    const send = (status, type, text) => {
      response.writeHead(status, {
        'content-type': type,
        ...(policy ? { 'content-security-policy': policy } : {}),
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
        ...headers,
      });
      response.end(text);
    };
    const sendPage = (text) =>
      send(fault.status ?? 200, fault.type ?? 'text/html; charset=utf-8', changed('html', text));
    const [, prefix, ...path] = pathname.split('/');
    if (prefix !== 'prefix') {
      send(404, 'text/plain', 'outside of the prefix');
    } else if (path.join('/') === 'assets/page.css') {
      send(200, 'text/css', changed('css', CSS));
    } else if (path.join('/') === 'assets/page.js') {
      send(200, 'text/javascript', changed('script', SCRIPT));
    } else if (path[0] === 'objects' && path.length === 1) {
      sendPage(objects(searchParams));
    } else if (path[0] === 'objects' && OBJECTS.some(({ name }) => name === decodeURIComponent(path[1]))) {
      sendPage(object(decodeURIComponent(path[1])));
    } else {
      send(404, 'text/plain', 'no such page');
    }
  });
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
  return {
    base: `http://127.0.0.1:${server.address().port}/prefix/`,
    unchanged,
    stop: () => {
      server.closeAllConnections();
      return new Promise((stopped) => server.close(stopped));
    },
  };
}
