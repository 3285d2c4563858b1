// Were an author's text to become markup after all, nothing of it would run or load: the headers say so, and the browser
// acts on them.

import { view } from '../harness/view.mjs';

export const name = 'policy';

/** What each directive may allow. */
const ALLOWED = {
  'default-src': ["'none'", "'self'"],
  'script-src': ["'none'", "'self'"],
  'style-src': ["'none'", "'self'"],
  'img-src': ["'none'", "'self'", 'data:'],
  'font-src': ["'none'", "'self'"],
  'connect-src': ["'none'", "'self'"],
  'object-src': ["'none'"],
  'frame-src': ["'none'"],
  'frame-ancestors': ["'none'"],
  'base-uri': ["'none'"],
  'form-action': ["'none'", "'self'"],
};

/** Directives that do not follow from `default-src`. */
const ALONE = ['frame-ancestors', 'base-uri', 'form-action'];

const HEADERS = { 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer' };

export async function check({ open, page, base }) {
  const desktop = view('light', 1280);
  const { response, responses } = await open(desktop);
  const problems = directives((await response.headerValue('content-security-policy')) ?? '');
  for (const answer of responses) {
    for (const [header, wanted] of Object.entries(HEADERS)) {
      const value = await answer.headerValue(header);
      if (value !== wanted) {
        problems.push(`${new URL(answer.url()).pathname} has ${header}: ${value}, and not ${wanted}`);
      }
    }
  }
  const url = new URL(page.path, base).href;
  const injected = await open(desktop, (context) => inject(context, url));
  return [...problems, ...(await passed(injected.tab))];
}

function directives(policy) {
  const parts = policy.split(';').map((part) => part.trim().split(/\s+/));
  const set = new Map(parts.filter(([key]) => key).map(([key, ...sources]) => [key.toLowerCase(), sources]));
  const problems = [];
  for (const [directive, allowed] of Object.entries(ALLOWED)) {
    const sources = set.get(directive) ?? (ALONE.includes(directive) ? undefined : set.get('default-src'));
    if (!sources) {
      problems.push(`The policy has no ${directive}: ${policy || 'there is none'}`);
    } else {
      const more = sources.filter((source) => !allowed.includes(source));
      problems.push(...more.map((source) => `The policy allows ${source} by ${directive}`));
    }
  }
  return problems;
}

const ELSEWHERE = 'http://elsewhere.invalid';

/** How long the browser may take to stop something, in milliseconds. */
const PATIENCE = 3_000;

/** What an author could get into a page if something were not escaped. */
const INJECTED = `
<script>document.title = 'inline'</script>
<p id="handler" onclick="document.title = 'handler'">handler</p>
<style>#handler { color: red }</style>
<p style="color: red">styled</p>
<a id="javascript" href="javascript:void(document.title = 'link')">link</a>
<script src="${ELSEWHERE}/script"></script>
<link rel="stylesheet" href="${ELSEWHERE}/sheet">
<img src="${ELSEWHERE}/image">
<iframe src="${ELSEWHERE}/frame"></iframe>
<object data="${ELSEWHERE}/object"></object>
<form action="${ELSEWHERE}/form"><button id="leave">leave</button></form>
`;

/** What the browser says when it stops each of them: the directive, and what it was about; and how often. */
const STOPPED = {
  'an inline script and a link with a script': ['script-src-elem inline', 2],
  'a handler': ['script-src-attr inline', 1],
  'a script that is compiled from a text': ['script-src eval', 1],
  'an inline style sheet': ['style-src-elem inline', 1],
  'a style attribute': ['style-src-attr inline', 1],
  'a script from elsewhere': [`script-src-elem ${ELSEWHERE}`, 1],
  'a style sheet from elsewhere': [`style-src-elem ${ELSEWHERE}`, 1],
  'an image from elsewhere': [`img-src ${ELSEWHERE}`, 1],
  'a frame': [`frame-src ${ELSEWHERE}`, 1],
  'an object': [`object-src ${ELSEWHERE}`, 1],
};

const FORM = { 'a form that is sent elsewhere': [`form-action ${ELSEWHERE}`, 1] };

/** Lets the browser write down what it stops, and puts what is injected into the daemon's answer, headers and all. */
async function inject(context, url) {
  await context.addInitScript(() => {
    window.stopped = [];
    document.addEventListener('securitypolicyviolation', ({ effectiveDirective, blockedURI }) => {
      window.stopped.push(`${effectiveDirective} ${blockedURI}`);
    });
  });
  await context.route(url, async (route) => {
    const response = await route.fetch();
    const text = await response.text();
    const end = text.lastIndexOf('</body>');
    const at = end < 0 ? text.length : end;
    await route.fulfill({ response, body: text.slice(0, at) + INJECTED + text.slice(at) });
  });
}

/** What the browser does not stop. */
async function passed(tab) {
  await tab.evaluate(() => {
    document.getElementById('handler').click();
    document.getElementById('javascript').click();
    // Compiled in the page, where a policy can forbid it.
    setTimeout("document.title = 'compiled'", 0);
  });
  const problems = await notStopped(tab, STOPPED);
  await tab.evaluate(() => document.getElementById('leave').click());
  return [...problems, ...(await notStopped(tab, FORM))];
}

async function notStopped(tab, expected) {
  const deadline = Date.now() + PATIENCE;
  const open = () =>
    Object.entries(expected).filter(([, [what, times]]) => {
      return stopped.filter((one) => one.startsWith(what)).length < times;
    });
  let stopped;
  do {
    // The page is another one, without a list, if a form has left it.
    stopped = await tab.evaluate(() => window.stopped ?? []).catch(() => []);
  } while (open().length > 0 && Date.now() < deadline);
  return open().map(([what]) => `The policy does not stop ${what} that is injected`);
}
