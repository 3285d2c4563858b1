// The checks themselves: a good page passes all, and each fault is reported by the checks that it is meant for.

import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { ALL } from '../checks/index.mjs';
import { parse } from '../harness/scenario.mjs';
import { tour } from '../harness/tour.mjs';
import { FAULTS } from './faults.mjs';
import { HOSTILE, start, written } from './stand_in.mjs';

const browser = process.env.RULESYNC_E2E_CHROMIUM_BINARY;
assert.ok(browser, 'this needs RULESYNC_E2E_CHROMIUM_BINARY; CONTRIBUTING.md says what it is for');

let screenshots;
before(async () => {
  screenshots = await mkdtemp(path.join(tmpdir(), 'rulesync-browser-'));
});
after(() => rm(screenshots, { recursive: true }));

/** What the checks find in the stand-in. */
async function report(fault, only) {
  const server = await start(fault);
  try {
    const pages = [{ name: 'objects', path: 'objects', shows: HOSTILE.map(written) }];
    const [fine, refused] = ['shop/checkout', 'shop/pay'];
    const filters = [
      { name: 'objects', path: 'objects', fields: { state: 'refused' }, shows: [refused], hides: [fine] },
      { name: 'objects', path: 'objects', fields: { q: 'pay' }, shows: [refused], hides: [fine] },
    ];
    const scenario = { browser, base: server.base, screenshots, pages, filters };
    const found = await tour(parse(JSON.stringify(scenario)), only);
    assert.deepEqual([...server.unchanged], [], 'a fault that is none');
    return found;
  } finally {
    await server.stop();
  }
}

test('good pages pass every check', async () => {
  const { problems, runs, bytes, screenshots: taken } = await report({});
  assert.deepEqual(problems, []);
  for (const name of ALL) {
    assert.ok(runs[name] > 0, `${name} was not made`);
  }
  assert.equal(taken.length, 4);
  for (const file of taken) {
    const png = await readFile(file);
    assert.deepEqual([...png.subarray(1, 4)], [...Buffer.from('PNG')]);
    // The width is in the header.
    assert.equal(png.readUInt32BE(16), Number(/-(\d+)\.png$/.exec(file)[1]));
  }
  assert.ok(bytes.objects.html > 1000 && bytes.objects.assets > 500, JSON.stringify(bytes));
});

for (const fault of FAULTS) {
  test(`${fault.name} is reported`, async () => {
    const { problems } = await report(fault, fault.reports);
    const reported = new Set(problems.map(({ check }) => check));
    assert.deepEqual([...reported].sort(), [...fault.reports].sort(), JSON.stringify(problems, null, 2));
    assert.ok(
      problems.every(({ problem }) => !problem.startsWith('the check failed')),
      JSON.stringify(problems),
    );
  });
}

test('each check can fail', () => {
  const reported = new Set(FAULTS.flatMap(({ reports }) => reports));
  // A screenshot is only taken.
  assert.deepEqual(
    ALL.filter((name) => !reported.has(name)),
    ['screenshot'],
  );
});

test('a scenario that is wrong is refused', () => {
  const good = {
    browser: 'b',
    base: 'http://127.0.0.1/',
    screenshots: 's',
    pages: [{ name: 'a', path: '', shows: [] }],
    filters: [],
  };
  parse(JSON.stringify(good));
  for (const wrong of [
    { base: 'http://127.0.0.1/a' },
    { pages: [] },
    { screenshots: '' },
    { filters: [{ ...good.pages[0] }] },
  ]) {
    assert.throws(() => parse(JSON.stringify({ ...good, ...wrong })), /The scenario is wrong/);
  }
});
