// What is to be opened, and what must be seen there.
//
// {
//   "browser": "/usr/bin/chromium",         the program
//   "base": "http://127.0.0.1:8080/",       the daemon; paths below are relative to it
//   "screenshots": "/somewhere",            a directory, made if need be
//   "pages": [{
//     "name": "objects",                    of the page, in reports and file names
//     "path": "objects?state=refused",
//     "shows": ["<script>alert(1)"]         texts that a reader must see
//   }],
//   "filters": [{
//     "name": "objects",
//     "path": "objects",                    a page with a form that filters
//     "fields": {"state": "refused"},       what to put into the form, by the names of its fields
//     "shows": ["ns/bad"],                  what must be left then
//     "hides": ["ns/good"]                  and what must not, although it was there before
//   }]
// }

/** The scenario in a text. Throws an error that names what is wrong with it. */
export function parse(text) {
  const scenario = JSON.parse(text);
  const { browser, base, screenshots, pages, filters } = scenario;
  for (const [key, value] of Object.entries({ browser, base, screenshots })) {
    need(typeof value === 'string' && value !== '', `\`${key}\` must be a text`);
  }
  need(new URL(base).pathname.endsWith('/'), '`base` must end with a slash');
  need(Array.isArray(pages) && pages.length > 0, '`pages` must be a list that is not empty');
  need(Array.isArray(filters), '`filters` must be a list');
  for (const page of [...pages, ...filters]) {
    need(/^[a-z0-9_-]+$/.test(page.name), `\`name\` must be usable as a file name: ${JSON.stringify(page)}`);
    need(typeof page.path === 'string' && !page.path.startsWith('/'), `\`path\` must be relative: ${page.name}`);
    need(Array.isArray(page.shows), `\`shows\` must be a list: ${page.name}`);
  }
  for (const filter of filters) {
    need(Object.keys(filter.fields ?? {}).length > 0, `\`fields\` must not be empty: ${filter.name}`);
    need(Array.isArray(filter.hides) && filter.hides.length > 0, `\`hides\` must not be empty: ${filter.name}`);
  }
  return scenario;
}

function need(condition, problem) {
  if (!condition) {
    throw new Error(`The scenario is wrong: ${problem}`);
  }
}
