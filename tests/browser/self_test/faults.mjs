// Faults that a page can have, and the checks that must report them. Others may report them too.

const replace = (from, to) => (text) => text.replaceAll(from, to);

const inBody = (markup) => replace('</main>', `${markup}</main>`);

const more = (text) => (before) => before + text;

/** The same policy with other words in it. */
const OPEN = (directives) =>
  `default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'; ${directives}`;

export const FAULTS = [
  { name: 'an answer that is no success', status: 500, reports: ['answer', 'console'] },
  { name: 'a page without a charset', type: 'text/html', reports: ['answer'] },

  { name: 'a script that throws', script: more('missing();'), reports: ['console'] },
  { name: 'an error on the console', script: more('console.error("no");'), reports: ['console'] },
  { name: 'a warning on the console', script: more('console.warn("no");'), reports: ['console'] },
  {
    name: 'an asset that is missing',
    html: replace('</head>', '<link rel="stylesheet" href="assets/none.css"></head>'),
    reports: ['console', 'links'],
  },

  {
    name: 'an image from elsewhere that the policy stops',
    html: inBody('<img alt="" src="http://elsewhere.invalid/x.png">'),
    reports: ['requests', 'console'],
  },
  {
    name: 'a style sheet from elsewhere',
    css: (text) => `@import url("http://elsewhere.invalid/x.css");${text}`,
    reports: ['requests', 'console'],
  },
  {
    name: 'a script that asks elsewhere after a while',
    script: more('setTimeout(() => { new Image().src = "http://elsewhere.invalid/x.png"; }, 0);'),
    reports: ['requests', 'console'],
  },

  { name: 'no policy', policy: '', reports: ['policy'] },
  {
    name: 'a policy with inline scripts',
    policy: OPEN("script-src 'self' 'unsafe-inline'; style-src 'self'; img-src 'self'"),
    reports: ['policy'],
  },
  {
    name: 'a policy with inline styles',
    policy: OPEN("script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self'"),
    reports: ['policy'],
  },
  {
    name: 'a policy with scripts from anywhere',
    policy: OPEN("script-src *; style-src 'self'; img-src 'self'"),
    reports: ['policy'],
  },
  {
    name: 'a policy without frame-ancestors',
    policy: "default-src 'self'; object-src 'none'; frame-src 'none'; base-uri 'none'; form-action 'self'",
    reports: ['policy'],
  },
  {
    name: 'a policy with forms to anywhere',
    policy: "default-src 'self'; object-src 'none'; frame-src 'none'; base-uri 'none'; frame-ancestors 'none'",
    reports: ['policy'],
  },
  { name: 'types that browsers guess', headers: { 'x-content-type-options': '' }, reports: ['policy'] },
  { name: 'a referrer', headers: { 'referrer-policy': 'origin' }, reports: ['policy'] },

  { name: 'text that is too pale', css: replace('--text: #1b1f24', '--text: #999'), reports: ['accessibility'] },
  {
    name: 'text that is too dark in the dark',
    css: replace('--text: #e6edf3', '--text: #333'),
    reports: ['accessibility'],
  },
  { name: 'a field without a label', html: inBody('<form><input name="x"></form>'), reports: ['accessibility'] },
  { name: 'a page without a language', html: replace('<html lang="en">', '<html>'), reports: ['accessibility'] },

  { name: 'a line that is too long', css: replace('pre { overflow-x: auto;', 'pre {'), reports: ['scroll'] },
  {
    name: 'a line that is cut off',
    css: (text) =>
      replace('pre { overflow-x: auto;', 'pre {')(text).replace('body {', 'html, body { overflow-x: hidden; } body {'),
    reports: ['scroll'],
  },
  {
    name: 'a table that is too wide for a telephone',
    html: inBody('<table><tr><td class="wide">wide</td></tr></table>'),
    css: more('.wide { min-width: 600px; }'),
    reports: ['scroll'],
  },

  { name: 'a focus that does not show', css: more('*:focus-visible { outline: none; }'), reports: ['keyboard'] },
  {
    name: 'a link that Tab skips',
    html: replace('<a href="#top"', '<a tabindex="-1" href="#top"'),
    reports: ['keyboard'],
  },
  {
    name: 'an order of its own',
    html: replace('<input name="q"', '<input tabindex="1" name="q"'),
    reports: ['keyboard'],
  },
  {
    name: 'a trap for the focus',
    script: more(
      'addEventListener("keydown", (event) => { if (event.key === "Tab" && document.activeElement.name === "q") event.preventDefault(); });',
    ),
    reports: ['keyboard'],
  },
  {
    name: 'a bar that covers the focus',
    css: more(
      'nav { position: fixed; inset: 0 0 auto; height: 60%; background: var(--back); } main { padding-top: 60vh; } body { height: 400vh; }',
    ),
    html: replace('</main>', `${'<p>text</p>'.repeat(80)}<a href="objects">last</a></main>`),
    reports: ['keyboard'],
  },

  { name: 'a form that needs a script', html: replace('<button>', '<button type="button">'), reports: ['filter'] },
  {
    name: 'a page that needs a script',
    html: replace('<h1>', '<h1 hidden>'),
    script: more('document.querySelector("h1").hidden = false;'),
    reports: ['without_scripts'],
  },
  {
    name: 'a list that needs a script',
    html: replace('<ul>', '<ul hidden>'),
    script: more('document.querySelector("ul").hidden = false;'),
    reports: ['without_scripts', 'filter'],
  },
  { name: 'no heading', html: (text) => text.replace(/<\/?h1>/g, ''), reports: ['without_scripts'] },

  { name: 'a form that is posted', html: replace('method="get"', 'method="post"'), reports: ['filter'] },
  { name: 'a filter without effect', ignores: ['state'], reports: ['filter'] },
  { name: 'a field that forgets', html: replace(' selected', ''), reports: ['filter'] },

  {
    name: 'no dark theme',
    css: (text) => text.replace('light dark', 'light').replace('prefers-color-scheme: dark', 'print'),
    reports: ['dark'],
  },
  { name: 'no light theme', css: replace('@media (prefers-color-scheme: dark)', '@media all'), reports: ['dark'] },

  {
    name: 'a name that becomes a script',
    html: replace('&lt;script&gt;alert(1)&lt;/script&gt;', '<script>alert(1)</script>'),
    reports: ['markup', 'console', 'shown', 'without_scripts'],
  },
  {
    name: 'a name that becomes a script, and no policy',
    html: replace('&lt;script&gt;alert(1)&lt;/script&gt;', '<script>alert(1)</script>'),
    policy: '',
    reports: ['markup', 'policy', 'shown', 'without_scripts'],
  },
  {
    name: 'a name that becomes an image',
    html: replace('&quot;&gt;&lt;img src=x onerror=alert(2)&gt;', '"><img src=x onerror=alert(2)>'),
    reports: ['markup', 'console', 'accessibility', 'shown', 'without_scripts'],
  },
  {
    name: 'a name that becomes an attribute',
    html: replace('&#39; autofocus onfocus=alert(3) &#39;', '" autofocus onfocus=alert(3) "'),
    reports: ['markup', 'console', 'shown', 'without_scripts'],
  },
  { name: 'a link of an author', html: inBody('<a href=" JavaScript:alert(4)">run</a>'), reports: ['markup'] },
  { name: 'a document of an author', html: inBody('<a href="data:text/html,x">open</a>'), reports: ['markup'] },
  {
    name: 'a text that is escaped twice',
    html: replace('&amp;lt;', '&amp;amp;lt;'),
    reports: ['shown', 'without_scripts'],
  },

  {
    name: 'a text that is turned around',
    html: replace('\\u{202e}', '\u202e'),
    reports: ['hidden_characters', 'shown', 'without_scripts'],
  },
  {
    name: 'a hidden character in an attribute',
    html: inBody('<p title="a\u200bb">text</p>'),
    reports: ['hidden_characters'],
  },

  { name: 'a page that is too large', html: more(`<!-- ${'x'.repeat(100_000)} -->`), reports: ['weight'] },
  { name: 'assets that are too large', css: more(`/* ${'x'.repeat(60_000)} */`), reports: ['weight'] },

  { name: 'a link to nothing', html: inBody('<a href="nothing">nothing</a>'), reports: ['links'] },
  { name: 'a link that knows no prefix', html: inBody('<a href="/objects">objects</a>'), reports: ['links'] },
];
