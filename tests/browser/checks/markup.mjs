// What authors wrote is text: it opens no dialog, and there is nothing in the page that only they could have put there.
// Our own pages have none of these.

export const name = 'markup';

const NEVER = [
  'script:not([src])',
  'style',
  'iframe, frame, object, embed, applet, portal, base',
  'img[src="x"], img[onerror], svg script, svg animate, svg set, math',
  'meta[http-equiv]:not([http-equiv="refresh" i])',
];

export async function check({ tab, dialogs }) {
  const found = await tab.evaluate((never) => {
    const start = (element) => element.outerHTML.slice(0, 160);
    const problems = [];
    for (const element of document.querySelectorAll(never.join(', '))) {
      problems.push(`There is an element that the page never has: ${start(element)}`);
    }
    for (const element of document.querySelectorAll('*')) {
      for (const { name, value } of element.attributes) {
        if (/^on/i.test(name)) {
          problems.push(`An element has the handler ${name}: ${start(element)}`);
        }
        if (name === 'style' || name === 'srcdoc') {
          problems.push(`An element has the attribute ${name}: ${start(element)}`);
        }
        if (['href', 'src', 'action', 'formaction', 'xlink:href'].includes(name)) {
          const scheme = /^[\s\p{Cc}]*([a-z][a-z0-9+.-]*):/iu.exec(value)?.[1].toLowerCase();
          if (scheme && !['http', 'https', 'data', 'mailto'].includes(scheme)) {
            problems.push(`An element leads to ${scheme}: ${start(element)}`);
          }
          if (scheme === 'data' && !element.matches('img, link[rel~="icon"]')) {
            problems.push(`An element leads to data: ${start(element)}`);
          }
        }
      }
    }
    return problems;
  }, NEVER);
  return [...dialogs.map((message) => `A dialog opened: ${message}`), ...found];
}
