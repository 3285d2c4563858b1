// Opens the pages of a scenario, which standard input holds as JSON, and writes a report of what is wrong with them to
// standard output, as JSON. `harness/scenario.mjs` describes the one, `harness/tour.mjs` the other.
//
// It ends with 0 whatever it has found: who asks reads the report. Anything else means that there is none.

import { text } from 'node:stream/consumers';

import { parse } from './harness/scenario.mjs';
import { tour } from './harness/tour.mjs';

const scenario = parse(await text(process.stdin));
const report = await tour(scenario);
process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
